"""What people bring along gets into the bank as they meant it: all of it, or none."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from api.bank import copying, formats, importing, loading, questions, search, storing
from api.bank.formats import Format, QuestionDocument, Reading, Reference, Refusal
from api.bank.importing import ImportReport, OnConflict
from api.extensions import db
from api.models import Question, QuestionTopic, Topic

Members = dict[str, Any]
EARLIER = datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LATER = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
WHOLE: Members = {
    "number": 501,
    "prompt": "What is a blueprint?",
    "answer": "Routes that are registered together.",
    "in_practice": "One per version.",
    "try_it": "```console\n$ curl -s http://127.0.0.1:5000/\n```",
    "technique": "url-for",
    "topics": ["routing", "gardening"],
    "difficulty": "beginner",
    "references": [
        {"title": "Flask: Blueprints", "url": "https://flask.palletsprojects.com/"},
        {"title": "Another", "url": "https://example.com/"},
    ],
}


def of(*records: Members) -> Reading:
    """Read records as a JSON file of one record to a line."""
    lines = ",\n".join(json.dumps(record) for record in records)
    return formats.read(f"[{lines}]".encode(), Format.JSON)


def record(number: int, **members: Any) -> Members:
    return {"number": number, "prompt": f"Why {number}?", "answer": "Because.", **members}


def stored(number: int) -> QuestionDocument:
    return storing.read_by_number(db.session.connection(), [number])[number].document


def numbers() -> set[int]:
    return set(db.session.scalars(select(Question.number)))


def told(report: ImportReport) -> dict[str, Any]:
    return {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "skipped": report.skipped,
        "refused": [refusal.number for refusal in report.refused],
        "kept": report.kept,
    }


def test_a_new_question_is_stored_with_every_member(bank: None) -> None:
    report = importing.run(of(WHOLE))
    assert told(report) == {
        "created": [501],
        "updated": [],
        "unchanged": [],
        "skipped": [],
        "refused": [],
        "kept": True,
    }
    (document,) = of(WHOLE).documents
    found = stored(501)
    for member in importing.MEMBERS:
        assert getattr(found, member) == getattr(document, member), member


def test_a_new_topic_is_made_and_named_after_its_slug(bank: None) -> None:
    importing.run(of(record(501, topics=["raised-beds", "rest"])))
    topic = db.session.scalars(select(Topic).where(Topic.slug == "raised-beds")).one()
    assert topic.name == "Raised beds"
    assert db.session.scalar(select(func.count()).where(Topic.slug == "rest")) == 1


def test_an_imported_question_is_found_by_the_search(bank: None) -> None:
    importing.run(of(record(501, answer="Ask the zanzibarian.")))
    found = questions.find_page(questions.Criteria(text="zanzibarian"), 1, 10)
    assert [question.number for question in found.questions] == [501]
    assert search.highlights("zanzibarian", [found.questions[0].id])


def test_an_import_invalidates_cached_answers(app: Flask, client: FlaskClient) -> None:
    before = client.get("/api/v1/questions/51")
    assert client.get("/api/v1/questions/51").get_json() == before.get_json()
    with app.app_context():
        importing.run(of(record(51, answer="Another answer.")), OnConflict.UPDATE)
    after = client.get("/api/v1/questions/51")
    assert after.get_json()["answer"] == "Another answer."
    assert after.headers["ETag"] != before.headers["ETag"]


@pytest.mark.parametrize(
    ("times", "created", "updated"),
    [
        ({"created_at": EARLIER, "updated_at": LATER}, EARLIER, LATER),
        ({"created_at": EARLIER}, EARLIER, None),
        ({"updated_at": LATER}, None, LATER),
        ({"updated_at": EARLIER}, EARLIER, EARLIER),
        ({"created_at": LATER}, LATER, LATER),
        ({}, None, None),
    ],
)
def test_times_of_the_file_are_kept_and_missing_ones_are_now(
    bank: None, times: Members, created: datetime | None, updated: datetime | None
) -> None:
    before = datetime.now(UTC)
    importing.run(of(record(501, **{name: time.isoformat() for name, time in times.items()})))
    after = datetime.now(UTC)
    found = stored(501)
    for kept, wanted in ((found.created_at, created), (found.updated_at, updated)):
        assert kept is not None
        assert kept == wanted if wanted else before <= kept <= after
    assert found.created_at is not None
    assert found.updated_at is not None
    assert found.created_at <= found.updated_at


def test_an_update_keeps_the_creation_and_takes_the_times_of_the_file(bank: None) -> None:
    first = stored(51)
    importing.run(of(record(51)), OnConflict.UPDATE)
    second = stored(51)
    assert second.created_at == first.created_at
    assert second.updated_at is not None
    assert first.updated_at is not None
    assert second.updated_at > first.updated_at
    times = {"created_at": EARLIER.isoformat(), "updated_at": LATER.isoformat()}
    importing.run(of(record(51, answer="Third.", **times)), OnConflict.UPDATE)
    assert (stored(51).created_at, stored(51).updated_at) == (EARLIER, LATER)


@pytest.mark.parametrize("on_conflict", list(OnConflict))
def test_a_record_that_says_the_same_is_unchanged(bank: None, on_conflict: OnConflict) -> None:
    importing.run(of(WHOLE))
    before = stored(501)
    report = importing.run(of({**WHOLE, "updated_at": LATER.isoformat()}), on_conflict)
    assert (report.unchanged, report.refused) == ([501], [])
    assert stored(501) == before
    assert stored(501).updated_at == before.updated_at


def test_a_list_of_prompts_and_answers_says_the_same_as_the_whole_question(bank: None) -> None:
    importing.run(of(WHOLE))
    text = "501. What is a blueprint?\nRoutes that are registered together.\n"
    report = importing.run(formats.read(text.encode(), Format.NUMBERED))
    assert (report.unchanged, report.refused) == ([501], [])


def test_a_number_that_says_something_else_is_refused_and_nothing_is_kept(bank: None) -> None:
    before = stored(51)
    report = importing.run(of(record(501), record(51, topics=["rest"]), record(502)))
    assert told(report) == {
        "created": [501, 502],
        "updated": [],
        "unchanged": [],
        "skipped": [],
        "refused": [51],
        "kept": False,
    }
    (refusal,) = report.refused
    assert refusal.line == 2
    assert refusal.reason.startswith(
        "question 51 is in the bank and differs in prompt, answer and topics"
    )
    assert stored(51) == before
    assert not {501, 502} & numbers()


def test_a_refusal_in_a_late_part_undoes_the_parts_before_it(bank: None) -> None:
    records = [record(number) for number in range(1000, 1000 + storing.CHUNK)]
    report = importing.run(of(*records, record(51)))
    assert len(report.created) == storing.CHUNK
    assert not report.kept
    assert max(numbers()) == 100


def test_partial_keeps_what_is_sound(bank: None) -> None:
    reading = of(record(501), record(51), record(502, technique="alchemy"), record(503, answer=""))
    report = importing.run(reading, partial=True)
    assert told(report) == {
        "created": [501],
        "updated": [],
        "unchanged": [],
        "skipped": [],
        "refused": [51, 502, 503],
        "kept": True,
    }
    assert numbers() == {*range(51, 101), 501}


def test_refusals_stand_in_the_order_of_the_file(bank: None) -> None:
    report = importing.run(of(record(51), record(501, answer=""), record(52)), partial=True)
    assert [refusal.line for refusal in report.refused] == [1, 2, 3]


def test_skip_leaves_what_is_there(bank: None) -> None:
    before = stored(51)
    report = importing.run(of(record(51), record(501)), OnConflict.SKIP)
    assert (report.skipped, report.created, report.kept) == ([51], [501], True)
    assert stored(51) == before


def test_update_takes_what_the_file_says(bank: None) -> None:
    importing.run(of(WHOLE))
    changed = {
        **WHOLE,
        "prompt": "What are blueprints?",
        "topics": ["rest", "routing"],
        "difficulty": "advanced",
        "references": [{"title": "Only one", "url": "https://example.com/one"}],
    }
    report = importing.run(of(changed), OnConflict.UPDATE)
    assert (report.updated, report.kept) == ([501], True)
    found = stored(501)
    assert found.prompt == "What are blueprints?"
    assert found.topics == ("rest", "routing")
    assert found.difficulty == "advanced"
    assert found.references == (Reference(title="Only one", url="https://example.com/one"),)


@pytest.mark.parametrize("unsaid", ["absent", "null"])
def test_update_erases_nothing_that_a_record_leaves_unsaid(bank: None, unsaid: str) -> None:
    importing.run(of(WHOLE))
    before = stored(501)
    optional = set(importing.MEMBERS) - {"prompt", "answer"}
    members = dict.fromkeys(optional) if unsaid == "null" else {}
    importing.run(of(record(501, answer="New.", **members)), OnConflict.UPDATE)
    after = stored(501)
    assert after.answer == "New."
    for member in optional:
        assert getattr(after, member) == getattr(before, member), member


def test_a_numbered_list_updates_prompt_and_answer_alone(bank: None) -> None:
    before = stored(51)
    reading = formats.read(b"51. Short question?\nShort answer.\n", Format.NUMBERED)
    assert importing.run(reading, OnConflict.UPDATE).updated == [51]
    after = stored(51)
    assert (after.prompt, after.answer) == ("Short question?", "Short answer.")
    assert (after.topics, after.references) == (before.topics, before.references)
    assert (after.in_practice, after.technique) == (before.in_practice, before.technique)


def test_an_unknown_technique_is_refused_by_name(bank: None) -> None:
    report = importing.run(of(record(501, technique="url-four"), record(502, technique="zzz")))
    near, far = report.refused
    assert near.reason == "technique 'url-four' is unknown; did you mean url-for?"
    assert far.reason.startswith("technique 'zzz' is unknown; take one")


@pytest.mark.parametrize("on_conflict", list(OnConflict))
@pytest.mark.parametrize("partial", [True, False])
def test_a_dry_run_reports_the_same_and_keeps_nothing(
    bank: None, on_conflict: OnConflict, partial: bool
) -> None:
    importing.run(of(WHOLE))
    reading = of(WHOLE, record(51), record(502), record(503, technique="alchemy"))
    versions = "SELECT version FROM data_versions WHERE scope = 'bank'"
    before = (numbers(), stored(51), db.session.connection().exec_driver_sql(versions).scalar())
    dry = importing.run(reading, on_conflict, partial, dry_run=True)
    assert not dry.kept
    assert before == (
        numbers(),
        stored(51),
        db.session.connection().exec_driver_sql(versions).scalar(),
    )
    real = importing.run(reading, on_conflict, partial)
    assert {**told(dry), "kept": None} == {**told(real), "kept": None}


def test_an_imported_question_is_left_alone_by_load(bank: None) -> None:
    importing.run(of(record(51), record(52)), OnConflict.UPDATE)
    importing.run(of(record(501)))
    report = loading.load()
    assert report.kept == [51, 52]
    assert stored(51).answer == "Because."


def test_progress_counts_up_to_all_documents(bank: None) -> None:
    counts: list[int] = []
    records = [record(number) for number in range(1000, 1001 + storing.CHUNK)]
    importing.run(of(*records), progress=counts.append)
    assert counts == [storing.CHUNK, storing.CHUNK + 1]


def test_what_interrupts_an_import_leaves_nothing_behind(bank: None) -> None:
    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importing.run(of(record(501)), progress=interrupt)
    assert 501 not in numbers()
    assert importing.run(of(record(501))).created == [501]


def test_more_values_than_one_statement_may_hold_are_no_obstacle(bank: None) -> None:
    # 66,000 of PostgreSQL's 65,535, and 22,000 slugs that are looked for.
    documents = [
        QuestionDocument(
            number=1000 + place,
            prompt="?",
            answer="!",
            topics=tuple(f"t{place}-{each}" for each in range(20)),
        )
        for place in range(1100)
    ]
    report = importing.run(Reading(documents, [], Format.JSON))
    assert len(report.created) == 1100
    tags = db.session.scalar(select(func.count()).select_from(QuestionTopic))
    assert tags is not None
    assert tags >= 22_000
    assert stored(2099).topics == documents[-1].topics


def test_statements_do_not_grow_with_the_questions(bank: None) -> None:
    statements: list[str] = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    members = {"topics": ["rest"], "references": WHOLE["references"]}
    importing.run(of(*(record(number, **members) for number in range(1000, 1200))))
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(statements) < 12


@contextmanager
def another_writer(settings: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Begin a transaction of another program, in which it has made question 501; yields its commit."""
    url = settings["DATABASE_URL"]
    insert = (
        "INSERT INTO questions (number, prompt, answer, created_at, updated_at) "
        "VALUES (501, 'Theirs?', 'Theirs.', '2026-11-22', '2026-11-22')"
    )
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, check_same_thread=False)) as writer:
            writer.execute(insert)
            yield writer.commit
    else:
        with closing(psycopg.connect(url)) as connection:
            connection.execute(insert)
            yield connection.commit


def test_a_writer_that_does_not_end_is_reported_and_nothing_is_kept(
    bank: None, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "WAIT_SECONDS", 0.05)
    db.session.remove()
    db.engine.dispose()
    if db.engine.dialect.name == "sqlite":

        @event.listens_for(db.engine, "connect")
        def be_impatient(connection: sqlite3.Connection, _: Any) -> None:
            connection.execute("PRAGMA busy_timeout = 50")

    with (
        another_writer(settings),
        pytest.raises(storing.BankBusyError, match="another program is writing to the bank"),
    ):
        importing.run(of(record(501), record(502)))
    assert not {501, 502} & numbers()


def test_an_import_waits_for_another_writer_and_sees_what_it_wrote(
    app: Flask, settings: dict[str, str]
) -> None:
    reports: list[ImportReport] = []

    def bring() -> None:
        with app.app_context():
            reports.append(importing.run(of(record(501), record(502))))

    with another_writer(settings) as commit:
        thread = threading.Thread(target=bring)
        thread.start()
        commit()
        thread.join(timeout=30)
    (report,) = reports
    assert (report.created, report.kept) == ([502], False)
    assert [refusal.number for refusal in report.refused] == [501]


@pytest.mark.parametrize("count", [1, copying.MANY])
def test_a_number_taken_between_check_and_insert_is_a_clear_error(
    bank: None, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    fresh = [record(number) for number in range(501, 501 + count)]
    # No other writer gets between the two; a program that knows nothing of our lock might.
    with monkeypatch.context() as patched:
        patched.setattr(storing, "read_by_number", lambda *_: {})
        with pytest.raises(storing.BankConflictError, match="the database refused a row"):
            importing.run(of(*fresh, record(51)))
    assert 501 not in numbers()
    assert importing.run(of(*fresh)).kept


def test_many_questions_come_in_as_one_alone_would(bank: None) -> None:
    count = copying.MANY + 1
    records = [
        record(
            number,
            topics=["rest", "json"],
            prompt=f"What of \\N, {number} and ü?",
            try_it="a\tb\n\n\\.",
            references=WHOLE["references"],
        )
        for number in range(1000, 1000 + count)
    ]
    assert len(importing.run(of(*records)).created) == count
    documents = of(*records).documents
    for document in (documents[0], documents[-1]):
        kept = stored(document.number)
        assert (kept.prompt, kept.try_it) == (document.prompt, document.try_it)
        assert kept.topics == ("rest", "json")
        assert kept.references == document.references
    assert importing.run(of(record(999))).kept  # its id is free still


def test_two_imports_at_once_take_turns(app: Flask) -> None:
    records = [record(number, topics=[f"topic-{number}"]) for number in range(1000, 1300)]
    reading = of(*records)
    start = threading.Barrier(2)
    reports: list[ImportReport] = []

    def bring() -> None:
        with app.app_context():
            start.wait()
            reports.append(importing.run(reading))

    threads = [threading.Thread(target=bring) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(len(report.created) for report in reports) == [0, 300]
    assert sorted(len(report.unchanged) for report in reports) == [0, 300]


def test_a_file_without_a_question_is_refused(bank: None) -> None:
    report = importing.run(formats.read(b"\n"), partial=True)
    assert report.refused == [Refusal(line=1, number=None, reason="the file is empty")]
