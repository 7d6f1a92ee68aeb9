"""Periodic work, by Celery beat: what was left behind is found by looking at the database.

A sweep is a function registered with `@sweep`. It may run in several workers at once, and twice: it
asks for what is there to do, and does it in statements that do nothing the second time.
Source: https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask, current_app
from sqlalchemy import delete, select

from api import events
from api.accounts import registration
from api.attachments import store
from api.extensions import db
from api.jobs import doorbell, files, leases
from api.models import Job, ScratchDocument, SignIn
from api.models.types import now

log = logging.getLogger(__name__)

TASK = "jobs.sweep"

RUNG = 50
"""Jobs that one sweep rings for: the oldest, so that a long queue makes no flood of messages."""

HOUR = timedelta(hours=1)

F = TypeVar("F", bound=Callable[[], int])


@dataclass(frozen=True, slots=True)
class Sweep:
    """A function, and how often it runs; `every` None is as often as `JOB_SWEEP_SECONDS` says."""

    function: Callable[[], int]
    every: timedelta | None


SWEEPS: dict[str, Sweep] = {}


def sweep(name: str, every: timedelta | None = HOUR) -> Callable[[F], F]:
    """Register periodic work: a function that returns how many things it has dealt with."""

    def registered(function: F) -> F:
        SWEEPS[name] = Sweep(function, every)
        return function

    return registered


def register(sweeps: Mapping[str, Callable[[], int]]) -> None:
    """Register, by name, hourly work of rooms that jobs do not know, such as that of HTTP."""
    for name, function in sweeps.items():
        sweep(name)(function)


def run(name: str) -> int:
    """Run a sweep now; returns how many things it has dealt with. Raises KeyError."""
    count = SWEEPS[name].function()
    if count:
        log.info("sweep %s: %d", name, count)
    return count


def schedule(app: Flask) -> dict[str, Any]:
    """Return the sweeps as Celery beat has its entries.

    A message that no worker took until the next one comes is thrown away.
    """
    often: float = app.config["JOB_SWEEP_SECONDS"]
    entries = {}
    for name, each in SWEEPS.items():
        seconds = each.every.total_seconds() if each.every else often
        entries[name] = {
            "task": TASK,
            "schedule": seconds,
            "args": (name,),
            "options": {"expires": seconds},
        }
    return entries


@sweep("jobs-without-a-worker", every=None)
def ring_again() -> int:
    """Ring for jobs whose message was lost or whose worker died."""
    due = select(Job.id).where(leases.claimable(now())).order_by(Job.due_at, Job.id).limit(RUNG)
    waiting = db.session.scalars(due).all()
    db.session.rollback()  # a transaction that stays open would hold old rows back
    for job_id in waiting:
        doorbell.ring(job_id, expires=current_app.config["JOB_SWEEP_SECONDS"])
    return len(waiting)


@sweep("old-jobs")
def remove_old_jobs() -> int:
    """Remove jobs that ended long ago, with their files."""
    ended = (
        delete(Job)
        .where(Job.finished_at < now() - _retention())
        .returning(Job.file_name)
        .execution_options(synchronize_session=False)
    )
    names = db.session.scalars(ended).all()
    db.session.commit()
    for name in names:
        files.remove(name)
    return len(names)


def _retention() -> timedelta:
    return timedelta(days=current_app.config["JOB_RETENTION_DAYS"])


@sweep("stray-files")
def remove_stray_files() -> int:
    """Remove what no job names: files that never became whole, or whose owner is gone."""
    known = {name for name in db.session.scalars(select(Job.file_name)) if name}
    db.session.rollback()
    # A file is whole before the row that names it is there, so the young ones are let be.
    moment = now()
    count = 0
    for path in files.folder().iterdir():
        limit = HOUR if path.suffix == files.PART else _retention() + timedelta(days=1)
        if path.name not in known and _is_older(path, moment - limit):
            path.unlink(missing_ok=True)
            count += 1
    return count


@sweep("spent-messages")
def remove_spent_messages() -> int:
    """Remove what the broker of files has kept: messages after they were read, or never whole."""
    folder = Path(current_app.config["JOBS_FOLDER"])
    spent = [*folder.glob("taken/*"), *folder.glob(f"messages/*{files.PART}")]
    old = [path for path in spent if _is_older(path, now() - HOUR)]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _is_older(path: Path, moment: datetime) -> bool:
    try:
        return path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:
        return False


@sweep("old-events")
def trim_events() -> int:
    """Trim the outbox: whoever was away for longer is told to read the bank again."""
    with db.engine.begin() as connection:
        kept = timedelta(days=current_app.config["EVENTS_KEPT_DAYS"])
        return events.sweep(connection, kept)


@sweep("stray-attachments")
def remove_stray_attachments() -> int:
    """Remove files of attachments that no row names: of a broken upload, or a deleted question."""
    count = store.sweep_orphans()
    db.session.rollback()
    return count


@sweep("expired-sign-ins")
def remove_expired_sign_ins() -> int:
    """Remove signed-in devices whose last refresh token has expired."""
    return _remove_expired(SignIn)


@sweep("unopened-accounts")
def remove_unopened_accounts() -> int:
    """Remove accounts that were to be confirmed and never were: their names are free again."""
    return registration.remove_unopened()


@sweep("expired-scratch-documents")
def remove_expired_scratch_documents() -> int:
    """Remove scratch documents whose time is over."""
    return _remove_expired(ScratchDocument)


def _remove_expired(table: type[SignIn] | type[ScratchDocument]) -> int:
    removed = db.session.execute(
        delete(table)
        .where(table.expires_at < now())
        .returning(table.expires_at)
        .execution_options(synchronize_session=False)
    ).all()
    db.session.commit()
    return len(removed)
