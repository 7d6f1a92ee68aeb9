"""The second factor at the API's sign-in: the API is no way around it (99)."""

from flask import Flask

from api.accounts import second_factor, users
from tests.accounts.tools import PASSWORD, SIGN_INS, log_in, make_user, pointers, refused
from tests.conftest import MakeApp
from tests.site.tools import codes, turn_second_factor_on
from tests.v1.tools import sqlite_only


def test_the_api_asks_for_the_code_too(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    client = app.test_client()
    asked = refused(log_in(client), "code-needed")
    assert "second factor" in asked["detail"]
    refused(log_in(client, password="wrong"), "wrong-credentials")
    body = {"username": "ada", "password": PASSWORD}
    wrong = refused(client.post(SIGN_INS, json={**body, "code": "000000"}), "code-needed")
    assert "wrong" in wrong["detail"]
    code = codes(app)[0]
    refused(
        client.post(SIGN_INS, json={**body, "password": "x", "code": code}), "wrong-credentials"
    )
    assert client.post(SIGN_INS, json={**body, "code": code}).status_code == 201
    refused(client.post(SIGN_INS, json={**body, "code": code}), "code-needed")


@sqlite_only
def test_a_recovery_code_stands_in_for_the_authenticator(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    with app.app_context():
        [code, *_] = second_factor.RecoveryCodes(app).create_recovery_codes(users.get("ada"))
    body = {"username": "ada", "password": PASSWORD, "code": code}
    client = app.test_client()
    assert client.post(SIGN_INS, json=body).status_code == 201
    refused(client.post(SIGN_INS, json=body), "code-needed")


@sqlite_only
def test_a_code_that_is_not_asked_for_changes_nothing(app: Flask) -> None:
    make_user(app)
    body = {"username": "ada", "password": PASSWORD}
    client = app.test_client()
    assert client.post(SIGN_INS, json={**body, "code": "123456"}).status_code == 201
    assert pointers(client.post(SIGN_INS, json={**body, "code": 123456})) == {"#/code"}
    assert pointers(client.post(SIGN_INS, json={**body, "code": "1"})) == {"#/code"}
    assert pointers(client.post(SIGN_INS, json={**body, "code": "1" * 41})) == {"#/code"}


@sqlite_only
def test_guessing_at_codes_from_many_addresses_is_stopped(make_app: MakeApp) -> None:
    app = make_app()
    make_user(app)
    make_user(app, "bob")
    turn_second_factor_on(app)
    turn_second_factor_on(app, "bob")
    client = app.test_client()
    body = {"username": "ada", "password": PASSWORD, "code": "000000"}
    for number in range(10):
        where = {"REMOTE_ADDR": f"192.0.2.{number + 1}"}
        refused(client.post(SIGN_INS, json=body, environ_base=where), "code-needed")
    where = {"REMOTE_ADDR": "192.0.2.99"}
    good = {**body, "code": codes(app)[0]}
    answer = client.post(SIGN_INS, json=good, environ_base=where)
    refused(answer, "too-many-requests", 429)
    assert int(answer.headers["Retry-After"]) > 0
    assert '"guesses"' in answer.headers["RateLimit"]
    # Another user's codes are not in the way, nor are wrong passwords counted here.
    other = {"username": "bob", "password": PASSWORD, "code": codes(app, "bob")[0]}
    assert client.post(SIGN_INS, json=other, environ_base=where).status_code == 201
