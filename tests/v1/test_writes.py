"""Questions created, replaced and deleted; drafts made and published; what races does no harm."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from api.accounts.permissions import Role
from api.bank import importing, loading, storing
from api.bank.formats import Format, Reading
from api.bank.formats.schema import MAX_NUMBER
from api.extensions import db
from tests.accounts.tools import Device, new_device, pointers, refused
from tests.conftest import MakeApp
from tests.http.helpers import at_once, threads
from tests.v1.tools import numbers, sqlite_only
from tests.v1.writing import (
    BODY,
    DRAFTS,
    QUESTIONS,
    WHOLE,
    change,
    etag,
    make_draft,
    make_question,
    publish,
)

PATH = f"{QUESTIONS}/51"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application whose quota of writes is not in the way."""
    return make_app(RATELIMIT_WRITES="100000 per minute")


@pytest.fixture
def editor(app: Flask) -> Device:
    return new_device(app, "ed", Role.EDITOR)


@pytest.fixture
def ada(app: Flask) -> Device:
    return new_device(app, "ada", Role.CONTRIBUTOR)


def post(client: FlaskClient, device: Device, body: Any, path: str = QUESTIONS) -> Any:
    return client.post(path, json=body, headers=device.headers)


# --- create ---------------------------------------------------------------------------------------


def test_what_is_created_is_read_and_found_at_its_address(
    client: FlaskClient, editor: Device
) -> None:
    found = f"{QUESTIONS}?q=zyzzyva"
    assert numbers(client.get(found)) == []
    answer = post(client, editor, WHOLE)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    told = answer.get_json()
    assert {name: told[name] for name in WHOLE} == WHOLE
    assert told["number"] == 101  # the next after the bank's own
    read = client.get(answer.headers["Location"])
    assert read.get_data() == answer.get_data()
    assert read.headers["ETag"] == answer.headers["ETag"]
    assert numbers(client.get(found)) == numbers(client.get(f"{QUESTIONS}?topic=beetles")) == [101]
    assert client.get(f"{QUESTIONS}/100").get_json()["links"]["next"].endswith("/101")


def test_a_number_is_given_or_the_next_that_none_ever_had(
    client: FlaskClient, editor: Device
) -> None:
    assert post(client, editor, {**BODY, "number": 7}).get_json()["number"] == 7
    assert post(client, editor, {**BODY, "number": 8.0}).get_json()["number"] == 8
    last = make_question(client, editor, number=500)
    assert make_question(client, editor) == 501
    assert change(client, "DELETE", f"{QUESTIONS}/501", editor).status_code == 204
    assert make_question(client, editor) == 502
    problem = refused(post(client, editor, {**BODY, "number": last}), "conflict", 409)
    assert "Question 500 is there already" in problem["detail"]
    assert make_question(client, editor, number=MAX_NUMBER) == MAX_NUMBER
    assert "No number is left" in refused(post(client, editor, BODY), "conflict", 409)["detail"]
    assert make_question(client, editor, number=501) == 501  # who asks for it by number gets it


NASTY: list[tuple[Any, set[str]]] = [
    ({}, {"#/prompt", "#/answer"}),
    ({"prompt": None, "answer": "x"}, {"#/prompt"}),
    ({**BODY, "number": 0}, {"#/number"}),
    ({**BODY, "number": MAX_NUMBER + 1}, {"#/number"}),
    ({**BODY, "number": 2**63}, {"#/number"}),
    ({**BODY, "number": "7"}, {"#/number"}),
    ({**BODY, "number": True}, {"#/number"}),
    ({**BODY, "number": 7.5}, {"#/number"}),
    ({**BODY, "prompt": "a\0b"}, {"#/prompt"}),
    ({**BODY, "prompt": "x" * 1001}, {"#/prompt"}),
    ({**BODY, "answer": "x" * 50_001}, {"#/answer"}),
    ({**BODY, "answer": {"deep": {}}}, {"#/answer"}),
    ({**BODY, "topics": [None]}, {"#/topics/0"}),
    ({**BODY, "technique": "no-such-technique"}, {"#/technique"}),
    (
        {**BODY, "references": [{"title": "x", "url": "javascript:alert(1)"}]},
        {"#/references/0/url"},
    ),
    ({**BODY, "created_at": "2020-01-01T00:00:00Z"}, {"#/created_at"}),
    ({**BODY, "published": True}, {"#/published"}),
]


@pytest.mark.parametrize(("body", "named"), NASTY, ids=lambda value: repr(sorted(value))[:60])
@sqlite_only
def test_what_is_wrong_with_a_new_question_is_named_wherever_it_comes_in(
    client: FlaskClient, editor: Device, body: dict[str, Any], named: set[str]
) -> None:
    for path in (QUESTIONS, DRAFTS):
        assert pointers(post(client, editor, body, path)) == named
    assert pointers(change(client, "PUT", PATH, editor, json=body)) == named
    assert numbers(client.get(f"{QUESTIONS}?number_from=101")) == []
    assert client.get(DRAFTS, headers=editor.headers).get_json()["items"] == []


def test_bodies_that_are_no_question_at_all_are_refused(
    client: FlaskClient, editor: Device
) -> None:
    draft = make_draft(client, editor)
    targets = [
        ("POST", QUESTIONS, {}),
        ("POST", DRAFTS, {}),
        *[
            (method, path, {"If-Match": "*"})
            for method in ("PUT", "PATCH")
            for path in (PATH, draft)
        ],
    ]
    broken: list[tuple[bytes, str, str, int]] = [
        (b"", "application/json", "malformed-request", 400),
        (b"{", "application/json", "malformed-request", 400),
        (b'{"prompt": "\xff"}', "application/json", "malformed-request", 400),
        (b'{"prompt": "a", "prompt": "b"}', "application/json", "malformed-request", 400),
        (b"[" * 10_000, "application/json", "malformed-request", 400),
        (b'{"number": 1' + b"0" * 5000 + b"}", "application/json", "malformed-request", 400),
        (b'{"prompt": "\\ud800", "answer": "x"}', "application/json", "invalid-parameters", 422),
        (b"[]", "application/json", "invalid-parameters", 422),
        (b"{}", "text/plain", "unsupported-media-type", 415),
    ]
    for method, path, match in targets:
        for data, kind, slug, status in broken:
            headers = {**editor.headers, **match, "Content-Type": kind}
            answer = client.open(path, method=method, data=data, headers=headers)
            refused(answer, slug, status)
    assert client.get(draft, headers=editor.headers).get_json()["prompt"] == BODY["prompt"]


def test_four_who_create_at_once_get_four_numbers(app: Flask, editor: Device) -> None:
    made = at_once(lambda _: make_question(app.test_client(), editor), 4)
    assert sorted(made) == [101, 102, 103, 104]


def test_of_two_who_want_one_number_one_gets_it(app: Flask, editor: Device) -> None:
    def create(_: int) -> int:
        status: int = post(app.test_client(), editor, {**BODY, "number": 900}).status_code
        return status

    assert Counter(at_once(create, 3)) == {201: 1, 409: 2}


# --- replace --------------------------------------------------------------------------------------


def test_a_replacement_is_the_whole_question(client: FlaskClient, editor: Device) -> None:
    path = f"{QUESTIONS}/53"
    before = client.get(path).get_json()
    answer = change(client, "PUT", path, editor, json=BODY)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    told = answer.get_json()
    assert {name: told[name] for name in BODY} == BODY
    for name in ("in_practice", "try_it", "technique", "difficulty"):
        assert before[name]
        assert told[name] is None
    assert (told["topics"], told["references"]) == ([], [])
    assert told["created_at"] == before["created_at"]
    assert told["updated_at"] > before["updated_at"]
    read = client.get(path)
    assert (read.get_data(), read.headers["ETag"]) == (answer.get_data(), answer.headers["ETag"])
    assert numbers(client.get(f"{QUESTIONS}?q=zyzzyva")) == [53]
    again = change(client, "PUT", path, editor, json={**WHOLE, "technique": None})
    assert again.get_json()["technique"] is None  # null is the same as absent


def test_a_replacement_must_name_the_state_that_it_was_made_from(
    client: FlaskClient, editor: Device
) -> None:
    old = etag(client, PATH)
    bodies: list[tuple[str, dict[str, Any]]] = [("PUT", {"json": BODY}), ("DELETE", {})]
    for method, body in bodies:
        bare: Any = client.open(PATH, method=method, headers=editor.headers, **body)
        refused(bare, "precondition-required", 428)
        refused(change(client, method, PATH, editor, '"x"', **body), "precondition-failed", 412)
    assert change(client, "PUT", PATH, editor, old, json=BODY).status_code == 200
    refused(change(client, "PUT", PATH, editor, old, json=BODY), "precondition-failed", 412)
    refused(change(client, "DELETE", PATH, editor, old), "precondition-failed", 412)
    for method, body in bodies:
        missing = change(client, method, f"{QUESTIONS}/1", editor, "*", **body)
        refused(missing, "not-found", 404)


# --- delete ---------------------------------------------------------------------------------------


def test_what_is_deleted_is_gone_everywhere(
    make_app: MakeApp, client: FlaskClient, editor: Device
) -> None:
    number = make_question(client, editor, **WHOLE)
    path = f"{QUESTIONS}/{number}"
    there = make_app().test_client()
    reads = (path, f"{QUESTIONS}?q=zyzzyva", f"{QUESTIONS}?topic=beetles")
    for reader in (client, there):
        for read in reads * 2:
            assert reader.get(read).status_code == 200
    answer = change(client, "DELETE", path, editor)
    assert (answer.status_code, answer.get_data()) == (204, b"")
    for reader in (client, there):
        headers = editor.headers  # on another node a token makes the next read exact
        refused(reader.get(path, headers=headers), "not-found", 404)
        for read in reads[1:]:
            assert numbers(reader.get(read, headers=headers)) == []
    refused(change(client, "DELETE", path, editor, "*"), "not-found", 404)
    assert "next" not in client.get(f"{QUESTIONS}/100").get_json()["links"]


def test_a_deleted_question_of_the_files_stays_deleted_until_somebody_wants_it(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    document = loading.read_files()[next(loading.FILES.glob("051-*.md"))]
    assert change(client, "DELETE", PATH, editor).status_code == 204
    with app.app_context():
        report = loading.load()
        assert (report.kept, report.created, len(report.unchanged)) == ([51], [], 49)
    refused(client.get(PATH), "not-found", 404)
    with app.app_context():
        assert importing.run(Reading([document], [], Format.MARKDOWN)).created == [51]
    assert client.get(PATH).get_json()["prompt"] == document.prompt


def test_of_an_edit_and_a_deletion_at_once_one_wins(app: Flask, editor: Device) -> None:
    client = app.test_client()
    for number in (51, 52, 53):
        path = f"{QUESTIONS}/{number}"
        match = etag(client, path)
        told: dict[str, int] = {}

        def send(method: str, path: str = path, match: str = match, told: Any = told) -> None:
            body = {"json": {"prompt": "Still there?"}} if method == "PATCH" else {}
            answer = change(app.test_client(), method, path, editor, match, **body)
            told[method] = answer.status_code

        with threads(partial(send, "PATCH"), partial(send, "DELETE")):
            pass
        assert told in ({"PATCH": 200, "DELETE": 412}, {"PATCH": 404, "DELETE": 204})
        assert client.get(path).status_code == (200 if told["PATCH"] == 200 else 404)


# --- drafts ---------------------------------------------------------------------------------------


def test_a_draft_is_no_question_until_it_is_published(
    client: FlaskClient, ada: Device, editor: Device
) -> None:
    answer = post(client, ada, WHOLE, DRAFTS)
    assert answer.status_code == 201
    told = answer.get_json()
    assert {name: told[name] for name in WHOLE} == WHOLE
    assert (told["author"], told["number"]) == ("ada", None)
    path = answer.headers["Location"]
    read = client.get(path, headers=ada.headers)
    assert (read.get_json(), read.headers["ETag"]) == (told, answer.headers["ETag"])
    assert read.headers["Cache-Control"] == "private, no-cache"
    public = (f"{QUESTIONS}?q=zyzzyva", f"{QUESTIONS}?topic=beetles", "/api/v2/questions?q=zyzzyva")
    for listed in public:
        assert numbers(client.get(listed)) == []
    assert client.get("/api/v1/topics/beetles").status_code == 404
    number = publish(client, editor, path.removeprefix("http://localhost"))
    assert number == 101
    for listed in public:
        assert numbers(client.get(listed)) == [101]
    refused(client.get(path, headers=ada.headers), "not-found", 404)
    refused(change(client, "DELETE", path, ada, "*"), "not-found", 404)
    published = client.get(f"{QUESTIONS}/101").get_json()
    assert {name: published[name] for name in WHOLE} == WHOLE


def test_a_draft_is_changed_by_the_same_rules_as_a_question(
    client: FlaskClient, ada: Device
) -> None:
    path = make_draft(client, ada, **WHOLE)
    first = etag(client, path, ada)
    patched = change(client, "PATCH", path, ada, json={"topics": None, "number": 77})
    assert patched.status_code == 200, patched.get_data(as_text=True)
    told = patched.get_json()
    assert (told["topics"], told["number"], told["technique"]) == ([], 77, WHOLE["technique"])
    assert patched.headers["ETag"] == etag(client, path, ada) != first
    refused(change(client, "PATCH", path, ada, first, json={}), "precondition-failed", 412)
    assert pointers(change(client, "PATCH", path, ada, json={"prompt": None})) == {"#/prompt"}
    assert pointers(change(client, "PATCH", path, ada, json={"id": "x"})) == {"#/id"}
    replaced = change(client, "PUT", path, ada, json=BODY).get_json()
    assert (replaced["number"], replaced["technique"]) == (None, None)
    for method in ("PUT", "PATCH", "DELETE"):
        body: dict[str, Any] = {"json": BODY} if method != "DELETE" else {}
        bare: Any = client.open(path, method=method, headers=ada.headers, **body)
        refused(bare, "precondition-required", 428)
        refused(change(client, method, path, ada, first, **body), "precondition-failed", 412)
    assert change(client, "DELETE", path, ada).status_code == 204
    refused(client.get(path, headers=ada.headers), "not-found", 404)


def test_what_is_published_is_what_the_editor_read(
    client: FlaskClient, ada: Device, editor: Device
) -> None:
    path = make_draft(client, ada)
    read = etag(client, path, editor)
    assert change(client, "PATCH", path, ada, json={"answer": "Spam."}).status_code == 200
    refused(change(client, "POST", f"{path}/publication", editor, read), "precondition-failed", 412)
    bare = client.post(f"{path}/publication", headers=editor.headers)
    refused(bare, "precondition-required", 428)
    assert numbers(client.get(f"{QUESTIONS}?number_from=101")) == []


def test_a_draft_whose_number_is_taken_stays_a_draft(
    client: FlaskClient, ada: Device, editor: Device
) -> None:
    path = make_draft(client, ada, number=51)
    answer = change(client, "POST", f"{path}/publication", editor)
    assert "Question 51" in refused(answer, "conflict", 409)["detail"]
    assert change(client, "PATCH", path, editor, json={"number": 951}).status_code == 200
    assert publish(client, editor, path) == 951


def test_of_two_who_publish_one_draft_one_does(app: Flask, ada: Device, editor: Device) -> None:
    client = app.test_client()
    path = make_draft(client, ada)
    match = etag(client, path, editor)

    def send(_: int) -> int:
        where = f"{path}/publication"
        return change(app.test_client(), "POST", where, editor, match).status_code

    assert Counter(at_once(send, 3)) == {201: 1, 404: 2}
    assert numbers(client.get(f"{QUESTIONS}?number_from=101")) == [101]


@sqlite_only
def test_drafts_come_page_by_page_the_newest_first(client: FlaskClient, ada: Device) -> None:
    made = [make_draft(client, ada, prompt=f"Which, {n}?").rpartition("/")[2] for n in range(5)]
    address, seen = f"{DRAFTS}?per_page=2", []
    while address:
        page = client.get(address, headers=ada.headers).get_json()
        assert page["page"]["total_items"] == 5
        seen += [item["id"] for item in page["items"]]
        address = page["links"].get("next")
    assert seen == made[::-1]
    for bad in ("per_page=0", "per_page=101", "page=x", "author=ada"):
        refused(client.get(f"{DRAFTS}?{bad}", headers=ada.headers), "invalid-parameters", 422)


# --- rows that vanish under a writer --------------------------------------------------------------


def test_a_row_that_the_tables_refuse_is_a_conflict_and_nothing_is_kept(
    app: Flask, client: FlaskClient, editor: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when the account is deleted between the check of its token and the writing.
    begin = storing.writing

    def after_the_deletion() -> Any:
        with db.engine.begin() as connection:
            connection.execute(text("DELETE FROM users WHERE username = 'ed'"))
        return begin()

    monkeypatch.setattr(storing, "writing", after_the_deletion)
    refused(post(client, editor, BODY), "conflict", 409)
    monkeypatch.undo()
    assert numbers(client.get(f"{QUESTIONS}?number_from=101")) == []


def test_an_account_that_is_deleted_while_its_question_is_written_is_no_deadlock(
    app: Flask, ada: Device, editor: Device
) -> None:
    client = app.test_client()
    path = make_draft(client, ada)
    match, told = etag(client, path, editor), {}

    def publish_it() -> None:
        answer = change(app.test_client(), "POST", f"{path}/publication", editor, match)
        told["publication"] = answer.status_code

    def leave() -> None:
        told["account"] = app.test_client().delete("/api/v1/me", headers=ada.headers).status_code

    with threads(publish_it, leave):
        pass
    assert told["account"] == 204
    assert told["publication"] in {201, 404}


def test_what_creates_a_question_creates_it_once_under_one_key(
    app: Flask, client: FlaskClient
) -> None:
    editor = new_device(app, "ed", Role.EDITOR)

    def once(path: str, **more: Any) -> TestResponse:
        headers = {**editor.headers, "Idempotency-Key": "k", **more.pop("headers", {})}
        first, again = (client.post(path, headers=headers, **more) for _ in range(2))
        assert first.status_code == again.status_code == 201
        assert again.headers["Idempotent-Replayed"] == "true"
        for name in ("Location", "ETag"):
            assert again.headers[name] == first.headers[name]
        assert again.data == first.data
        return first

    made = once(QUESTIONS, json=BODY)
    draft = once(DRAFTS, json=BODY)
    where = f"{DRAFTS}/{draft.get_json()['id']}"
    published = once(f"{where}/publication", headers={"If-Match": draft.headers["ETag"]})
    assert client.get(where, headers=editor.headers).status_code == 404  # the draft has ended
    question = made.headers["Location"]
    gone = client.delete(question, headers={**editor.headers, "If-Match": "*"})
    assert gone.status_code == 204
    back = once(f"{question}/revisions/1/restoration")
    assert back.get_json()["number"] == made.get_json()["number"]
    history = client.get(f"{question}/revisions", headers=editor.headers).get_json()
    assert history["page"]["total_items"] == 3
    assert published.get_json()["number"] == made.get_json()["number"] + 1
