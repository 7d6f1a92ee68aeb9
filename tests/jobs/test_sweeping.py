"""What is swept: jobs without a worker, old jobs, stray files, what has expired."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from api.extensions import db
from api.http import idempotency
from api.jobs import files, leases, sweeping
from api.models import Event, Job, ScratchDocument, SignIn
from api.models.types import now
from tests.accounts.tools import change_device, new_device
from tests.conftest import MakeApp, Settings
from tests.jobs.tools import change, files_of, new_export, new_import, questions, row, work
from tests.test_events import note, told, transaction
from tests.v1.tools import sqlite_only

LONG_AGO = 20 * 24 * 3600


@pytest.fixture(autouse=True)
def owner(app: Flask) -> None:
    """Somebody to ask for jobs, with a device."""
    new_device(app)


def swept(app: Flask, name: str) -> int:
    """Run a sweep."""
    with app.app_context():
        return sweeping.run(name)


def aged(path: Path, seconds: int) -> Path:
    """Make a file older than it is."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))
    return path


def test_a_job_is_rung_for_again_while_nobody_has_it(app: Flask, settings: Settings) -> None:
    waiting, later, held = new_export(app), new_export(app), new_export(app)
    change(app, later, due_at=now() + timedelta(hours=1))
    with app.app_context():
        leases.claim(held)
    assert swept(app, "jobs-without-a-worker") == 1
    assert len(list((Path(settings["JOBS_FOLDER"]) / "messages").iterdir())) == 1
    change(app, held, lease_expires_at=now() - timedelta(seconds=1))
    assert swept(app, "jobs-without-a-worker") == 2
    work(app, waiting)
    work(app, held)
    assert swept(app, "jobs-without-a-worker") == 0


@sqlite_only
def test_old_jobs_go_with_their_files_and_young_ones_stay(app: Flask) -> None:
    old, young, running = new_export(app), new_export(app), new_import(app, questions(1000, 1))
    for job_id in (old, young):
        work(app, job_id)
    change(app, old, finished_at=now() - timedelta(days=7, seconds=1))
    assert swept(app, "old-jobs") == 1
    with app.app_context():
        assert {job.id for job in db.session.query(Job)} == {young, running}
    kept = {row(app, young).file_name, row(app, running).file_name}
    assert {path.name for path in files_of(app)} == kept


@sqlite_only
def test_files_that_no_job_names_go_once_they_are_old(app: Flask) -> None:
    named = new_import(app, questions(1000, 1))
    with app.app_context():
        folder = files.folder()
        young, old = (folder / files.store([b"x"]).name for _ in range(2))
        cut_off, coming = folder / f"a{files.PART}", folder / f"b{files.PART}"
        for path in (cut_off, coming):
            path.touch()
    aged(old, LONG_AGO)
    aged(cut_off, 3700)
    kept = aged(folder / (row(app, named).file_name or ""), LONG_AGO)
    assert swept(app, "stray-files") == 2
    assert set(files_of(app)) == {young, coming, kept}


@sqlite_only
def test_what_has_expired_goes(app: Flask) -> None:
    gone, stays = new_device(app, "eve"), new_device(app, "rob")
    change_device(app, gone.sid, expires_at=now() - timedelta(seconds=1))
    with app.app_context():
        for key, hours in (("old", -1), ("new", 1)):
            moment = now() + timedelta(hours=hours)
            db.session.add(ScratchDocument(key=key, content={}, expires_at=moment))
        db.session.commit()
    assert swept(app, "expired-sign-ins") == 1
    assert swept(app, "expired-scratch-documents") == 1
    with app.app_context():
        left = {device.id for device in db.session.query(SignIn)}
        assert gone.sid not in left
        assert stays.sid in left
        assert [each.key for each in db.session.query(ScratchDocument)] == ["new"]


@sqlite_only
def test_old_events_and_files_of_attachments_without_a_row_go(
    app: Flask, settings: Settings
) -> None:
    note(app, "test.old")
    note(app, "test.new")
    with transaction(app) as connection:
        old = now() - timedelta(days=app.config["EVENTS_KEPT_DAYS"], seconds=1)
        connection.execute(update(Event).where(Event.kind != "test.new").values(at=old))
    assert swept(app, "old-events") >= 1
    assert [event.kind for event in told(app)] == ["test.new"]
    folder = Path(settings["ATTACHMENTS_FOLDER"]) / "ab"
    folder.mkdir(parents=True)
    for name in ("ab" * 16, "ac" * 16):
        (folder / name).touch()
    aged(folder / ("ab" * 16), 3700)
    assert swept(app, "stray-attachments") == 1
    assert [path.name for path in folder.iterdir()] == ["ac" * 16]


@sqlite_only
def test_what_other_rooms_hand_over_is_swept_too(app: Flask) -> None:
    assert sweeping.SWEEPS["expired-idempotency-keys"].function is idempotency.sweep
    assert swept(app, "expired-idempotency-keys") == 0


@sqlite_only
def test_messages_that_were_read_are_removed_after_an_hour(app: Flask, settings: Settings) -> None:
    folder = Path(settings["JOBS_FOLDER"])
    spent = [folder / "taken/old.msg", folder / "messages/old.part"]
    kept = [folder / "taken/new.msg", folder / "messages/new.part", folder / "messages/old.msg"]
    for path in (*spent, *kept):
        path.touch()
    for path in (*spent, kept[2]):
        aged(path, 3700)
    assert swept(app, "spent-messages") == 2
    assert not any(path.exists() for path in spent)
    assert all(path.exists() for path in kept)


@sqlite_only
def test_beat_is_told_of_every_sweep(make_app: MakeApp) -> None:
    app = make_app(JOB_SWEEP_SECONDS="0.5")
    entries = app.extensions["celery"].conf.beat_schedule
    assert entries.keys() == sweeping.SWEEPS.keys()
    assert entries["jobs-without-a-worker"]["schedule"] == 0.5
    assert {each["task"] for each in entries.values()} == {sweeping.TASK}
    assert all(each["options"]["expires"] == each["schedule"] for each in entries.values())
