"""What the tests of jobs share: files of questions, jobs made on the spot, real workers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select, update

import config
from api.accounts import users
from api.bank.formats import Format
from api.bank.importing import OnConflict
from api.extensions import db
from api.jobs import files, queue, running
from api.models import Job, Question, QuestionTopic
from tests.conftest import Settings
from tests.v1.tools import wait_for

SOON = {"JOB_LEASE_SECONDS": "1", "JOB_SWEEP_SECONDS": "0.2"}


def questions(first: int, count: int, size: int = 20) -> bytes:
    """Return a JSON file of so many questions, each with an answer of about `size` characters."""
    records = [
        {
            "number": n,
            "prompt": f"Question {n}?",
            "answer": "word " * (size // 5),
            "topics": ["async"],
        }
        for n in range(first, first + count)
    ]
    return json.dumps(records).encode()


def new_import(app: Flask, data: bytes, owner: str = "ada", **options: Any) -> str:
    """Record an import of `data` and tell no worker; returns the job's id."""
    choices: dict[str, Any] = {
        "title": None,
        "format": Format.JSON,
        "on_conflict": OnConflict.FAIL,
        "partial": False,
        "dry_run": False,
    }
    with app.app_context():
        stored = files.store([data])
        return queue.add_import(users.get(owner), stored, **{**choices, **options}).id


def new_export(app: Flask, owner: str = "ada") -> str:
    """Record an export of everything and tell no worker; returns the job's id."""
    with app.app_context():
        return queue.add_export(users.get(owner), Format.JSON).id


def work(app: Flask, job_id: str, **options: Any) -> bool:
    """Do a job as a worker would, in this process."""
    with app.app_context():
        return running.run(job_id, **options)


def row(app: Flask, job_id: str) -> Job:
    """Return a job's row as it stands, detached."""
    with app.app_context():
        return db.session.scalars(select(Job).where(Job.id == job_id)).one()


def change(app: Flask, job_id: str, **values: Any) -> None:
    """Change a job's row, where a test would otherwise have to wait or to die."""
    with app.app_context():
        db.session.execute(update(Job).where(Job.id == job_id).values(**values))
        db.session.commit()


def stored_between(app: Flask, first: int, count: int) -> tuple[int, int]:
    """Return how many questions and how many of their topics stand in a range of numbers."""
    inside = Question.number.between(first, first + count - 1)
    with app.app_context():
        found = db.session.scalar(select(func.count(Question.id)).where(inside))
        tagged = db.session.scalar(
            select(func.count(QuestionTopic.question_id)).where(
                QuestionTopic.question_id.in_(select(Question.id).where(inside))
            )
        )
    return found or 0, tagged or 0


def files_of(app: Flask) -> list[Path]:
    """Return every file that jobs have left."""
    with app.app_context():
        return list(files.folder().iterdir())


@contextmanager
def worker(
    settings: Settings, *options: str, **changes: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real worker in a process group of its own, killed at the end whatever it does."""
    log = Path(settings["JOBS_FOLDER"]).with_name("worker.log")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "worker", *options],
            cwd=config.ROOT,
            env={**kept, "FLASK_SKIP_DOTENV": "1", **settings, **SOON, **changes},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    except BaseException:
        print(log.read_text(encoding="utf-8"))
        raise
    finally:
        kill_group(process)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a worker with all its processes, as a power cut would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_holder(app: Flask, job_id: str) -> None:
    """Kill the process that has the job."""
    os.kill(int((row(app, job_id).worker or "").rpartition(":")[2]), signal.SIGKILL)


def wait_until_ended(app: Flask, job_id: str, seconds: float = 60) -> Job:
    """Wait until a job has ended, and return its row."""
    wait_for(lambda: row(app, job_id).finished_at, seconds)
    return row(app, job_id)
