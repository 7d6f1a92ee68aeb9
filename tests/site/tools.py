"""What the tests of the site's door share: a browser that reads forms, and its mail."""

import html
import re
from html.parser import HTMLParser
from time import time
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.test import Cookie, TestResponse

from api.accounts import second_factor
from api.accounts.permissions import Role
from api.extensions import db
from api.mail import outbox
from api.models import User
from tests.accounts.tools import PASSWORD, make_user

PAGE = {"Accept": "text/html"}
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Form(HTMLParser):
    """A form of a page, by its `id` or a part of its `action`: what a browser would send of it."""

    def __init__(self, text: str, wanted: str = "form") -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.action = ""
        self.buttons: list[str] = []
        self._wanted, self._inside = wanted, False
        self._select = self._text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name = values.get("name", "")
        if tag == "form":
            action = values.get("action", "")
            self._inside = values.get("id") == self._wanted or self._wanted in action
            self.action = self.action or action if self._inside else self.action
        elif tag == "button" and values.get("form", "") == self._wanted:
            self.buttons.append(values.get("value", ""))
        if not self._inside:
            return
        if tag == "input":
            self.fields.append((name, values.get("value", "")))
        elif tag == "button":
            self.buttons.append(values.get("value", ""))
        elif tag == "textarea":
            self._text = name
            self.fields.append((name, ""))
        elif tag == "select":
            self._select = name
            self.fields.append((name, ""))
        elif tag == "option" and self._select and "selected" in values:
            self.fields[-1] = (self._select, values.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea" and self._text:
            # A browser drops the line end after the tag.
            text = self.fields[-1][1].replace("\r\n", "\n").removeprefix("\n")
            self.fields[-1] = (self._text, text)
            self._text = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.fields[-1] = (self._text, self.fields[-1][1] + data)

    def __getitem__(self, name: str) -> str:
        return next(value for key, value in self.fields if key == name)

    def filled(self, **changes: str | list[str]) -> MultiDict[str, str]:
        """Return the fields as they would be sent after some were filled in."""
        sent = MultiDict((name, value.replace("\n", "\r\n")) for name, value in self.fields)
        for name, value in changes.items():
            sent.setlist(name, value if isinstance(value, list) else [value])
        return sent


class Browser:
    """A client with a cookie jar that asks for pages and sends the forms in them."""

    def __init__(self, app: Flask, **environ: str) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.client.environ_base |= environ

    def get(self, path: str, **more: Any) -> TestResponse:
        """Look at a page."""
        return self.client.get(path, headers=PAGE, **more)

    def token(self, path: str = "/sign-in") -> str:
        """Return the CSRF token in the form at an address."""
        found = _TOKEN.search(self.get(path).text)
        assert found, path
        return found[1]

    def post(self, path: str, form: str | None = None, /, **fields: str) -> TestResponse:
        """Send the form that stands at `form` (by default at the same address) to `path`."""
        fields["csrf_token"] = self.token(form or path)
        response = self.client.post(path, data=fields, headers=PAGE, buffered=True)
        response.close()  # mail by SMTP goes out then
        return response

    def send(self, page: TestResponse, wanted: str = "form", /, **changes: Any) -> TestResponse:
        """Send a form of a page that was looked at, filled in, as a browser does without a script."""
        form = Form(page.text, wanted)
        assert form.action, page.text
        return self.client.post(
            form.action,
            data=form.filled(**changes),
            headers=PAGE,
            content_type="multipart/form-data",
        )

    def follow(self, answer: TestResponse) -> TestResponse:
        """Look at the page that an answer leads to."""
        assert answer.status_code in {302, 303}, text_of(answer)
        return self.get(answer.headers["Location"])

    def sign_in(self, name: str = "ada", password: str = PASSWORD, **more: str) -> TestResponse:
        """Sign in by the form."""
        return self.post("/sign-in", username=name, password=password, **more)

    def csrf(self) -> dict[str, str]:
        """Return the header that a change at the API needs by this session."""
        told: Any = self.client.get("/api/v1/identity").json
        return {"X-CSRF-Token": told["csrf_token"]}

    def is_signed_in(self) -> bool:
        """Tell whether the account page opens."""
        return self.get("/account").status_code == 200


def signed_in(
    app: Flask, name: str = "ada", role: Role = Role.READER, email: str | None = None
) -> Browser:
    """Make a user and sign a browser in."""
    make_user(app, name, role, email)
    browser = Browser(app)
    response = browser.sign_in(name)
    assert response.status_code == 302, response.text
    return browser


def session_cookie(client: FlaskClient) -> Cookie:
    """Return the cookie of the site's session, whatever its name is in this application."""
    found = client.get_cookie(client.application.config["SESSION_COOKIE_NAME"])
    assert found is not None
    return found


def text_of(response: TestResponse) -> str:
    """Return a page's text."""
    return html.unescape(response.text)


def mails(app: Flask) -> list[dict[str, str]]:
    """Read the outbox, the newest first."""
    with app.app_context():
        return list(outbox())


def link_in(mail: dict[str, str]) -> str:
    """Return the path of the link in a mail."""
    found = re.search(r"https?://\S+", mail["text"])
    assert found, mail
    return urlsplit(found[0]).path


def confirmed(browser: Browser, mail: dict[str, str]) -> TestResponse:
    """Follow the link in a mail and press the button behind it."""
    return browser.post(link_in(mail))


def user_row(app: Flask, name: str = "ada") -> User:
    """Return a user's row, detached."""
    with app.app_context():
        return db.session.scalars(select(User).where(User.username == name)).one()


def codes(app: Flask, name: str = "ada") -> list[str]:
    """Return the codes that are good for a user now: the present one and the next."""
    user = user_row(app, name)
    with app.app_context():
        factory = second_factor.one_time_codes()._totp
        totp: TOTP = factory.from_source(user.tf_totp_secret)
        return [totp.generate(time() + later).token for later in (0, 30)]


def turn_second_factor_on(app: Flask, name: str = "ada") -> None:
    """Give a user a second factor, past the pages."""
    with app.app_context():
        user = db.session.scalars(select(User).where(User.username == name)).one()
        user.tf_primary_method = "authenticator"
        user.tf_totp_secret = second_factor.one_time_codes().generate_totp_secret()
        db.session.commit()
