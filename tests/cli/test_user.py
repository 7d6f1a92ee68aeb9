"""`flask user`: what the commands do, print and refuse; and who has demo accounts."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from alembic import command
from click.testing import Result
from flask import Flask
from granian import Granian
from sqlalchemy import select, update

from api.accounts import demo, passwords, tokens, users
from api.accounts.passwords import demo_password
from api.accounts.permissions import Role
from api.cli.user import DEVICE
from api.extensions import db
from api.models import SignIn, User, revisions
from tests.accounts.tools import log_in, make_user
from tests.conftest import MakeApp, Settings
from tests.examples.server import serving
from tests.site.tools import turn_second_factor_on

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-long-walk-by-the-river"
ROLES = [role.value for role in Role]
PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": "k7Tn2rXw9QeLm4VbYc8HsZ1uJd6GpAf3",
    "TRUSTED_HOSTS": "localhost",
    "DATABASE_AUTO_UPGRADE": "true",
    "BCRYPT_LOG_ROUNDS": "4",
}
DEVELOPMENT = {"APP_ENV": "development", "BCRYPT_LOG_ROUNDS": "4"}
SQLITE = pytest.mark.parametrize("backend", ["sqlite"])
"""For what is about the process and not about the database."""

Run = Callable[..., Result]


@pytest.fixture
def user(app: Flask) -> Run:
    """Runs `flask user …` in this process."""

    def run(*arguments: str, stdin: str = "") -> Result:
        result = app.test_cli_runner().invoke(args=["user", *arguments], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


def stored(app: Flask, name: str) -> User:
    with app.app_context():
        return users.get(name)


def refused(result: Result) -> str:
    """Return the one line that a command was refused with."""
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


# --- create ---------------------------------------------------------------------------------------


def test_a_user_is_made_and_can_sign_in(user: Run, app: Flask) -> None:
    result = user("create", "ada", "--password", PASSWORD, "--email", "Ada@Example.org")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "ada: reader\n", "")
    client = app.test_client()
    for name in ("ada", "ada@example.org"):
        body = {"username": name, "password": PASSWORD}
        assert client.post("/api/v1/sign-ins", json=body).status_code == 201


@pytest.mark.parametrize("role", ROLES)
def test_a_user_is_made_with_the_role_that_is_asked_for(user: Run, app: Flask, role: str) -> None:
    result = user("create", "ada", "--password", PASSWORD, "--role", role)
    assert result.stdout == f"ada: {role}\n"
    assert [row.name for row in stored(app, "ada").roles] == [role]


@SQLITE
def test_a_password_that_is_not_given_is_asked_for_twice_and_not_shown(
    user: Run, app: Flask
) -> None:
    result = user("create", "ada", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert result.stdout.count("assword") == 1
    assert "Repeat for confirmation" in result.stdout
    assert PASSWORD not in result.output
    with app.app_context():
        assert users.authenticate("ada", PASSWORD) is not None


@SQLITE
def test_a_password_that_is_repeated_wrong_is_asked_for_again(user: Run) -> None:
    result = user("create", "ada", stdin=f"{PASSWORD}\nanother\n{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert "do not match" in result.output


@SQLITE
def test_nobody_is_made_where_no_password_comes(user: Run, app: Flask) -> None:
    assert user("create", "ada", stdin="").exit_code == 1
    with app.app_context():
        assert users.list_users() == []


@SQLITE
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ada", "--password", "short"], "password: Shorter than 10 characters."),
        (["ada", "--password", "é" * 40], "password: Is 80 bytes of UTF-8"),
        (["ada", "--password", "password123"], "password: Too easy to guess"),
        (["ada", "--password", ""], "password: "),
        (["ada", "--password", demo_password(Role.READER)], "password: Is printed in the source"),
        (["-", "--password", PASSWORD], "username: Must be 1 to 60 letters"),
        (["ada@home", "--password", PASSWORD], "username: Must be 1 to 60 letters"),
        (["ada\n", "--password", PASSWORD], "username: Must be 1 to 60 letters"),
        (["ada", "--password", PASSWORD, "--email", "home"], "email: Not a valid email address."),
    ],
)
def test_what_a_registration_refuses_is_refused_in_one_line(
    user: Run, app: Flask, arguments: list[str], said: str
) -> None:
    line = refused(user("create", *arguments))
    assert line.startswith(f"Error: {said}")
    assert arguments[2] not in line or not arguments[2]
    with app.app_context():
        assert users.list_users() == []


def test_a_name_or_address_that_is_taken_is_refused_in_one_line(user: Run) -> None:
    user("create", "ada", "--password", PASSWORD, "--email", "ada@example.org")
    for arguments, said in (
        (["ada"], "username: This name is taken."),
        (["eve", "--email", "ADA@example.org"], "email: This e-mail address is taken."),
    ):
        line = refused(user("create", *arguments, "--password", PASSWORD))
        assert line == f"Error: {said}"


def test_an_address_counts_as_confirmed_by_the_operators_word(user: Run, app: Flask) -> None:
    user("create", "ada", "--password", PASSWORD, "--email", "Ada@example.org")
    with app.app_context():
        ada = users.get("ada@example.org")
        assert (ada.email, ada.pending_email) == ("ada@example.org", None)
        assert ada.confirmed_at is not None


@SQLITE
@pytest.mark.parametrize(
    "arguments",
    [
        ["create"],
        ["create", "ada", "--password", PASSWORD, "--role", "owner"],
        ["create", "\udcff", "--password", PASSWORD],
        ["create", "ada", "--password", "\udcff" * 12],
        ["grant", "ada"],
        ["grant", "ada", "owner"],
        ["revoke", "ada", "owner"],
        ["token"],
        ["token", "\udcff"],
    ],
)
def test_wrong_usage_is_status_2(user: Run, arguments: list[str]) -> None:
    result = user(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


# --- list -----------------------------------------------------------------------------------------


def test_the_accounts_are_listed_by_name_and_no_hash_is_shown(user: Run, app: Flask) -> None:
    user("create", "eve", "--password", PASSWORD, "--role", "editor")
    user("create", "ada", "--password", PASSWORD, "--email", "ada@example.org")
    user("grant", "ada", "administrator")
    user("revoke", "eve", "editor")
    with app.app_context():
        db.session.execute(update(User).where(User.username == "eve").values(active=False))
        db.session.commit()
    result = user("list")
    assert (result.exit_code, result.stderr) == (0, "")
    today = f"{stored(app, 'ada').created_at:%Y-%m-%d}"
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["NAME", "ROLES", "E-MAIL", "MADE", "ON"],
        ["ada", "reader,", "administrator", "ada@example.org", today],
        ["eve", "no", "role", "-", today, "inactive"],
    ]
    assert "$2b$" not in result.stdout


@SQLITE
def test_an_empty_list_is_its_head_alone(user: Run) -> None:
    result = user("list")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 1)


# --- grant and revoke -----------------------------------------------------------------------------


def test_a_role_is_given_and_taken_and_holds_from_the_next_request_on(
    user: Run, app: Flask
) -> None:
    user("create", "ada", "--password", PASSWORD)
    user("create", "rosa", "--password", PASSWORD, "--role", "administrator")
    client = app.test_client()
    headers = {"Authorization": f"Bearer {user('token', 'ada').stdout.strip()}"}
    assert client.get("/api/v1/users", headers=headers).status_code == 403
    for _ in range(2):  # Given twice is given.
        result = user("grant", "ada", "administrator")
        assert (result.exit_code, result.stdout) == (0, "ada: reader, administrator\n")
    assert client.get("/api/v1/users", headers=headers).status_code == 200
    for _ in range(2):
        result = user("revoke", "ada", "administrator")
        assert (result.exit_code, result.stdout) == (0, "ada: reader\n")
    assert client.get("/api/v1/users", headers=headers).status_code == 403
    assert user("revoke", "ada", "reader").stdout == "ada: no role\n"


@SQLITE
def test_the_last_administrator_keeps_the_role(user: Run) -> None:
    user("create", "rosa", "--password", PASSWORD, "--role", "administrator")
    line = refused(user("revoke", "rosa", "administrator"))
    assert line.startswith("Error: rosa is the last administrator; make somebody else one first.")
    user("create", "ada", "--password", PASSWORD, "--role", "administrator")
    assert user("revoke", "rosa", "administrator").stdout == "rosa: no role\n"


@pytest.mark.parametrize(
    "arguments", [["grant", "bob", "editor"], ["revoke", "bob", "editor"], ["token", "bob"]]
)
def test_a_user_who_is_not_there_is_one_line(user: Run, arguments: list[str]) -> None:
    assert refused(user(*arguments)) == "Error: There is no user 'bob'."


def test_a_database_without_tables_is_one_line(user: Run, app: Flask) -> None:
    alembic = revisions.alembic_config()
    with app.app_context(), db.engine.connect() as connection:
        alembic.attributes["connection"] = connection
        command.downgrade(alembic, "base")
        connection.commit()
    for arguments in (["list"], ["token", "ada"], ["create", "ada", "--password", PASSWORD]):
        assert "flask db upgrade makes the tables" in refused(user(*arguments))


# --- token ----------------------------------------------------------------------------------------


def test_a_token_is_all_that_is_printed_and_its_device_can_be_signed_out(
    user: Run, app: Flask
) -> None:
    user("create", "ada", "--password", PASSWORD)
    result = user("token", "ada")
    assert (result.exit_code, result.stderr, result.stdout.count("\n")) == (0, "", 1)
    headers = {"Authorization": f"Bearer {result.stdout.strip()}"}
    client = app.test_client()
    me = client.get("/api/v1/me", headers=headers).get_json()
    assert (me["username"], me["roles"]) == ("ada", ["reader"])
    (device,) = client.get("/api/v1/sign-ins", headers=headers).get_json()["items"]
    assert (device["user_agent"], device["address"]) == (DEVICE, "")
    client.delete(f"/api/v1/sign-ins/{device['id']}", headers=headers)
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_an_inactive_user_gets_no_token_and_no_device(user: Run, app: Flask) -> None:
    user("create", "ada", "--password", PASSWORD)
    with app.app_context():
        db.session.execute(update(User).values(active=False))
        db.session.commit()
    assert refused(user("token", "ada")) == "Error: The account ada is not active."
    with app.app_context():
        assert db.session.scalars(select(SignIn)).all() == []


@SQLITE
def test_another_process_prints_a_token_that_the_running_server_takes(settings: Settings) -> None:
    environment = settings | DEVELOPMENT
    # Of the caller's environment only what finds programs: the settings are those of the server.
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}

    def flask(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", "user", *arguments],
            cwd=ROOT,
            env=clean | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    made = flask("create", "ada", "--password", PASSWORD, "--role", "editor")
    assert (made.returncode, made.stdout, made.stderr) == (0, "ada: editor\n", "")
    token = flask("token", "ada")
    assert (token.returncode, token.stderr) == (0, "")
    with serving(**environment) as address:
        request = Request(
            f"{address}/api/v1/me", headers={"Authorization": f"Bearer {token.stdout.strip()}"}
        )
        with urlopen(request, timeout=10) as answer:
            me = json.load(answer)
    assert (me["username"], me["roles"]) == ("ada", ["editor"])
    unknown = flask("token", "bob")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "Error: There is no user 'bob'.\n"


# --- demo accounts --------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keeps `flask serve` from listening; tells which applications it would have served."""
    targets: list[str] = []

    def serve(server: Any) -> None:
        targets.append(server.target)

    monkeypatch.setattr(Granian, "serve", serve)
    return targets


def test_development_has_a_demo_account_for_each_role_and_says_so(
    make_app: MakeApp, served: list[str]
) -> None:
    app = make_app(**DEVELOPMENT)
    result = app.test_cli_runner().invoke(args=["serve"])
    assert (result.exit_code, served) == (0, ["wsgi:app"])
    assert (
        "Demo accounts: reader, contributor, editor, administrator, "
        "made with the password demo-<name>-password.\n"
    ) in result.stdout
    client = app.test_client()
    for role in ROLES:
        body = {"username": role, "password": f"demo-{role}-password"}
        signed_in = client.post("/api/v1/sign-ins", json=body)
        assert signed_in.status_code == 201
        headers = {"Authorization": f"Bearer {signed_in.get_json()['access_token']}"}
        assert client.get("/api/v1/me", headers=headers).get_json()["roles"] == [role]


def test_a_demo_account_that_is_there_is_left_as_it_is(
    make_app: MakeApp, served: list[str]
) -> None:
    app = make_app(**DEVELOPMENT)
    with app.app_context():
        users.create("editor", PASSWORD)
        assert demo.create_missing() == ["reader", "contributor", "administrator"]
        assert demo.create_missing() == []
    app.test_cli_runner().invoke(args=["serve"])
    assert served
    with app.app_context():
        assert [row.name for row in users.get("editor").roles] == ["reader"]
        assert users.authenticate("editor", PASSWORD) is not None
        assert users.authenticate("editor", demo_password(Role.EDITOR)) is None


@pytest.mark.parametrize("changes", [PRODUCTION, {}], ids=["production", "testing"])
def test_neither_production_nor_testing_has_demo_accounts_even_if_asked(
    make_app: MakeApp, served: list[str], changes: dict[str, str]
) -> None:
    app = make_app(**changes)
    result = app.test_cli_runner().invoke(args=["serve"])
    assert (result.exit_code, served) == (0, ["wsgi:app"])
    assert "emo" not in result.stdout
    with app.app_context():
        with pytest.raises(demo.DemoAccountsRefusedError, match="for development, and this is"):
            demo.create_missing()
        assert users.list_users() == []


def test_a_demo_account_of_a_developers_database_opens_no_door_in_production(
    make_app: MakeApp,
) -> None:
    developers = make_app(**DEVELOPMENT)
    with developers.app_context():
        demo.create_missing()
        token = tokens.sign_in(users.get("administrator"), "", "").access_token
    production = make_app(**PRODUCTION)
    client = production.test_client()
    for role in ROLES:
        body = {"username": role, "password": f"demo-{role}-password"}
        answer = client.post("/api/v1/sign-ins", json=body, base_url="https://localhost")
        assert answer.status_code == 401
        assert answer.get_json()["type"].endswith("/wrong-credentials")
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.get("/api/v1/users", headers=headers, base_url="https://localhost")
    assert answer.status_code == 401


@pytest.mark.parametrize("role", Role)
def test_a_demo_password_is_good_enough_in_development_and_refused_elsewhere(
    make_app: MakeApp, role: Role
) -> None:
    with make_app(**DEVELOPMENT).app_context():
        assert passwords.faults_of(demo_password(role), role.value) == []
    with make_app(**PRODUCTION).app_context():
        assert passwords.faults_of(demo_password(role)) == ["Is printed in the source code."]


def test_a_second_factor_is_turned_off_for_who_lost_it(app: Flask, user: Run) -> None:
    make_user(app, "ada")
    turn_second_factor_on(app)
    assert log_in(app.test_client()).status_code == 401
    assert user("reset-second-factor", "ada").output == "ada: the second factor is off.\n"
    assert log_in(app.test_client()).status_code == 201
    assert user("reset-second-factor", "nobody").exit_code == 1
