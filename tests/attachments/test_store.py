"""Rows and files together: quota under concurrency, deletion, and what a killed process leaves."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from api.accounts import users
from api.accounts.permissions import Role
from api.attachments import files, store
from api.attachments.judging import Accepted
from api.attachments.refusals import AttachmentUnknownError, QuotaExceededError
from api.bank import questions
from api.bank.questions import QuestionUnknownError
from api.extensions import db
from api.models import Attachment, Question
from tests.accounts.tools import make_user
from tests.conftest import MakeApp, Settings
from tests.http.helpers import at_once
from tests.v1.tools import sqlite_only

SIZE = 100
ACCEPTED = Accepted("a.png", "image/png", bytes(SIZE), width=1, height=1)


def add(app: Flask, number: int = 51, name: str = "ada") -> str:
    with app.app_context():
        return store.add(questions.get(number), users.get(name), ACCEPTED).id


def stored(app: Flask) -> list[Path]:
    return [p for p in Path(app.config["ATTACHMENTS_FOLDER"]).rglob("*") if p.is_file()]


def rows(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Attachment)) or 0


@pytest.fixture
def ada(app: Flask) -> Flask:
    make_user(app, "ada", Role.CONTRIBUTOR)
    return app


def test_two_uploads_at_once_cannot_exceed_the_quota(make_app: MakeApp) -> None:
    app = make_app(ATTACHMENTS_QUOTA=str(3 * SIZE + 1))
    make_user(app, "ada", Role.CONTRIBUTOR)
    make_user(app, "bob", Role.CONTRIBUTOR)

    def one(place: int) -> bool:
        try:
            add(app, 51 + place, "bob" if place == 7 else "ada")
        except QuotaExceededError as error:
            told.append(error.numbers)
            return False
        return True

    told: list[dict[str, int]] = []

    assert sorted(at_once(one, 8)) == [False] * 4 + [True] * 4
    assert told == [{"used": 3 * SIZE, "allowed": 3 * SIZE + 1, "needed": SIZE}] * 4
    assert rows(app) == len(stored(app)) == 4
    with app.app_context():
        assert store.quota_of(users.get("ada").id).used == 3 * SIZE
        assert store.quota_of(users.get("bob").id).used == SIZE


def test_room_that_was_given_back_can_be_used_again(make_app: MakeApp) -> None:
    app = make_app(ATTACHMENTS_QUOTA=str(SIZE))
    make_user(app, "ada", Role.CONTRIBUTOR)
    first = add(app)
    with pytest.raises(QuotaExceededError):
        add(app)
    with app.app_context():
        store.remove(store.get(UUID(first)))
    assert stored(app) == []
    add(app)


def test_a_question_that_goes_while_its_file_is_judged_is_unknown(ada: Flask) -> None:
    with ada.app_context():
        question, user = questions.get(51), users.get("ada")
        with db.engine.begin() as other:
            other.execute(delete(Question).where(Question.number == 51))
        with pytest.raises(QuestionUnknownError):
            store.add(question, user, ACCEPTED)
    assert rows(ada) == len(stored(ada)) == 0


def test_attachments_go_with_their_question_and_stay_without_their_uploader(ada: Flask) -> None:
    add(ada, 51)
    kept = add(ada, 52)
    with ada.app_context():
        users.delete(users.get("ada"))
        db.session.execute(delete(Question).where(Question.number == 51))
        db.session.commit()
        (left,) = db.session.scalars(select(Attachment)).all()
        assert (left.id, left.uploader_id) == (kept, None)
        assert store.sweep_orphans(timedelta()) == 1
        assert store.path_of(left).stat().st_size == SIZE
    assert len(stored(ada)) == 1


def test_the_sweep_takes_what_is_old_and_has_no_row_and_nothing_else(ada: Flask) -> None:
    kept = add(ada)
    with ada.app_context():
        young, old = files.write(b"young"), files.write(b"old")
        unfinished = files.folder() / files.INCOMING / ("f" * 32)
        unfinished.write_bytes(b"half")
        foreign = files.folder() / "README" / "note.txt"
        foreign.parent.mkdir()
        foreign.write_text("not ours")
        of_row = files.path_of(store.get(UUID(kept)).stored_name)
        for path in (files.path_of(old), unfinished, foreign, of_row):
            os.utime(path, (0, 0))
        assert store.sweep_orphans() == 2
        assert store.sweep_orphans() == 0
        assert sorted(stored(ada)) == sorted([files.path_of(young), foreign, of_row])
        assert store.damaged() == []


def test_of_several_deletions_at_once_one_succeeds(ada: Flask) -> None:
    made = UUID(add(ada))

    def one(_: int) -> bool:
        with ada.app_context():
            try:
                store.remove(store.get(made))
            except AttachmentUnknownError:
                return False
            return True

    assert sorted(at_once(one, 4)) == [False, False, False, True]
    assert rows(ada) == len(stored(ada)) == 0


def test_a_file_that_is_deleted_while_it_is_asked_for_is_unknown_and_not_damaged(
    ada: Flask,
) -> None:
    made = UUID(add(ada))
    with ada.app_context():
        attachment = store.get(made)
        with ada.app_context():
            store.remove(store.get(made))
        with pytest.raises(AttachmentUnknownError):
            store.path_of(attachment)


@sqlite_only
def test_a_folder_that_is_not_there_yet_needs_no_sweep(app: Flask) -> None:
    with app.app_context():
        assert store.sweep_orphans(timedelta()) == 0


@sqlite_only
def test_an_unknown_attachment_is_told(app: Flask) -> None:
    with app.app_context(), pytest.raises(AttachmentUnknownError):
        store.get(UUID(int=0))


@pytest.mark.parametrize("moment", ["fsync", "rename", "commit"])
def test_a_process_killed_at_any_moment_leaves_only_what_the_sweep_removes(
    ada: Flask, settings: Settings, moment: str
) -> None:
    program = f"""
import os, signal, sys
import api, config
from api.accounts import users
from api.attachments import files, store
from api.attachments.judging import Accepted
from api.bank import questions
from api.extensions import db

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

with api.create_app(config.load(dict(os.environ), None)).app_context():
    question, user = questions.get(51), users.get("ada")
    if {moment!r} == "fsync":
        files.os.fsync = die
    elif {moment!r} == "rename":
        store.db.session.execute = die  # the file is in its place, the transaction has not begun
    else:
        db.session.commit = die
    store.add(question, user, Accepted("a.png", "image/png", bytes(100)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**settings, "PATH": os.environ["PATH"]},
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(stored(ada)) == 1
    assert rows(ada) == 0
    with ada.app_context():
        assert store.sweep_orphans() == 0  # it may belong to an upload that is under way
        assert store.sweep_orphans(timedelta()) == 1
    assert stored(ada) == []
    add(ada)  # and nobody's lock has been left behind
