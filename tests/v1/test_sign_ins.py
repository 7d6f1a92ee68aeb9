"""The life of a sign-in: log in, call, refresh, replay, list, log out; in the body and in cookies."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import decode_token

from api.access import bearer as bearer_module
from api.models.types import now
from tests.accounts.tools import (
    ME,
    OTHER,
    PASSWORD,
    REFRESH,
    SIGN_INS,
    bearer,
    change_device,
    change_user,
    device_in,
    device_of,
    log_in,
    make_user,
    new_device,
    past_grace,
    pointers,
    refreshed,
    refused,
    row_of,
)
from tests.conftest import MakeApp
from tests.http.helpers import at_once
from tests.http.test_limits import told
from tests.v1.tools import sqlite_only

if TYPE_CHECKING:  # the module is there for type checkers alone
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def test_log_in_call_refresh_log_out_and_be_refused(app: Flask, client: FlaskClient) -> None:
    make_user(app)
    answer = log_in(client, headers={"User-Agent": "curl/8"})
    assert answer.status_code == 201
    body = answer.get_json()
    assert set(body) == {"token_type", "expires_in", "device", "access_token", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert (body["device"]["user_agent"], body["device"]["current"]) == ("curl/8", True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    device = device_in(answer)
    assert answer.headers["Location"] == f"http://localhost{SIGN_INS}/{device.sid}"

    me = client.get(ME, headers=device.headers)
    assert me.status_code == 200
    assert (me.get_json()["username"], me.get_json()["roles"]) == ("ada", ["reader"])

    renewed = refreshed(client, device.refresh)
    assert renewed.status_code == 200
    assert renewed.headers["Cache-Control"] == "no-store"
    second = device_in(renewed)
    assert second.sid == device.sid
    assert {second.access, second.refresh}.isdisjoint({device.access, device.refresh})
    assert client.get(ME, headers=second.headers).status_code == 200

    out = client.delete(f"{SIGN_INS}/{device.sid}", headers=second.headers)
    assert out.status_code == 204
    for access in (device.access, second.access):
        refused(client.get(ME, headers=bearer(access)), "token-revoked")
    for token in (device.refresh, second.refresh):
        refused(refreshed(client, token), "token-revoked")
    refused(client.get(ME), "token-missing")


def test_a_replayed_refresh_token_ends_its_family_only(app: Flask, client: FlaskClient) -> None:
    stolen, other = new_device(app), device_of(app)
    renewed = device_in(refreshed(client, stolen.refresh))
    past_grace(app, stolen.sid)

    problem = refused(refreshed(client, stolen.refresh), "token-revoked")
    assert "used before" in problem["detail"]

    for access in (stolen.access, renewed.access):
        refused(client.get(ME, headers=bearer(access)), "token-revoked")
    refused(refreshed(client, renewed.refresh), "token-revoked")
    assert client.get(ME, headers=other.headers).status_code == 200
    assert refreshed(client, other.refresh).status_code == 200


def test_a_token_older_than_the_last_is_a_replay_within_the_grace_too(
    app: Flask, client: FlaskClient
) -> None:
    first = new_device(app)
    second = device_in(refreshed(client, first.refresh))
    device_in(refreshed(client, second.refresh))
    refused(refreshed(client, first.refresh), "token-revoked")
    assert row_of(app, first.sid).revoked_at is not None


def test_within_the_grace_a_second_refresh_gets_the_same_rotation(
    app: Flask, client: FlaskClient
) -> None:
    first = new_device(app)
    one, two = (device_in(refreshed(client, first.refresh)) for _ in range(2))
    with app.app_context():
        assert decode_token(one.refresh)["jti"] == decode_token(two.refresh)["jti"]
    for device in (one, two):
        assert client.get(ME, headers=device.headers).status_code == 200
    assert refreshed(client, two.refresh).status_code == 200


@pytest.mark.parametrize("with_access_token", [False, True])
def test_parallel_refreshes_rotate_once_and_sign_nobody_out(
    app: Flask, with_access_token: bool
) -> None:
    first = new_device(app)
    headers = first.headers if with_access_token else {}

    def refresh(_: int) -> tuple[int, str]:
        answer = refreshed(app.test_client(), first.refresh, headers=headers)
        with app.app_context():
            return answer.status_code, decode_token(answer.get_json()["refresh_token"])["jti"]

    answers = at_once(refresh, 8)
    row = row_of(app, first.sid)
    assert Counter(answers) == {(200, row.jti): 8}
    with app.app_context():
        assert row.previous_jti == decode_token(first.refresh)["jti"]
    assert row.revoked_at is None


def test_a_revocation_holds_at_once_on_another_node(make_app: MakeApp) -> None:
    here, there = make_app(), make_app()
    device = new_device(here)
    assert there.test_client().get(ME, headers=device.headers).status_code == 200
    path = f"{SIGN_INS}/{device.sid}"
    assert here.test_client().delete(path, headers=device.headers).status_code == 204
    refused(there.test_client().get(ME, headers=device.headers), "token-revoked")
    refused(refreshed(there.test_client(), device.refresh), "token-revoked")


def test_a_refresh_keeps_the_device_signed_in_for_longer(app: Flask, client: FlaskClient) -> None:
    device = new_device(app)
    change_device(app, device.sid, expires_at=now() + timedelta(minutes=1))
    assert refreshed(client, device.refresh).status_code == 200
    assert row_of(app, device.sid).expires_at > now() + timedelta(days=29)


def test_a_device_that_expired_is_signed_out(app: Flask, client: FlaskClient) -> None:
    device = new_device(app)
    other = device_of(app)
    change_device(app, device.sid, expires_at=now() - timedelta(seconds=1))
    refused(client.get(ME, headers=device.headers), "token-revoked")
    refused(refreshed(client, device.refresh), "token-revoked")
    listed = client.get(SIGN_INS, headers=other.headers).get_json()["items"]
    assert [item["id"] for item in listed] == [other.sid]


def test_your_devices_are_listed_and_nobody_elses(app: Flask, client: FlaskClient) -> None:
    first, second = new_device(app), device_of(app)
    stranger = new_device(app, "bob")
    answer = client.get(SIGN_INS, headers=first.headers)
    assert answer.status_code == 200
    items = answer.get_json()["items"]
    assert [item["id"] for item in items] == [second.sid, first.sid]
    assert [item["current"] for item in items] == [False, True]
    assert items[0]["address"] == "192.0.2.7"
    assert stranger.sid not in answer.get_data(as_text=True)


def test_anothers_device_is_not_there(app: Flask, client: FlaskClient) -> None:
    mine, theirs = new_device(app), new_device(app, "bob")
    nobody = str(uuid4())
    answers = [
        client.delete(f"{SIGN_INS}/{sid}", headers=mine.headers) for sid in (theirs.sid, nobody)
    ]
    told = [
        refused(answer, "not-found", 404)["detail"].replace(sid, "…")
        for answer, sid in zip(answers, (theirs.sid, nobody), strict=True)
    ]
    assert told[0] == told[1]
    assert client.get(ME, headers=theirs.headers).status_code == 200


def test_one_device_signs_another_of_its_user_out(app: Flask, client: FlaskClient) -> None:
    first, second = new_device(app), device_of(app)
    path = f"{SIGN_INS}/{first.sid}"
    assert client.delete(path, headers=second.headers).status_code == 204
    assert client.delete(path, headers=second.headers).status_code == 204  # as often as you like
    refused(client.get(ME, headers=first.headers), "token-revoked")
    assert client.get(ME, headers=second.headers).status_code == 200


def test_logging_out_everywhere_ends_all_of_ones_own(app: Flask, client: FlaskClient) -> None:
    first, second = new_device(app), device_of(app)
    stranger = new_device(app, "bob")
    answer = client.delete(SIGN_INS, headers=first.headers)
    assert (answer.status_code, answer.get_json()) == (200, {"signed_out": 2})
    for device in (first, second):
        refused(client.get(ME, headers=device.headers), "token-revoked")
    assert client.get(ME, headers=stranger.headers).status_code == 200


def test_a_sign_in_by_address_in_any_case(app: Flask, client: FlaskClient) -> None:
    make_user(app, email="Ada@Example.ORG")
    assert log_in(client, "aDa@eXample.org").status_code == 201


def test_what_is_refused_at_the_door_is_the_same_for_every_reason(
    app: Flask, client: FlaskClient
) -> None:
    make_user(app)
    make_user(app, "gone")
    change_user(app, "gone", active=False)
    attempts = [
        log_in(client, "ada", OTHER),
        log_in(client, "nobody", PASSWORD),
        log_in(client, "nobody@example.org", PASSWORD),
        log_in(client, "gone", PASSWORD),
        log_in(client, "ada", "ü" * 40),  # more than bcrypt reads
        log_in(client, "ада", PASSWORD),  # Cyrillic
        log_in(client, "ada\u200b", PASSWORD),
        log_in(client, "a" * 254, PASSWORD),
    ]
    volatile = {"X-Request-ID", "Server-Timing", "RateLimit"}
    seen = []
    for answer in attempts:
        problem = refused(answer, "wrong-credentials")
        del problem["request_id"]
        headers = {k: v for k, v in answer.headers if k not in volatile | {"Content-Length"}}
        seen.append((answer.status_code, problem, headers))
    assert all(each == seen[0] for each in seen)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"#/username", "#/password"}),
        ({"username": "ada\0", "password": PASSWORD}, {"#/username"}),
        ({"username": "a" * 255, "password": PASSWORD}, {"#/username"}),
        ({"username": "ada", "password": "x" * 1001}, {"#/password"}),
        ({"username": ["ada"], "password": {"$ne": ""}}, {"#/username", "#/password"}),
        ({"username": "ada", "password": PASSWORD, "role": "administrator"}, {"#/role"}),
        ({"username": "ada", "password": PASSWORD, "delivery": "mail"}, {"#/delivery"}),
    ],
)
def test_a_faulty_sign_in_is_refused_by_the_member(
    app: Flask, client: FlaskClient, body: dict[str, object], named: set[str]
) -> None:
    make_user(app)
    assert pointers(client.post(SIGN_INS, json=body)) == named


def test_attempts_are_limited_by_address_whoever_signs_in(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_SIGN_INS="2 per minute")
    client = app.test_client()
    make_user(app)
    assert log_in(client, "nobody").status_code == 401
    answer = log_in(client, "ada")
    assert answer.status_code == 201
    assert told(answer)["sign-ins"].remaining == 0
    stopped = log_in(client, "ada")
    refused(stopped, "too-many-requests", 429)
    assert int(stopped.headers["Retry-After"]) >= 1
    # A token buys no further attempts, nor does another door of the same quota.
    headers = device_in(answer).headers
    refused(log_in(client, "ada", headers=headers), "too-many-requests", 429)
    refused(refreshed(client, "x.y.z"), "too-many-requests", 429)
    body = {"current_password": PASSWORD, "new_password": OTHER}
    refused(client.put(f"{ME}/password", json=body, headers=headers), "too-many-requests", 429)
    elsewhere = {"REMOTE_ADDR": "192.0.2.99"}
    assert log_in(client, "ada", environ_base=elsewhere).status_code == 201


# Cookies


def cookies_of(client: FlaskClient) -> dict[str, str]:
    """Return the cookies that would be sent to the address of the refresh."""
    names = ("access_token_cookie", "csrf_access_token")
    found = {name: client.get_cookie(name) for name in names}
    found["refresh_token_cookie"] = client.get_cookie("refresh_token_cookie", path=REFRESH)
    found["csrf_refresh_token"] = client.get_cookie("csrf_refresh_token")
    return {name: cookie.value for name, cookie in found.items() if cookie is not None}


def by_cookies(client: FlaskClient) -> dict[str, str]:
    body = {"username": "ada", "password": PASSWORD, "delivery": "cookies"}
    answer = client.post(SIGN_INS, json=body)
    assert answer.status_code == 201
    assert {"access_token", "refresh_token"}.isdisjoint(answer.get_json())
    assert answer.headers["Cache-Control"] == "no-store"
    sent = {c.partition("=")[0]: c for c in answer.headers.getlist("Set-Cookie")}
    for name in ("access_token_cookie", "refresh_token_cookie"):
        assert "HttpOnly" in sent[name]
        assert "SameSite=Lax" in sent[name]
    assert f"Path={REFRESH}" in sent["refresh_token_cookie"]
    for name in ("csrf_access_token", "csrf_refresh_token"):
        assert "HttpOnly" not in sent[name]
    found = cookies_of(client)
    assert len(found) == 4
    return found


def test_by_cookies_a_change_must_repeat_the_csrf_token(app: Flask, client: FlaskClient) -> None:
    make_user(app)
    cookies = by_cookies(client)
    assert client.get(ME).status_code == 200  # a read needs none
    change = {"email": "ada@example.org"}
    for wrong in (
        {},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "wrong"},
        {"X-CSRF-Token": "\u00fc"},
        {"X-CSRF-Token": cookies["csrf_refresh_token"]},
    ):
        refused(client.patch(ME, json=change, headers=wrong), "csrf-failed")
    right = {"X-CSRF-Token": cookies["csrf_access_token"]}
    assert client.patch(ME, json=change, headers=right).status_code == 200


def test_cookies_refresh_and_log_out(app: Flask, client: FlaskClient) -> None:
    make_user(app)
    cookies = by_cookies(client)
    for wrong in ({}, {"X-CSRF-Token": "\u00fc"}, {"X-CSRF-Token": cookies["csrf_access_token"]}):
        refused(client.post(REFRESH, json={}, headers=wrong), "csrf-failed")
    right = {"X-CSRF-Token": cookies["csrf_refresh_token"]}
    answer = client.post(REFRESH, json={}, headers=right)
    assert answer.status_code == 200
    assert {"access_token", "refresh_token"}.isdisjoint(answer.get_json())
    renewed = cookies_of(client)
    assert all(renewed[name] != cookies[name] for name in cookies)
    sid = answer.get_json()["device"]["id"]
    headers = {"X-CSRF-Token": renewed["csrf_access_token"]}
    assert client.delete(f"{SIGN_INS}/{sid}", headers=headers).status_code == 204
    assert cookies_of(client) == {}
    refused(client.get(ME), "token-missing")


def proxied(inner: "WSGIApplication", prefix: str) -> "WSGIApplication":
    """A reverse proxy that cuts a prefix off and tells of it, as `X-Forwarded-Prefix`."""

    def proxy(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        assert environ["PATH_INFO"].startswith(prefix)
        inside = environ["PATH_INFO"].removeprefix(prefix)
        return inner({**environ, "PATH_INFO": inside, "HTTP_X_FORWARDED_PREFIX": prefix}, start)

    return proxy


@sqlite_only
@pytest.mark.parametrize("prefix", ["/mounted", "/outer", "/outer/mounted"])
def test_the_refresh_cookie_follows_the_prefix_that_the_browser_sees(
    make_app: MakeApp, prefix: str
) -> None:
    """A browser sends a cookie to its path alone, and knows nothing of what is cut off later."""
    app = make_app(TRUSTED_PROXIES="1")
    make_user(app)
    if prefix.startswith("/outer"):
        app.wsgi_app = proxied(app.wsgi_app, "/outer")  # type: ignore[method-assign,assignment]  # as Flask documents
    client = app.test_client()

    def csrf(kind: str) -> dict[str, str]:
        cookie = client.get_cookie(f"csrf_{kind}_token")
        assert cookie
        return {"X-CSRF-Token": cookie.value}

    body = {"username": "ada", "password": PASSWORD, "delivery": "cookies"}
    signed_in = client.post(prefix + SIGN_INS, json=body)
    (line,) = [c for c in signed_in.headers.getlist("Set-Cookie") if c.startswith("refresh_token")]
    assert f"Path={prefix}{REFRESH};" in line
    assert client.post(prefix + REFRESH, json={}, headers=csrf("refresh")).status_code == 200
    assert client.get(prefix + ME).status_code == 200
    path = f"{prefix}{SIGN_INS}/{signed_in.get_json()['device']['id']}"
    assert client.delete(path, headers=csrf("access")).status_code == 204
    assert client.get_cookie("refresh_token_cookie", path=prefix + REFRESH) is None
    assert client.get_cookie("csrf_refresh_token") is None


@pytest.mark.parametrize("path", [SIGN_INS, ME])
def test_a_browser_that_ends_all_its_devices_keeps_no_cookie(
    app: Flask, client: FlaskClient, path: str
) -> None:
    make_user(app)
    headers = {"X-CSRF-Token": by_cookies(client)["csrf_access_token"]}
    assert client.delete(path, headers=headers).status_code in {200, 204}
    assert cookies_of(client) == {}
    assert client.get("/api/v1/questions").status_code == 200


def test_a_browser_whose_access_cookie_is_over_can_refresh_and_sign_in(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(app)
    cookies = by_cookies(client)
    with monkeypatch.context() as patched:
        patched.setitem(app.config, "JWT_ACCESS_TOKEN_EXPIRES", timedelta(seconds=-5))
        expired = device_of(app)
    client.set_cookie("access_token_cookie", expired.access)
    refused(client.get(ME), "token-expired")
    assert client.get("/").status_code == 200  # the site is not the API
    headers = {"X-CSRF-Token": cookies["csrf_refresh_token"]}
    answer = client.post(REFRESH, json={}, headers=headers)
    assert answer.status_code == 200
    assert client.get(ME).status_code == 200

    change_device(app, answer.get_json()["device"]["id"], revoked_at=now())
    refused(client.get(ME), "token-revoked")
    by_cookies(client)
    assert client.get(ME).status_code == 200


def test_a_refresh_without_any_token_is_refused(client: FlaskClient) -> None:
    refused(client.post(REFRESH, json={}), "token-missing")
    assert pointers(client.post(REFRESH, json={"refresh_token": "x" * 4001})) == {"#/refresh_token"}


def test_the_access_token_of_a_refresh_is_not_fresh(app: Flask, client: FlaskClient) -> None:
    make_user(app)
    device = device_in(log_in(client))
    renewed = device_in(refreshed(client, device.refresh))
    with app.app_context():
        assert decode_token(device.access)["fresh"] is True
        assert decode_token(renewed.access)["fresh"] is False


def test_the_key_id_does_not_tell_the_key() -> None:
    assert bearer_module.key_id("secret") != "secret"
    assert bearer_module.key_id("secret") != bearer_module.key_id("Secret")
