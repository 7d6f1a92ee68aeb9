"""Workers killed by SIGKILL in the middle of an import: nothing is lost, nothing comes twice."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from flask import Flask
from sqlalchemy import create_engine, make_url, text

from api.models import JobState
from tests.accounts.tools import make_user
from tests.conftest import MakeApp, Settings
from tests.jobs.tools import (
    SOON,
    files_of,
    kill_group,
    kill_holder,
    new_export,
    new_import,
    questions,
    row,
    stored_between,
    wait_until_ended,
    worker,
)
from tests.v1.tools import sqlite_only, wait_for

COUNT = 1500
TWO_KILOBYTES = 2000


@pytest.fixture
def broker(backend: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Both ways to run it: PostgreSQL with Redis, SQLite with files."""
    return {} if backend == "sqlite" else {"REDIS_URL": request.getfixturevalue("redis_url")}


def kill_before_the_write(app: Flask, settings: Settings, job_id: str) -> None:
    wait_for(lambda: row(app, job_id).phase in {"reading", "checking"}, 30)
    kill_holder(app, job_id)


def kill_in_the_middle_of_the_write(app: Flask, settings: Settings, job_id: str) -> None:
    url = settings["DATABASE_URL"]
    if url.startswith("sqlite"):
        path = str(make_url(url).database)
        wait_for(lambda: row(app, job_id).phase == "checking", 30)
        # Reports of progress lock for a moment; the slow write goes on.
        wait_for(lambda: all(is_locked(path) for _ in range(200)), 30)
        kill_holder(app, job_id)
        return
    with held(url) as waiting:
        wait_for(waiting, 30)
        kill_holder(app, job_id)


def slow_down_writes(settings: Settings) -> None:
    """Have SQLite count to some millions within each write of questions: there is a middle to kill in."""
    url = settings["DATABASE_URL"]
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(str(make_url(url).database))) as connection:
            connection.execute(
                "CREATE TRIGGER slow_write AFTER INSERT ON events WHEN NEW.kind = 'question.created' "
                "BEGIN SELECT max(i) FROM (WITH RECURSIVE n(i) AS "
                "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT i FROM n); END"
            )
            connection.commit()


def is_locked(path: str) -> bool:
    """Tell whether somebody is writing to an SQLite file."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False


@contextmanager
def held(url: str) -> Iterator[Callable[[], bool]]:
    """Hold a table on PostgreSQL that an import comes to late; yields what tells that one waits."""
    engine = create_engine(url)
    waiters = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                   "'question_topics'::regclass")  # fmt: skip
    try:
        with engine.connect() as holder, engine.connect() as watcher:
            holder.execute(text("LOCK TABLE question_topics IN SHARE MODE"))

            def waiting() -> bool:
                found = watcher.scalar(waiters)
                watcher.rollback()
                return bool(found)

            yield waiting
            holder.rollback()
    finally:
        engine.dispose()


KILLS = (kill_before_the_write, kill_in_the_middle_of_the_write)


def test_a_worker_killed_at_any_moment_loses_and_doubles_nothing(
    make_app: MakeApp, settings: Settings, broker: dict[str, str]
) -> None:
    app = make_app(**broker, **SOON)
    make_user(app)
    slow_down_writes(settings)
    with worker(settings, **broker, JOB_WORKERS="2"):
        for first, kill in zip((1000, 10_000), KILLS, strict=True):
            job_id = new_import(app, questions(first, COUNT, TWO_KILOBYTES))
            kill(app, settings, job_id)
            assert stored_between(app, first, COUNT) == (0, 0), kill.__name__
            job = wait_until_ended(app, job_id)
            assert job.state == JobState.SUCCEEDED, job.error
            assert job.attempt >= 2
            assert job.result is not None
            assert job.result["created"] == COUNT
            assert stored_between(app, first, COUNT) == (COUNT, COUNT), kill.__name__


@sqlite_only
def test_a_job_whose_whole_worker_died_is_done_by_the_next_though_nobody_rings(
    make_app: MakeApp, settings: Settings
) -> None:
    app = make_app(**SOON)
    make_user(app)
    job_id = new_import(app, questions(1000, COUNT, TWO_KILOBYTES))
    with worker(settings, "--pool", "solo") as first:
        wait_for(lambda: row(app, job_id).state == JobState.RUNNING, 30)
        kill_group(first)
    assert row(app, job_id).state == JobState.RUNNING
    waiting = new_export(app)
    with worker(settings, "--pool", "solo"):
        assert wait_until_ended(app, waiting).state == JobState.SUCCEEDED
        assert wait_until_ended(app, job_id).state == JobState.SUCCEEDED
    assert stored_between(app, 1000, COUNT) == (COUNT, COUNT)
    assert [path.name for path in files_of(app)] == [row(app, waiting).file_name]
