"""The outbox: written with its cause, numbered in the order of the commits, trimmed from its beginning."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Row, func, select, text, update

from api import events
from api.bank import editing, formats, importing, storing
from api.bank.importing import OnConflict
from api.extensions import db
from api.models import Event
from api.models.types import now
from tests.accounts.tools import an_editor, make_user
from tests.v1.tools import postgresql_only, sqlite_only, wait_for


@contextmanager
def transaction(app: Flask) -> Iterator[Connection]:
    with app.app_context(), db.engine.begin() as connection:
        yield connection


def told(app: Flask, after: int = 0, limit: int = 100_000) -> list[Row[Any]]:
    with transaction(app) as connection:
        return list(events.read(connection, after, limit))


def newest(app: Flask) -> int:
    with transaction(app) as connection:
        return events.reach(connection).newest


def note(app: Flask, kind: str = "test.noted", **about: Any) -> None:
    with transaction(app) as connection:
        events.record(connection, kind, **about)


def as_json(*numbers: int, topics: str = '"async"') -> formats.Reading:
    rows = (
        f'{{"number": {number}, "prompt": "Is it {number}?", "answer": "It is.", "topics": [{topics}]}}'
        for number in numbers
    )
    return formats.read(f"[{', '.join(rows)}]".encode(), formats.Format.JSON)


def test_loading_the_bank_is_one_event_that_names_every_question(app: Flask) -> None:
    (event,) = told(app)
    assert (event.position, event.kind) == (1, "question.created")
    assert event.questions == list(range(51, 101))
    assert newest(app) == 1


def test_a_change_and_its_event_are_kept_together_or_not_at_all(app: Flask) -> None:
    with app.app_context():
        editing.patch(51, {"difficulty": "advanced"}, an_editor(app), lambda _: None)
    (event,) = told(app, 1)
    assert (event.kind, event.questions) == ("question.updated", [51])

    def fail() -> None:
        with storing.writing() as connection:
            events.record(connection, "question.updated", questions=[51])
            raise RuntimeError

    with app.app_context(), pytest.raises(RuntimeError):
        fail()
    with app.app_context():
        report = importing.run(as_json(51, 4001))  # 51 says something else: all is refused
        assert report.refused
    assert len(told(app, 1)) == 1
    assert newest(app) == 2


def test_an_import_is_an_event_for_each_thousand_of_questions(app: Flask) -> None:
    numbers = range(3001, 5502)
    with app.app_context():
        assert importing.run(as_json(*numbers, 51), OnConflict.UPDATE).kept
    found = told(app, 1)
    created = [each for each in found if each.kind == "question.created"]
    assert [len(each.questions) for each in created] == [1000, 1000, 501]
    assert [number for each in created for number in each.questions] == list(numbers)
    assert [each.questions for each in found if each.kind == "question.updated"] == [[51]]


def test_an_event_names_the_topics_that_a_question_joins_and_leaves(app: Flask) -> None:
    with app.app_context():
        editing.patch(51, {"topics": ["async", "rest"]}, an_editor(app), lambda _: None)
    (event,) = told(app, 1)
    assert event.topics == ["async", "rest", "security", "uploads"]
    assert events.rooms_of(event) == {
        "bank",
        "question:51",
        "topic:async",
        "topic:rest",
        "topic:security",
        "topic:uploads",
    }


def test_what_concerns_a_job_belongs_to_its_room_alone(app: Flask) -> None:
    job = "0b7f6f0e-4a4b-4d5e-9c55-3f1a9a0c9d11"
    note(app, "job.progress", job=job, questions=[51], topics=["async"], data={"done": 1})
    (event,) = told(app, 1)
    assert events.rooms_of(event) == {f"job:{job}"}
    with transaction(app) as connection:
        assert events.read(connection, 1, 10, public=True) == []


def test_the_events_of_a_deleted_accounts_jobs_go_with_it(app: Flask) -> None:
    make_user(app)
    with transaction(app) as connection:
        owner = connection.scalar(text("SELECT id FROM users"))
        events.record(connection, "job.queued", job="a" * 36, owner=owner)
    assert len(told(app, 1)) == 1
    with transaction(app) as connection:
        connection.execute(text("DELETE FROM users"))
    assert told(app, 1) == []


@postgresql_only
def test_positions_rise_in_the_order_of_the_commits_not_of_the_inserts(app: Flask) -> None:
    with app.app_context():
        first, second = db.engine.connect(), db.engine.connect()
    with first, second:
        events.record(first, "test.begun-first")
        events.record(second, "test.committed-first")  # it need not wait for the other
        ids = [c.scalars(select(func.max(Event.id))).one() for c in (first, second)]
        assert ids == sorted(ids)
        second.commit()
        (seen,) = told(app, 1)
        assert seen.kind == "test.committed-first"
        first.commit()
    (late,) = told(app, seen.position)
    assert late.kind == "test.begun-first"
    assert late.position == seen.position + 1


@postgresql_only
def test_a_commit_waits_for_the_one_that_has_the_position_before(app: Flask) -> None:
    """Had it not waited, its event could be seen before one with a lower position."""
    with app.app_context():
        first, second = db.engine.connect(), db.engine.connect()
    with first, second, ThreadPoolExecutor() as pool:
        events.record(first, "test.first")
        first.exec_driver_sql(
            "SET CONSTRAINTS ALL IMMEDIATE"
        )  # the position is taken, not committed
        events.record(second, "test.second")
        commit = pool.submit(second.commit)
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

        def is_waiting() -> bool:
            with transaction(app) as third:
                return bool(third.scalar(waiting))

        try:
            wait_for(is_waiting)
            assert not commit.done()
            assert told(app, 1) == []
        finally:
            first.commit()  # or the second would be waited for in vain
        commit.result(10)
    assert [each.kind for each in told(app, 1)] == ["test.first", "test.second"]


def test_a_reader_beside_many_writers_misses_nothing(app: Flask, backend: str) -> None:
    writers, each = 4, 15
    seen: list[tuple[int, str]] = []
    done = threading.Event()

    def write(writer: int) -> None:
        for number in range(each):
            if backend == "sqlite":
                with app.app_context(), storing.writing() as connection:
                    events.record(connection, f"test.w{writer}n{number}")
            else:
                with transaction(app) as connection:
                    events.record(connection, f"test.w{writer}n{number}")
                    connection.exec_driver_sql("SELECT pg_sleep(random() * 0.01)")

    def follow() -> None:
        after = 1
        while True:
            last = done.is_set()
            for row in told(app, after, 7):
                seen.append((row.position, row.kind))
                after = row.position
            if last and len(seen) >= writers * each:
                return
            if last and not told(app, after, 1):
                return

    with ThreadPoolExecutor() as pool:
        following = pool.submit(follow)
        list(pool.map(write, range(writers)))
        done.set()
        following.result(30)
    assert [position for position, _ in seen] == list(range(2, 2 + writers * each))
    assert len({kind for _, kind in seen}) == writers * each


def test_what_is_trimmed_is_a_beginning_and_is_told(app: Flask) -> None:
    for _ in range(5):
        note(app)
    week = timedelta(days=7)
    with transaction(app) as connection:
        # 2 and 5 are old; but 3 is young, and behind a hole at 5 nobody could notice a loss.
        connection.execute(
            update(Event).where(Event.position.in_([1, 2, 5])).values(at=now() - 2 * week)
        )
        assert events.sweep(connection, week) == 2
        assert [row.position for row in events.read(connection, 0, 10)] == [3, 4, 5, 6]
        reach = events.reach(connection)
    assert reach == events.Reach(start=2, newest=6)
    assert [after for after in range(9) if reach.covers(after)] == [2, 3, 4, 5, 6]
    with transaction(app) as connection:
        assert events.sweep(connection, timedelta(0)) == 4
        assert events.reach(connection) == events.Reach(start=6, newest=6)
    note(app)
    assert [row.position for row in told(app, 6)] == [7]


@sqlite_only
def test_an_event_is_shown_with_its_position_as_id(app: Flask) -> None:
    note(app, questions=[52, 51, 52], topics=["rest"], data={"why": "ça"})
    (row,) = told(app, 1)
    shown = events.represent(row)
    assert shown | {"at": None} == {
        "id": 2,
        "kind": "test.noted",
        "at": None,
        "questions": [51, 52],
        "topics": ["rest"],
        "data": {"why": "ça"},
    }
    assert shown["at"].endswith("Z")
