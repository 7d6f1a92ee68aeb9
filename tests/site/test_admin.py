"""The administrators' panel: who comes in, what it shows, and that changes go through the domain (70, 95)."""

import csv
import io
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from api.accounts import users
from api.accounts.permissions import Action, Role
from api.bank import drafts, editing
from api.bank.drafts import Reader
from api.extensions import db
from api.jobs import queue
from api.models import (
    Draft,
    Event,
    Job,
    Question,
    QuestionGrant,
    QuestionRevision,
    Reference,
    SignIn,
    Topic,
    User,
)
from tests.accounts.tools import device_of, make_user
from tests.conftest import MakeApp
from tests.site.tools import PAGE, Browser, signed_in, text_of, user_row
from tests.v1.tools import add_question, sqlite_only

TABLES = ("questions", "topics", "drafts", "grants", "attachments", "users", "sign-ins", "jobs")
PAGES = ("", *(f"{name}/" for name in TABLES), "questions/new/", "users/edit/?id=1")
SECRETS = ("$2b$", "fs_uniquifier", "totp_secret", "recovery_codes", "jti", "password")


@pytest.fixture
def admin(app: Flask) -> Browser:
    """A browser in which an administrator is signed in."""
    return signed_in(app, "root", Role.ADMINISTRATOR)


def fields_of(page: str) -> dict[str, Any]:
    """Return the values in a page's form, as a browser would send them."""
    form = page[page.index('class="admin-form"') :]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name = re.search(r'name="([^"]*)"', tag)
        box = 'type="checkbox"' in tag
        if name and 'type="submit"' not in tag and (not box or " checked" in tag):
            value = re.search(r'value="([^"]*)"', tag)
            found.setdefault(name[1], value[1] if value else "")  # of two, a form reads the first
    for name_, text in re.findall(
        r'<textarea[^>]*name="([^"]*)"[^>]*>\r?\n?(.*?)</textarea>', form, re.S
    ):
        found[name_] = text
    for name_, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.findall(r'<option selected value="([^"]*)"', options)
        one = f'multiple name="{name_}"' not in form
        if chosen or one:
            found[name_] = chosen or re.findall(r'<option value="([^"]*)"', options)[:1]
    return {key: _plain(value) for key, value in found.items() if key}


def _plain(value: Any) -> Any:
    from html import unescape  # beside its only use

    return [unescape(each) for each in value] if isinstance(value, list) else unescape(value)


def send(browser: Browser, path: str, form: dict[str, Any]) -> str:
    """Send a form; return the page that the panel shows next."""
    response = browser.client.post(path, data=form, headers=PAGE)
    assert response.status_code in {200, 302}, response.text
    return text_of(browser.get(response.location) if response.location else response)


def act(browser: Browser, table: str, action: str, *ids: Any) -> str:
    """Do something with the rows of a table that have these keys."""
    page = browser.get(f"/admin/{table}/").text
    form = page[page.index('id="action_form"') :]
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    assert token
    data = {"csrf_token": token[1], "action": action, "rowid": [str(each) for each in ids]}
    return send(browser, f"/admin/{table}/action/", data)


def row_id(app: Flask, number: int) -> int:
    """Return the key of a question's row."""
    with app.app_context():
        found = db.session.scalar(select(Question.id).where(Question.number == number))
        assert found is not None
        return found


def count(app: Flask, model: Any) -> int:
    """Return how many rows a table has."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize("role", [None, *Role])
@sqlite_only
def test_only_an_administrator_comes_in_anywhere(app: Flask, role: Role | None) -> None:
    browser = Browser(app) if role is None else signed_in(app, "ada", role)
    for path in PAGES:
        response = browser.get(f"/admin/{path}")
        if role is None:
            assert response.status_code == 302
            assert response.location.startswith("/sign-in?next=/admin/"), path
        elif role is Role.ADMINISTRATOR:
            assert response.status_code == 200, path
        else:
            assert (response.status_code, response.mimetype) == (403, "text/html"), path
            assert Action.MANAGE_USERS.value in response.text


@sqlite_only
def test_every_route_of_the_panel_has_the_lock(app: Flask) -> None:
    nobody, editor = app.test_client(), signed_in(app, "ada", Role.EDITOR).client
    adapter = app.url_map.bind("localhost")
    checked = set()
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin") or rule.endpoint.endswith("static"):
            continue
        path = adapter.build(rule.endpoint, {"export_type": "csv"} if rule.arguments else {})
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            assert nobody.open(path, method=method).status_code == 401, (method, path)
            assert editor.open(path, method=method).status_code == 403, (method, path)
            checked.add(rule.endpoint.partition(".")[0])
    assert len(checked) == len(TABLES) + 1


@sqlite_only
def test_a_token_of_the_api_opens_nothing_here(app: Flask) -> None:
    make_user(app, "root", Role.ADMINISTRATOR)
    headers = device_of(app, "root").headers
    assert app.test_client().get("/admin/users/", headers=headers).status_code == 401


@sqlite_only
def test_who_loses_the_role_is_out_with_the_next_request(app: Flask, admin: Browser) -> None:
    make_user(app, "eve", Role.ADMINISTRATOR)
    with app.app_context():
        users.revoke_role(users.get("root"), Role.ADMINISTRATOR)
    assert admin.get("/admin/").status_code == 403


@sqlite_only
def test_the_overview_counts_the_tables(admin: Browser) -> None:
    page = admin.get("/admin/").text
    counts = re.findall(r'">([\w-]+)</a>\s*<span class="badge[^>]*>(\d+)<', page)
    assert dict(counts)["Questions"] == "50"
    assert dict(counts)["Users"] == "1"


@sqlite_only
def test_no_page_and_no_export_shows_what_one_signs_in_with(app: Flask, admin: Browser) -> None:
    hashed = user_row(app, "root").password
    for path in (
        *(f"{table}/" for table in TABLES),
        *(f"{table}/export/{kind}/" for table in TABLES for kind in ("csv", "json")),
        "users/details/?id=1",
        "users/edit/?id=1",
        f"sign-ins/details/?id={_sid(app)}",
    ):
        page = admin.get(f"/admin/{path}").text
        table = (
            page.partition('<table class="filters">')[2] or page
        )  # beside the search form's names
        assert hashed not in page, path
        if path.startswith(("users", "sign-ins")):
            assert not [word for word in SECRETS if word in table.lower()], path


def _sid(app: Flask) -> str:
    with app.app_context():
        return db.session.scalars(select(SignIn.id)).first() or ""


@sqlite_only
def test_nothing_changes_without_a_token(app: Flask, admin: Browser) -> None:
    key = row_id(app, 51)
    before = admin.get(f"/admin/questions/edit/?id={key}").text
    form = fields_of(before) | {"prompt": "Forged?"}
    for token in ("", "forged", admin.token("/account")):
        sent = {**form, "csrf_token": token, "id": str(key), "rowid": str(key), "action": "delete"}
        for path in (
            "questions/new/",
            f"questions/edit/?id={key}",
            "questions/delete/",
            "questions/action/",
        ):
            admin.client.post(f"/admin/{path}", data=sent, headers=PAGE)
        for path in ("users/edit/?id=1", "users/delete/", "users/action/", "sign-ins/action/"):
            admin.client.post(
                f"/admin/{path}", data={**sent, "id": "1", "rowid": "1", "action": "sign_out"}
            )
    assert (count(app, Question), count(app, User)) == (50, 1)
    assert count(app, QuestionRevision) == 0
    assert admin.is_signed_in()


def test_search_filters_and_sorting_narrow_the_list(app: Flask, admin: Browser) -> None:
    page = admin.get("/admin/questions/").text
    groups = re.search(r'id="filter-groups-data"[^>]*>(.*?)</div>', page, re.S)
    assert groups
    with app.app_context():
        view = next(v for v in app.extensions["admin"][0]._views if v.endpoint == "admin_questions")
        argument = {
            f"{name}/{each['operation']}": each["arg"]
            for name, found in view._get_filter_groups().items()
            for each in found
        }

    def numbers(query: str) -> list[int]:
        text = admin.get(f"/admin/questions/?page_size=100&{query}").text
        return [int(n) for n in re.findall(r'<td class="col-number">\s*(\d+)\s*</td>', text)]

    assert numbers("") == list(range(51, 101))
    assert {70, 95} <= set(numbers("search=flask-admin"))
    assert numbers(f"flt1_{argument['Number/equals']}=70") == [70]
    assert numbers(f"flt1_{argument['Topic/equals']}=admin") == [70, 95]
    assert numbers(
        f"flt1_{argument['Topic/equals']}=admin&flt2_{argument['Difficulty/equals']}=advanced"
    ) == [95]
    assert numbers("sort=0&desc=1")[:2] == [100, 99]


def test_a_question_is_made_edited_and_deleted_with_its_history(app: Flask, admin: Browser) -> None:
    author = user_row(app, "root").id
    form = fields_of(admin.get("/admin/questions/new/").text)
    form |= {
        "number": "700",
        "prompt": "New?",
        "answer": "Yes.\r\nIt is.",
        "difficulty": "beginner",
    }
    assert "successfully created" in send(admin, "/admin/questions/new/", form)
    assert admin.client.get("/api/v1/questions/700").json["answer"] == "Yes.\nIt is."  # type: ignore[index]  # the contract says that it is an object
    key = row_id(app, 700)
    edit = f"/admin/questions/edit/?id={key}"
    form = fields_of(admin.get(edit).text) | {"prompt": "Newer?"}
    assert "successfully saved" in send(admin, edit, form)
    assert "You changed nothing" in send(admin, edit, fields_of(admin.get(edit).text))
    listed = admin.get("/admin/questions/?page_size=100&search=Newer").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', listed)
    assert token
    gone = {"id": str(key), "csrf_token": token[1]}
    assert "successfully deleted" in send(admin, "/admin/questions/delete/", gone)
    with app.app_context():
        rows = db.session.scalars(
            select(QuestionRevision).order_by(QuestionRevision.revision)
        ).all()
        assert [(row.number, row.action, row.author_id) for row in rows] == [
            (700, "created", author),
            (700, "updated", author),
            (700, "deleted", author),
        ]
        kinds = db.session.scalars(select(Event.kind).order_by(Event.id)).all()
        assert kinds[-3:] == ["question.created", "question.updated", "question.deleted"]


def test_a_form_changes_only_what_was_changed_in_it(app: Flask, admin: Browser) -> None:
    """Texts go through a browser's form, whose line ends are CRLF, and come out as they were."""

    def read() -> Any:
        return admin.client.get("/api/v1/questions/53").json

    before = read()
    edit = f"/admin/questions/edit/?id={row_id(app, 53)}"
    form = fields_of(admin.get(edit).text) | {"difficulty": "beginner"}
    form = {k: v.replace("\n", "\r\n") if isinstance(v, str) else v for k, v in form.items()}
    assert "successfully saved" in send(admin, edit, form)
    after = read()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"difficulty", "updated_at"}


@sqlite_only
def test_who_saves_an_older_state_is_told(app: Flask, admin: Browser) -> None:
    edit = f"/admin/questions/edit/?id={row_id(app, 51)}"
    form = fields_of(admin.get(edit).text)
    with app.app_context():
        editing.patch(51, {"prompt": "Somebody else's?"}, user_row(app, "root").id, lambda _: None)
    page = send(admin, edit, form | {"prompt": "Mine?"})
    assert "It was changed since this page was made" in page
    assert admin.client.get("/api/v1/questions/51").json["prompt"] == "Somebody else's?"  # type: ignore[index]  # the contract says that it is an object


def test_references_are_edited_as_child_rows(app: Flask, admin: Browser) -> None:
    edit = f"/admin/questions/edit/?id={row_id(app, 70)}"
    form = fields_of(admin.get(edit).text)
    kept = form["references-1-title"]
    form |= {
        "del-references-0": "y",
        "references-2-title": "Renamed",
        "references-3-title": "Added",
        "references-3-url": "https://example.org/added",
    }
    assert "successfully saved" in send(admin, edit, form)
    told: Any = admin.client.get("/api/v1/questions/70").json
    assert [each["title"] for each in told["references"]] == [kept, "Renamed", "Added"]
    assert count(app, QuestionRevision) == 2  # what stood before, and what stands now
    form = fields_of(admin.get(edit).text) | {"references-0-url": "javascript:alert(1)"}
    assert "references" in send(admin, edit, form)
    with app.app_context():
        assert not db.session.scalars(
            select(Reference).where(Reference.url.startswith("java"))
        ).all()


def test_an_action_changes_what_was_ticked_by_the_domain(app: Flask, admin: Browser) -> None:
    ids = [row_id(app, number) for number in (51, 52)]
    assert "2 set to advanced." in act(admin, "questions", "advanced", *ids)
    with app.app_context():
        levels = db.session.execute(
            select(Question.number, Question.difficulty).where(Question.id.in_(ids))
        )
        assert {row.number: row.difficulty for row in levels} == {51: "advanced", 52: "advanced"}
        authors = db.session.scalars(
            select(QuestionRevision.author_id).where(QuestionRevision.action == "updated")
        ).all()
        assert set(authors) == {users.get("root").id}
    assert "2 deleted." in act(admin, "questions", "delete", *ids, 10**30, "x", "")
    assert count(app, Question) == 48


@sqlite_only
def test_an_exported_cell_is_no_formula(app: Flask, admin: Browser) -> None:
    add_question(app, 701, prompt='=HYPERLINK("https://example.org")')
    make_user(app, "bob")
    text = admin.get("/admin/questions/export/csv/?search=HYPERLINK").text
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["Prompt"] == '\'=HYPERLINK("https://example.org")'


@sqlite_only
def test_what_is_filtered_is_exported_as_csv_and_json(admin: Browser) -> None:
    answer = admin.get("/admin/questions/export/csv/?search=Flask-Admin%20administrators")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert "70" in {row["Number"] for row in rows}
    assert len(rows) < 50
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Cache-Control"] == "no-store"
    told: Any = admin.get("/admin/questions/export/json/?search=Flask-Admin%20administrators").json
    assert [str(item["number"]) for item in told["items"]] == [row["Number"] for row in rows]
    assert admin.get("/admin/questions/export/yaml/").status_code == 302


def test_the_last_administrator_keeps_the_role(app: Flask, admin: Browser) -> None:
    edit = f"/admin/users/edit/?id={user_row(app, 'root').id}"
    form = fields_of(admin.get(edit).text)
    assert form["roles"] == ["administrator"]
    assert "is the last administrator" in send(admin, edit, form | {"roles": ["reader"]})
    without = {name: value for name, value in form.items() if name != "active"}
    assert "is the last administrator" in send(admin, edit, without)
    assert "is the last administrator" in act(admin, "users", "delete", user_row(app, "root").id)
    assert admin.get("/admin/").status_code == 200


def test_roles_and_the_right_to_sign_in_are_given_and_taken(app: Flask, admin: Browser) -> None:
    bob = signed_in(app, "bob")
    edit = f"/admin/users/edit/?id={user_row(app, 'bob').id}"
    form = fields_of(admin.get(edit).text)
    assert "successfully saved" in send(admin, edit, form | {"roles": ["editor", "reader"]})
    assert bob.get("/editing").status_code == 200
    form.pop("active")
    assert "successfully saved" in send(admin, edit, form)
    assert not bob.is_signed_in()
    assert bob.sign_in("bob").status_code == 422
    assert "1 deleted." in act(admin, "users", "delete", user_row(app, "bob").id)
    assert count(app, User) == 1


def test_a_revoked_device_is_signed_out_at_once(app: Flask, admin: Browser) -> None:
    bob = signed_in(app, "bob")
    with app.app_context():
        sid = db.session.scalar(
            select(SignIn.id).join(User, User.id == SignIn.user_id).where(User.username == "bob")
        )
    assert "1 signed out." in act(admin, "sign-ins", "revoke", sid)
    assert not bob.is_signed_in()
    device = device_of(app, "bob")
    assert "1 signed out everywhere." in act(admin, "users", "sign_out", user_row(app, "bob").id)
    assert app.test_client().get("/api/v1/me", headers=device.headers).status_code == 401


def test_a_topics_words_are_changed_and_read_at_once(app: Flask, admin: Browser) -> None:
    with app.app_context():
        key = db.session.scalar(select(Topic.id).where(Topic.slug == "admin"))
    admin.client.get("/api/v1/topics/admin")
    edit = f"/admin/topics/edit/?id={key}"
    form = fields_of(admin.get(edit).text)
    assert "successfully saved" in send(admin, edit, form | {"name": "Back offices"})
    assert admin.client.get("/api/v1/topics/admin").json["name"] == "Back offices"  # type: ignore[index]  # the contract says that it is an object
    assert "120 characters" in send(admin, edit, form | {"name": "x" * 121})


def test_drafts_are_published_and_thrown_away(app: Flask, admin: Browser) -> None:
    make_user(app, "cora", Role.CONTRIBUTOR)
    with app.app_context():
        reader = Reader(user_id=users.get("cora").id, reviews=False)
        keys = [drafts.create({"prompt": f"Draft {n}?", "answer": "A."}, reader).id for n in (1, 2)]
    page = admin.get("/admin/drafts/").text
    assert "Draft 1?" in page
    assert "cora" in page
    assert "1 published." in act(admin, "drafts", "publish", keys[0])
    assert "1 deleted." in act(admin, "drafts", "delete", keys[1])
    assert count(app, Draft) == 0
    with app.app_context():
        made = db.session.scalars(select(Question).where(Question.prompt == "Draft 1?")).one()
        assert made.author_id == users.get("cora").id


def test_a_right_on_a_question_is_given_and_taken(app: Flask, admin: Browser) -> None:
    make_user(app, "bob")
    form = fields_of(admin.get("/admin/grants/new/").text)
    new = "/admin/grants/new/"
    assert "no user 'nobody'" in send(admin, new, form | {"number": "51", "username": "nobody"})
    assert "no question 5" in send(admin, new, form | {"number": "5", "username": "bob"})
    assert "successfully created" in send(admin, new, form | {"number": "51", "username": "bob"})
    key = f"{row_id(app, 51)},{user_row(app, 'bob').id}"
    assert "bob" in admin.get(f"/admin/grants/details/?id={key}").text
    assert "1 taken." in act(admin, "grants", "delete", key)
    assert count(app, QuestionGrant) == 0


def test_jobs_are_cancelled_and_tried_again(app: Flask, admin: Browser) -> None:
    with app.app_context():
        from api.bank.formats import Format  # beside its only use

        key = queue.add_export(users.get("root"), Format.JSON).id
    assert "1 cancelled." in act(admin, "jobs", "cancel", key)
    assert "1 back in the queue." in act(admin, "jobs", "retry", key)
    assert "one that failed or was cancelled is retried" in act(admin, "jobs", "retry", key)
    with app.app_context():
        assert db.session.scalar(select(Job.state)) == "queued"


NASTY = (
    "questions/?page=99999999999999999999999",
    "questions/?page=-1",
    "questions/?page=5000",
    "questions/?sort=99&desc=x&page_size=100000",
    "questions/?flt1_0=99999999999999999999999",
    "questions/?flt1_0=1e3&flt2_9999=x&flt_=&flt",
    "questions/?search=%25%27%22%5C",
    "questions/?search=" + "a+" * 300,
    "questions/edit/?id=99999999999999999999999",
    "questions/edit/?id=x",
    "questions/edit/?id=1,2",
    "questions/edit/?id=",
    "questions/edit/?id=-1",
    "questions/details/?id=%F0%9F%98%80",
    "grants/details/?id=1",
    "grants/details/?id=x,y",
    "drafts/details/?id=nothing",
    "sign-ins/?search=%ff%fe",
    "users/?flt1_2=maybe",
    "questions/?url=//evil.example/",
    "attachments/?flt1_0=x",
    "jobs/ajax/lookup/?name=x&query=y&offset=-1",
    "questions/export/csv/?page=99999999999999999999",
)


def test_no_address_makes_the_panel_fail(app: Flask, admin: Browser) -> None:
    for path in NASTY:
        status = admin.get(f"/admin/{path}").status_code
        assert status < 500, path
    with app.app_context():
        filters = {
            view.url: [
                each["arg"]
                for found in (view._get_filter_groups() or {}).values()
                for each in found
            ]
            for view in app.extensions["admin"][0]._views[1:]
        }
    for url, arguments in filters.items():
        assert arguments, url
        for value in ("9" * 25, "%00", "1,x"):
            query = "&".join(f"flt{n}_{argument}={value}" for n, argument in enumerate(arguments))
            assert admin.get(f"{url}/?{query}").status_code < 500, (url, value)


@sqlite_only
def test_no_form_makes_the_panel_fail(app: Flask, admin: Browser) -> None:
    key = row_id(app, 51)
    edit = f"/admin/questions/edit/?id={key}"
    form = fields_of(admin.get(edit).text)
    new = fields_of(admin.get("/admin/questions/new/").text) | {"answer": "A.", "prompt": "P?"}
    for change in (
        {"prompt": ""},
        {"prompt": "x" * 2000},
        {"technique": "nothing"},
        {"difficulty": "x"},
        {"topics": ["x"]},
        {"references-0-id": "x"},
        {"references-99999999999-title": "x"},
        {"references-0-title": ""},
        {"seen": "\ud7ff"},
    ):
        page = send(admin, edit, {**form, **change})
        assert "500 Internal" not in page
    for number in ("0", "-1", "9" * 30, "x", "51"):
        page = send(admin, "/admin/questions/new/", new | {"number": number})
        assert "successfully" not in page, number
    nul = admin.client.post(edit, data={**form, "prompt": "a\0b"}, headers=PAGE)
    assert (nul.status_code, nul.mimetype) == (400, "text/html")
    typed = admin.client.post(edit, json={"prompt": "x"}, headers=PAGE)
    assert typed.status_code == 415
    large = admin.client.post(edit, data={"answer": "x" * 1_100_000}, headers=PAGE)
    assert large.status_code == 413
    assert count(app, Question) == 50


@sqlite_only
def test_changes_count_against_the_quota_of_changes(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_WRITES="2 per minute", RATELIMIT_ENABLED="true")
    admin = signed_in(app, "root", Role.ADMINISTRATOR)
    page = admin.get("/admin/topics/edit/?id=1").text
    answers = [
        admin.client.post("/admin/topics/edit/?id=1", data=fields_of(page), headers=PAGE)
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [302, 302, 429]


@sqlite_only
def test_a_page_runs_scripts_by_its_own_nonce_and_none_from_elsewhere(admin: Browser) -> None:
    seen = set()
    for path in PAGES:
        answer = admin.get(f"/admin/{path}")
        policy = answer.headers["Content-Security-Policy"]
        nonce = re.search(r"script-src 'nonce-([\w-]+)';", policy)
        assert nonce, policy
        assert "unsafe" not in policy
        assert set(re.findall(r'<script nonce="([^"]*)"', answer.text)) == {nonce[1]}
        assert answer.text.count("<script") == answer.text.count("<script nonce=")
        assert not re.findall(r"<[^>]*\s(?:on\w+|style)=", answer.text), path
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text), path
        seen.add(nonce[1])
    assert len(seen) == len(PAGES)


@sqlite_only
def test_a_refusal_at_the_panel_is_a_page_of_the_site_whose_scripts_may_run(app: Flask) -> None:
    reader = signed_in(app, "rita", Role.READER)
    for path, status in (("/admin/", 403), ("/admin/questions/", 403), ("/admin/nothing", 404)):
        answer = reader.get(path)
        assert answer.status_code == status
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert '<script src="/assets/' in answer.text


@sqlite_only
def test_the_files_of_the_panel_are_anybodys_and_kept_by_caches(client: FlaskClient) -> None:
    with client.get("/admin/static/vendor/jquery.min.js") as answer:
        assert answer.status_code == 200
        assert "no-store" not in answer.headers.get("Cache-Control", "")
