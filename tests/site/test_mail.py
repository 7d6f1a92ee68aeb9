"""Confirmation and recovery by mail: into the folder, by real SMTP, and links that are misused (99)."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask

from api import logs
from api.accounts import users
from tests.accounts.tools import (
    ME,
    OTHER,
    PASSWORD,
    change_user,
    device_of,
    in_context,
    log_in,
    make_user,
    refused,
)
from tests.conftest import MakeApp
from tests.site.tools import PAGE, Browser, confirmed, link_in, mails, signed_in, user_row
from tests.v1.tools import sqlite_only

NEW = "three-kettles-on-a-hill"
FIELDS = {
    "username": "ada",
    "email": "Ada@Example.org",
    "password": PASSWORD,
    "password_confirm": PASSWORD,
}


def test_a_registration_is_confirmed_by_the_button_behind_the_link(app: Flask) -> None:
    browser = Browser(app)
    assert browser.post("/register", **FIELDS).location == "/sign-in"
    [mail] = mails(app)
    assert mail["to"] == "ada@example.org"
    assert mail["subject"] == "Your account at the Flask question bank"
    refusal = browser.sign_in()
    assert refusal.status_code == 422
    assert "Confirm your e-mail address first" in refusal.text
    refused(log_in(app.test_client()), "confirmation-needed")
    refused(log_in(app.test_client(), password=OTHER), "wrong-credentials")
    page = browser.get(link_in(mail))  # as a program that looks for malware does
    assert (page.status_code, user_row(app).confirmed_at) == (200, None)
    assert "ada@example.org" in page.text
    assert confirmed(browser, mail).location == "/sign-in"
    assert "Your address is confirmed." in browser.get("/sign-in").text
    assert browser.sign_in().status_code == 302
    assert log_in(app.test_client(), "ADA@example.org").status_code == 201
    assert "<dd><bdi>ada@example.org</bdi></dd>" in browser.get("/account").text


def test_a_lost_password_is_set_anew_by_the_link_in_the_mail(app: Flask) -> None:
    browser = signed_in(app, email="ada@example.org")
    api = device_of(app)
    stranger = Browser(app)
    stranger.post("/recover", email="ADA@example.org")
    link = link_in(mails(app)[0])
    assert stranger.get(link).status_code == 200
    weak = stranger.post(link, password="short", password_confirm="short")
    assert weak.status_code == 422
    done = stranger.post(link, password=NEW, password_confirm=NEW)
    assert done.location == "/sign-in"
    assert not browser.is_signed_in()
    refused(app.test_client().get(ME, headers=api.headers), "token-revoked")
    assert not stranger.is_signed_in()
    assert stranger.sign_in().status_code == 422
    assert stranger.sign_in(password=NEW).status_code == 302
    again = Browser(app).get(link)
    assert again.location == "/recover"  # a link is good once


@pytest.mark.parametrize("by", ["site", "api"])
def test_a_recovery_link_dies_with_the_password_that_it_was_for(app: Flask, by: str) -> None:
    browser = signed_in(app, email="ada@example.org")
    Browser(app).post("/recover", email="ada@example.org")
    link = link_in(mails(app)[0])
    if by == "site":
        browser.post(
            "/account/password", password=PASSWORD, new_password=OTHER, new_password_confirm=OTHER
        )
    else:
        body = {"current_password": PASSWORD, "new_password": OTHER}
        browser.client.put(f"{ME}/password", json=body, headers=browser.csrf())
    stranger = Browser(app)
    answer = stranger.client.post(
        link,
        data={"password": NEW, "password_confirm": NEW, "csrf_token": stranger.token()},
        headers=PAGE,
    )
    assert answer.location == "/recover"
    assert log_in(app.test_client(), password=OTHER).status_code == 201


@sqlite_only
def test_a_link_expires(app: Flask) -> None:
    make_user(app, email="ada@example.org")
    browser = Browser(app)
    browser.post("/recover", email="ada@example.org")
    link = link_in(mails(app)[0])
    app.config["SECURITY_RESET_PASSWORD_WITHIN"] *= -1
    assert browser.get(link).location == "/recover"
    assert "You did not reset your password within" in browser.get("/recover").text


@sqlite_only
def test_a_confirmation_link_confirms_the_address_that_it_was_sent_to_and_no_other(
    app: Flask,
) -> None:
    browser = Browser(app)
    browser.post("/register", **FIELDS)
    link = link_in(mails(app)[0])
    change_user(app, "ada", pending_email="other@example.org")
    assert browser.get(link).location == "/confirm"
    assert "the address was given up since" in browser.get("/confirm").text
    assert user_row(app).confirmed_at is None


@sqlite_only
def test_a_confirmation_link_is_no_recovery_link_nor_the_other_way_round(app: Flask) -> None:
    browser = Browser(app)
    browser.post("/register", **FIELDS)
    confirmation = link_in(mails(app)[0]).rpartition("/")[2]
    make_user(app, "bob", email="bob@example.org")
    browser.post("/recover", email="bob@example.org")
    recovery = link_in(mails(app)[0]).rpartition("/")[2]
    assert confirmation != recovery
    assert browser.get(f"/recover/{confirmation}").location == "/recover"
    assert browser.get(f"/confirm/{recovery}").location == "/confirm"


@sqlite_only
def test_following_anothers_confirmation_link_confirms_theirs_and_not_ones_own(app: Flask) -> None:
    Browser(app).post("/register", **FIELDS)
    mail = mails(app)[0]
    bob = signed_in(app, "bob")
    assert "ada" in bob.get(link_in(mail)).text
    assert confirmed(bob, mail).location == "/sign-in"
    assert user_row(app, "ada").email == "ada@example.org"
    assert user_row(app, "bob").email is None
    assert "<dd><bdi>bob</bdi></dd>" in bob.get("/account").text


@sqlite_only
def test_an_account_without_an_address_is_sent_nothing(app: Flask) -> None:
    browser = signed_in(app)
    fields = {"password": PASSWORD, "new_password": OTHER, "new_password_confirm": OTHER}
    assert browser.post("/account/password", **fields).status_code == 302
    assert mails(app) == []


@sqlite_only
def test_the_outbox_is_private_and_shown_in_development_alone(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app()
    Browser(app).post("/register", **FIELDS)
    folder = Path(app.config["MAIL_OUTBOX"])
    assert folder.stat().st_mode & 0o077 == 0
    told: Any = app.test_client().get("/outbox", headers={"Accept": "application/json"}).json
    assert "/confirm/" in told["items"][0]["text"]
    assert "/confirm/" in Browser(app).get("/outbox").text
    production = make_app(
        APP_ENV="production",
        SECRET_KEY="k7Tn2rXw9QeLm4VbYc8HsZ1uJd6GpAf3",
        TRUSTED_HOSTS="localhost",
    )
    assert production.test_client().get("/outbox").status_code == 404
    sent = make_app(MAIL_URL="smtp://127.0.0.1:1")
    assert sent.test_client().get("/outbox").status_code == 404


@sqlite_only
def test_a_folder_that_cannot_be_written_to_fails_no_start_and_no_page(
    make_app: MakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    app = make_app(MAIL_OUTBOX=str(tmp_path / "file" / "outbox"))
    make_user(app, email="ada@example.org")
    assert Browser(app).post("/recover", email="ada@example.org").status_code == 200
    assert "mail was not sent" in capsys.readouterr().err
    assert mails(app) == []


# --- By SMTP ---


@dataclass
class Inbox:
    """A real SMTP server's handler that keeps what it is given."""

    messages: list[Any] = field(default_factory=list)
    credentials: list[Any] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.messages.append((envelope, message_from_bytes(envelope.content)))
        return "250 kept"


@pytest.fixture
def smtp() -> Iterator[tuple[Inbox, int]]:
    """An SMTP server on a free port of this machine."""
    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, port
    controller.stop()


@sqlite_only
def test_mail_goes_out_by_smtp(make_app: MakeApp, smtp: tuple[Inbox, int]) -> None:
    inbox, port = smtp
    app = make_app(MAIL_URL=f"smtp://127.0.0.1:{port}", MAIL_SENDER="The bank <bank@example.org>")
    browser = Browser(app)
    assert browser.post("/register", **FIELDS).status_code == 302
    [(envelope, message)] = inbox.messages
    assert envelope.mail_from == "bank@example.org"
    assert [address.lower() for address in envelope.rcpt_tos] == ["ada@example.org"]
    assert message["From"] == "The bank <bank@example.org>"
    assert message["Message-ID"].endswith("@example.org>")
    text = message.get_payload(decode=True).decode()
    assert confirmed(browser, {"text": text}).location == "/sign-in"
    assert browser.sign_in().status_code == 302


@sqlite_only
def test_a_mail_server_that_fails_shows_nobody_which_addresses_are_known(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    app = make_app(MAIL_URL=f"smtp://127.0.0.1:{port}")
    make_user(app, email="ada@example.org")
    statuses = {
        Browser(app).post("/recover", email=f"{name}@example.org").status_code
        for name in ("ada", "nobody")
    }
    assert statuses == {200}
    assert "mail was not sent" in capsys.readouterr().err


@sqlite_only
def test_a_password_for_the_mail_server_never_goes_out_in_the_clear(
    make_app: MakeApp, smtp: tuple[Inbox, int], capsys: pytest.CaptureFixture[str]
) -> None:
    inbox, port = smtp  # it offers no STARTTLS
    app = make_app(MAIL_URL=f"smtp://user:hush%40hush@127.0.0.1:{port}")
    make_user(app, email="ada@example.org")
    assert Browser(app).post("/recover", email="ada@example.org").status_code == 200
    assert inbox.messages == []
    logged = capsys.readouterr().err
    assert "mail was not sent" in logged
    assert "hush" not in logged


@sqlite_only
def test_links_in_mails_lead_to_where_the_form_was(make_app: MakeApp) -> None:
    app = make_app()
    make_user(app, email="ada@example.org")
    Browser(app).post("/mounted/recover", email="ada@example.org")
    assert link_in(mails(app)[0]).startswith("/mounted/recover/")
    assert in_context(app, lambda: users.get("ada").fs_uniquifier) not in mails(app)[0]["text"]


@sqlite_only
def test_a_link_that_opens_an_account_is_not_logged(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app()
    make_user(app, email="ada@example.org")
    browser = Browser(app)
    browser.post("/recover", email="ada@example.org")
    link = link_in(mails(app)[0])
    browser.get(link)
    logs.access.flush()
    logged = capsys.readouterr().err
    assert link.rpartition("/")[2] not in logged
    assert "GET /recover/[redacted] 200" in logged
