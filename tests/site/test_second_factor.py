"""Setting the second factor up, signing in with it, and turning it off, by the pages (99)."""

import re
from time import time

import pytest
from flask import Flask

from api.accounts import second_factor
from tests.accounts.tools import PASSWORD, log_in, make_user, refused
from tests.site.tools import Browser, codes, signed_in, text_of, turn_second_factor_on, user_row
from tests.v1.tools import sqlite_only


def secret_shown(text: str) -> str:
    found = re.search(r"Key: <code>([^<]+)</code>", text)
    assert found
    return found[1].replace("-", "").replace(" ", "")


def code_for(app: Flask, secret: str, later: int = 0) -> str:
    with app.app_context():
        totp = second_factor.one_time_codes()._totp(key=secret, format="base32")
        code: str = totp.generate(time() + later).token
        return code


def test_set_up_sign_in_with_it_and_turn_it_off(app: Flask) -> None:
    browser = signed_in(app)
    page = browser.post("/account/two-factor", setup="authenticator")
    assert page.status_code == 200
    assert "<svg" in page.text
    action = re.search(r'action="(/account/two-factor/[^"]+)"', page.text)
    assert action
    secret = secret_shown(page.text)
    wrong = browser.post(action[1], "/account/two-factor", code="000000")
    assert wrong.status_code == 302
    assert user_row(app).tf_totp_secret is None
    done = browser.post(action[1], "/account/two-factor", code=code_for(app, secret))
    assert done.location == "/account"
    assert "on, 0 recovery codes left" in browser.get("/account").text

    made = browser.post("/account/recovery-codes", generate_new_codes="1")
    shown = re.findall(r"<li><code>([^<]+)</code></li>", made.text)
    assert len(shown) == 8
    assert not set(shown) & set(browser.get("/account/recovery-codes?show_codes=1").text.split())

    other = Browser(app)
    asked = other.sign_in(next="/account/password")
    assert asked.location.startswith("/sign-in/code")
    assert not other.is_signed_in()
    refused(log_in(app.test_client()), "code-needed")
    used = other.post(asked.location, code=code_for(app, secret))
    assert used.status_code == 422  # the one that set it up
    assert not other.is_signed_in()
    entered = other.post(asked.location, code=code_for(app, secret, 30))
    assert entered.location == "/account/password"
    assert other.is_signed_in()

    third = Browser(app)
    asked = third.sign_in()
    assert third.post(asked.location, code=shown[0]).status_code == 302
    assert third.is_signed_in()

    off = third.post("/account/two-factor", setup="disable")
    assert off.location == "/account"
    assert user_row(app).mf_recovery_codes is None
    assert Browser(app).sign_in().location == "/account"


@sqlite_only
def test_a_code_from_the_setting_up_of_another_session_sets_nothing_up(app: Flask) -> None:
    mallory, ada = signed_in(app, "mallory"), signed_in(app, "ada")
    page = mallory.post("/account/two-factor", setup="authenticator")
    action = re.search(r'action="(/account/two-factor/[^"]+)"', page.text)
    assert action
    foreign = ada.client.post(action[1], data={"code": code_for(app, secret_shown(page.text))})
    assert foreign.status_code in {200, 302, 400}
    assert user_row(app, "ada").tf_totp_secret is None


@sqlite_only
def test_the_code_page_alone_signs_nobody_in(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    browser = Browser(app)
    page = browser.client.post(
        "/sign-in/code",
        data={"code": codes(app)[0], "csrf_token": browser.token()},
        headers={"Accept": "text/html"},
    )
    assert page.status_code == 302
    assert page.location == "/sign-in"
    assert not browser.is_signed_in()


@sqlite_only
def test_wrong_codes_count_for_the_user_at_both_doors(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    for number in range(10):
        browser = Browser(app, REMOTE_ADDR=f"192.0.2.{number + 1}")
        asked = browser.sign_in()
        assert browser.post(asked.location, code="000000").status_code == 422
    browser = Browser(app, REMOTE_ADDR="192.0.2.99")
    asked = browser.sign_in()
    assert browser.post(asked.location, code=codes(app)[0]).status_code == 429
    answer = log_in(app.test_client(), environ_base={"REMOTE_ADDR": "192.0.2.98"})
    refused(answer, "code-needed")  # it is asked for, and would be refused
    assert not browser.is_signed_in()


@sqlite_only
@pytest.mark.parametrize("setup", ["email", "sms", "webauthn", "", "x" * 5000])
def test_no_other_second_factor_can_be_set_up(app: Flask, setup: str) -> None:
    browser = signed_in(app)
    assert browser.post("/account/two-factor", setup=setup).status_code == 422
    assert user_row(app).tf_primary_method is None


@sqlite_only
def test_a_stranger_who_knows_the_password_cannot_turn_it_off(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    browser = Browser(app)
    browser.sign_in(password=PASSWORD)
    token = browser.token("/sign-in/code")
    for path, fields in (
        ("/account/two-factor", {"setup": "disable"}),
        ("/account/recovery-codes", {"generate_new_codes": "1"}),
    ):
        answer = browser.client.post(path, data={**fields, "csrf_token": token})
        assert answer.status_code == 401, text_of(answer)
    assert user_row(app).tf_totp_secret
