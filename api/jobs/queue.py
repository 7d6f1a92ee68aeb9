"""Asking for a job, following it, cancelling and retrying it: what a request does (80, 92)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import ColumnElement, func, select

from api.bank.exporting import Numbers
from api.bank.formats import Format
from api.bank.formats.documents import WRITABLE
from api.bank.importing import OnConflict
from api.extensions import db
from api.jobs import doorbell, states
from api.jobs.files import StoredFile
from api.models import Job, JobKind, JobState, Topic, User
from api.models.types import now
from api.sentences import Sentence

MAX_UNFINISHED = 20
"""Jobs that one user may have in the queue and running: each may hold a large file."""


class JobUnknownError(LookupError):
    """There is no such job, or none that the caller may know of."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"You have no job {job_id!r}.")


class JobConflictError(RuntimeError):
    """What was asked of a job does not fit its state; the message says what does."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the jobs, and how many there are."""

    jobs: Sequence[Job]
    total: int


def ensure_room(user: User) -> None:
    """Refuse a user who has too much in the queue already. Raises JobConflictError."""
    waiting = select(func.count(Job.id)).where(
        Job.user_id == user.id, Job.state.in_(states.UNFINISHED)
    )
    if (db.session.scalar(waiting) or 0) >= MAX_UNFINISHED:
        raise JobConflictError(
            Sentence(
                "You have %(count)s jobs that are not finished; wait for one, or cancel one.",
                count=MAX_UNFINISHED,
            )
        )


def add_import(
    user: User,
    stored: StoredFile,
    *,
    title: str | None,
    format: Format | None,
    on_conflict: OnConflict,
    partial: bool,
    dry_run: bool,
) -> Job:
    """Ask for an import of a file that is stored already.

    :param title: the file's own name, if it has one: its ending may tell the format.
    :param format: the format; None lets the content tell.
    """
    parameters = {
        "title": title,
        "format": format.value if format else None,
        "on_conflict": on_conflict.value,
        "partial": partial,
        "dry_run": dry_run,
    }
    return _add(user, JobKind.IMPORT, parameters, **stored.columns)


def add_export(
    user: User, format: Format, numbers: Numbers | None = None, topics: Sequence[str] = ()
) -> Job:
    """Ask for an export; nobody is told of it before `doorbell.ring`.

    :param numbers: the first and the last of the questions' numbers; None for all of them.
    :param topics: slugs, any of which a question must stand under; none means all of them.
    Raises marshmallow.ValidationError: later there is nobody to complain to. JobConflictError.
    """
    if format not in WRITABLE:
        raise ValidationError(
            {"format": [Sentence("%(format)s is only read.", format=format.value)]}
        )
    known = set(db.session.scalars(select(Topic.slug).where(Topic.slug.in_(topics))))
    if unknown := {
        index: [Sentence("There is no topic %(slug)s.", slug=repr(slug))]
        for index, slug in enumerate(topics)
        if slug not in known
    }:
        raise ValidationError({"topics": unknown})
    ensure_room(user)
    parameters = {
        "format": format.value,
        "numbers": list(numbers) if numbers else None,
        "topics": list(topics),
    }
    return _add(user, JobKind.EXPORT, parameters)


def _add(user: User, kind: JobKind, parameters: dict[str, Any], **values: Any) -> Job:
    job = Job(kind=kind.value, user_id=user.id, parameters=parameters, **values)
    db.session.add(job)
    db.session.flush()
    row = {column.name: getattr(job, column.name) for column in Job.__table__.columns}
    states.tell(db.session.connection(), row)
    db.session.commit()
    return job


def get(job_id: str, owner: User | None) -> Job:
    """Return a job as it stands now. Raises JobUnknownError.

    :param owner: whose it must be; None for whom may see everybody's.
    """
    job = db.session.get(Job, job_id, populate_existing=True)
    if job is None or (owner is not None and job.user_id != owner.id):
        raise JobUnknownError(job_id)
    return job


def find_page(
    owner: User | None,
    page: int,
    per_page: int,
    wanted: Sequence[JobState] = (),
    kinds: Sequence[JobKind] = (),
) -> Page:
    """Return a page of the jobs, the newest first.

    :param owner: whose jobs; None for everybody's.
    :param wanted: only jobs in one of these states; none means all.
    :param kinds: only jobs of these kinds; none means all.
    """
    where: list[ColumnElement[bool]] = []
    if owner is not None:
        where.append(Job.user_id == owner.id)
    if wanted:
        where.append(Job.state.in_(wanted))
    if kinds:
        where.append(Job.kind.in_(kinds))
    total = db.session.scalar(select(func.count(Job.id)).where(*where)) or 0
    rows = (
        select(Job)
        .where(*where)
        .order_by(Job.created_at.desc(), Job.id)
        .limit(per_page)
        .offset((page - 1) * per_page)
    )
    return Page(db.session.scalars(rows).all(), total)


def cancel(job: Job) -> Job:
    """Cancel a job: at once while it waits, as soon as its worker looks up while it runs.

    Cancelling twice is no error. Once this returns the job will not succeed: the statement by which
    a worker ends it well finds the request. Raises JobConflictError where it has ended otherwise.
    """
    moment = now()
    connection = db.session.connection()
    states.ask_to_end(connection, job.id, moment)
    waiting = Job.state == JobState.QUEUED
    states.move(connection, job.id, JobState.CANCELLED, waiting, finished_at=moment)
    db.session.commit()
    found = get(job.id, None)
    if found.state in {JobState.SUCCEEDED, JobState.FAILED}:
        raise JobConflictError(f"The job has {found.state}; there is nothing left to cancel.")
    return found


def retry(job: Job) -> Job:
    """Put a job that failed or was cancelled back into the queue, as if it had never run.

    Raises JobConflictError for a job in another state, or whose owner has too many.
    """
    if job.state not in {JobState.FAILED, JobState.CANCELLED}:
        raise JobConflictError(
            f"The job is {job.state}; one that failed or was cancelled is retried."
        )
    again = states.move(
        db.session.connection(),
        job.id,
        JobState.QUEUED,
        Job.state.in_([JobState.FAILED, JobState.CANCELLED]),
        due_at=now(),
        attempt=0,
        phase=None,
        done=0,
        total=None,
        result=None,
        refusals=[],
        refused=0,
        error=None,
        started_at=None,
        finished_at=None,
        cancel_requested_at=None,
    )
    db.session.commit()
    found = get(job.id, None)
    if again is None:
        raise JobConflictError(f"The job is {found.state} by now.")
    doorbell.ring(job.id)
    return found
