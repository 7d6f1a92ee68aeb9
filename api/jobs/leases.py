"""Who runs a job: leases with fencing tokens, so that a job survives its worker and runs once (92).

A worker claims a job by one UPDATE that writes a token of its own and a time at which the claim ends;
a thread extends it. A worker that dies extends nothing, and another claims the job. A worker that was
only slow, or frozen, finds out when it commits: the statement that ends the job asks for its token,
in the transaction that holds the job's other writes, and so undoes them too.

Workers' clocks need to agree far better than a lease is long. Where they do not, a job may be started
twice in vain; the token alone decides what is committed.

On SQLite one connection writes at a time. While an import writes, its lease cannot be extended, nor
progress be told or a cancellation be noted; nor can anybody else claim the job, for the same reason.
Source: https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from os import getpid
from socket import gethostname
from threading import Event, Thread
from time import monotonic
from typing import Any, NoReturn
from uuid import uuid4

from flask import current_app
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from api.bank import storing
from api.extensions import db
from api.jobs import states
from api.models import Job, JobState
from api.models.types import now

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
"""How often a job is begun at most: one that kills its worker each time must end some day."""

REPORT_SECONDS = 0.25
"""At most so often is progress written and a cancellation looked for."""

EVENTS_PER_PHASE = 20
"""Progress is an event at the beginning of a phase, and then at most so many times, whatever the
number of questions: the outbox keeps each one for days."""

WRITING = "writing"
"""The phase in which a job holds the lock of a writer."""


class LeaseLostError(RuntimeError):
    """Somebody else has the job by now, or it is gone: whatever was done may not be kept."""


class JobCancelledError(RuntimeError):
    """Whoever asked for the job has cancelled it."""


class OutOfTimeError(RuntimeError):
    """The caller who waits for the job will wait no longer."""


class Lease:
    """A worker's hold on a job."""

    def __init__(self, job: RowMapping, patience: float | None = None) -> None:
        """Hold a job that was claimed.

        :param patience: seconds after which `report` ends the work in favour of another worker.
        """
        self.job = job
        self._engine = db.engine
        self._seconds: float = current_app.config["JOB_LEASE_SECONDS"]
        self._deadline = None if patience is None else monotonic() + patience
        self._reported: tuple[float, str] = (0, "")
        self._told: tuple[str, int] = ("", 0)
        self._released = Event()

    @property
    def held(self) -> tuple[ColumnElement[bool], ...]:
        """What must hold of the row for this worker to change it."""
        return (Job.lease_token == self.job["lease_token"],)

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Tell how far the work is, and find out whether it is still wanted.

        :param done: how many of `total` questions are done in this phase.
        Raises LeaseLostError, JobCancelledError, OutOfTimeError.
        """
        if self._deadline is not None and monotonic() > self._deadline:
            raise OutOfTimeError
        if phase == WRITING and self._engine.dialect.name == "sqlite":
            return
        when, told = self._reported
        if told == phase and monotonic() - when < REPORT_SECONDS:
            return
        self._reported = (monotonic(), phase)
        last_phase, last_done = self._told
        step = max((total or 0) / EVENTS_PER_PHASE, 1)
        is_news = phase != last_phase or done - last_done >= step
        if self._extend(is_news, phase=phase, done=done, total=total) and is_news:
            self._told = (phase, done)

    def _extend(self, is_news: bool = False, **values: Any) -> bool:
        """Extend the lease on a connection of its own. Raises LeaseLostError, JobCancelledError.

        :param is_news: whether there is to be an event of it.
        Returns whether it could be written; else nobody else can write either.
        """
        statement = (
            update(Job)
            .where(Job.id == self.job["id"], *self.held)
            .values(lease_expires_at=now() + timedelta(seconds=self._seconds), **values)
            .returning(*Job.__table__.columns)
        )
        try:
            with self._engine.begin() as connection:
                row = connection.execute(statement).mappings().first()
                if is_news and row is not None and row["cancel_requested_at"] is None:
                    states.tell(connection, row, states.PROGRESS)
        except OperationalError as error:
            if not storing.is_busy(error):
                raise
            return False  # somebody else is writing to SQLite: nobody can take the job now either
        if row is None:
            raise LeaseLostError(self.job["id"])
        if row["cancel_requested_at"] is not None:
            raise JobCancelledError(self.job["id"])
        return True

    def succeed(self, connection: Connection, **values: Any) -> None:
        """End the job well, within the transaction that holds what it wrote.

        Raises LeaseLostError or JobCancelledError, by which the caller undoes that transaction: a
        cancellation that was accepted holds, up to the last moment.
        """
        ended = states.move(
            connection,
            self.job["id"],
            JobState.SUCCEEDED,
            *self.held,
            Job.cancel_requested_at.is_(None),
            finished_at=now(),
            phase=None,
            error=None,
            **values,
        )
        if ended is None:
            self._say_why(connection)

    def finish(self, **values: Any) -> None:
        """End the job well where nothing else is to be committed with it. Raises as `succeed`."""
        with self._engine.begin() as connection:
            self.succeed(connection, **values)

    def _say_why(self, connection: Connection) -> NoReturn:
        cancelled = select(Job.id).where(
            Job.id == self.job["id"], *self.held, Job.cancel_requested_at.is_not(None)
        )
        if connection.scalar(cancelled):
            raise JobCancelledError(self.job["id"])
        raise LeaseLostError(self.job["id"])

    def end(self, to: JobState, **values: Any) -> bool:
        """End the job in another way, in a transaction of its own.

        Returns whether the job was still this worker's.
        """
        with self._engine.begin() as connection:
            return self._move(connection, to, finished_at=now(), **values)

    def give_back(self, due_at: datetime) -> bool:
        """Put the job back into the queue until `due_at`; end it where it has been cancelled.

        Returns whether it is in the queue now.
        """
        wanted = Job.cancel_requested_at.is_(None)
        with self._engine.begin() as connection:
            if self._move(connection, JobState.QUEUED, wanted, due_at=due_at):
                return True
            self._move(connection, JobState.CANCELLED, finished_at=now())
            return False

    def _move(
        self, connection: Connection, to: JobState, *conditions: ColumnElement[bool], **values: Any
    ) -> bool:
        moved = states.move(
            connection, self.job["id"], to, *self.held, *conditions, phase=None, **values
        )
        return moved is not None

    def _beat(self) -> None:
        """Extend the lease three times within its length until it is released or lost."""
        while not self._released.wait(self._seconds / 3):
            try:
                self._extend()
            except LeaseLostError:
                return
            except JobCancelledError:
                continue  # whoever does the work finds out by itself
            except SQLAlchemyError as error:
                log.warning("job %s: lease not extended: %s", self.job["id"], error)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Extend the lease beside the work of the block."""
        thread = Thread(target=self._beat, name=f"lease-{self.job['id']}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._released.set()
            thread.join()


def claim(job_id: str, patience: float | None = None) -> Lease | None:
    """Take a job that is due, or that its worker has let go by dying.

    :param patience: as `Lease` has it.
    Returns None where there is nothing to take: a message may be late, or come twice.
    """
    moment = now()
    with db.engine.begin() as connection:
        _bury(connection, job_id, moment)
        job = states.move(
            connection,
            job_id,
            JobState.RUNNING,
            claimable(moment),
            attempt=Job.attempt + 1,
            lease_token=str(uuid4()),
            lease_expires_at=moment + timedelta(seconds=current_app.config["JOB_LEASE_SECONDS"]),
            worker=f"{gethostname()[:80]}:{getpid()}",
            started_at=func.coalesce(Job.started_at, moment),
            phase=None,
            done=0,
            total=None,
        )
    return None if job is None else Lease(job, patience)


def claimable(moment: datetime) -> ColumnElement[bool]:
    """Return what holds of a job that a worker may take."""
    return or_(and_(Job.state == JobState.QUEUED, Job.due_at <= moment), expired(moment))


def expired(moment: datetime) -> ColumnElement[bool]:
    """Return what holds of a running job whose worker is dead, or as good as dead."""
    return and_(Job.state == JobState.RUNNING, Job.lease_expires_at < moment)


def _bury(connection: Connection, job_id: str, moment: datetime) -> None:
    """End a job whose worker died, where nobody wants it any more or too many have tried."""
    states.move(
        connection,
        job_id,
        JobState.CANCELLED,
        expired(moment),
        Job.cancel_requested_at.is_not(None),
        finished_at=moment,
        phase=None,
    )
    states.move(
        connection,
        job_id,
        JobState.FAILED,
        expired(moment),
        Job.attempt >= MAX_ATTEMPTS,
        finished_at=moment,
        phase=None,
        error=f"Its worker died {MAX_ATTEMPTS} times; it is not tried again unless you retry it.",
    )
