"""`/schema`: revision, drift, and the rehearsals on throw-away databases."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, inspect, make_url

from api.extensions import db
from api.models import rehearsal
from tests.v1.tools import sqlite_only

#: Revisions, the oldest first, each with the one before it.
LINE = [("0001", None), ("0002", "0001"), ("0003", "0002"), ("0004", "0003"), ("0005", "0004")]


def test_the_schema_is_at_head_without_drift(client: FlaskClient, backend: str) -> None:
    told: Any = client.get("/api/v1/schema").json
    assert told["database"] == backend
    assert told["current"] == told["head"] == told["history"][0]["id"]
    assert told["is_current"] is True
    assert told["drift"] == []
    told_line = [(step["id"], step["down"]) for step in reversed(told["history"])]
    assert told_line[: len(LINE)] == LINE
    assert all(later[1] == earlier[0] for earlier, later in pairwise(told_line))
    assert all(len(step["message"]) > 10 for step in told["history"])


def test_a_table_changed_by_hand_is_told_as_drift(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE topics ADD COLUMN colour VARCHAR(20)")
        connection.exec_driver_sql("DROP INDEX ix_questions_technique")
    told: Any = client.get("/api/v1/schema").json
    assert told["is_current"] is True
    assert len(told["drift"]) == 2
    assert any("column" in sentence and "colour" in sentence for sentence in told["drift"])
    assert any("index" in sentence and "technique" in sentence for sentence in told["drift"])


def test_a_database_behind_its_migrations_is_told(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    told: Any = client.get("/api/v1/schema").json
    assert told["current"] == "0002"
    assert told["is_current"] is False


@sqlite_only
def test_create_all_adds_tables_but_never_alters_one(client: FlaskClient) -> None:
    told: Any = client.get("/api/v1/schema/create-all").json
    assert told == {
        "empty_database": {"tables": []},
        "after_create_all": {"tables": ["notes"], "notes": ["id"]},
        "after_create_all_with_a_changed_model": {"tables": ["notes", "tags"], "notes": ["id"]},
        "after_the_migration": {"notes": ["id", "title"], "rows": 1},
    }


def check_steps(steps: list[dict[str, Any]], history: list[str]) -> None:
    """All the way up, all the way down but the first, and never a row fewer."""
    assert [(step["direction"], step["revision"]) for step in steps] == [
        *(("upgrade", revision) for revision in history),
        *(("downgrade", revision) for revision in reversed(history[1:])),
    ]
    assert {step["rows"] for step in steps} == {6}


@sqlite_only
def test_the_rehearsal_keeps_every_row(client: FlaskClient) -> None:
    schema: Any = client.get("/api/v1/schema").json
    told: Any = client.get("/api/v1/schema/rehearsal").json
    check_steps(told["steps"], [step["id"] for step in reversed(schema["history"])])
    assert told["rows_lost"] == 0
    assert [step["message"] for step in told["steps"][: len(schema["history"])]] == [
        step["message"] for step in reversed(schema["history"])
    ]


@sqlite_only
def test_a_rehearsal_leaves_the_real_database_alone(app: Flask, client: FlaskClient) -> None:
    def tables() -> set[str]:
        with app.app_context():
            return set(inspect(db.engine).get_table_names())

    before = tables()
    assert client.get("/api/v1/schema/rehearsal").status_code == 200
    assert client.get("/api/v1/schema/create-all").status_code == 200
    assert tables() == before
    assert client.get("/api/v1/questions").json["page"]["total_items"] == 50  # type: ignore[index]  # a collection


@pytest.fixture
def empty_postgres(postgres: str) -> Iterator[Engine]:
    """A new PostgreSQL database with nothing in it."""
    name = f"empty_{uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    engine = create_engine(make_url(postgres).set(drivername="postgresql+psycopg", database=name))
    yield engine
    engine.dispose()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@sqlite_only
def test_the_same_rehearsal_keeps_every_row_on_postgresql(
    client: FlaskClient, empty_postgres: Engine
) -> None:
    with empty_postgres.connect() as connection:
        steps = rehearsal.migrate_up_and_down(connection)
    schema: Any = client.get("/api/v1/schema").json
    check_steps(
        [
            {"direction": step.direction, "revision": step.revision, "rows": step.rows}
            for step in steps
        ],
        [step["id"] for step in reversed(schema["history"])],
    )
    tables = set(inspect(empty_postgres).get_table_names())
    assert {*rehearsal.TABLES, "alembic_version"} == tables


def test_rehearsals_have_a_quota_of_their_own(client: FlaskClient) -> None:
    response = client.get("/api/v1/schema/create-all")
    assert '"rehearsals";q=10;w=60' in response.headers["RateLimit-Policy"]
    assert '"rehearsals";r=9' in response.headers["RateLimit"]
    assert '"rehearsals";r=8' in client.get("/api/v1/schema/rehearsal").headers["RateLimit"]
