"""A job's states, and the one place where a state changes (92).

Every change is one UPDATE that names the states it may come from and gives back the row: of two that
try at once, the second finds no row, on SQLite and on PostgreSQL alike. Whatever must happen with
every change belongs here, in the transaction of the caller.
Source: https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, update

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
    return connection.execute(statement).mappings().first()


def ask_to_end(connection: Connection, job_id: str, moment: datetime) -> None:
    """Note that a job which has not ended is not wanted any more."""
    connection.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(UNFINISHED))
        .values(cancel_requested_at=func.coalesce(Job.cancel_requested_at, moment))
    )
