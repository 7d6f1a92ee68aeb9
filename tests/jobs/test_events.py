"""Events of jobs: one with each change of state, a bounded number of progress, for the owner alone."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Row

from api import events
from api.extensions import db
from api.jobs import leases, queue, running, states
from api.jobs.leases import LeaseLostError
from api.models import JobState
from api.models.types import now
from tests.accounts.tools import make_user
from tests.jobs.tools import change, new_export, new_import, questions, row, work
from tests.test_events import told


@pytest.fixture(autouse=True)
def owner(app: Flask) -> None:
    """Somebody to ask for jobs."""
    make_user(app)


def of(app: Flask, job_id: str) -> list[Row[Any]]:
    """Return what the outbox tells of a job."""
    return [event for event in told(app) if event.job_id == job_id]


def kinds(app: Flask, job_id: str) -> list[str]:
    """Return the kinds of a job's events, leaving out progress."""
    found = [event.kind.removeprefix("job.") for event in of(app, job_id)]
    return [kind for kind in found if kind != states.PROGRESS]


def test_every_change_of_a_job_is_an_event_for_its_owner(app: Flask) -> None:
    job_id = new_import(app, questions(1000, 3))
    work(app, job_id)
    assert kinds(app, job_id) == ["queued", "running", "succeeded"]
    found = of(app, job_id)
    assert {events.rooms_of(event) for event in found} == {frozenset({f"job:{job_id}"})}
    assert found[-1].data == {
        "kind": "import",
        "state": "succeeded",
        "attempt": 1,
        "phase": None,
        "done": 3,
        "total": 3,
        "result": row(app, job_id).result,
        "refused": 0,
        "error": None,
    }
    progress = [event.data for event in found if event.kind == "job.progress"]
    assert [(each["phase"], each["total"]) for each in progress[:2]] == [
        ("reading", None),
        ("checking", 3),
    ]
    # The questions and the end of the job are one transaction: their events stand side by side.
    (made,) = (event for event in told(app) if event.questions == [1000, 1001, 1002])
    assert abs(made.position - found[-1].position) == 1


def test_cancelling_failing_retrying_and_giving_back_are_told(app: Flask) -> None:
    job_id = new_import(app, questions(51, 1))  # there is a 51 that says something else
    work(app, job_id)
    assert row(app, job_id).state == JobState.FAILED
    assert of(app, job_id)[-1].data["error"] == row(app, job_id).error
    with app.app_context():
        queue.retry(queue.get(job_id, None))
        lease = leases.claim(job_id)
        assert lease is not None
        assert lease.give_back(now())
        queue.cancel(queue.get(job_id, None))
        queue.cancel(queue.get(job_id, None))  # changes nothing, and so tells nothing
    assert kinds(app, job_id) == [
        "queued", "running", "failed", "queued", "running", "queued", "cancelled",
    ]  # fmt: skip


def test_what_is_undone_or_refused_tells_nothing(app: Flask) -> None:
    job_id = new_export(app)
    with app.app_context():
        lease = leases.claim(job_id)
        assert lease is not None
        before = len(of(app, job_id))
        with db.engine.connect() as connection:
            lease.succeed(connection)
            connection.rollback()
        change(app, job_id, lease_token="somebody else's")
        with pytest.raises(LeaseLostError):
            lease.report("exporting", 1, 50)
        assert not lease.end(JobState.FAILED)
        assert not running.run(job_id)
    assert row(app, job_id).state == JobState.RUNNING
    assert len(of(app, job_id)) == before


def test_progress_of_a_long_job_is_tens_of_events(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "REPORT_SECONDS", 0.0)
    job_id = new_export(app)
    with app.app_context():
        lease = leases.claim(job_id)
        assert lease is not None
        for phase in ("first", "second"):
            for done in range(301):
                lease.report(phase, done, 300)
    progress = [event.data for event in of(app, job_id) if event.kind == "job.progress"]
    for phase in ("first", "second"):
        steps = [each["done"] for each in progress if each["phase"] == phase]
        assert steps == list(range(0, 301, 15))
    assert (row(app, job_id).phase, row(app, job_id).done) == ("second", 300)
