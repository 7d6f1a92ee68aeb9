"""Passwords: what is refused, what is stored, what it costs to be wrong (91)."""

from typing import Any

import pytest
from flask import Flask

from api.accounts import passwords, users
from api.extensions import bcrypt
from tests.accounts.tools import OTHER, PASSWORD, change_user, make_user, password_hash
from tests.conftest import MakeApp


@pytest.fixture
def backend() -> str:
    """Hashes do not depend on the database: one will do."""
    return "sqlite"


def test_a_hash_carries_its_factor(make_app: MakeApp) -> None:
    apps = {rounds: make_app(BCRYPT_LOG_ROUNDS=str(rounds)) for rounds in (5, 4)}
    for rounds, app in apps.items():  # each by its own settings, though the extension is shared
        with app.app_context():
            made = passwords.hashed(PASSWORD)
            assert made.startswith(f"$2b${rounds:02}$")
            assert passwords.matches(made, PASSWORD)
            assert not passwords.matches(made, OTHER)
            assert passwords.hashed(PASSWORD) != made  # salted


def test_a_hash_below_todays_factor_is_made_anew_at_the_next_login(make_app: MakeApp) -> None:
    before, after = make_app(BCRYPT_LOG_ROUNDS="4"), make_app(BCRYPT_LOG_ROUNDS="5")
    make_user(before)
    old = password_hash(before)
    with after.app_context():
        assert passwords.needs_rehash(old)
        assert users.authenticate("ada", OTHER) is None
    assert password_hash(after) == old  # a wrong password proves nothing
    with after.app_context():
        assert users.authenticate("ada", PASSWORD)
    new = password_hash(after)
    assert new.startswith("$2b$05$")
    for app in (after, before):  # and is never made weaker again
        with app.app_context():
            assert users.authenticate("ada", PASSWORD)
        assert password_hash(app) == new


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short-one", "Shorter than 10"),
        ("ü" * 9, "Shorter than 10"),
        ("plum-otter-" + "ü" * 31, "73 bytes"),
        ("plum otter violin " + "x" * 60, "78 bytes"),
        ("password123", "Too easy to guess"),
        ("qwertyuiop", "Too easy to guess"),
        ("1234567890", "Too easy to guess"),
        ("aaaaaaaaaaaaaaaa", "Too easy to guess"),
        ("marguerite-duras", "Too easy to guess"),
        ("margueriteduras1", "Too easy to guess"),
    ],
)
def test_a_password_is_refused_with_the_reason(app: Flask, password: str, said: str) -> None:
    with app.app_context():
        (fault,) = passwords.faults_of(password, "marguerite-duras", "margueriteduras@example.org")
    assert said in fault
    assert password not in fault


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "Zwölf Boxkämpfer jagen",
        "correct horse battery staple",
        "火曜日の朝に猫が三匹鳴く",
    ],
)
def test_a_good_password_is_taken_up_to_the_last_byte(app: Flask, password: str) -> None:
    with app.app_context():
        full = password + "~q" * 36
        while len(full.encode()) > passwords.MAXIMUM_BYTES:
            full = full[:-1]
        for each in (password, full):
            assert passwords.faults_of(each, "ada", None) == []
        made = passwords.hashed(full)
        assert passwords.matches(made, full)
        assert not passwords.matches(made, full[:-1])
        assert not passwords.matches(made, full + "more that bcrypt would cut")


def test_the_same_work_is_done_whether_or_not_there_is_such_a_user(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(app)
    make_user(app, "gone")
    change_user(app, "gone", active=False)
    checked: list[str] = []
    check = bcrypt.check_password_hash

    def counting(stored: str, password: str) -> Any:
        checked.append(stored)
        return check(stored, password)

    monkeypatch.setattr(bcrypt, "check_password_hash", counting)
    work = {}
    with app.app_context():
        for case in (
            ("ada", PASSWORD), ("ada", OTHER), ("nobody", PASSWORD), ("gone", PASSWORD),
            ("ada", "x" * 73), ("nobody", "ü" * 40),
        ):  # fmt: skip
            checked.clear()
            found = users.authenticate(*case)
            assert (found is not None) == (case == ("ada", PASSWORD))
            work[case] = [each.split("$")[2] for each in checked]
    assert set(map(tuple, work.values())) == {("04",)}
