"""Codes that are good once, kept encrypted, found again after a change of keys (99)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from api.accounts import second_factor, users
from tests.accounts.tools import make_user
from tests.conftest import MakeApp
from tests.site.tools import codes, turn_second_factor_on, user_row
from tests.v1.tools import sqlite_only

OLD = "k7Tn2rXw9QeLm4VbYc8HsZ1uJd6GpAf3"
NEW = "q4Lw8sPz2NxKe6RtUv1BmFy5Ja9CoDh7"


def passes(app: Flask, code: str) -> bool:
    with app.app_context():
        return second_factor.passes(users.get("ada"), code)


def test_a_code_is_good_once(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    present, following = codes(app)
    assert passes(app, present)
    assert not passes(app, present)
    assert passes(app, f"{following[:3]} {following[3:]}")
    assert not passes(app, present)
    assert not passes(app, following)


def test_of_several_requests_with_one_code_one_gets_in(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    code = codes(app)[1]
    together = Barrier(4)

    def use(_: int) -> bool:
        together.wait()
        return passes(app, code)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [False, False, False, True]


def test_a_recovery_code_is_good_once_and_kept_as_a_digest(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    with app.app_context():
        made = second_factor.RecoveryCodes(app).create_recovery_codes(users.get("ada"))
    assert len(set(made)) == len(made) == 8
    kept = user_row(app).mf_recovery_codes or []
    assert len(kept) == 8
    assert not set(made) & set(kept)
    assert not any(code.replace("-", "") in digest for code in made for digest in kept)
    assert passes(app, made[0].upper())
    assert not passes(app, made[0])
    together = Barrier(4)

    def use(_: int) -> bool:
        together.wait()
        return passes(app, made[1])

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [False, False, False, True]
    assert len(user_row(app).mf_recovery_codes or []) == 6


@sqlite_only
@pytest.mark.parametrize(
    "code", ["", "123", "12345a", "１２３４５６", "-12345", "1e5000", "0" * 40]
)
def test_what_is_no_code_is_refused(app: Flask, code: str) -> None:
    make_user(app)
    turn_second_factor_on(app)
    assert not passes(app, code)


@sqlite_only
def test_the_secret_is_kept_encrypted(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    stored = user_row(app).tf_totp_secret or ""
    with app.app_context():
        plain = second_factor.one_time_codes().get_totp_b32_key(stored)
    assert plain not in stored
    assert '"enckey"' in stored


@sqlite_only
@pytest.mark.parametrize(
    ("before", "during", "after"),
    [
        (
            {"SECRET_KEY": OLD},
            {"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": OLD},
            {"SECRET_KEY": NEW},
        ),
        ({"TOTP_KEYS": OLD}, {"TOTP_KEYS": f"{NEW},{OLD}"}, {"TOTP_KEYS": NEW}),
    ],
    ids=["derived", "own"],
)
def test_secrets_outlive_their_key_once_used_beside_its_successor(
    make_app: MakeApp, before: dict[str, str], during: dict[str, str], after: dict[str, str]
) -> None:
    app = make_app(**before)
    make_user(app)
    turn_second_factor_on(app)
    present, following = codes(app)
    assert passes(make_app(**during), present)
    assert passes(make_app(**after), following)


@sqlite_only
def test_turning_it_off_leaves_nothing(app: Flask) -> None:
    make_user(app)
    turn_second_factor_on(app)
    with app.app_context():
        user = users.get("ada")
        second_factor.RecoveryCodes(app).create_recovery_codes(user)
        second_factor.turn_off(user)
    user = user_row(app)
    assert (user.tf_primary_method, user.tf_totp_secret, user.mf_recovery_codes) == (None,) * 3
