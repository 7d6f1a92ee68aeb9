"""The site's door: sign in and out, register, roles on pages; and attacks on its forms (69, 99)."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask_bcrypt import Bcrypt
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from api.accounts import tokens, users
from api.accounts.permissions import Role
from api.extensions import db
from api.models import SignIn, User
from tests.accounts.tools import (
    ME,
    OTHER,
    PASSWORD,
    SIGN_INS,
    change_user,
    device_in,
    device_of,
    log_in,
    make_user,
    password_hash,
    refused,
)
from tests.conftest import MakeApp
from tests.site.tools import (
    PAGE,
    Browser,
    confirmed,
    mails,
    session_cookie,
    signed_in,
    text_of,
    user_row,
)
from tests.v1.tools import sqlite_only

FORMS = [
    ("/sign-in", {"username": "ada", "password": PASSWORD}),
    (
        "/register",
        {
            "username": "bob",
            "email": "bob@example.org",
            "password": OTHER,
            "password_confirm": OTHER,
        },
    ),
    ("/confirm", {"email": "ada@example.org"}),
    ("/recover", {"email": "ada@example.org"}),
]
FORMS_WITHIN = [
    ("/sign-out", {}),
    ("/verify", {"password": PASSWORD}),
    (
        "/account/password",
        {"password": PASSWORD, "new_password": OTHER, "new_password_confirm": OTHER},
    ),
    ("/account/address", {"email": "new@example.org", "password": PASSWORD}),
    ("/account/two-factor", {"setup": "authenticator"}),
    ("/account/recovery-codes", {"generate_new_codes": "1"}),
    ("/account/sign-out-everywhere", {}),
]


def test_sign_in_see_the_account_and_sign_out(app: Flask) -> None:
    make_user(app, email="ada@example.org")
    browser = Browser(app)
    asked = browser.get("/account")
    assert (asked.status_code, asked.location) == (302, "/sign-in?next=/account")
    answer = browser.sign_in(next="/account")
    assert (answer.status_code, answer.location) == (302, "/account")
    page = browser.get("/account")
    assert page.status_code == 200
    assert "private" in page.headers["Cache-Control"]
    assert {"ada", "ada@example.org", "reader", "account.use-own", "this one"} <= set(
        re.split(r"\s*<[^>]*>\s*|\s\(", page.text)
    )
    assert browser.post("/sign-out", "/account").location == "/"
    assert browser.get("/account").status_code == 302


@sqlite_only
def test_who_was_signed_out_elsewhere_is_told_so_and_comes_back(app: Flask) -> None:
    make_user(app)
    browser = Browser(app)
    browser.sign_in()
    with app.app_context():
        tokens.revoke_all(users.get("ada"))
    asked = browser.get("/account?x=1")
    assert (asked.status_code, asked.location) == (302, "/sign-in?next=/account?x%3D1")
    told = "Your session has ended, here or from another device."
    assert told in browser.get("/sign-in").text
    assert told not in browser.get("/sign-in").text  # once
    assert browser.sign_in(next="/account?x=1").location == "/account?x=1"


@sqlite_only
def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(app: Flask) -> None:
    make_user(app)
    browser = Browser(app)
    browser.sign_in()

    def sent(**headers: str) -> TestResponse:
        with app.app_context():
            tokens.revoke_all(users.get("ada"))
        return browser.client.post(
            "/account/sign-out-everywhere", data={}, headers={"Accept": "text/html", **headers}
        )

    answer = sent(Referer="http://localhost/account?x=1#devices")
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/account?x%3D1")
    page = browser.get("/sign-in").text
    assert "Sign in and send the form once more" in page
    assert "what you had typed in it is not kept" in page
    assert browser.sign_in(next="/account?x=1").location == "/account?x=1"
    elsewhere = sent(Referer="https://evil.example/account")
    assert (elsewhere.status_code, elsewhere.location) == (303, "/sign-in")


@sqlite_only
@pytest.mark.parametrize(
    ("referer", "status", "location"),
    [
        ("http://localhost/account", 303, "/sign-in?next=/account"),
        ("http://localhost//evil.example", 401, None),
        ("http://localhost.evil.example/account", 401, None),
        ("", 401, None),
    ],
)
def test_a_form_sent_by_nobody_leads_back_to_a_page_of_this_site_only(
    app: Flask, referer: str, status: int, location: str | None
) -> None:
    headers = {"Accept": "text/html", "Referer": referer}
    answer = app.test_client().post("/account/sign-out-everywhere", headers=headers)
    assert (answer.status_code, answer.location) == (status, location)
    if status == 401:
        assert 'href="/sign-in"' in answer.text.partition("<main")[2]
    for accept in ("*/*", "application/json"):
        headers["Accept"] = accept
        asked = app.test_client().post("/account/sign-out-everywhere", headers=headers)
        refused(asked, "token-missing")


@sqlite_only
def test_a_script_whose_session_ended_is_refused_and_not_led_to_a_page(app: Flask) -> None:
    make_user(app)
    browser = Browser(app)
    browser.sign_in()
    with app.app_context():
        tokens.revoke_all(users.get("ada"))
    asked = {"Accept": "text/html", "Referer": "http://localhost/questions/new"}
    answers = [
        browser.client.post("/preview", headers={**asked, "Sec-Fetch-Dest": what})
        for what in ("empty", "document")
    ]
    assert [answer.status_code for answer in answers] == [401, 303]
    assert [answer.location for answer in answers] == [None, "/sign-in?next=/questions/new"]


@sqlite_only
def test_who_never_signed_in_is_not_told_of_a_session_that_ended(app: Flask) -> None:
    browser = Browser(app)
    browser.get("/sign-in")
    browser.get("/account")
    assert "Your session has ended" not in browser.get("/sign-in").text


def test_an_api_client_is_refused_a_page_by_problem_details(app: Flask) -> None:
    client = app.test_client()
    refused(client.get("/account"), "token-missing")
    refused(client.get("/account/password"), "token-missing")


def test_a_page_and_its_menu_entry_are_for_a_role(app: Flask) -> None:
    reader, editor = signed_in(app), signed_in(app, "eve", Role.EDITOR)
    assert "/editing" not in reader.get("/").text
    assert 'href="/editing"' in editor.get("/").text
    refusal = reader.get("/editing")
    assert refusal.status_code == 403
    assert "question.edit" in refusal.text
    assert "None is different" in editor.get("/editing").text
    version = editor.client.get("/api/v1/questions/51").headers["ETag"]
    changed = editor.client.patch(
        "/api/v1/questions/51",
        json={"difficulty": "advanced"},
        headers={"If-Match": version, **editor.csrf()},
    )
    assert changed.status_code == 200
    assert "1 question of 50" in editor.get("/editing").text


def test_accounts_of_either_door_sign_in_at_the_other(app: Flask) -> None:
    make_user(app, "ada", email="ada@example.org")
    assert Browser(app).sign_in("ada").status_code == 302
    assert Browser(app).sign_in("Ada@Example.org").status_code == 302
    browser = Browser(app)
    fields = {
        "username": "bob",
        "email": "bob@example.org",
        "password": OTHER,
        "password_confirm": OTHER,
    }
    assert browser.post("/register", **fields).location == "/sign-in"
    client = app.test_client()
    refused(log_in(client, "bob", OTHER), "confirmation-needed")
    assert confirmed(browser, mails(app)[0]).location == "/sign-in"
    assert (
        client.get(ME, headers=device_in(log_in(client, "bob", OTHER)).headers).status_code == 200
    )
    assert browser.sign_in("bob", OTHER).status_code == 302


@sqlite_only
def test_a_hash_of_a_lower_factor_is_made_anew_at_this_door_too(make_app: MakeApp) -> None:
    app = make_app()
    make_user(app)
    assert password_hash(app).startswith("$2b$04$")
    raised = make_app(BCRYPT_LOG_ROUNDS="5")
    assert Browser(raised).sign_in().status_code == 302
    assert password_hash(app).startswith("$2b$05$")


@sqlite_only
@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "Shorter than 10 characters."),
        ("é" * 40, "Is 80 bytes of UTF-8; bcrypt takes 72 at most."),
        ("password123", "Too easy to guess: This is a very common password."),
        ("robinson-crusoe", "Too easy to guess."),
    ],
)
def test_the_site_judges_passwords_as_the_api_does(app: Flask, password: str, said: str) -> None:
    browser = Browser(app)
    fields = {"username": "robinson-crusoe", "email": "r@example.org"}
    page = browser.post("/register", password=password, password_confirm=password, **fields)
    assert page.status_code == 422
    assert said in text_of(page)
    known = signed_in(app, "robinson-crusoe")
    change = {"new_password": password, "new_password_confirm": password}
    page = known.post("/account/password", password=PASSWORD, **change)
    assert page.status_code == 422
    assert said in text_of(page)


@sqlite_only
def test_a_password_that_only_looks_the_same_is_another(app: Flask) -> None:
    # Flask-Security by itself would normalise it, and the API would not find it again.
    with app.app_context():
        users.create("zoe", "cafe\u0301-an-der-ecke-42")
    assert Browser(app).sign_in("zoe", "caf\u00e9-an-der-ecke-42").status_code == 422
    assert Browser(app).sign_in("zoe", "cafe\u0301-an-der-ecke-42").status_code == 302


def test_a_registration_takes_three_things_and_nothing_else(app: Flask) -> None:
    Browser(app).post(
        "/register",
        username="mallory",
        email="mallory@example.org",
        password=OTHER,
        password_confirm=OTHER,
        roles="administrator",
        role="administrator",
        active="0",
        confirmed_at="2026-11-22",
        must_confirm="",
        fs_uniquifier="1",
        id="77",
    )
    user = user_row(app, "mallory")
    assert [role.name for role in user.roles] == ["reader"]
    assert (user.active, user.must_confirm, user.confirmed_at) == (True, True, None)
    assert user.fs_uniquifier != "1"
    assert user.id != 77


def test_two_who_register_one_name_at_once_are_one_account_and_no_failure(app: Flask) -> None:
    browsers = [Browser(app) for _ in range(3)]
    tokens = [browser.token("/register") for browser in browsers]
    together = Barrier(3)

    def register(number: int) -> int:
        fields = {**FORMS[1][1], "email": f"bob{number}@example.org", "csrf_token": tokens[number]}
        together.wait()
        return browsers[number].client.post("/register", data=fields, headers=PAGE).status_code

    with ThreadPoolExecutor(3) as pool:
        statuses = list(pool.map(register, range(3)))
    assert 302 in statuses
    assert set(statuses) <= {302, 422}
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(User)) == 1


@sqlite_only
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"username": "../etc"}, "letters, digits"),
        ({"username": "a" * 61}, "letters, digits"),
        ({"email": "not an address"}, "Invalid email"),
        ({"email": "a@" + "b" * 250 + ".org"}, "Invalid email"),
        ({"password_confirm": PASSWORD}, "Passwords do not match"),
    ],
)
def test_a_registration_says_what_is_wrong_with_a_field(
    app: Flask, fields: dict[str, str], said: str
) -> None:
    good = dict(FORMS[1][1])
    page = Browser(app).post("/register", **(good | fields))
    assert page.status_code == 422
    assert said in text_of(page)


# --- Nobody learns who has an account ---


class CountingBcrypt:
    """Counts the comparisons that are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        original = Bcrypt.check_password_hash

        def counted(this: Any, *args: Any) -> Any:
            self.count += 1
            return original(this, *args)

        monkeypatch.setattr(Bcrypt, "check_password_hash", counted)


@sqlite_only
def test_a_refused_sign_in_is_the_same_whoever_is_named(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(app, "ada", email="ada@example.org")
    make_user(app, "gone")
    change_user(app, "gone", active=False)
    bcrypt = CountingBcrypt(monkeypatch)
    seen = set()
    for name in ("ada", "ada@example.org", "nobody", "no@example.org", "gone", "a" * 254):
        before = bcrypt.count
        page = Browser(app).sign_in(name, "wrong-password-here")
        shape = re.sub(r'value="[^"]*"', "", page.text)
        seen.add((page.status_code, shape, bcrypt.count - before))
    assert len(seen) == 1
    [(status, text, checks)] = seen
    assert (status, checks) == (422, 1)
    assert "Name and password do not match." in text


@sqlite_only
@pytest.mark.parametrize("path", ["/recover", "/confirm"])
def test_a_request_for_mail_is_answered_the_same_whoever_is_named(app: Flask, path: str) -> None:
    make_user(app, "ada", email="ada@example.org")
    make_user(app, "gone", email="gone@example.org")
    change_user(app, "gone", active=False)
    seen = set()
    for name in ("ada", "gone", "nobody"):
        page = Browser(app).post(path, email=f"{name}@example.org")
        text = re.sub(r'value="[^"]*"', "", page.text).replace(f"{name}@example.org", "…")
        seen.add((page.status_code, text))
    assert len(seen) == 1
    assert next(iter(seen))[0] == 200


@sqlite_only
def test_a_name_that_is_taken_is_told_and_nothing_is_mailed(app: Flask) -> None:
    make_user(app, "ada", email="ada@example.org")
    fields = {**FORMS[1][1], "username": "ADA"}
    page = Browser(app).post("/register", **fields)
    assert page.status_code == 422
    assert "This name is taken." in page.text
    assert mails(app) == []


@sqlite_only
def test_the_login_form_shares_the_quota_of_sign_ins_with_the_api(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_SIGN_INS="3 per minute")
    make_user(app)
    assert log_in(app.test_client(), password="wrong").status_code == 401
    assert Browser(app).sign_in(password="wrong").status_code == 422
    assert Browser(app).sign_in(password="wrong").status_code == 422
    page = Browser(app).sign_in()
    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) > 0
    assert log_in(app.test_client()).status_code == 429


# --- Forms from elsewhere ---


@sqlite_only
@pytest.mark.parametrize("token", [None, "wrong", "ä", "x" * 5000])
@pytest.mark.parametrize(("path", "fields"), FORMS, ids=lambda value: str(value)[:10])
def test_a_form_without_its_csrf_token_does_nothing(
    app: Flask, path: str, fields: dict[str, str], token: str | None
) -> None:
    make_user(app, email="ada@example.org")
    browser = Browser(app)
    browser.token("/sign-in")
    sent = fields | ({"csrf_token": token} if token else {})
    page = browser.client.post(path, data=sent, headers=PAGE)
    assert page.status_code == 400
    assert "CSRF" in page.text
    assert not browser.is_signed_in()
    assert mails(app) == []


@sqlite_only
@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize(("path", "fields"), FORMS_WITHIN, ids=lambda value: str(value)[:25])
def test_a_form_within_without_its_csrf_token_does_nothing(
    app: Flask, path: str, fields: dict[str, str], token: str | None
) -> None:
    browser = signed_in(app)
    before = (password_hash(app), user_row(app).mf_recovery_codes)
    sent = fields | ({"csrf_token": token} if token else {})
    page = browser.client.post(path, data=sent, headers=PAGE)
    assert page.status_code in {200, 400}, page.text
    assert "CSRF" in page.text
    assert (password_hash(app), user_row(app).mf_recovery_codes) == before
    assert browser.is_signed_in()


@sqlite_only
def test_the_csrf_token_of_one_session_is_worth_nothing_in_another(app: Flask) -> None:
    make_user(app)
    foreign = Browser(app).token()
    browser = Browser(app)
    browser.token()
    fields = {"username": "ada", "password": PASSWORD, "csrf_token": foreign}
    assert browser.client.post("/sign-in", data=fields, headers=PAGE).status_code == 400


ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "https://evil.example/",
    "https:evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "%2f%2fevil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    " //evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\u2000//evil.example",
    "http://[",
    "http://localhost@evil.example",
    "evil.example",
    "/a\r\nSet-Cookie: x=1",
]


@sqlite_only
@pytest.mark.parametrize("prefix", ["", "/mounted"])
def test_nobody_is_sent_to_another_site_after_signing_in(make_app: MakeApp, prefix: str) -> None:
    app = make_app(RATELIMIT_SIGN_INS="1000 per minute", RATELIMIT_READS="10000 per minute")
    make_user(app)
    elsewhere = [*ELSEWHERE, *([] if not prefix else ["/account", "/mountedx/account"])]
    for target in elsewhere:
        browser = Browser(app)
        by_form = browser.post(f"{prefix}/sign-in", username="ada", password=PASSWORD, next=target)
        by_query = browser.client.post(
            f"{prefix}/sign-in",
            query_string={"next": target},
            data={
                "username": "ada",
                "password": PASSWORD,
                "csrf_token": browser.token(f"{prefix}/sign-in"),
            },
            headers=PAGE,
        )
        for answer in (by_form, by_query):
            assert answer.status_code == 400, target
            assert "evil" not in answer.headers.get("Location", "")
        assert not browser.is_signed_in()
    answer = Browser(app).post(
        f"{prefix}/sign-in", username="ada", password=PASSWORD, next=f"{prefix}/editing?x=1"
    )
    assert answer.location == f"{prefix}/editing?x=1"


@sqlite_only
def test_the_way_to_the_sign_in_page_and_back_works_under_a_prefix(make_app: MakeApp) -> None:
    app = make_app(TRUSTED_PROXIES="1")
    make_user(app)
    asked = Browser(app).get("/mounted/account")
    assert asked.location == "/mounted/sign-in?next=/mounted/account"
    proxied = app.test_client().get("/editing?a=1", headers={**PAGE, "X-Forwarded-Prefix": "/bank"})
    assert proxied.location == "/bank/sign-in?next=/bank/editing?a%3D1"


@sqlite_only
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/sign-in", {"username": "a\0b", "password": PASSWORD}),
        ("/register", {"username": "bob\0", "email": "b@example.org", "password": OTHER}),
        ("/recover", {"email": "a\0@example.org"}),
        ("/sign-in/code", {"code": "\0"}),
    ],
)
def test_a_nul_is_refused_where_a_database_would_fail_on_it(
    app: Flask, path: str, fields: dict[str, str]
) -> None:
    refused(app.test_client().post(path, data=fields), "malformed-request", 400)


@sqlite_only
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"[1]", "application/json"),
        (b'{"username":["ada"],"password":1}', "application/json"),
        (b"<x/>", "text/xml"),
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/register", "/recover", "/sign-out"])
def test_the_door_takes_forms_only(app: Flask, path: str, data: bytes, kind: str) -> None:
    answer = app.test_client().post(path, data=data, content_type=kind)
    refused(answer, "unsupported-media-type", 415)


def nasty() -> Iterator[bytes]:
    yield b"username=%ff%fe&password=%ff"
    yield b"username=" + "𝒜".encode() * 300 + b"&password=x"
    yield b"username=ada&password=" + b"p" * 100_000
    yield b"&&&==="
    yield b"username=ada&username=bob&password=x&password=y&next=&next="
    yield b"username=" + b"9" * 400 + b"&password=1e999"


@pytest.mark.parametrize("path", ["/sign-in", "/register", "/recover", "/confirm", "/sign-in/code"])
def test_nasty_forms_are_refused_and_never_a_500(app: Flask, path: str) -> None:
    browser = Browser(app)
    for data in nasty():
        token = browser.token()
        answer = browser.client.post(
            path,
            data=data + b"&csrf_token=" + token.encode(),
            content_type="application/x-www-form-urlencoded",
            headers=PAGE,
        )
        assert answer.status_code in {200, 302, 400, 413, 422, 429}, (path, data[:40])


@pytest.mark.parametrize("token", ["x", "%00", "a.b.c", "%ff", "x" * 3000])
@pytest.mark.parametrize("path", ["/recover/", "/confirm/"])
def test_a_link_that_is_none_of_ours_leads_back_to_the_form(
    app: Flask, path: str, token: str
) -> None:
    answer = Browser(app).get(path + token)
    assert (answer.status_code, answer.location) == (302, path.rstrip("/"))


@sqlite_only
def test_views_that_this_site_has_no_use_for_are_closed(app: Flask) -> None:
    for path in ("/sign-in/help", "/sign-in/factor", "/sign-in/recovery-code"):
        assert app.test_client().get(path).status_code == 404
        assert app.test_client().post(path).status_code == 404


@sqlite_only
def test_flask_securitys_own_tokens_open_nothing(app: Flask) -> None:
    make_user(app)
    with app.test_request_context():
        user: Any = user_row(app)
        token = user.get_auth_token()
    client = app.test_client()
    for sent in (
        {"headers": {"Authentication-Token": token}},
        {"query_string": {"auth_token": token}},
    ):
        assert client.get("/account", **sent).status_code == 401
    refused(client.get(ME, headers={"Authentication-Token": token}), "token-missing")
    browser = Browser(app)
    answer = browser.post(
        "/sign-in?include_auth_token", "/sign-in", username="ada", password=PASSWORD
    )
    assert "auth" not in answer.text.lower()


# --- A change of password, and devices ---


def test_a_password_change_on_the_site_ends_every_other_device_of_both_doors(app: Flask) -> None:
    here, there = signed_in(app, email="ada@example.org"), Browser(app)
    there.sign_in()
    api = device_of(app)
    fields = {"password": PASSWORD, "new_password": OTHER, "new_password_confirm": OTHER}
    assert here.post("/account/password", **fields).location == "/account"
    assert here.is_signed_in()
    assert not there.is_signed_in()
    refused(app.test_client().get(ME, headers=api.headers), "token-revoked")
    assert here.get("/sign-in").location == "/account"  # signed in already: sent on
    assert Browser(app).sign_in().status_code == 422
    assert Browser(app).sign_in(password=OTHER).status_code == 302
    assert mails(app)[0]["subject"] == "Your password was changed"
    with app.app_context():
        live = select(func.count()).select_from(SignIn).where(SignIn.revoked_at.is_(None))
        assert db.session.scalar(live) == 2


def test_a_password_change_at_the_api_ends_every_session_and_renews_the_one_that_asked(
    app: Flask,
) -> None:
    here, there = signed_in(app, email="ada@example.org"), Browser(app)
    there.sign_in()
    before = session_cookie(here.client)
    body = {"current_password": PASSWORD, "new_password": OTHER}
    answer = here.client.put(f"{ME}/password", json=body, headers=here.csrf())
    assert answer.status_code == 204
    assert here.is_signed_in()
    assert not there.is_signed_in()
    assert session_cookie(here.client).value != before.value
    copy = Browser(app)
    copy.client.set_cookie(before.key, before.value)
    assert not copy.is_signed_in()
    devices: Any = here.client.get(SIGN_INS).json
    assert [device["current"] for device in devices["items"]] == [True]
    assert here.client.patch(ME, json={}, headers=here.csrf()).status_code == 200  # and it is fresh
    assert mails(app)[0]["subject"] == "Your password was changed"


def test_a_device_is_signed_out_by_its_button(app: Flask) -> None:
    here, there = signed_in(app), Browser(app)
    there.sign_in()
    told: Any = there.client.get(SIGN_INS).json
    sid = next(item["id"] for item in told["items"] if item["current"])
    assert here.post(f"/account/devices/{sid}/sign-out", "/account").location == "/account"
    assert not there.is_signed_in()
    assert here.is_signed_in()
    make_user(app, "bob")
    bob = Browser(app)
    bob.sign_in("bob")
    told = bob.client.get(SIGN_INS).json
    foreign = f"/account/devices/{told['items'][0]['id']}/sign-out"
    assert here.post(foreign, "/account").status_code == 404
    assert bob.is_signed_in()
    assert here.post("/account/sign-out-everywhere", "/account").location == "/"
    assert not here.is_signed_in()


@sqlite_only
def test_the_forms_have_labels_and_no_inline_script_or_style(app: Flask) -> None:
    browser = signed_in(app, "root", Role.ADMINISTRATOR, "root@example.org")
    stranger = Browser(app)
    pages = [stranger.get(path) for path in ("/sign-in", "/register", "/recover", "/confirm")]
    pages += [
        browser.get(path)
        for path in (
            "/account",
            "/account/address",
            "/account/password",
            "/account/two-factor",
            "/verify",
            "/editing",
        )
    ]
    pages.append(browser.post("/account/two-factor", setup="authenticator"))
    for page in pages:
        assert page.status_code == 200, page.request.path
        assert not re.search(
            r"<script(?! src=\"/assets/)|<style|\sstyle=|\son[a-z]+=|javascript:", page.text
        )
        names = re.findall(r'<input id="([^"]+)"', page.text)
        assert all(f'<label for="{name}"' in page.text for name in names)
        ids = re.findall(r'\sid="([^"]+)"', page.text)
        assert len(ids) == len(set(ids))
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
