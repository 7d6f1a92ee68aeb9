"""A job's states, and the one place where a state changes (92).

Every change is one UPDATE that names the states it may come from and gives back the row: of two that
try at once, the second finds no row, on SQLite and on PostgreSQL alike. With every change goes its
event (93), in the same transaction: who watches the job's room hears of what was committed, and of
nothing else.
Source: https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, update

from api import events
from api.demonstrations import demonstrates
from api.models import Job, JobState

#: From which states a job may come into each. A running job may be taken over by another worker.
SOURCES: dict[JobState, tuple[JobState, ...]] = {
    JobState.RUNNING: (JobState.QUEUED, JobState.RUNNING),
    JobState.QUEUED: (JobState.RUNNING, JobState.FAILED, JobState.CANCELLED),
    JobState.SUCCEEDED: (JobState.RUNNING,),
    JobState.FAILED: (JobState.RUNNING,),
    JobState.CANCELLED: (JobState.QUEUED, JobState.RUNNING),
}

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)

#: What no job keeps that nobody is running.
_UNLEASED = {"lease_token": None, "lease_expires_at": None}

PROGRESS = "progress"
"""What an event of a job that is further than before, in the same state, is named by."""


def move(
    connection: Connection,
    job_id: str,
    to: JobState,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> RowMapping | None:
    """Bring a job into a state, within the transaction of `connection`.

    :param conditions: what must hold of the row besides, such as who holds its lease.
    :param values: what else changes with it.
    Returns the row as it is now; None where the job is not there or may not come into that state.
    """
    if to is not JobState.RUNNING:
        values |= _UNLEASED
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.state.in_(SOURCES[to]), *conditions)
        .values(state=to.value, **values)
        .returning(*Job.__table__.columns)
    )
    row = connection.execute(statement).mappings().first()
    if row is not None:
        tell(connection, row)
    return row


@demonstrates(
    93,
    at="GET v1.events",
    test="tests/jobs/test_events.py::test_every_change_of_a_job_is_an_event_for_its_owner",
)
def tell(connection: Connection, job: Mapping[Any, Any], what: str | None = None) -> None:
    """Record how a job stands as an event of it, in the transaction that brought it there.

    :param job: the columns of its row, as they are now.
    :param what: what has happened; by default that it came into the state that it is in.
    """
    names = ("kind", "state", "attempt", "phase", "done", "total", "result", "refused", "error")
    events.record(
        connection,
        f"job.{what or job['state']}",
        job=job["id"],
        owner=job["user_id"],
        data={name: job[name] for name in names},
    )


def ask_to_end(connection: Connection, job_id: str, moment: datetime) -> None:
    """Note that a job which has not ended is not wanted any more."""
    connection.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(UNFINISHED))
        .values(cancel_requested_at=func.coalesce(Job.cancel_requested_at, moment))
    )
