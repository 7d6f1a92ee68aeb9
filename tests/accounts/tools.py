"""What the tests of accounts share: users made on the spot, signed-in devices, rows moved in time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import time
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from api.accounts import tokens, users
from api.accounts.permissions import Role
from api.extensions import db
from api.models import SignIn, User

PASSWORD = "plum-otter-violin-42"
OTHER = "seven-lamps-under-water"

SIGN_INS = "/api/v1/sign-ins"
REFRESH = "/api/v1/sign-ins/refresh"
USERS = "/api/v1/users"
ME = "/api/v1/me"


@dataclass(frozen=True)
class Device:
    """A signed-in device as its user knows it."""

    sid: str
    access: str
    refresh: str

    @property
    def headers(self) -> dict[str, str]:
        """The header that authorises a request."""
        return bearer(self.access)


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def make_user(
    app: Flask, name: str = "ada", role: Role = Role.READER, email: str | None = None
) -> None:
    """Make a user whose password is `PASSWORD`."""
    with app.app_context():
        users.create(name, PASSWORD, email, role)


def an_editor(app: Flask) -> int:
    """Return the id of an editor, who is made if need be."""
    with app.app_context():
        found = users.find("edith") or users.create("edith", PASSWORD, None, Role.EDITOR)
        return found.id


def device_of(app: Flask, name: str = "ada") -> Device:
    """Sign a device of the user in, past the quota of the HTTP interface."""
    with app.app_context():
        pair = tokens.sign_in(users.get(name), "192.0.2.7", "tests")
        return Device(pair.sign_in.id, pair.access_token, pair.refresh_token)


def new_device(app: Flask, name: str = "ada", role: Role = Role.READER) -> Device:
    """Make a user and sign a device in."""
    make_user(app, name, role)
    return device_of(app, name)


def log_in(
    client: FlaskClient, name: str = "ada", password: str = PASSWORD, **more: Any
) -> TestResponse:
    """Log in by the interface."""
    return client.post(SIGN_INS, json={"username": name, "password": password}, **more)


def refreshed(client: FlaskClient, token: str, **more: Any) -> TestResponse:
    """Send a refresh token."""
    return client.post(REFRESH, json={"refresh_token": token}, **more)


def device_in(response: TestResponse) -> Device:
    """Read the tokens of an answer."""
    told: Any = response.get_json()
    return Device(told["device"]["id"], told["access_token"], told["refresh_token"])


def change_device(app: Flask, sid: str, **values: Any) -> None:
    """Change the row of a device, where a test would otherwise have to wait."""
    with app.app_context():
        db.session.execute(update(SignIn).where(SignIn.id == sid).values(**values))
        db.session.commit()


def row_of(app: Flask, sid: str) -> SignIn:
    """Return the row of a device, detached."""
    with app.app_context():
        return db.session.scalars(select(SignIn).where(SignIn.id == sid)).one()


def past_grace(app: Flask, sid: str) -> None:
    """Let the grace of the last rotation be over."""
    rotated = row_of(app, sid).rotated_at
    change_device(app, sid, rotated_at=rotated - tokens.GRACE - timedelta(seconds=1))


def change_user(app: Flask, name: str, **values: Any) -> None:
    """Change the row of a user."""
    with app.app_context():
        db.session.execute(update(User).where(User.username == name).values(**values))
        db.session.commit()


def password_hash(app: Flask, name: str = "ada") -> str:
    """Return what is stored of a password."""
    with app.app_context():
        return db.session.scalars(select(User.password).where(User.username == name)).one()


def refused(response: TestResponse, slug: str, status: int = 401) -> dict[str, Any]:
    """Hold a refusal to its type, and a 401 to its challenge; return the problem object."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.get_json()
    assert problem["type"].endswith(f"/problems/{slug}"), problem
    challenge = response.headers.get("WWW-Authenticate", "")
    if status == 401:
        assert challenge.startswith('Bearer realm="question-bank"')
        assert challenge.isascii()
        assert challenge.count('"') % 2 == 0
    else:
        assert not challenge
    return problem


def pointers(response: TestResponse) -> set[str]:
    """Return which members of the body a 422 names."""
    problem = refused(response, "invalid-parameters", 422)
    return {entry["pointer"] for entry in problem["errors"]}


def in_context(app: Flask, function: Callable[[], Any]) -> Any:
    """Call a function of the domain in a context of its own."""
    with app.app_context():
        return function()


def authorization(app: Flask) -> dict[str, str]:
    """Make an administrator; return what lets a client's every request come from them."""
    device = new_device(app, "root", Role.ADMINISTRATOR)
    return {"HTTP_AUTHORIZATION": device.headers["Authorization"]}


def open_session(client: FlaskClient, name: str = "ada") -> str:
    """Give a client a session of the site past its form; returns the session's CSRF token."""
    app = client.application
    with app.app_context():
        device = tokens.begin(users.get(name), "site", "192.0.2.8", "tests")
        sid, raw = device.id, "0" * 40
    with client.session_transaction() as session:
        session.permanent = True
        session.update(sign_in=sid, fs_paa=time(), csrf_token=raw, _user_id="any")
    signer = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="wtf-csrf-token")
    return str(signer.dumps(raw))
