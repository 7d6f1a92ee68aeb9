"""Who runs a job: claims, leases that end, fencing tokens, and what a job ends with."""

import sqlite3
from datetime import timedelta
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import event, func, make_url, select, update

from api.bank import storing
from api.extensions import db
from api.jobs import exports, files, imports, leases, queue, running
from api.jobs.leases import Lease, LeaseLostError
from api.models import Job, JobState, Question
from api.models.types import now
from tests.accounts.tools import make_user
from tests.conftest import Settings
from tests.jobs.tools import (
    change,
    files_of,
    new_export,
    new_import,
    questions,
    row,
    stored_between,
    work,
)
from tests.v1.tools import postgresql_only, sqlite_only, wait_for


@pytest.fixture(autouse=True)
def owner(app: Flask) -> None:
    """Somebody to ask for jobs."""
    make_user(app)


def expire(app: Flask, job_id: str) -> None:
    """Let the lease of a job be over, as if its worker had died."""
    change(app, job_id, lease_expires_at=now() - timedelta(seconds=1))


def claimed(job_id: str) -> Lease:
    """Claim a job that is there to claim."""
    lease = leases.claim(job_id)
    assert lease is not None
    return lease


def test_of_many_workers_that_race_for_a_job_one_gets_it(app: Flask) -> None:
    job_id = new_import(app, questions(1000, 20))
    outcomes: list[bool] = []
    threads = [Thread(target=lambda: outcomes.append(work(app, job_id))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True]
    assert (row(app, job_id).state, row(app, job_id).attempt) == (JobState.SUCCEEDED, 1)
    assert stored_between(app, 1000, 20)[0] == 20


def test_a_worker_that_lost_its_lease_finds_out_and_keeps_nothing(app: Flask) -> None:
    job_id = new_import(app, questions(1000, 3))
    with app.app_context():
        stale = claimed(job_id)
        assert leases.claim(job_id) is None
        expire(app, job_id)
        fresh = claimed(job_id)
        with pytest.raises(LeaseLostError):
            imports.run(stale)
        with db.engine.begin() as connection, pytest.raises(LeaseLostError):
            stale.succeed(connection)
        assert not stale.end(JobState.FAILED)
        assert not stale.give_back(now())
        assert stored_between(app, 1000, 3) == (0, 0)
        imports.run(fresh)
    assert stored_between(app, 1000, 3)[0] == 3
    assert (row(app, job_id).state, row(app, job_id).attempt) == (JobState.SUCCEEDED, 2)


class StolenInTheWrite(Lease):
    """A lease that another worker takes over just before the commit of its import."""

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Lose the lease once everything is written."""
        super().report(phase, done, total)
        if phase == leases.WRITING and done == total:
            with db.engine.begin() as connection:
                connection.execute(
                    update(Job).values(lease_expires_at=now() - timedelta(seconds=1))
                )
            assert leases.claim(self.job["id"]) is not None


@postgresql_only
def test_a_worker_that_loses_its_lease_while_it_writes_commits_nothing(app: Flask) -> None:
    job_id = new_import(app, questions(1000, 3))
    with app.app_context():
        stale = StolenInTheWrite(claimed(job_id).job)
        with pytest.raises(LeaseLostError):
            imports.run(stale)
    assert stored_between(app, 1000, 3) == (0, 0)
    assert row(app, job_id).state == JobState.RUNNING  # the other worker's


@sqlite_only
def test_an_export_that_lost_its_lease_leaves_no_file(app: Flask) -> None:
    job_id = new_export(app)
    with app.app_context():
        stale = claimed(job_id)
        stale.report(exports.PHASE, 0, 50)
        stale._reported = (float("inf"), exports.PHASE)  # it does not look up any more
        expire(app, job_id)
        fresh = claimed(job_id)
        with pytest.raises(LeaseLostError):
            exports.run(stale)
        assert files_of(app) == []
        exports.run(fresh)
        assert [path.name for path in files_of(app)] == [row(app, job_id).file_name]


def test_a_lease_is_extended_while_its_worker_lives(app: Flask) -> None:
    app.config["JOB_LEASE_SECONDS"] = 0.5
    job_id = new_export(app)
    with app.app_context():
        lease = claimed(job_id)
        first = row(app, job_id).lease_expires_at
        assert first is not None
        with lease.kept():
            wait_for(
                lambda: (row(app, job_id).lease_expires_at or first) > first + timedelta(seconds=1)
            )
            assert leases.claim(job_id) is None
        wait_for(lambda: leases.claim(job_id))
    assert row(app, job_id).attempt == 2


@sqlite_only
def test_a_job_that_kills_its_worker_every_time_fails_in_the_end(app: Flask) -> None:
    job_id = new_export(app)
    with app.app_context():
        for _ in range(leases.MAX_ATTEMPTS):
            claimed(job_id)
            expire(app, job_id)
        assert leases.claim(job_id) is None
    job = row(app, job_id)
    assert job.state == JobState.FAILED
    assert job.error is not None
    assert "died 5 times" in job.error
    assert job.finished_at is not None


@sqlite_only
def test_a_cancelled_job_whose_worker_died_is_not_run_again(app: Flask) -> None:
    job_id = new_export(app)
    with app.app_context():
        claimed(job_id)
        queue.cancel(queue.get(job_id, None))
        expire(app, job_id)
        assert leases.claim(job_id) is None
    assert row(app, job_id).state == JobState.CANCELLED


def test_a_request_that_will_wait_no_longer_gives_the_job_back(app: Flask) -> None:
    job_id = new_export(app)
    assert work(app, job_id, patience=0)
    job = row(app, job_id)
    assert (job.state, job.lease_token, job.phase) == (JobState.QUEUED, None, None)
    assert files_of(app) == []
    assert work(app, job_id)
    assert row(app, job_id).state == JobState.SUCCEEDED


@sqlite_only
def test_a_job_that_is_cancelled_as_it_is_given_back_ends(app: Flask) -> None:
    job_id = new_export(app)
    with app.app_context():
        lease = claimed(job_id)
        queue.cancel(queue.get(job_id, None))
        assert not lease.give_back(now())
    assert row(app, job_id).state == JobState.CANCELLED


@postgresql_only
def test_an_import_that_finds_the_bank_busy_is_tried_again_later(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = new_import(app, questions(1000, 3))
    monkeypatch.setattr(storing, "WAIT_SECONDS", 0.05)
    with app.app_context(), db.engine.connect() as other:
        other.exec_driver_sql("LOCK TABLE questions IN ROW EXCLUSIVE MODE")
        assert work(app, job_id)
    job = row(app, job_id)
    assert (job.state, job.attempt) == (JobState.QUEUED, 1)
    assert job.due_at > now()
    assert not work(app, job_id)  # it is not due
    change(app, job_id, due_at=now())
    assert work(app, job_id)
    assert stored_between(app, 1000, 3)[0] == 3


@sqlite_only
def test_a_job_that_cannot_be_claimed_for_another_writer_stays_in_the_queue(
    app: Flask, settings: Settings
) -> None:
    job_id = new_export(app)
    with app.app_context():
        db.engine.dispose()

    def impatient(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA busy_timeout = 10")

    with app.app_context():
        event.listen(db.engine, "connect", impatient)
    other = sqlite3.connect(str(make_url(settings["DATABASE_URL"]).database), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert not work(app, job_id)
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert row(app, job_id).state == JobState.QUEUED
    assert work(app, job_id)


@sqlite_only
def test_an_upload_that_is_gone_or_changed_fails_the_import(app: Flask) -> None:
    gone, changed = (new_import(app, questions(1000, 3)) for _ in range(2))
    with app.app_context():
        files.remove(row(app, gone).file_name)
        (files.folder() / (row(app, changed).file_name or "")).write_bytes(questions(2000, 3))
    for job_id, said in ((gone, "no longer there"), (changed, "has changed")):
        assert work(app, job_id)
        job = row(app, job_id)
        assert job.state == JobState.FAILED
        assert said in (job.error or "")
    with app.app_context():
        assert db.session.scalar(select(func.count(Question.id))) == 50


@sqlite_only
def test_a_fault_of_the_program_fails_the_job_and_tells_nothing_of_its_inside(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setitem(running.WORK, "export", broken)
    job_id = new_export(app)
    work(app, job_id)
    assert row(app, job_id).state == JobState.FAILED
    assert row(app, job_id).error == "The worker failed. The failure has been logged."
