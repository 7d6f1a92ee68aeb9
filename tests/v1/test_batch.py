"""Batches: all or nothing, or by savepoint; permissions and preconditions of each; conflicts retried."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, make_url, select, text
from werkzeug.test import TestResponse

from api.accounts.permissions import Role
from api.bank import batch, storing
from api.bank.formats.schema import MAX_NUMBER
from api.extensions import db
from tests.accounts.tools import Device, new_device, pointers, refused
from tests.conftest import MakeApp, Settings
from tests.http.helpers import at_once, target, threads, until
from tests.v1.tools import numbers, postgresql_only, sqlite_only
from tests.v1.writing import BODY, QUESTIONS, etag, make_question, question_of

BATCH = f"{QUESTIONS}/batch"

#: A number that is in no time and no digest.
LOST = 2_147_480_902

#: Whatever a change of a question may touch.
TABLES = (
    "questions", "topics", "question_topics", "question_references", "question_revisions",
    "question_grants", "events", "data_versions",
)  # fmt: skip


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application whose quota of writes is not in the way."""
    return make_app(RATELIMIT_WRITES="100000 per minute")


@pytest.fixture
def editor(app: Flask) -> Device:
    return new_device(app, "ed", Role.EDITOR)


def post(
    client: FlaskClient, device: Device, *operations: Any, mode: str = "atomic", key: str = ""
) -> TestResponse:
    """Send a batch."""
    headers = {**device.headers, **({"Idempotency-Key": key} if key else {})}
    return client.post(BATCH, json={"mode": mode, "operations": operations}, headers=headers)


def each(client: FlaskClient, device: Device, *operations: Any) -> list[dict[str, Any]]:
    """Send a batch of independent operations; return what became of each."""
    answer = post(client, device, *operations, mode="independent")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    report: Any = answer.get_json()
    told: list[dict[str, Any]] = report["operations"]
    failed = [item for item in told if "problem" in item]
    assert (report["failed"], report["succeeded"]) == (len(failed), len(told) - len(failed))
    assert all(item["status"] == item["problem"]["status"] for item in failed)
    return told


def done(client: FlaskClient, device: Device, *operations: Any) -> list[dict[str, Any]]:
    """Send an atomic batch that succeeds; return what became of each operation."""
    answer = post(client, device, *operations)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    report: Any = answer.get_json()
    assert (report["mode"], report["failed"]) == ("atomic", 0)
    told: list[dict[str, Any]] = report["operations"]
    return told


def statuses(told: list[dict[str, Any]]) -> list[int]:
    return [item["status"] for item in told]


def places(problem: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in problem["errors"]]


def create(number: int | None = None, **members: Any) -> dict[str, Any]:
    numbered = {} if number is None else {"number": number}
    return {"op": "create", "question": {**BODY, **members, **numbered}}


def patch(number: int, match: str | None = "*", **changes: Any) -> dict[str, Any]:
    operation = {"op": "patch", "number": number, "changes": changes}
    return operation if match is None else {**operation, "if_match": match}


def replace(number: int, match: str = "*", **members: Any) -> dict[str, Any]:
    return {"op": "replace", "number": number, "if_match": match, "question": {**BODY, **members}}


def delete(number: int, match: str = "*") -> dict[str, Any]:
    return {"op": "delete", "number": number, "if_match": match}


def everything(app: Flask) -> dict[str, list[Any]]:
    """Return every row that a change of a question may touch."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(db.metadata.tables[name]))))
            for name in TABLES
        }


def versions(app: Flask) -> dict[str, int]:
    with app.app_context(), db.engine.connect() as connection:
        rows = connection.execute(text("SELECT scope, version FROM data_versions"))
        return {row.scope: row.version for row in rows}


def events_since(client: FlaskClient, position: int) -> list[tuple[str, list[int]]]:
    page: Any = client.get(f"/api/v1/events?after={position}").get_json()
    return [(item["kind"], item["questions"]) for item in page["items"]]


# --- all or nothing -------------------------------------------------------------------------------


def test_a_batch_is_carried_out_in_its_order(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    before = versions(app)["events"]
    told = done(
        client,
        editor,
        create(900, topics=["beetles"]),
        create(),
        replace(53, prompt="What is replaced?"),
        patch(51, difficulty="beginner", topics=["beetles"]),
        delete(52),
    )
    assert [(item["op"], item["number"], item["status"]) for item in told] == [
        ("create", 900, 201),
        ("create", 901, 201),
        ("replace", 53, 200),
        ("patch", 51, 200),
        ("delete", 52, 204),
    ]
    for item in told[:4]:  # what the next change must name, the new neighbours' links included
        assert etag(client, f"{QUESTIONS}/{item['number']}") == item["etag"]
    assert "etag" not in told[4]
    assert [item.get("location", "").rpartition("/")[2] for item in told[:3]] == ["900", "901", ""]
    assert numbers(client.get(f"{QUESTIONS}?topic=beetles")) == [51, 900]
    assert sorted(numbers(client.get(f"{QUESTIONS}?q=zyzzyva"))) == [900, 901]
    assert client.get(f"{QUESTIONS}/53").get_json()["prompt"] == "What is replaced?"
    refused(client.get(f"{QUESTIONS}/52"), "not-found", 404)
    assert events_since(client, before) == [
        ("question.created", [900]),
        ("question.created", [901]),
        ("question.updated", [53]),
        ("question.updated", [51]),
        ("question.deleted", [52]),
    ]
    history = client.get(f"{QUESTIONS}/51/revisions", headers=editor.headers).get_json()
    assert (history["items"][0]["action"], history["items"][0]["author"]) == ("updated", "ed")


FAILING: list[tuple[dict[str, Any], str, int, str, str]] = [
    (delete(4711), "not-found", 404, "/number", "not_found"),
    (create(51), "conflict", 409, "/question/number", "conflict"),
    (create(900), "conflict", 409, "/question/number", "conflict"),  # the batch's own
    (patch(54, '"stale"', answer="x"), "precondition-failed", 412, "/if_match", "stale"),
    (patch(54, None, answer="x"), "precondition-required", 428, "/if_match", "required"),
    (patch(54, topics=["a", "Not A Slug"]), "invalid-parameters", 422, "/changes/topics/1", "invalid"),
    (create(prompt=None), "invalid-parameters", 422, "/question/prompt", "invalid"),
    (replace(54, published=True), "invalid-parameters", 422, "/question/published", "unknown"),
]  # fmt: skip


@pytest.mark.parametrize("case", FAILING, ids=[f"{case[1]}{case[3]}" for case in FAILING])
def test_when_one_fails_nothing_is_kept(
    app: Flask,
    client: FlaskClient,
    editor: Device,
    case: tuple[dict[str, Any], str, int, str, str],
) -> None:
    failing, slug, status, place, code = case
    before = everything(app)
    good = [
        create(900, topics=["beetles"], references=[{"title": "x", "url": "https://x.example"}]),
        patch(51, difficulty="beginner"),
        delete(60),
    ]
    problem = refused(post(client, editor, *good, failing, patch(61)), slug, status)
    assert places(problem) == [(f"#/operations/3{place}", code)]
    assert everything(app) == before
    assert numbers(client.get(f"{QUESTIONS}?q=zyzzyva")) == []
    assert statuses(done(client, editor, *good)) == [201, 200, 204]  # it was that one alone


# --- by savepoint ---------------------------------------------------------------------------------


def refuse_news_of(settings: Settings, number: int) -> None:
    """Have the tables refuse the event of a question: the last thing that a change writes."""
    kind, address = target(settings)
    if kind == "sqlite":
        with closing(sqlite3.connect(address)) as connection:
            connection.execute(
                f"CREATE TRIGGER no_news BEFORE INSERT ON events WHEN NEW.questions = '[{number}]' "
                "BEGIN SELECT RAISE(ABORT, 'no news'); END"
            )
        return
    with psycopg.connect(address) as connection:
        connection.execute(
            "CREATE FUNCTION no_news() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NEW.questions::text = '[{number}]' THEN "
            "RAISE EXCEPTION 'no news' USING ERRCODE = 'integrity_constraint_violation'; "
            "END IF; RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER no_news BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION no_news()"
        )


@contextmanager
def savepoints_of(app: Flask) -> Iterator[list[str]]:
    """Collect what is sent to the database about savepoints."""
    sent: list[str] = []
    with app.app_context():
        engine = db.engine

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "SAVEPOINT" in statement:
            sent.append(statement.rpartition(" ")[0])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_by_savepoint_only_the_failed_one_is_lost(
    app: Flask, client: FlaskClient, editor: Device, settings: Settings
) -> None:
    refuse_news_of(settings, LOST)
    start = versions(app)
    assert statuses(each(client, editor, create(900), patch(51, answer="First."))) == [201, 200]
    middle = versions(app)
    lost = create(LOST, prompt="Lost?", answer="A quokka.", topics=["lost-topic"], references=[])
    with savepoints_of(app) as sent:
        told = each(client, editor, create(901), lost, patch(51, answer="Second."))
    assert statuses(told) == [201, 409, 200]
    assert sent == [
        *("SAVEPOINT", "RELEASE SAVEPOINT"),
        *("SAVEPOINT", "ROLLBACK TO SAVEPOINT"),
        *("SAVEPOINT", "RELEASE SAVEPOINT"),
    ]
    assert places(told[1]["problem"]) == [("#/operations/1", "conflict")]
    assert "no news" in told[1]["problem"]["detail"]
    # Nothing of it is left, and the others are whole.
    rows = everything(app)
    for name in set(TABLES) - {"data_versions"}:
        for trace in (str(LOST), "quokka", "lost-topic"):
            assert not [row for row in rows[name] if trace in row]
    assert numbers(client.get(f"{QUESTIONS}?q=quokka")) == []
    refused(client.get("/api/v1/topics/lost-topic"), "not-found", 404)
    assert numbers(client.get(f"{QUESTIONS}?number_from=101")) == [900, 901]
    assert client.get(f"{QUESTIONS}/51").get_json()["answer"] == "Second."
    assert events_since(client, middle["events"]) == [
        ("question.created", [901]),
        ("question.updated", [51]),
    ]
    end = versions(app)
    assert {name: end[name] - middle[name] for name in end} == {
        name: middle[name] - start[name] for name in middle
    }
    # The same question in an atomic batch takes the others along.
    before = everything(app)
    problem = refused(post(client, editor, create(903), lost), "conflict", 409)
    assert places(problem) == [("#/operations/1", "conflict")]
    assert everything(app) == before


def test_each_failure_is_told_by_its_own_operation(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    told = each(client, editor, *(case[0] for case in FAILING), patch(51, answer="Kept."))
    # 900 is free here: nothing was created before.
    expected = [201 if case[0] is FAILING[2][0] else case[2] for case in FAILING]
    assert statuses(told) == [*expected, 200]
    for place, (item, (_, slug, _, where, code)) in enumerate(zip(told, FAILING, strict=False)):
        if "problem" in item:
            assert item["problem"]["type"].endswith(f"/problems/{slug}")
            assert places(item["problem"]) == [(f"#/operations/{place}{where}", code)]
    assert told[6]["number"] is None
    assert client.get(f"{QUESTIONS}/51").get_json()["answer"] == "Kept."


@sqlite_only
def test_a_batch_of_which_nothing_is_kept_is_still_answered(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    before = everything(app)
    assert statuses(each(client, editor, delete(1), create(51))) == [404, 409]
    assert everything(app) == before


# --- one operation after the other ----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["atomic", "independent"])
@sqlite_only
def test_later_operations_see_what_earlier_ones_did(
    client: FlaskClient, editor: Device, mode: str
) -> None:
    answer = post(
        client,
        editor,
        create(900),
        patch(900, prompt="Patched?"),
        delete(900),
        create(900, prompt="Again?"),
        delete(51),
        create(51, prompt="Anew?"),
        patch(51, difficulty="advanced"),
        patch(52, difficulty="beginner"),
        delete(52),
        mode=mode,
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    told: Any = answer.get_json()
    told = told["operations"]
    assert statuses(told) == [201, 200, 204, 201, 204, 201, 200, 200, 204]
    assert client.get(f"{QUESTIONS}/900").get_json()["prompt"] == "Again?"
    anew = client.get(f"{QUESTIONS}/51")
    assert (anew.get_json()["prompt"], anew.get_json()["difficulty"]) == ("Anew?", "advanced")
    assert told[5]["etag"] == told[6]["etag"] == anew.headers["ETag"]
    assert told[7]["etag"] is None  # a later one deleted it
    history = client.get(f"{QUESTIONS}/51/revisions", headers=editor.headers).get_json()
    actions = [item["action"] for item in history["items"]]
    assert actions == ["updated", "created", "deleted", "loaded"]


@sqlite_only
def test_a_number_twice_in_one_batch_is_given_once(client: FlaskClient, editor: Device) -> None:
    told = each(client, editor, create(900), create(900), delete(900), delete(900), create(900))
    assert statuses(told) == [201, 409, 204, 404, 201]
    assert [item["number"] for item in each(client, editor, create(), create())] == [901, 902]
    told = each(client, editor, create(MAX_NUMBER), create())
    assert statuses(told) == [201, 409]
    assert places(told[1]["problem"]) == [("#/operations/1", "conflict")]


@sqlite_only
def test_an_etag_is_compared_with_what_stood_before_the_batch(
    client: FlaskClient, editor: Device
) -> None:
    read = {number: etag(client, f"{QUESTIONS}/{number}") for number in (51, 52, 53, 60, 100)}
    told = each(
        client,
        editor,
        create(101),  # from here on question 100 links another neighbour
        patch(100, read[100], answer="From what was read."),
        patch(51, read[51], answer="Once."),
        patch(51, f'"other", {read[51]}', difficulty="advanced"),  # upon the batch's own change
        patch(52, f"W/{read[52]}", answer="Weak."),
        patch(101, read[100], answer="Of another."),
        delete(60, read[60]),
        create(60),
        patch(60, read[60], answer="Not what was read."),
        patch(60, answer="Whatever it is."),
        delete(53, read[52]),
    )
    assert statuses(told) == [201, 200, 200, 200, 412, 412, 204, 201, 412, 200, 412]
    assert read[52] in told[4]["problem"]["detail"]
    assert "only * holds" in told[5]["problem"]["detail"]
    assert etag(client, f"{QUESTIONS}/51") != read[51]
    again = each(client, editor, patch(51, read[51]), patch(51, told[3]["etag"]))
    assert statuses(again) == [412, 200]


# --- who may --------------------------------------------------------------------------------------


def test_every_operation_needs_the_permission_that_it_needs_by_itself(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    ada = new_device(app, "ada", Role.CONTRIBUTOR)
    eve = new_device(app, "eve")
    own = question_of(client, ada, editor)
    grant = client.put(f"{QUESTIONS}/51/grants/eve", headers=editor.headers)
    assert grant.status_code in {200, 201}
    asked = [create(), patch(own), replace(own), patch(51), patch(1), delete(own), create(51)]
    needs = {0: "question.create", 5: "question.delete", 6: "question.create"}
    for device, expected in (
        (ada, [403, 200, 200, 403, 403, 403, 403]),
        (eve, [403, 403, 403, 200, 403, 403, 403]),
        (editor, [201, 200, 200, 200, 404, 204, 409]),
    ):
        told = each(client, device, *asked)
        assert statuses(told) == expected
        for place, item in enumerate(told):
            if item["status"] == 403:
                assert item["problem"]["required"] == needs.get(place, "question.edit")
                assert places(item["problem"]) == [(f"#/operations/{place}", "forbidden")]
    problem = refused(post(client, eve, patch(51, answer="Mine."), delete(52)), "forbidden", 403)
    assert places(problem) == [("#/operations/1", "forbidden")]
    assert client.get(f"{QUESTIONS}/51").get_json()["answer"] != "Mine."
    refused(client.post(BATCH, json={"operations": [create()]}), "token-missing")


@sqlite_only
def test_a_batch_counts_once_against_the_quota(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_WRITES="2 per minute")
    editor, client = new_device(app, "ed", Role.EDITOR), app.test_client()
    assert len(done(client, editor, *(create() for _ in range(batch.MAX_OPERATIONS)))) == 100
    assert '"writes";r=0' in post(client, editor, create()).headers["RateLimit"]
    refused(post(client, editor, create()), "too-many-requests", 429)


# --- what is no batch -----------------------------------------------------------------------------

NO_BATCH: list[tuple[Any, set[str]]] = [
    ({}, {"#/operations"}),
    ({"operations": None}, {"#/operations"}),
    ({"operations": {}}, {"#/operations"}),
    ({"operations": []}, {"#/operations"}),
    ({"operations": [create()] * 101}, {"#/operations"}),
    ({"mode": "both", "operations": [create()]}, {"#/mode"}),
    ({"mode": None, "operations": [create()]}, {"#/mode"}),
    ({"operations": [create()], "dry_run": True}, {"#/dry_run"}),
    ({"operations": [create(), 5, None, []]}, {f"#/operations/{n}" for n in (1, 2, 3)}),
    ({"operations": [{}]}, {"#/operations/0/op"}),
    ({"operations": [{"op": "upsert"}]}, {"#/operations/0/op"}),
    ({"operations": [{"op": ["create"]}]}, {"#/operations/0/op"}),
    ({"operations": [{"op": "create"}]}, {"#/operations/0/question"}),
    ({"operations": [{"op": "create", "question": []}]}, {"#/operations/0/question"}),
    ({"operations": [{**create(), "if_match": "*"}]}, {"#/operations/0/if_match"}),
    ({"operations": [{**create(), "number": 7}]}, {"#/operations/0/number"}),
    ({"operations": [{**create(), "what": 7}]}, {"#/operations/0/what"}),
    ({"operations": [{"op": "patch"}]}, {"#/operations/0/number", "#/operations/0/changes"}),
    ({"operations": [{**patch(51), "changes": None}]}, {"#/operations/0/changes"}),
    ({"operations": [{**patch(51), "question": {}}]}, {"#/operations/0/question"}),
    ({"operations": [{**delete(51), "changes": {}}]}, {"#/operations/0/changes"}),
    ({"operations": [create(), delete(0)]}, {"#/operations/1/number"}),
    ({"operations": [delete(MAX_NUMBER + 1)]}, {"#/operations/0/number"}),
    ({"operations": [delete(2**63)]}, {"#/operations/0/number"}),
    ({"operations": [{**delete(51), "number": "51"}]}, {"#/operations/0/number"}),
    ({"operations": [{**delete(51), "number": True}]}, {"#/operations/0/number"}),
    ({"operations": [{**delete(51), "if_match": 5}]}, {"#/operations/0/if_match"}),
    ({"operations": [delete(51, "")]}, {"#/operations/0/if_match"}),
    ({"operations": [delete(51, "x" * 1001)]}, {"#/operations/0/if_match"}),
    ({"operations": [delete(51, "a\0")]}, {"#/operations/0/if_match"}),
    ({"operations": [create(prompt="a\0b")]}, {"#/operations/0/question/prompt"}),
]


@sqlite_only
def test_what_is_no_batch_is_refused_in_either_mode_and_names_the_place(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    before = everything(app)
    for body, named in NO_BATCH:
        for mode in ({}, {"mode": "independent"}):
            answer = client.post(BATCH, json={**mode, **body}, headers=editor.headers)
            assert pointers(answer) == named, body
    assert everything(app) == before


def test_bodies_that_are_no_json_object_are_refused(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    for data, kind, slug, status in (
        (b"", "application/json", "malformed-request", 400),
        (b'{"operations": [', "application/json", "malformed-request", 400),
        (b'{"mode": "\xff"}', "application/json", "malformed-request", 400),
        (b'{"mode": "atomic", "mode": "atomic"}', "application/json", "malformed-request", 400),
        (b'{"operations": ' + b"[" * 40 + b"]" * 40 + b"}", "application/json", "malformed-request", 400),
        (b"[]", "application/json", "invalid-parameters", 422),
        (b"{}", "text/plain", "unsupported-media-type", 415),
        (b'{"operations": "' + b"x" * 2**20 + b'"}', "application/json", "content-too-large", 413),
    ):  # fmt: skip
        headers = {**editor.headers, "Content-Type": kind}
        refused(client.post(BATCH, data=data, headers=headers), slug, status)
    # Deep or long, but JSON: what a question holds is its operation's matter.
    deep: Any = "x"
    for _ in range(20):
        deep = [deep]
    told = each(
        client, editor, create(answer=deep), create(answer="x" * 50_001), create(references=[deep])
    )
    assert statuses(told) == [422, 422, 422]


# --- sent again -----------------------------------------------------------------------------------


def test_a_batch_sent_again_under_its_key_is_done_once(client: FlaskClient, editor: Device) -> None:
    first = post(client, editor, create(), mode="independent", key="k1")
    again = post(client, editor, create(), mode="independent", key="k1")
    assert (first.get_data(), again.headers["Idempotent-Replayed"]) == (again.get_data(), "true")
    assert numbers(client.get(f"{QUESTIONS}?number_from=101")) == [101]
    other = post(client, editor, create(), create(), mode="independent", key="k1")
    assert refused(other, "invalid-parameters", 422)["errors"][0]["code"] == "reused"
    # What was refused frees the key.
    refused(post(client, editor, create(), delete(7), key="k2"), "not-found", 404)
    assert post(client, editor, create(), key="k2").status_code == 200
    assert numbers(client.get(f"{QUESTIONS}?number_from=101")) == [101, 102]


# --- conflicts ------------------------------------------------------------------------------------


@contextmanager
def conflicts(then: Callable[[], object] = lambda: None) -> Iterator[list[str]]:
    """Collect what is logged of each conflict, and do something upon it before the next attempt."""
    seen: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            then()

    handler, level = Handler(), batch.log.level
    batch.log.addHandler(handler)
    batch.log.setLevel(logging.INFO)
    try:
        yield seen
    finally:
        batch.log.removeHandler(handler)
        batch.log.setLevel(level)


@contextmanager
def writer_elsewhere(settings: Settings) -> Iterator[Any]:
    """Another program that holds the writers' lock until it ends its transaction."""
    kind, address = target(settings)
    if kind == "sqlite":
        with closing(sqlite3.connect(address, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
        return
    with psycopg.connect(address) as connection:
        connection.execute("LOCK TABLE topics, questions IN SHARE ROW EXCLUSIVE MODE")
        yield connection


@pytest.fixture
def impatient(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let writers wait for a moment only."""
    monkeypatch.setattr(storing, "WAIT_SECONDS", 0.02)
    monkeypatch.setattr(batch, "PAUSE_SECONDS", 0.001)
    with app.app_context():
        engine = db.engine

    def shorten(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 20")

    if engine.dialect.name == "sqlite":
        event.listen(engine, "checkout", shorten)
    yield
    if engine.dialect.name == "sqlite":
        event.remove(engine, "checkout", shorten)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("mode", ["atomic", "independent"])
def test_a_batch_that_finds_the_bank_busy_is_begun_again(
    app: Flask, client: FlaskClient, editor: Device, settings: Settings, mode: str
) -> None:
    with writer_elsewhere(settings) as writer:
        before = everything(app)
        with conflicts() as seen:  # it never ends
            answer = post(client, editor, create(900), mode=mode)
        refused(answer, "service-unavailable", 503)
        assert answer.headers["Retry-After"] == "1"
        assert len(seen) == batch.ATTEMPTS - 1
        assert everything(app) == before
        with conflicts(writer.rollback) as seen:  # it ends after the first attempt
            answer = post(client, editor, create(900), patch(900, prompt="Once?"), mode=mode)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        assert len(seen) == 1
    assert numbers(client.get(f"{QUESTIONS}?number_from=101")) == [900]
    history = client.get(f"{QUESTIONS}/900/revisions", headers=editor.headers).get_json()
    assert [item["action"] for item in history["items"]] == ["updated", "created"]


def waits(connection: Any) -> bool:
    """Tell whether some other transaction of this database waits for a lock."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    return bool(row[0])


@pytest.mark.parametrize("mode", ["atomic", "independent"])
@postgresql_only
def test_a_deadlock_ends_an_attempt_and_not_the_batch(
    app: Flask, editor: Device, settings: Settings, mode: str
) -> None:
    told: list[TestResponse] = []
    batched = [patch(51, answer="Begun again."), create(900)]
    with psycopg.connect(target(settings)[1]) as other, conflicts() as seen:
        # The other has the author's row, which the new question refers to, and comes for the questions.
        other.execute("SET LOCAL deadlock_timeout = '60s'")  # so that it is not the one to be ended
        other.execute("SELECT id FROM users WHERE username = 'ed' FOR UPDATE")
        with threads(lambda: told.append(post(app.test_client(), editor, *batched, mode=mode))):
            until(lambda: waits(other))
            other.execute("UPDATE questions SET difficulty = 'beginner' WHERE number = 51")
            other.commit()
    (answer,) = told
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert len(seen) == 1
    assert "deadlock" in seen[0]
    read: Any = app.test_client().get(f"{QUESTIONS}/51").get_json()
    assert (read["answer"], read["difficulty"]) == ("Begun again.", "beginner")


@postgresql_only
def test_a_serialization_failure_ends_an_attempt_and_not_the_batch(
    make_app: MakeApp, settings: Settings
) -> None:
    url = make_url(settings["DATABASE_URL"]).update_query_dict(
        {"options": "-c default_transaction_isolation=serializable"}
    )
    app = make_app(DATABASE_URL=url.render_as_string(hide_password=False))
    editor = new_device(app, "ed", Role.EDITOR)
    told: list[TestResponse] = []
    with writer_elsewhere(settings) as other, conflicts() as seen:
        other.execute("UPDATE questions SET difficulty = 'beginner' WHERE number = 51")
        with threads(
            lambda: told.append(post(app.test_client(), editor, patch(51, answer="Later.")))
        ):
            until(lambda: waits(other))
            other.commit()
    (answer,) = told
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert len(seen) == 1
    assert "could not serialize" in seen[0]
    read: Any = app.test_client().get(f"{QUESTIONS}/51").get_json()
    assert (read["answer"], read["difficulty"]) == ("Later.", "beginner")


def test_many_batches_at_once_lose_and_double_nothing(app: Flask, editor: Device) -> None:
    start = versions(app)["events"]

    def send(place: int) -> list[int]:
        mode = ("atomic", "independent")[place % 2]
        shared = [patch(51, answer=f"By {place}."), patch(52, answer=f"By {place}.")]
        ordered = shared if place % 3 else shared[::-1]
        answer = post(app.test_client(), editor, create(), *ordered, create(), mode=mode)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        told: Any = answer.get_json()
        return [told["operations"][0]["number"], told["operations"][3]["number"]]

    made = at_once(send, 6)
    assert sorted(number for pair in made for number in pair) == list(range(101, 113))
    client = app.test_client()
    for number in (51, 52):
        path = f"{QUESTIONS}/{number}/revisions"
        history: Any = client.get(path, headers=editor.headers).get_json()
        assert [item["revision"] for item in history["items"]] == list(range(7, 0, -1))
    texts = {client.get(f"{QUESTIONS}/{number}").get_json()["answer"] for number in (51, 52)}
    assert len(texts) == 1  # both by the same batch: none ran in between
    assert len(events_since(client, start)) == versions(app)["events"] - start == 24


def test_a_question_made_alone_and_one_of_a_batch_are_the_same(
    client: FlaskClient, editor: Device
) -> None:
    alone = make_question(client, editor, topics=["rest"], difficulty="advanced")
    (told,) = done(client, editor, create(topics=["rest"], difficulty="advanced"))
    first, second = (
        client.get(f"{QUESTIONS}/{number}").get_json() for number in (alone, told["number"])
    )
    own = {"number", "created_at", "updated_at", "links"}
    assert {k: v for k, v in first.items() if k not in own} == {
        k: v for k, v in second.items() if k not in own
    }
