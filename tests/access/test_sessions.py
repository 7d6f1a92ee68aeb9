"""The session door: what a session of the site may at the API, and what ends one (69, 77)."""

from datetime import timedelta
from time import time
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from flask_principal import Need

from api.accounts import users
from api.accounts.permissions import Role
from api.models.types import now
from tests.accounts.tools import (
    ME,
    OTHER,
    PASSWORD,
    SIGN_INS,
    bearer,
    change_device,
    change_user,
    device_in,
    device_of,
    in_context,
    log_in,
    make_user,
    new_device,
    open_session,
    refused,
    row_of,
)
from tests.conftest import MakeApp
from tests.site.tools import Browser, session_cookie, signed_in
from tests.v1.tools import sqlite_only

IDENTITY = "/api/v1/identity"


@pytest.fixture(params=["files", "redis", "cookie"])
def stored(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    """An application that keeps the site's sessions in one of the three places."""
    if request.param == "redis":
        return make_app(REDIS_URL=request.getfixturevalue("redis_url"))
    return make_app(SESSION_STORAGE="cookie" if request.param == "cookie" else "server")


def identity(client: FlaskClient, **more: Any) -> dict[str, Any]:
    response = client.get(IDENTITY, **more)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    told: dict[str, Any] = response.get_json()
    return told


@pytest.mark.parametrize("role", Role)
def test_both_doors_load_the_same_identity(app: Flask, role: Role) -> None:
    device = new_device(app, "ada", role)
    browser = Browser(app)
    browser.sign_in()
    token = identity(app.test_client(), headers=device.headers)
    session = identity(browser.client)
    assert (token["door"], session["door"]) == ("api", "site")
    assert token["csrf_token"] is None
    assert session["csrf_token"]
    for told in (token, session):
        del told["door"], told["csrf_token"]
    assert token == session
    actions = in_context(app, lambda: users.actions(users.get("ada")))
    needs = {(need["method"], need["value"]) for need in token["needs"]}
    assert needs == {("action", a.value) for a in actions} | {("id", str(token["id"]))}


@sqlite_only
def test_nobody_provides_nothing(client: FlaskClient) -> None:
    assert identity(client) == {"id": None, "door": None, "needs": [], "csrf_token": None}


@sqlite_only
def test_the_identity_of_a_request_is_loaded_once_whichever_the_door(app: Flask) -> None:
    # Flask-Security brings a Principal of its own, which would load a second one over it.
    browser = signed_in(app, "eve", Role.EDITOR)
    with browser.client as client:
        client.get(ME)
        assert Need("action", "question.edit") in g.identity.provides
        assert g.identity.auth_type == "site"
    assert len(app.before_request_funcs[None]) == len(set(app.before_request_funcs[None]))
    hooks = [f for f in app.before_request_funcs[None] if "principal" in f.__module__]
    assert len(hooks) == 1


@sqlite_only
def test_a_bearer_header_counts_before_a_session(app: Flask) -> None:
    browser = signed_in(app)
    other = new_device(app, "bob")
    assert browser.client.get(ME).json["username"] == "ada"  # type: ignore[index]  # checked against the contract
    told: Any = browser.client.get(ME, headers=other.headers).json
    assert told["username"] == "bob"
    refused(browser.client.get(ME, headers=bearer("a.b.c")), "token-malformed")
    answer = browser.client.patch(ME, json={}, headers=other.headers)
    assert answer.status_code == 200  # and needs no CSRF token


@sqlite_only
def test_a_call_with_a_token_leaves_no_cookie(app: Flask) -> None:
    client = app.test_client()
    device = new_device(app)
    answer = client.get(ME, headers=device.headers)
    assert "Set-Cookie" not in answer.headers
    refused(client.get(ME), "token-missing")


@pytest.mark.parametrize("path", ["/api/v1/questions", "/api/v1/questions/51", ME, IDENTITY])
@sqlite_only
def test_an_answer_that_no_session_shaped_does_not_vary_by_cookie(app: Flask, path: str) -> None:
    device = new_device(app)
    for headers in ({}, device.headers):
        answer = app.test_client().get(path, headers=headers)
        refusal = answer.status_code == 401  # whose title is in the reader's language
        assert set(answer.headers["Vary"].split(", ")) == {"Origin"} | (
            {"Accept-Language"} if refusal else set()
        )
        assert "Set-Cookie" not in answer.headers
    by_session = signed_in(app, "bob").client.get(path)
    assert set(by_session.headers["Vary"].split(", ")) == {"Cookie", "Origin"}
    assert "Set-Cookie" not in by_session.headers


@sqlite_only
def test_a_page_that_shows_who_looks_varies_by_cookie(app: Flask) -> None:
    assert "Cookie" in app.test_client().get("/").headers["Vary"]
    page = signed_in(app).get("/")
    assert "Cookie" in page.headers["Vary"]
    assert page.headers["Cache-Control"] == "private, no-cache"


def test_devices_of_both_doors_are_listed_and_revoked_alike(app: Flask) -> None:
    browser = signed_in(app)
    api = device_of(app)
    told: Any = browser.client.get(SIGN_INS).json
    assert {(item["door"], item["current"]) for item in told["items"]} == {
        ("site", True),
        ("api", False),
    }
    site = next(item["id"] for item in told["items"] if item["door"] == "site")
    client = app.test_client()
    assert client.delete(f"{SIGN_INS}/{site}", headers=api.headers).status_code == 204
    refused(browser.client.get(ME), "token-missing")
    assert not browser.is_signed_in()
    browser.sign_in()
    answer = browser.client.delete(SIGN_INS, headers=browser.csrf())
    assert answer.json == {"signed_out": 2}
    refused(client.get(ME, headers=api.headers), "token-revoked")
    assert not browser.is_signed_in()


@sqlite_only
def test_a_deleted_account_leaves_no_cookie_and_no_session_behind(stored: Flask) -> None:
    browser = signed_in(stored)
    before = session_cookie(browser.client)
    user_id = in_context(stored, lambda: users.get("ada").id)
    known = f"known_device_{user_id}"
    assert browser.client.get_cookie(known) is not None
    assert browser.client.delete(ME, headers=browser.csrf()).status_code == 204
    for name in (before.key, known, "access_token_cookie", "csrf_access_token"):
        assert browser.client.get_cookie(name) is None, name
    thief = stored.test_client()
    thief.set_cookie(before.key, before.value)
    refused(thief.get(ME), "token-missing")
    with thief.session_transaction() as session:
        kept = dict(session)
    assert (kept == {}) == (stored.config["SESSION_STORAGE"] == "server")


@sqlite_only
@pytest.mark.parametrize("door", ["api", "site"])
def test_the_end_of_all_devices_holds_at_once_at_both_doors(stored: Flask, door: str) -> None:
    browser, other = signed_in(stored), Browser(stored)
    other.sign_in()
    api, client = device_of(stored), stored.test_client()
    by_site = door == "site"
    asking, headers = (browser.client, browser.csrf()) if by_site else (client, api.headers)
    passwords = {"current_password": PASSWORD, "new_password": OTHER}
    changed = asking.put(f"{ME}/password", json=passwords, headers=headers)
    assert changed.status_code == (204 if by_site else 200)
    assert browser.is_signed_in() == by_site
    assert not other.is_signed_in()
    assert client.get(ME, headers=api.headers).status_code == 401
    headers = browser.csrf() if by_site else device_in(changed).headers
    assert asking.delete(SIGN_INS, headers=headers).status_code == 200
    assert not browser.is_signed_in()
    assert client.get(ME, headers=api.headers).status_code == 401
    assert other.sign_in(password=OTHER).status_code == 302  # the browser is none the worse for it


@pytest.mark.parametrize("way", ["deactivated", "expired", "deleted", "revoked"])
def test_a_session_ends_at_once_for_both(app: Flask, way: str) -> None:
    browser = signed_in(app)
    told: Any = browser.client.get(SIGN_INS).json
    sid = told["items"][0]["id"]
    match way:
        case "deactivated":
            change_user(app, "ada", active=False)
        case "expired":
            change_device(app, sid, expires_at=now() - timedelta(seconds=1))
        case "revoked":
            change_device(app, sid, revoked_at=now())
        case "deleted":
            in_context(app, lambda: users.delete(users.get("ada")))
    refused(browser.client.get(ME), "token-missing")
    assert not browser.is_signed_in()


@sqlite_only
def test_a_stolen_cookie_is_worth_nothing_after_signing_out(app: Flask) -> None:
    browser = signed_in(app)
    cookie = session_cookie(browser.client)
    browser.post("/sign-out", "/account")
    thief = app.test_client()
    thief.set_cookie(cookie.key, cookie.value)
    refused(thief.get(ME), "token-missing")
    assert thief.get("/account").status_code == 401


@sqlite_only
def test_a_session_that_was_planted_before_the_sign_in_is_not_signed_in_by_it(
    stored: Flask,
) -> None:
    make_user(stored)
    attacker = Browser(stored)
    known = attacker.token()
    planted = session_cookie(attacker.client)
    victim = Browser(stored)
    victim.client.set_cookie(planted.key, planted.value)
    assert victim.sign_in().status_code == 302
    assert victim.is_signed_in()
    after = session_cookie(victim.client)
    assert after.value != planted.value
    assert not attacker.is_signed_in()
    # And the CSRF token that the attacker knows is not that of the session any more.
    answer = victim.client.patch(ME, json={}, headers={"X-CSRF-Token": known})
    refused(answer, "csrf-failed")


@sqlite_only
def test_a_name_that_was_made_up_is_not_taken_over_by_the_sign_in(stored: Flask) -> None:
    make_user(stored)
    victim = Browser(stored)
    made_up = "A" * 43
    victim.client.set_cookie(stored.config["SESSION_COOKIE_NAME"], made_up)
    assert victim.sign_in().status_code == 302
    assert session_cookie(victim.client).value != made_up
    attacker = stored.test_client()
    attacker.set_cookie(stored.config["SESSION_COOKIE_NAME"], made_up)
    refused(attacker.get(ME), "token-missing")


@sqlite_only
def test_the_name_that_a_session_had_before_the_password_was_changed_opens_nothing(
    stored: Flask,
) -> None:
    browser = signed_in(stored)
    thief = stored.test_client()
    stolen = session_cookie(browser.client)
    thief.set_cookie(stolen.key, stolen.value)
    assert thief.get(ME).status_code == 200
    answer = browser.post(
        "/account/password", password=PASSWORD, new_password=OTHER, new_password_confirm=OTHER
    )
    assert answer.status_code == 302
    assert browser.is_signed_in()
    refused(thief.get(ME), "token-missing")


@sqlite_only
def test_a_session_of_an_api_device_is_none(app: Flask) -> None:
    # Were the id of any device enough, a bearer's would open the site.
    device = new_device(app)
    client = app.test_client()
    open_session(client)
    with client.session_transaction() as session:
        session["sign_in"] = device.sid
    refused(client.get(ME), "token-missing")
    for odd in (None, 7, [device.sid], "no-such-device"):
        with client.session_transaction() as session:
            session["sign_in"] = odd
        refused(client.get(ME), "token-missing")


@sqlite_only
def test_a_tampered_session_cookie_is_none(stored: Flask) -> None:
    client = stored.test_client()
    make_user(stored)
    open_session(client)
    cookie = session_cookie(client)
    for value in (cookie.value + "x", "x" + cookie.value, "", "garbage", "a.b.c", "../" * 9):
        client.set_cookie(cookie.key, value)
        refused(client.get(ME), "token-missing")
        assert client.get("/").status_code == 200


@sqlite_only
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(make_app: MakeApp) -> None:
    app = make_app(PREFERRED_URL_SCHEME="https")
    make_user(app)
    browser = Browser(app)
    with browser.client as client:
        client.environ_base["wsgi.url_scheme"] = "https"
        browser.sign_in()
        cookie = session_cookie(client)
    assert cookie.key == "__Host-bank_session"
    assert cookie.http_only
    assert cookie.secure
    assert cookie.same_site == "Lax"
    assert cookie.max_age is None or cookie.max_age > 0
    assert cookie.expires is not None


@sqlite_only
def test_what_takes_a_fresh_sign_in_takes_the_password_again_in_an_old_session(app: Flask) -> None:
    browser = signed_in(app)
    with browser.client.session_transaction() as session:
        session["fs_paa"] = time() - 901
    refused(browser.client.delete(ME, headers=browser.csrf()), "token-not-fresh")
    asked = browser.get("/account/two-factor")
    assert (asked.status_code, asked.location) == (302, "/verify?next=/account/two-factor")
    wrong = browser.post("/verify", password=OTHER)
    assert wrong.status_code == 422
    refused(browser.client.delete(ME, headers=browser.csrf()), "token-not-fresh")
    again = browser.post("/verify", password=PASSWORD, next="/account/two-factor")
    assert again.location == "/account/two-factor"
    assert browser.get("/account/two-factor").status_code == 200
    assert browser.client.delete(ME, headers=browser.csrf()).status_code == 204
    assert not browser.is_signed_in()


@sqlite_only
@pytest.mark.parametrize("given", [None, "soon", 1e308, -1, True])
def test_a_time_that_cannot_be_is_not_fresh(app: Flask, given: Any) -> None:
    make_user(app)
    client = app.test_client()
    token = open_session(client)
    with client.session_transaction() as session:
        session["fs_paa"] = given
    refused(client.delete(ME, headers={"X-CSRF-Token": token}), "token-not-fresh")


@sqlite_only
def test_a_session_in_use_stays_and_its_device_says_when_it_was_used(app: Flask) -> None:
    browser = signed_in(app)
    told: Any = browser.client.get(SIGN_INS).json
    sid = told["items"][0]["id"]
    long_ago = now() - timedelta(days=2)
    change_device(app, sid, rotated_at=long_ago, expires_at=now() + timedelta(days=1))
    page = browser.get("/account")
    assert "Set-Cookie" in page.headers
    row = row_of(app, sid)
    assert row.rotated_at > long_ago
    assert row.expires_at > now() + timedelta(days=29)
    assert "Set-Cookie" not in browser.get("/account").headers


@sqlite_only
def test_signing_in_at_the_api_reads_no_session(app: Flask) -> None:
    browser = signed_in(app)
    assert log_in(browser.client).status_code == 201  # without a CSRF token
    assert log_in(browser.client, password="wrong").status_code == 401
