"""Wrong passwords are limited by account, and no stranger locks the owner out (71, 91)."""

from collections import Counter
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.accounts.tools import (
    ME,
    OTHER,
    PASSWORD,
    SIGN_INS,
    device_in,
    device_of,
    log_in,
    make_user,
    new_device,
    refused,
)
from tests.conftest import MakeApp
from tests.http.helpers import at_once, statements
from tests.http.test_limits import Told, told
from tests.v1.tools import sqlite_only

HOME = "192.0.2.1"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(RATELIMIT_GUESSES="3 per hour", RATELIMIT_SIGN_INS="1000 per minute")


def attempt(
    client: FlaskClient, address: str, password: str = OTHER, name: str = "ada", **more: Any
) -> TestResponse:
    """Try to sign in from an address."""
    return log_in(client, name, password, environ_base={"REMOTE_ADDR": address}, **more)


def exhaust(client: FlaskClient, name: str = "ada") -> None:
    """Have strangers use their quota up, each from an address of their own."""
    for host in (1, 2, 3):
        refused(attempt(client, f"198.51.100.{host}", name=name), "wrong-credentials")


def test_strangers_from_many_addresses_are_stopped_and_the_owner_is_not(
    app: Flask, client: FlaskClient
) -> None:
    make_user(app)
    assert attempt(client, HOME, PASSWORD).status_code == 201
    exhaust(client)
    for password in (OTHER, PASSWORD):  # who guessed right learns nothing of it
        stopped = attempt(client, "203.0.113.4", password)
        assert "The limit is 3 per hour" in refused(stopped, "too-many-requests", 429)["detail"]
        assert 1 <= int(stopped.headers["Retry-After"]) <= 3600
        assert told(stopped)["guesses"].remaining == 0
    answer = attempt(client, HOME, PASSWORD)
    assert answer.status_code == 201
    assert told(answer)["guesses"] == Told(3, 3600, 3, told(answer)["guesses"].reset)


def test_a_known_address_has_a_quota_of_its_own_and_no_more(
    app: Flask, client: FlaskClient
) -> None:
    make_user(app)
    assert attempt(client, HOME, PASSWORD).status_code == 201
    for remaining in (2, 1, 0):
        assert told(attempt(client, HOME))["guesses"].remaining == remaining
    refused(attempt(client, HOME, PASSWORD), "too-many-requests", 429)
    assert attempt(client, "203.0.113.4", PASSWORD).status_code == 201  # a stranger's is untouched


@sqlite_only
def test_a_browser_that_signed_in_before_gets_in_from_anywhere(
    app: Flask, client: FlaskClient
) -> None:
    make_user(app)
    body = {"username": "ada", "password": PASSWORD, "delivery": "cookies"}
    signed_in = client.post(SIGN_INS, json=body, environ_base={"REMOTE_ADDR": HOME})
    (cookie,) = [c for c in signed_in.headers.getlist("Set-Cookie") if c.startswith("known_device")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    exhaust(app.test_client())
    answer = client.post(SIGN_INS, json=body, environ_base={"REMOTE_ADDR": "203.0.113.4"})
    assert answer.status_code == 201
    # A wrong password there counts for this browser, which stays the one that it is.
    assert told(attempt(client, "203.0.113.5"))["guesses"].remaining == 2
    assert told(attempt(client, "203.0.113.6"))["guesses"].remaining == 1
    # Logging out does not make a stranger of it.
    sid = answer.get_json()["device"]["id"]
    csrf = client.get_cookie("csrf_access_token")
    assert csrf
    client.delete(f"{SIGN_INS}/{sid}", headers={"X-CSRF-Token": csrf.value})
    assert attempt(client, "203.0.113.7", PASSWORD).status_code == 201


@sqlite_only
def test_no_other_cookie_makes_a_browser_known(app: Flask) -> None:
    make_user(app)
    make_user(app, "eve")
    client = app.test_client()
    for name in ("eve", "ada"):
        body = {"username": name, "password": PASSWORD, "delivery": "cookies"}
        client.post(SIGN_INS, json=body, environ_base={"REMOTE_ADDR": HOME})
    eves, adas = client.get_cookie("known_device_2"), client.get_cookie("known_device_1")
    assert eves
    assert adas
    exhaust(app.test_client())
    forged = [eves.value, adas.value[:-2], adas.value + "x", "", "a.b.c", "\u00fc", "W10.x.y"]
    for value in forged:
        fresh = app.test_client()
        fresh.set_cookie("known_device_1", value)
        refused(attempt(fresh, "203.0.113.4", PASSWORD), "too-many-requests", 429)
    right = app.test_client()
    right.set_cookie("known_device_1", adas.value)
    assert attempt(right, "203.0.113.4", PASSWORD).status_code == 201


def test_a_name_that_nobody_has_is_refused_and_limited_like_any_other(
    app: Flask, client: FlaskClient
) -> None:
    make_user(app, email="ada@example.org")
    make_user(app, "gone")
    attempt(client, HOME, PASSWORD)  # the account is in use

    def seen(name: str) -> list[Any]:
        answers = [attempt(client, f"198.51.100.{host}", name=name) for host in range(5)]
        return [
            (
                answer.status_code,
                {k: v for k, v in answer.get_json().items() if k != "request_id"},
                sorted(answer.headers.keys()),
                told(answer)["guesses"].remaining,
                statements(answer),
            )
            for answer in answers
        ]

    for address in range(5):  # the pool's first connection asks questions of its own
        client.get("/api/v1/topics", environ_base={"REMOTE_ADDR": f"192.0.2.{address}"})
    known = seen("ada")
    assert [status for status, *_ in known] == [401] * 3 + [429] * 2
    for name in ("nobody", "ada@example.org", "nobody@example.org", "gone", "n" * 254, "\u0430da"):
        assert seen(name) == known, name


@sqlite_only
def test_a_name_in_another_case_buys_no_more_guesses(app: Flask, client: FlaskClient) -> None:
    make_user(app)
    for name in ("ada", "ADA", "Ada"):
        refused(attempt(client, HOME, name=name), "wrong-credentials")
    refused(attempt(client, HOME, name="aDA"), "too-many-requests", 429)


@sqlite_only
def test_right_passwords_use_nothing_up(app: Flask, client: FlaskClient) -> None:
    make_user(app)
    for host in range(8):
        assert attempt(client, f"203.0.113.{host}", PASSWORD).status_code == 201
        assert attempt(client, HOME, PASSWORD).status_code == 201


@sqlite_only
def test_of_many_guesses_at_once_no_more_get_through_than_the_quota(app: Flask) -> None:
    make_user(app)

    def guess(host: int) -> int:
        return attempt(app.test_client(), f"198.51.100.{host}").status_code

    assert Counter(at_once(guess, 8)) == {401: 3, 429: 5}


def test_whoever_holds_a_token_cannot_guess_the_password_nor_keep_the_owner_from_changing_it(
    app: Flask, client: FlaskClient
) -> None:
    stolen, own = new_device(app), device_of(app)
    path = f"{ME}/password"
    wrong = {"current_password": OTHER, "new_password": OTHER}
    for _ in range(3):
        assert client.put(path, json=wrong, headers=stolen.headers).status_code == 422
    right = {**wrong, "current_password": PASSWORD}
    refused(client.put(path, json=right, headers=stolen.headers), "too-many-requests", 429)
    weak = {"current_password": PASSWORD, "new_password": "password123"}
    for _ in range(4):  # no guess: the current password is right
        assert client.put(path, json=weak, headers=own.headers).status_code == 422
    assert client.put(path, json=right, headers=own.headers).status_code == 200


@sqlite_only
def test_two_limits_of_guesses_are_told_by_name(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_GUESSES="2 per minute; 3 per hour")
    make_user(app)
    answer = attempt(app.test_client(), HOME)
    assert {name: t.remaining for name, t in told(answer).items() if "guesses" in name} == {
        "guesses-60s": 1,
        "guesses-3600s": 2,
    }


@sqlite_only
def test_tokens_in_the_body_come_without_any_cookie(app: Flask, client: FlaskClient) -> None:
    make_user(app)
    answer = attempt(client, HOME, PASSWORD)
    assert device_in(answer)
    assert "Set-Cookie" not in answer.headers
