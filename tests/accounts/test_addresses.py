"""E-mail addresses: nobody is told which have an account, and only a confirmed one counts (53, 69, 99)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, template_rendered
from flask.testing import FlaskClient
from flask_babel import get_locale
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from api.accounts import addresses, registration, users
from api.accounts.addresses import AddressTakenError, LinkError
from api.models.types import now
from tests.accounts.tools import (
    ME,
    OTHER,
    PASSWORD,
    SIGN_INS,
    USERS,
    change_user,
    device_in,
    device_of,
    in_context,
    log_in,
    make_user,
    new_device,
    pointers,
    refreshed,
    refused,
)
from tests.conftest import MakeApp
from tests.http.helpers import at_once
from tests.site.tools import Browser, confirmed, link_in, mails, signed_in, user_row
from tests.v1.tools import sqlite_only

OWNER = "owner@example.org"
#: An address that nobody has, one that is somebody's, and one that somebody waits with.
ADDRESSES = {"free": "free@example.org", "taken": OWNER, "waiting": "await@example.org"}


@pytest.fixture
def peopled(app: Flask) -> Flask:
    """An application with an owner of an address, and somebody who waits with another."""
    make_user(app, "owner", email=OWNER)
    with app.app_context():
        users.add("waiter", "no hash", pending_email=ADDRESSES["waiting"])
    return app


def shape(answer: TestResponse, *secrets: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return all of an answer but what differs from one request to the next."""
    headers, body = [], answer.get_data(as_text=True)
    for name, said in answer.headers:
        value = said
        if name in {"Date", "X-Request-ID", "Content-Length", "Content-Security-Policy", "ETag"}:
            continue
        if name == "Server-Timing":  # how long it took; not how many statements
            value = re.sub(r"dur=[\d.]+", "", value)
        elif name == "RateLimit":
            value = re.sub(r"[rt]=\d+", "", value)
        elif name == "Set-Cookie":
            value = re.sub(r"=[^;]{20,}|Expires=[^;]+", "", value)
        headers.append((name, value))
    body = re.sub(r'value="[^"]*"|\d{4}-\d\d-\d\dT[\d:.]+Z|eyJ[\w.-]+|"[0-9a-f]{32}"', "…", body)
    for secret in secrets:
        body = body.replace(secret, "…")
    return answer.status_code, sorted(headers), body


def one_shape(shapes: dict[str, Any]) -> None:
    """Fail unless the answers for the three addresses are one answer."""
    assert shapes["taken"] == shapes["free"]
    assert shapes["waiting"] == shapes["free"]


def subjects(app: Flask) -> dict[str, list[str]]:
    """Return what each recipient was sent, sorted by subject."""
    sent: dict[str, list[str]] = {}
    for mail in mails(app):
        sent.setdefault(mail["to"], []).append(mail["subject"])
    return {recipient: sorted(each) for recipient, each in sent.items()}


def links(app: Flask, recipient: str) -> list[str]:
    """Return the paths of the links of confirmation that an address was sent, the newest first."""
    found = (link_in(mail) for mail in mails(app) if mail["to"] == recipient)
    return [link for link in found if link.startswith("/confirm/")]


def patch(client: FlaskClient, headers: dict[str, str], email: str | None) -> Any:
    """Give another address."""
    return client.patch(ME, json={"email": email}, headers=headers)


# --- What nobody is told ---


def test_no_answer_at_the_api_tells_whether_an_address_is_taken(peopled: Flask) -> None:
    client = peopled.test_client()
    registered, shown, found, refusals = {}, {}, {}, {}
    for kind, email in ADDRESSES.items():
        name = f"new-{kind}"
        body = {"username": name, "email": email, "password": PASSWORD}
        answer = client.post(USERS, json=body)
        assert answer.status_code == 201
        registered[kind] = shape(answer, name, email)
        device = device_in(log_in(client, name))
        shown[kind] = shape(client.get(ME, headers=device.headers), name, email)
        found[kind] = shape(log_in(client, email, OTHER))
        if kind != "taken":
            refusals[kind] = shape(log_in(client, email, PASSWORD))
    for shapes in (registered, shown, found):
        one_shape(shapes)
    assert refusals["free"] == refusals["waiting"]
    assert refusals["free"][0] == 401
    assert subjects(peopled) == {
        ADDRESSES["free"]: ["Confirm your e-mail address"],
        ADDRESSES["waiting"]: ["Confirm your e-mail address"],
        OWNER: ["Your address at the Flask question bank"],
    }
    assert links(peopled, OWNER) == []


def test_no_answer_to_a_change_tells_whether_an_address_is_taken(peopled: Flask) -> None:
    client = peopled.test_client()
    changed = {}
    for kind, email in ADDRESSES.items():
        name = f"new-{kind}"
        make_user(peopled, name, email=f"{name}@example.com")
        headers = device_of(peopled, name).headers
        answer = patch(client, headers, email)
        assert answer.get_json()["email"] == f"{name}@example.com"
        changed[kind] = shape(answer, email, name)
        assert shape(client.get(ME, headers=headers), email, name)[2] == changed[kind][2]
    one_shape(changed)
    assert subjects(peopled)[OWNER] == ["Your address at the Flask question bank"]
    assert links(peopled, OWNER) == []
    assert user_row(peopled, "owner").email == OWNER


def test_no_answer_at_the_site_tells_whether_an_address_is_taken(peopled: Flask) -> None:
    registered, entered, again, recovered, reread = {}, {}, {}, {}, {}
    for kind, email in ADDRESSES.items():
        name = f"new-{kind}"
        browser = Browser(peopled)
        fields = {"username": name, "email": email, "password": PASSWORD}
        answer = browser.post("/register", **fields, password_confirm=PASSWORD)
        assert answer.location == "/sign-in"
        registered[kind] = shape(answer)
        reread[kind] = shape(browser.get("/sign-in"), email)
        entered[kind] = shape(browser.sign_in(name), name)
        again[kind] = shape(Browser(peopled).post("/confirm", email=email), email)
        recovered[kind] = shape(Browser(peopled).post("/recover", email=email), email)[2]
    for shapes in (registered, reread, entered, again, recovered):
        one_shape(shapes)
    assert "Confirm your e-mail address first" in entered["taken"][2]
    told = subjects(peopled)
    assert "Your account at the Flask question bank" in told[ADDRESSES["free"]]
    assert set(told[OWNER]) == {"Your address at the Flask question bank", "Set a new password"}
    assert links(peopled, OWNER) == []


@sqlite_only
def test_asking_for_a_link_again_takes_as_many_statements_for_an_address_that_nobody_gave(
    peopled: Flask,
) -> None:
    given, unknown = (
        shape(Browser(peopled).post("/confirm", email=email), email)
        for email in (ADDRESSES["waiting"], "nobody@example.org")
    )
    assert given == unknown
    assert set(subjects(peopled)) == {ADDRESSES["waiting"]}


@sqlite_only
def test_as_much_work_is_done_for_an_address_that_is_taken(
    peopled: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.extensions import bcrypt  # counted here, and left as it is elsewhere

    hashed: list[Any] = []
    make = bcrypt.generate_password_hash

    def counted(password: str, rounds: int) -> Any:
        hashed.append(rounds)
        return make(password, rounds)

    monkeypatch.setattr(bcrypt, "generate_password_hash", counted)
    for kind, email in ADDRESSES.items():
        body = {"username": f"new-{kind}", "email": email, "password": PASSWORD}
        assert peopled.test_client().post(USERS, json=body).status_code == 201
    assert hashed == [4, 4, 4]
    assert len(mails(peopled)) == 3


# --- What a confirmed address is, and one that is not ---


def test_an_address_counts_once_its_link_was_followed(app: Flask, client: FlaskClient) -> None:
    body = {"username": "ada", "email": "Ada@Example.org", "password": PASSWORD}
    assert client.post(USERS, json=body).status_code == 201
    refused(log_in(client, "ada@example.org"), "wrong-credentials")
    Browser(app).post("/recover", email="ada@example.org")
    assert subjects(app) == {"ada@example.org": ["Confirm your e-mail address"]}
    assert confirmed(Browser(app), mails(app)[0]).location == "/sign-in"
    me = client.get(ME, headers=device_in(log_in(client, "ADA@example.org")).headers).get_json()
    assert (me["email"], me["pending_email"]) == ("ada@example.org", None)
    Browser(app).post("/recover", email="ada@example.org")
    assert "Set a new password" in subjects(app)["ada@example.org"]


def test_a_new_address_leaves_the_old_one_in_use_until_it_is_confirmed(
    app: Flask, client: FlaskClient
) -> None:
    make_user(app, email="old@example.org")
    headers = device_of(app).headers
    Browser(app).post("/recover", email="old@example.org")
    recovery = link_in(mails(app)[0])
    answer = patch(client, headers, "New@example.org").get_json()
    assert (answer["email"], answer["pending_email"]) == ("old@example.org", "new@example.org")
    assert "Your e-mail address is being changed" in subjects(app)["old@example.org"]
    assert log_in(client, "old@example.org").status_code == 201
    refused(log_in(client, "new@example.org"), "wrong-credentials")
    [link] = links(app, "new@example.org")
    assert Browser(app).post(link).location == "/sign-in"
    assert log_in(client, "new@example.org").status_code == 201
    refused(log_in(client, "old@example.org"), "wrong-credentials")
    assert Browser(app).get(recovery).location == "/recover"  # of the mailbox that it was sent to


@sqlite_only
def test_what_waits_is_sent_again_dropped_and_removed(app: Flask, client: FlaskClient) -> None:
    make_user(app, email="old@example.org")
    headers = device_of(app).headers
    patch(client, headers, "new@example.org")
    patch(client, headers, "new@example.org")
    assert len(links(app, "new@example.org")) == 2
    dropped = patch(client, headers, "OLD@example.org").get_json()
    assert (dropped["email"], dropped["pending_email"]) == ("old@example.org", None)
    assert Browser(app).get(links(app, "new@example.org")[0]).location == "/confirm"
    patch(client, headers, "new@example.org")
    removed = patch(client, headers, None).get_json()
    assert (removed["email"], removed["pending_email"]) == (None, None)
    assert user_row(app).confirmed_at is None
    assert "taken out of your account" in mails(app)[0]["text"]
    refused(log_in(client, "old@example.org"), "wrong-credentials")


@sqlite_only
def test_a_new_address_takes_a_recent_password(app: Flask, client: FlaskClient) -> None:
    device = new_device(app)
    stale = device_in(refreshed(client, device.refresh))
    refused(patch(client, stale.headers, "new@example.org"), "token-not-fresh")
    assert user_row(app).pending_email is None
    assert mails(app) == []


@sqlite_only
def test_an_address_is_changed_on_the_site_with_the_password(app: Flask) -> None:
    browser = signed_in(app, email="old@example.org")
    wrong = browser.post("/account/address", email="new@example.org", password=OTHER)
    assert wrong.status_code == 422
    assert user_row(app).pending_email is None
    given = browser.post("/account/address", email="New@example.org", password=PASSWORD)
    assert given.location == "/account"
    assert "waiting for confirmation: new@example.org" in browser.get("/account").text
    assert subjects(app)["old@example.org"] == ["Your e-mail address is being changed"]
    assert browser.post(links(app, "new@example.org")[0]).location == "/sign-in"
    assert (
        "<dd><bdi>new@example.org</bdi></dd>" in browser.get("/account").text
    )  # and is signed in still


# --- Links ---


def test_of_accounts_that_confirm_one_address_at_once_one_gets_it(app: Flask) -> None:
    for number in range(4):
        with app.app_context(), app.test_request_context():
            registration.register(f"user-{number}", PASSWORD, "ada@example.org")
    tokens = [link.rpartition("/")[2] for link in links(app, "ada@example.org")]
    assert len(set(tokens)) == 4

    def confirm(number: int) -> tuple[str, str]:
        with app.app_context():
            try:
                return addresses.confirm(tokens[number]).username, tokens[number]
            except AddressTakenError:
                return "", tokens[number]

    *losers, (winner, _) = sorted(at_once(confirm, 4))
    assert [name for name, _ in losers] == [""] * 3
    assert in_context(app, lambda: users.get("ada@example.org").username) == winner
    loser = losers[0][1]
    browser = Browser(app)
    assert browser.post(f"/confirm/{loser}").location == "/confirm"
    assert "confirmed for another account" in browser.get("/confirm").text


def test_a_link_is_good_once_whoever_presses_the_button_twice(app: Flask) -> None:
    with app.app_context(), app.test_request_context():
        registration.register("ada", PASSWORD, "ada@example.org")
    [link] = links(app, "ada@example.org")
    token = link.rpartition("/")[2]

    def confirm(_: int) -> str:
        with app.app_context():
            try:
                addresses.confirm(token)
            except LinkError:
                return "used"
            return "confirmed"

    assert sorted(at_once(confirm, 3)) == ["confirmed", "used", "used"]
    assert Browser(app).get(link).location == "/confirm"


@pytest.fixture
def link(app: Flask) -> Iterator[str]:
    """A link of `ada`'s that was not followed yet."""
    with app.app_context(), app.test_request_context():
        registration.register("ada", PASSWORD, "ada@example.org", must_confirm=True)
    [found] = links(app, "ada@example.org")
    yield found
    assert user_row(app).email is None


@sqlite_only
def test_a_link_dies_with_the_password_with_time_and_with_the_account(
    app: Flask, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(app)
    assert browser.get(link).status_code == 200
    change_user(app, "ada", active=False)
    assert browser.get(link).location == "/confirm"
    change_user(app, "ada", active=True)
    monkeypatch.setattr(addresses, "LIFETIME", timedelta(seconds=-1))
    assert browser.get(link).location == "/confirm"
    monkeypatch.undo()
    assert browser.get(link).status_code == 200
    in_context(app, lambda: users.password_changed(users.get("ada")))
    assert browser.get(link).location == "/confirm"


@sqlite_only
def test_a_link_of_anothers_making_or_for_another_user_confirms_nothing(
    app: Flask, link: str
) -> None:
    make_user(app, "bob")
    token = link.rpartition("/")[2]
    ours = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="confirm-address")
    forged = [
        token[:-1] + ("A" if token[-1] != "A" else "E"),
        token.rpartition(".")[0],
        URLSafeTimedSerializer("another key", salt="confirm-address").dumps([1, "x"]),
        URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="reset-salt").dumps([1, "x"]),
        *(ours.dumps(payload) for payload in (None, 1, [], [1], {"a": 1}, "ab", [2**70, "x"])),
        "x" * 3000,
        "%00",
        "ä",
    ]
    browser = Browser(app)
    for each in forged:
        assert browser.get(f"/confirm/{each}").location == "/confirm", each


@sqlite_only
def test_a_link_is_followed_by_programs_and_confirms_nothing_without_its_form(
    app: Flask, link: str
) -> None:
    for method in ("GET", "HEAD"):
        assert app.test_client().open(link, method=method).status_code == 200
    assert app.test_client().post(link).status_code == 400  # no token of the form


# --- Not to be flooded ---


@sqlite_only
def test_an_address_gets_so_many_mails_and_no_more_and_nobody_is_told(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_MAILS="2 per hour")
    make_user(app, "owner", email=OWNER)
    client = app.test_client()
    for kind in ("free", "taken"):
        seen = set()
        for number in range(4):
            name = f"{kind}-{number}"
            body = {"username": name, "email": ADDRESSES[kind], "password": PASSWORD}
            answer = client.post(USERS, json=body)
            assert "mails" not in answer.headers["RateLimit"]
            seen.add(str(shape(answer, name, ADDRESSES[kind])))
        assert len(seen) == 1
    assert {name: len(each) for name, each in subjects(app).items()} == {
        ADDRESSES["free"]: 2,
        OWNER: 2,
    }
    for _ in range(4):
        Browser(app).post("/recover", email=OWNER)  # what others gave does not hold it back
    assert subjects(app)[OWNER].count("Set a new password") == 2


@sqlite_only
def test_an_account_changes_its_address_so_often_and_no_more(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_MAILS="2 per hour")
    client = app.test_client()
    ada, bob = new_device(app), new_device(app, "bob")
    statuses = [
        patch(client, ada.headers, f"a{number}@example.org").status_code for number in range(3)
    ]
    assert statuses == [200, 200, 429]
    assert client.get(ME, headers=ada.headers).status_code == 200
    assert patch(client, bob.headers, "b@example.org").status_code == 200
    assert len(mails(app)) == 3


@sqlite_only
def test_a_link_asked_for_by_its_address_goes_to_a_few_accounts(app: Flask) -> None:
    for number in range(5):
        with app.app_context():
            users.add(f"user-{number}", "no hash", pending_email="ada@example.org")
    Browser(app).post("/confirm", email="ADA@example.org")
    assert len(links(app, "ada@example.org")) == addresses.SEVERAL


# --- What is around ---


@sqlite_only
def test_an_account_that_nobody_opens_goes_and_its_name_is_free_again(app: Flask) -> None:
    with app.app_context(), app.test_request_context():
        for name in ("late", "young"):
            registration.register(name, PASSWORD, f"{name}@example.org", must_confirm=True)
    make_user(app)
    for name in ("late", "ada"):
        change_user(app, name, created_at=now() - registration.KEPT - timedelta(minutes=1))
    assert in_context(app, registration.remove_unopened) == 1
    assert in_context(app, lambda: users.find("late")) is None
    assert in_context(app, registration.remove_unopened) == 0


@sqlite_only
def test_a_mail_is_in_the_language_of_its_reader(app: Flask) -> None:
    written: list[tuple[str, str]] = []

    def note(_sender: Flask, template: Any, **_: Any) -> None:
        written.append((template.name, str(get_locale())))

    client = app.test_client()
    german = {"Accept-Language": "de-AT, de;q=0.9"}
    body = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    with template_rendered.connected_to(note, app):
        client.post(USERS, json=body, headers=german)
        confirmed(Browser(app), mails(app)[0])
        client.post(USERS, json=body | {"username": "bob"})  # who asks has another language
        make_user(app, "eve", email="eve@example.org")
        client.post(
            USERS, json=body | {"username": "dan", "email": "eve@example.org"}, headers=german
        )
    letters = [each for each in written if each[0].startswith("mail/")]
    assert letters == [
        ("mail/confirm.txt", "de"),
        ("mail/address_taken.txt", "de"),
        ("mail/address_taken.txt", "en"),  # not known
    ]
    assert user_row(app).language == "de"


@sqlite_only
def test_the_language_of_mails_follows_the_last_sign_in_on_the_site(app: Flask) -> None:
    make_user(app)
    browser = Browser(app)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "es"
    browser.sign_in()
    assert user_row(app).language == "es"


@sqlite_only
@pytest.mark.parametrize("email", ["a\0b@example.org", "x" * 300 + "@example.org", "", "a@b"])
def test_what_is_no_address_asks_for_no_link(app: Flask, email: str) -> None:
    assert Browser(app).post("/confirm", email=email).status_code in {400, 422}
    assert mails(app) == []


@sqlite_only
def test_a_name_that_is_taken_is_told_and_nobody_is_written_to(app: Flask) -> None:
    make_user(app)
    body = {"username": "ADA", "email": "new@example.org", "password": PASSWORD}
    answer = app.test_client().post(USERS, json=body)
    assert pointers(answer) == {"#/username"}
    assert answer.get_json()["errors"][0]["detail"] == "This name is taken."
    assert mails(app) == []
    assert app.test_client().post(SIGN_INS, json={"username": "ada", "password": PASSWORD}).json
