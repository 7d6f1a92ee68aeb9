"""Both databases: set-up, every migration up and down with rows in the tables, search, start-up."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, create_engine, inspect, make_url, select, text
from sqlalchemy.exc import IntegrityError

import config
from api import database
from api.accounts import users
from api.bank import drafts, editing, grants
from api.extensions import db
from api.models import (
    Attachment,
    DataVersion,
    IdempotencyKey,
    Question,
    ScratchDocument,
    Topic,
    User,
    revisions,
)
from tests.accounts.tools import ME, PASSWORD, device_of, log_in, make_user, new_device
from tests.conftest import MakeApp, Settings
from tests.jobs.tools import new_export

SEARCHED = "/api/v1/questions?fields=number&q=zyzzyva"
REVISIONS = [revision.id for revision in reversed(revisions.history())]


@pytest.fixture
def empty(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings of an application whose database is new."""
    if backend == "sqlite":
        yield {"APP_ENV": "testing", "DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite3'}"}
        return
    server: str = request.getfixturevalue("postgres")
    name = f"empty_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        yield {"APP_ENV": "testing", "DATABASE_URL": url}
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def looked_at(settings: Settings) -> Iterator[Connection]:
    """A connection to the test's database that the application has not set up."""
    engine = create_engine(config.load(settings, None).DATABASE_URL)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_every_sqlite_connection_writes_ahead_and_checks_foreign_keys(app: Flask) -> None:
    with app.app_context():
        engine = db.engine
    held = [engine.connect() for _ in range(3)]  # each a connection of its own
    try:
        for connection in held:
            for pragma, value in (
                ("journal_mode", "wal"),
                ("foreign_keys", 1),
                ("synchronous", 1),
                ("busy_timeout", 10_000),
            ):
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    finally:
        for connection in held:
            connection.close()


def test_foreign_keys_hold_and_cascade(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(IntegrityError):
            db.session.execute(text("INSERT INTO question_topics VALUES (-1, -1, 0)"))
        db.session.rollback()
        of_51 = text(
            "SELECT count(*) FROM question_topics JOIN questions ON questions.id = question_id "
            "WHERE number = 51"
        )
        count = text("SELECT count(*) FROM question_topics")
        own, before = db.session.scalar(of_51), db.session.scalar(count)
        assert own
        db.session.execute(text("DELETE FROM questions WHERE number = 51"))
        assert db.session.scalar(count) == (before or 0) - own


def _rows(connection: Connection) -> dict[str, list[Any]]:
    """What stands in every table, by column; what only some revisions have is left out."""
    kept = {}
    for table in sorted(inspect(connection).get_table_names()):
        if table.startswith(("questions_search", "alembic_version", "sqlite_")):
            continue
        rows = connection.execute(text(f"SELECT * FROM {table}")).mappings().all()
        kept[table] = sorted(
            [
                {name: str(value) for name, value in sorted(row.items()) if name not in LATER}
                for row in rows
                if row.get("scope") != "events"  # comes and goes with the table of that name
            ],
            key=str,
        )
    return kept


#: Columns that come with a later revision than their table, and what changes with every write.
def _write_something(app: Flask) -> None:
    """Have a draft, a grant, a revision and an author in the database. The user is `ada`."""
    texts = {"prompt": "Is it?", "answer": "It is."}
    with app.app_context():
        ada = users.get("ada")
        drafts.create(texts, drafts.Reader(user_id=ada.id, reviews=False))
        question = editing.create(texts, None, users.get("ada").id, lambda made: made)
        grants.give(question.number, users.get("ada"), users.get("ada"))


LATER = {
    "author_id", "edited_at", "file_digest", "search_vector", "username_key", "version",
    "must_confirm", "confirmed_at", "fs_uniquifier", "tf_primary_method", "tf_totp_secret",
    "tf_last_counter", "mf_recovery_codes", "door", "pending_email", "language",
}  # fmt: skip


def test_accounts_from_before_the_sites_door_get_an_identifier_of_their_own(app: Flask) -> None:
    alembic = revisions.alembic_config()
    device = new_device(app)
    make_user(app, "bob")
    with app.app_context(), db.engine.connect() as connection:
        alembic.attributes["connection"] = connection
        command.downgrade(alembic, "0006")
        command.upgrade(alembic, "head")
        connection.commit()
        rows = connection.execute(
            text("SELECT fs_uniquifier, must_confirm, confirmed_at FROM users")
        ).all()
        doors = connection.execute(text("SELECT DISTINCT door FROM sign_ins")).scalars().all()
    assert len({row[0] for row in rows}) == len(rows) == 2
    assert all(len(row[0]) == 32 and not row[1] and row[2] is None for row in rows)
    assert doors == ["api"]
    client = app.test_client()
    assert client.get(ME, headers=device.headers).status_code == 200
    assert log_in(client, "bob").status_code == 201


def test_addresses_from_before_count_by_whether_they_were_confirmed(app: Flask) -> None:
    """An address that nobody confirmed waits; on the way down it is one account's again, and no other's."""
    alembic = revisions.alembic_config()
    moment = datetime(2026, 11, 22, tzinfo=UTC)

    def look(connection: Connection, *columns: str) -> list[tuple[Any, ...]]:
        rows = connection.execute(text(f"SELECT {', '.join(columns)} FROM users ORDER BY id"))
        return [tuple(row) for row in rows]

    with app.app_context():
        users.create("confirmed", PASSWORD, "c@example.org")
        users.add("waits", "x", pending_email="w@example.org", must_confirm=True)
        users.add("also", "x", pending_email="w@example.org")
        users.add("late", "x", pending_email="c@example.org")
        users.add(
            "changing", "x", email="o@example.org", confirmed_at=moment, pending_email="n@b.co"
        )
        users.add("without", "x")
        kept = db.session.scalars(select(User.confirmed_at).order_by(User.id)).all()
        db.session.rollback()
        with db.engine.connect() as connection:
            alembic.attributes["connection"] = connection
            command.downgrade(alembic, "0013")
            connection.commit()
            assert look(connection, "username", "email") == [
                ("confirmed", "c@example.org"),
                ("waits", "w@example.org"),
                ("also", None),
                ("late", None),
                ("changing", "o@example.org"),
                ("without", None),
            ]
            connection.execute(
                text("UPDATE users SET must_confirm = (1 = 1) WHERE username = 'confirmed'")
            )
            command.upgrade(alembic, "head")
            connection.commit()
            told = look(connection, "username", "email", "pending_email", "must_confirm")
        assert [(*row[:3], bool(row[3])) for row in told] == [
            ("confirmed", "c@example.org", None, False),
            ("waits", None, "w@example.org", True),
            ("also", None, None, False),
            ("late", None, None, False),
            ("changing", "o@example.org", None, False),
            ("without", None, None, False),
        ]
        assert db.session.scalars(select(User.confirmed_at).order_by(User.id)).all() == kept
    client = app.test_client()
    assert log_in(client, "c@example.org").status_code == 201


def test_every_migration_keeps_every_row_on_the_way_down_and_up_again(app: Flask) -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    alembic = revisions.alembic_config()
    with app.app_context():
        db.session.add(ScratchDocument(key="kept", content={"a": [1]}, expires_at=moment))
        db.session.add(
            IdempotencyKey(
                scope="s",
                key="kept",
                digest="d",
                lease="l",
                lease_expires_at=moment,
                headers=[["Location", "/x"]],
                body=b"\x00\xff",
                expires_at=moment,
            )
        )
        db.session.commit()
        new_device(app)
        _write_something(app)
        db.session.add(
            Attachment(
                question_id=db.session.scalars(select(Question.id)).first(),
                uploader_id=db.session.scalars(select(User.id)).one(),
                filename="kept.png",
                media_type="image/png",
                size=1,
                sha256="0" * 64,
                stored_name="0" * 32,
            )
        )
        db.session.commit()
        new_export(app)
        with db.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            alembic.attributes["connection"] = connection
            full = _rows(connection)
            connection.rollback()
            assert all(full.values()), "a table without rows proves nothing"
            assert set(full) == {
                "attachments",
                "data_versions",
                "drafts",
                "question_grants",
                "idempotency_keys",
                "events",
                "jobs",
                "question_references",
                "question_revisions",
                "question_topics",
                "questions",
                "roles",
                "scratch_documents",
                "sign_ins",
                "topics",
                "user_roles",
                "users",
            }
            present = dict(full)
            for revision in reversed(REVISIONS[:-1]):
                command.downgrade(alembic, revision)
                found = _rows(connection)
                connection.rollback()
                present = {table: rows for table, rows in full.items() if table in found}
                assert found == present, revision
            assert set(present) == {
                "question_references",
                "question_topics",
                "questions",
                "topics",
            }
            for revision in REVISIONS[1:]:
                command.upgrade(alembic, revision)
                found = _rows(connection)
                connection.rollback()
                assert found | present == found, revision
            assert found["roles"] == full["roles"]  # the migration itself fills them
            if connection.dialect.name == "sqlite":
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
                assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert revisions.drift(db.engine) == []
    # What was built anew works: search, and the versions that the cache goes by.
    with app.app_context():
        before = db.session.get_one(DataVersion, "bank").version
        question = db.session.query(Question).filter_by(number=51).one()
        question.prompt = "What is a zyzzyva?"
        db.session.commit()
        assert db.session.get_one(DataVersion, "bank", populate_existing=True).version > before
    assert app.test_client().get(SEARCHED).get_json()["items"][0]["number"] == 51
    make_user(app)
    _write_something(app)
    assert app.test_client().get(ME, headers=device_of(app).headers).status_code == 200


def test_names_that_differ_only_by_case_stop_the_upgrade_and_are_named(
    make_app: MakeApp, empty: Settings
) -> None:
    app = make_app(**empty)
    alembic = revisions.alembic_config()
    row = (
        "INSERT INTO users (id, username, password, active, created_at, password_changed_at) "
        "VALUES ({}, '{}', 'x', {}, '2026-11-22 12:00:00+00', '2026-11-22 12:00:00+00')"
    )
    with app.app_context(), db.engine.connect() as connection:
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0006")
        true = "true" if connection.dialect.name == "postgresql" else "1"
        for number, name in enumerate(("Ada", "ada", "Bob"), 1):
            connection.execute(text(row.format(number, name, true)))
        connection.commit()
        with pytest.raises(RuntimeError, match="Ada and ada"):
            command.upgrade(alembic, "head")
        connection.rollback()
        assert revisions.state_of(connection).current == "0006"
        connection.execute(text("UPDATE users SET username = 'countess' WHERE username = 'ada'"))
        connection.commit()
        command.upgrade(alembic, "head")
        assert revisions.state_of(connection).is_current
        keys = connection.execute(text("SELECT username, username_key FROM users ORDER BY id"))
        assert keys.all() == [("Ada", "ada"), ("countess", "countess"), ("Bob", "bob")]
        connection.rollback()


def test_down_to_nothing_and_up_again(make_app: MakeApp, empty: Settings) -> None:
    app = make_app(**empty)
    alembic = revisions.alembic_config()
    with app.app_context():
        for _ in range(2):
            database.upgrade()
            state = revisions.state(db.engine)
            assert state.current == state.head == REVISIONS[-1]
            assert revisions.drift(db.engine) == []
            with db.engine.connect() as connection:
                alembic.attributes["connection"] = connection
                command.downgrade(alembic, "base")
                connection.commit()
                left = set(inspect(connection).get_table_names())
                assert left == {"alembic_version"}
                if connection.dialect.name == "postgresql":
                    ours = (
                        "SELECT proname FROM pg_proc "
                        "WHERE proname IN ('raise_data_version', 'place_event')"
                    )
                    assert connection.execute(text(ours)).all() == []
                else:
                    rest = "SELECT name FROM sqlite_master WHERE type IN ('trigger', 'view')"
                    assert connection.execute(text(rest)).all() == []


def flask(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the `flask` command as a person would, on the test's database."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=config.ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_line_upgrades_and_finds_no_drift(empty: Settings) -> None:
    for arguments, told in (
        (("upgrade",), ""),
        (("check",), "No new upgrade operations detected."),
        (("downgrade", REVISIONS[0]), ""),
    ):
        done = flask(empty, "db", *arguments)
        assert done.returncode == 0, done.stderr
        assert told in done.stdout
    assert flask(empty, "db", "check").returncode != 0  # it can tell


def test_drift_is_found_and_named(app: Flask) -> None:
    with app.app_context():
        assert revisions.drift(db.engine) == []
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE topics ADD COLUMN stray INTEGER"))
            connection.execute(text("DROP INDEX ix_questions_technique"))
        drift = revisions.drift(db.engine)
    assert len(drift) == 2
    assert any("stray" in sentence for sentence in drift)
    assert any("ix_questions_technique" in sentence for sentence in drift)


UPGRADE = """
import os, sys
import api, config
from api import database
app = api.create_app(config.load(os.environ, None))
print("ready", flush=True)
sys.stdin.readline()
with app.app_context():
    database.upgrade()
"""


def test_four_processes_that_start_at_once_end_with_one_schema(
    empty: Settings, make_app: MakeApp
) -> None:
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", UPGRADE],
            cwd=config.ROOT,
            env={**os.environ, **empty},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    processes = [start() for _ in range(4)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        with ThreadPoolExecutor(4) as pool:
            ends = list(pool.map(lambda process: process.communicate("go\n", 60), processes))
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * 4, [end[1] for end in ends]
    app = make_app(**empty)
    with app.app_context():
        assert revisions.state(db.engine).is_current
        assert revisions.drift(db.engine) == []
    with looked_at(empty) as connection:
        scopes = connection.execute(text("SELECT scope FROM data_versions")).scalars().all()
    assert sorted(scopes) == ["bank", "events", "scratch"]


def test_an_upgrade_with_nothing_to_do_changes_nothing(app: Flask, settings: Settings) -> None:
    with looked_at(settings) as connection:
        before = _rows(connection)
    with app.app_context():
        for _ in range(2):
            database.upgrade()
    with looked_at(settings) as connection:
        assert _rows(connection) == before


def _found(client: FlaskClient, path: str = SEARCHED) -> list[int]:
    response = client.get(path, headers={"Cache-Control": "no-cache"})
    assert response.status_code == 200
    return [item["number"] for item in response.get_json()["items"]]


def test_the_search_index_follows_insert_update_and_delete(app: Flask) -> None:
    client = app.test_client()
    assert _found(client) == []
    with app.app_context():
        added = Question(number=7001, prompt="What is a zyzzyva?", answer="A weevil.")
        db.session.add(added)
        db.session.commit()
    assert _found(client) == [7001]
    weevil = SEARCHED.replace("zyzzyva", "weevil")
    assert _found(client, weevil) == [7001]

    with app.app_context():
        found = db.session.query(Question).filter_by(number=7001).one()
        found.prompt, found.in_practice = "What is it?", "A zyzzyva, in practice."
        found.answer = "A beetle."
        db.session.commit()
    assert _found(client) == [7001]
    assert _found(client, weevil) == []

    with app.app_context():
        db.session.execute(text("UPDATE questions SET in_practice = NULL WHERE number = 7001"))
        db.session.commit()
    assert _found(client) == []

    beetle = SEARCHED.replace("zyzzyva", "beetle")
    assert _found(client, beetle) == [7001]
    with app.app_context():
        db.session.execute(text("DELETE FROM questions WHERE number = 7001"))
        db.session.commit()
    assert _found(client, beetle) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_fts5_index_agrees_with_its_table_after_many_changes(app: Flask) -> None:
    with app.app_context():
        db.session.execute(text("UPDATE questions SET prompt = prompt || ' again'"))
        db.session.execute(text("DELETE FROM questions WHERE number % 2 = 0"))
        db.session.execute(text("UPDATE questions SET answer = 'Short.' WHERE number % 3 = 0"))
        db.session.commit()
        # Raises where the index and the rows disagree: https://www.sqlite.org/fts5.html
        check = "INSERT INTO questions_search(questions_search, rank) VALUES ('integrity-check', 1)"
        db.session.execute(text(check))


def test_a_time_comes_back_aware_in_utc_and_a_naive_one_is_refused(app: Flask) -> None:
    with app.app_context():
        written = datetime(2026, 11, 22, 12, 30, 0, 123456, UTC)
        db.session.add(ScratchDocument(key="times", content={}, expires_at=written))
        db.session.commit()
        found = db.session.get_one(ScratchDocument, "times", populate_existing=True).expires_at
        assert found == written
        assert found.tzinfo is UTC
        db.session.add(
            ScratchDocument(key="naive", content={}, expires_at=datetime(2026, 11, 22))  # naive
        )
        with pytest.raises(Exception, match="a time needs a zone"):
            db.session.commit()
        db.session.rollback()


def test_a_relationship_that_was_not_asked_for_fails_instead_of_costing_a_statement(
    app: Flask,
) -> None:
    with app.app_context():
        question = db.session.query(Question).first()
        assert question is not None
        with pytest.raises(Exception, match="lazy='raise'"):
            _ = question.topics
        assert db.session.query(Topic).count() > 0
