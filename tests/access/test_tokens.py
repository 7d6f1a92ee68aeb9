"""Attacks on the API's door: every token that is not ours, not now, or not for this."""

import base64
import hmac
import json
from datetime import timedelta
from time import time
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token

from api.access.bearer import key_id
from api.accounts.permissions import Role
from api.extensions import RememberingJWTManager, jwt
from api.models.types import now
from tests.accounts.tools import (
    ME,
    PASSWORD,
    REFRESH,
    SIGN_INS,
    USERS,
    Device,
    bearer,
    change_device,
    change_user,
    device_in,
    log_in,
    make_user,
    new_device,
    refreshed,
    refused,
    row_of,
)
from tests.conftest import MakeApp
from tests.http.helpers import until
from tests.v1.tools import sqlite_only

OLD_KEY = "the former key which is long enough to sign with"
NEW_KEY = "the present key which is long enough to sign with"


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    """Read the claims of a token without asking who signed it."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


def forge(
    app: Flask,
    token: str,
    *,
    key: str | None = None,
    digest: str | None = "sha256",
    header: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Sign a token's claims anew, some of them changed, or left out where the change is None."""
    secret = key or app.config["SECRET_KEY"]
    head = {"alg": "HS256", "typ": "JWT", "kid": key_id(secret), **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    claims = {k: v for k, v in (claims_of(token) | changes).items() if v is not None}
    signed = f"{_part(head)}.{_part(claims)}"
    mac = hmac.new(secret.encode(), signed.encode(), digest).digest() if digest else b""
    return f"{signed}.{_part(mac)}"


@pytest.fixture
def device(app: Flask) -> Device:
    return new_device(app)


def test_a_token_forged_unchanged_is_good(app: Flask, client: FlaskClient, device: Device) -> None:
    """Otherwise no refusal below would prove anything."""
    assert client.get(ME, headers=bearer(forge(app, device.access))).status_code == 200
    assert refreshed(client, forge(app, device.refresh)).status_code == 200


@sqlite_only
@pytest.mark.parametrize(
    "forgery",
    [
        {"digest": None, "header": {"alg": "none"}},
        {"digest": None, "header": {"alg": "None", "kid": None}},
        {"digest": None},
        {"header": {"alg": "none"}},
        {"digest": "sha512", "header": {"alg": "HS512"}},
        {"digest": "sha384", "header": {"alg": "HS384"}},
        {"header": {"alg": "RS256"}},
        {"header": {"alg": "ES256"}},
        {"header": {"alg": None}},
        {"header": {"alg": ["HS256"]}},
        {"key": "not the key of this house, yet as long as one"},
        {"key": "not the key of this house, yet as long as one", "header": {"kid": "0" * 12}},
        {"header": {"kid": "0" * 12}},
        {"header": {"kid": None}},
        {"header": {"kid": ""}},
        {"header": {"kid": 7}},
        {"header": {"kid": "../../../../dev/null"}},
        {"header": {"crit": ['x"\r\nSet-Cookie: a=b'], 'x"\r\nSet-Cookie: a=b': 1}},
        {"header": {"crit": ["\u0436"]}},
        {"header": {"b64": False}},
        {"iss": "somebody-else"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": None},
        {"aud": ["a", "b"]},
        {"sub": None},
        {"sub": 1},
        {"nbf": 4_102_444_800},
        {"iat": 4_102_444_800},
        {"exp": "soon"},
        {"nbf": "never"},
    ],
    ids=repr,
)
def test_a_forged_token_is_no_token(
    app: Flask, client: FlaskClient, device: Device, forgery: dict[str, Any]
) -> None:
    refused(client.get(ME, headers=bearer(forge(app, device.access, **forgery))), "token-malformed")
    refused(refreshed(client, forge(app, device.refresh, **forgery)), "token-malformed")
    assert client.get(ME, headers=device.headers).status_code == 200  # none of it ended the device


@sqlite_only
@pytest.mark.parametrize("claim", ["sid", "jti"])
def test_a_refresh_token_without_what_rotation_goes_by_is_refused(
    app: Flask, client: FlaskClient, device: Device, claim: str
) -> None:
    for value in (None, 5, ["x"]):
        changes: dict[str, Any] = {claim: value}
        token = forge(app, device.refresh, **changes)
        refused(refreshed(client, token), "token-malformed")


def test_an_access_token_must_name_a_device_of_its_user(
    app: Flask, client: FlaskClient, device: Device
) -> None:
    stranger = new_device(app, "bob", Role.ADMINISTRATOR)
    theirs = claims_of(stranger.access)
    for changes in (
        {"sub": theirs["sub"]},
        {"sid": theirs["sid"]},
        {"sub": "999999"},
        {"sub": ""},
        {"sid": str(uuid4())},
        {"sid": None},
        {"sid": 5},
        {"sid": ["a"]},
        {"sid": "' OR 1=1 --"},
    ):
        token = forge(app, device.access, **changes)
        refused(client.get(ME, headers=bearer(token)), "token-revoked")


def test_an_expired_token_says_so(app: Flask, client: FlaskClient, device: Device) -> None:
    past: dict[str, Any] = {"exp": int(time()) - 1}
    problem = refused(
        client.get(ME, headers=bearer(forge(app, device.access, **past))), "token-expired"
    )
    assert "refresh it" in problem["detail"]
    problem = refused(refreshed(client, forge(app, device.refresh, **past)), "token-expired")
    assert "sign in again" in problem["detail"]
    assert refreshed(client, device.refresh).status_code == 200


def test_each_kind_of_token_is_good_at_its_own_place_only(
    app: Flask, client: FlaskClient, device: Device
) -> None:
    refused(client.get(ME, headers=bearer(device.refresh)), "token-wrong-kind")
    refused(client.get("/api/v1/questions", headers=bearer(device.refresh)), "token-wrong-kind")
    refused(refreshed(client, device.access), "token-wrong-kind")
    client.set_cookie("access_token_cookie", device.refresh)
    refused(client.get(ME), "token-wrong-kind")
    client.delete_cookie("access_token_cookie")
    client.set_cookie("refresh_token_cookie", device.access, path=REFRESH)
    csrf = {"X-CSRF-Token": claims_of(device.access)["csrf"]}
    refused(client.post(REFRESH, json={}, headers=csrf), "token-wrong-kind")
    assert row_of(app, device.sid).revoked_at is None


def tampered(token: str) -> list[str]:
    head, payload, mac = token.split(".")
    other = _part(claims_of(token) | {"sub": "2"})
    flipped = ("A" if mac[0] != "A" else "B") + mac[1:]
    return [
        f"{head}.{other}.{mac}",
        f"{head}.{payload}.{flipped}",
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}.{payload}.{mac}.{mac}",
        f".{payload}.{mac}",
        "a.b.c",
        "...",
        "null",
        "eyJ" * 5000,
        f"{head}.{_part(b'x' * 60_000)}.{mac}",
        f"{head}.{_part(b'[]')}.{mac}",
        f"{_part(b'{')}.{payload}.{mac}",
        f"{_part(b'[1]')}.{payload}.{mac}",
        f"{head}.{payload}.\u00fc",
        "\u00e9\u00e8",
    ]


@sqlite_only
def test_a_tampered_token_is_no_token(client: FlaskClient, device: Device) -> None:
    for token in tampered(device.access):
        refused(client.get(ME, headers=bearer(token)), "token-malformed")
        refused(client.get("/api/v1/questions", headers=bearer(token)), "token-malformed")


@sqlite_only
@pytest.mark.parametrize(
    ("value", "slug"),
    [
        ("", "token-missing"),
        ("Bearer", "token-malformed"),
        ("Bearer ", "token-malformed"),
        ("Bearer a b", "token-malformed"),
        ("Basic YWRhOnBsdW0=", "token-missing"),
        ("bearer", "token-malformed"),
        ("bearer ", "token-malformed"),
        ("bearerx abc", "token-missing"),
        ("Token abc", "token-missing"),
        (",,,", "token-missing"),
        ("\u00ff\u00fe", "token-missing"),
    ],
)
def test_garbage_in_the_header_lets_nobody_in(client: FlaskClient, value: str, slug: str) -> None:
    refused(client.get(ME, headers={"Authorization": value}), slug)


@sqlite_only
@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_read_in_any_case(client: FlaskClient, device: Device, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {device.access}"}
    assert client.get(ME, headers=headers).status_code == 200
    refused(client.get(ME, headers={"Authorization": f"{scheme} a.b.c"}), "token-malformed")


@sqlite_only
def test_a_token_is_not_taken_from_the_query_string_or_the_body(
    client: FlaskClient, device: Device
) -> None:
    for name in ("jwt", "token", "access_token"):
        answer = client.get(ME, query_string={name: device.access})
        assert answer.status_code in {401, 422}
        body = {name: device.access, "email": None}
        assert client.patch(ME, json=body).status_code == 401


def test_the_tokens_of_a_user_who_is_gone_or_inactive_are_refused(
    app: Flask, client: FlaskClient
) -> None:
    for name in ("ada", "bob"):
        device = new_device(app, name)
        assert client.get(ME, headers=device.headers).status_code == 200
        if name == "ada":
            change_user(app, name, active=False)
        else:
            assert client.delete(ME, headers=device.headers).status_code == 204
        refused(client.get(ME, headers=device.headers), "token-revoked")
        refused(refreshed(client, device.refresh), "token-revoked")
        refused(log_in(client, name), "wrong-credentials")


def test_a_name_made_anew_does_not_inherit_the_tokens(app: Flask, client: FlaskClient) -> None:
    old = new_device(app)
    assert client.delete(ME, headers=old.headers).status_code == 204
    make_user(app, "ada", Role.ADMINISTRATOR)
    refused(client.get(ME, headers=old.headers), "token-revoked")
    refused(refreshed(client, old.refresh), "token-revoked")


def test_a_change_of_the_key_signs_nobody_out(make_app: MakeApp) -> None:
    before = make_app(SECRET_KEY=OLD_KEY)
    device = new_device(before)
    after = make_app(SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=OLD_KEY)
    client = after.test_client()
    assert client.get(ME, headers=device.headers).status_code == 200
    renewed = device_in(refreshed(client, device.refresh))
    assert _kid(renewed.access) == _kid(renewed.refresh) == key_id(NEW_KEY)
    assert _kid(device.access) == key_id(OLD_KEY)
    # The kid chooses the key: one key's name does not make another's signature good.
    crossed = forge(after, device.access, key=OLD_KEY, header={"kid": key_id(NEW_KEY)})
    refused(client.get(ME, headers=bearer(crossed)), "token-malformed")
    finally_ = make_app(SECRET_KEY=NEW_KEY).test_client()
    refused(finally_.get(ME, headers=device.headers), "token-malformed")
    assert finally_.get(ME, headers=renewed.headers).status_code == 200


def _kid(token: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"]


@sqlite_only
def test_a_bad_token_is_refused_where_none_is_needed_and_ignored_where_one_is_made(
    app: Flask, client: FlaskClient
) -> None:
    make_user(app)
    bad = bearer("a.b.c")
    refused(client.get("/api/v1/questions", headers=bad), "token-malformed")
    assert client.get("/", headers=bad).status_code == 200
    assert log_in(client, headers=bad).status_code == 201
    body = {"username": "bob", "password": PASSWORD}
    assert client.post(USERS, json=body, headers=bad).status_code == 201
    assert client.options(SIGN_INS, headers=bad).status_code == 200
    assert client.options(ME).status_code == 200


@sqlite_only
def test_passwords_and_tokens_stand_in_no_log_line_and_no_other_answer(
    make_app: MakeApp, capfd: pytest.CaptureFixture[str]
) -> None:
    app = make_app(LOG_LEVEL="DEBUG")
    client = app.test_client()
    body = {"username": "ada", "password": PASSWORD}
    made = client.post(USERS, json=body)
    assert made.status_code == 201
    signed_in = log_in(client)
    device = device_in(signed_in)
    renewed = device_in(refreshed(client, device.refresh))
    headers = renewed.headers
    wrong = "wrong-" + PASSWORD
    answers = [
        made,
        log_in(client, "ada", wrong),
        client.post(USERS, json=body),
        client.post(USERS, json={**body, "role": "editor"}),
        client.post(SIGN_INS, data=json.dumps(body)[:-1], content_type="application/json"),
        client.get(ME, headers=headers),
        client.get(SIGN_INS, headers=headers),
        client.get(ME, headers=bearer(renewed.access + "x")),
        refreshed(client, renewed.refresh + "x"),
        client.put(
            f"{ME}/password",
            json={"current_password": wrong, "new_password": PASSWORD},
            headers=headers,
        ),
    ]
    secrets = [PASSWORD, *(t for d in (device, renewed) for t in (d.access, d.refresh))]
    row = row_of(app, device.sid)
    secrets += [row.jti, row.previous_jti or ""]
    for answer in answers:
        seen = answer.get_data(as_text=True) + str(answer.headers)
        assert not [secret for secret in secrets if secret in seen], answer.request.path
    assert PASSWORD not in signed_in.get_data(as_text=True)
    logged = "".join(capfd.readouterr())
    assert "POST /api/v1/sign-ins 201" in logged
    assert not [secret for secret in secrets if secret in logged]


# --- Verified once, known again ------------------------------------------------------------------


@sqlite_only
def test_a_known_token_is_refused_once_it_has_expired(app: Flask) -> None:
    sid = new_device(app).sid
    with app.app_context():
        token = create_access_token(
            str(row_of(app, sid).user_id),
            expires_delta=timedelta(seconds=2),
            additional_claims={"sid": sid},
        )
    client = app.test_client()
    assert client.get(ME, headers=bearer(token)).status_code == 200
    until(lambda: client.get(ME, headers=bearer(token)).status_code == 401)
    refused(client.get(ME, headers=bearer(token)), "token-expired")


@sqlite_only
def test_a_known_token_is_refused_as_soon_as_its_device_is_signed_out(app: Flask) -> None:
    device, client = new_device(app), app.test_client()
    for _ in range(2):
        assert client.get(ME, headers=device.headers).status_code == 200
    change_device(app, device.sid, revoked_at=now())
    refused(client.get(ME, headers=device.headers), "token-revoked")


@sqlite_only
def test_a_token_is_known_only_under_the_keys_that_verified_it(make_app: MakeApp) -> None:
    one = make_app(SECRET_KEY=OLD_KEY)
    device = new_device(one)
    assert one.test_client().get(ME, headers=device.headers).status_code == 200
    other = make_app(SECRET_KEY=NEW_KEY)
    refused(other.test_client().get(ME, headers=device.headers), "token-malformed")


@sqlite_only
def test_what_is_like_a_known_token_but_for_its_signature_is_refused(app: Flask) -> None:
    device, client = new_device(app), app.test_client()
    assert client.get(ME, headers=device.headers).status_code == 200
    head, payload, signature = device.access.split(".")
    for changed in (
        f"{head}.{payload}.{signature[::-1]}",
        f"{head}.{payload}.",
        f"{head}.{payload}.{signature[:-1]}\xff",
    ):
        refused(client.get(ME, headers=bearer(changed)), "token-malformed")


@sqlite_only
def test_as_many_tokens_are_known_as_fit_and_no_more(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RememberingJWTManager, "MOST", 3)
    client = app.test_client()
    make_user(app)
    for _ in range(5):
        device = device_in(log_in(client))
        assert client.get(ME, headers=device.headers).status_code == 200
        assert len(jwt._known) <= 3
