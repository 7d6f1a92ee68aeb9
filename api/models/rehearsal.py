"""Rehearsals on a throw-away database: what `create_all` does and does not, and the whole history
up and down with rows in the tables (72, 84).
"""

import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.pool import StaticPool

from api.demonstrations import demonstrates
from api.models import revisions

# Alembic's `context` and `op` are module globals: two migrations may not run at once in a process.
_one_at_a_time = threading.Lock()

SEED = (
    "INSERT INTO topics (id, slug, name, description) VALUES (1, 'kept', 'Kept', '')",
    "INSERT INTO questions (id, number, prompt, answer, created_at, updated_at) VALUES "
    "(1, 1, 'Kept?', 'Yes.', '2026-11-22', '2026-11-22'), "
    "(2, 2, 'This one too?', 'Yes.', '2026-11-22', '2026-11-22')",
    "INSERT INTO question_topics (question_id, topic_id, position) VALUES (1, 1, 0), (2, 1, 0)",
    "INSERT INTO question_references (id, question_id, position, title, url) "
    "VALUES (1, 1, 0, 'Alembic', 'https://alembic.sqlalchemy.org/')",
)
TABLES = ("questions", "topics", "question_topics", "question_references")


@dataclass(frozen=True, slots=True)
class Step:
    """One migration that was run, and the rows in the first revision's tables after it."""

    direction: str
    revision: str
    message: str
    rows: int


@demonstrates(
    84, at="GET v1.rehearsal", test="tests/v1/test_schema.py::test_the_rehearsal_keeps_every_row"
)
def migrate_up_and_down(connection: Connection) -> list[Step]:
    """Run every migration up, then down again to the first, with rows in the tables throughout.

    :param connection: an empty database; what it holds afterwards is the first revision's schema.
    """
    from alembic import command  # no other request needs it: no part of the start

    config = revisions.alembic_config()
    config.attributes["connection"] = connection
    steps: list[Step] = []

    def note(direction: str, revision: revisions.Revision) -> None:
        rows = sum(
            connection.scalar(select(func.count()).select_from(text(table))) or 0
            for table in TABLES
        )
        connection.commit()
        steps.append(Step(direction, revision.id, revision.message, rows))

    history = revisions.history()
    with _one_at_a_time:
        for revision in reversed(history):
            command.upgrade(config, revision.id)
            if revision.down is None:
                for statement in SEED:
                    connection.execute(text(statement))
            note("upgrade", revision)
        for revision in history:
            if revision.down is not None:
                command.downgrade(config, revision.down)
                note("downgrade", revision)
    return steps


def rehearse() -> list[Step]:
    """Run `migrate_up_and_down` on an SQLite database in memory."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            # As the application has it: the case in which a careless migration loses rows.
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            return migrate_up_and_down(connection)
    finally:
        engine.dispose()


def _columns(connection: Connection) -> list[str]:
    return [column["name"] for column in inspect(connection).get_columns("notes")]


@demonstrates(
    72,
    at="GET v1.create_all",
    test="tests/v1/test_schema.py::test_create_all_adds_tables_but_never_alters_one",
)
def create_all() -> dict[str, Any]:
    """Show `create_all` on an empty database, on a changed model, and the migration beside it."""
    from alembic.migration import MigrationContext  # no other request needs them
    from alembic.operations import Operations

    engine = create_engine("sqlite://", poolclass=StaticPool)
    first = MetaData()
    Table("notes", first, Column("id", Integer, primary_key=True))
    changed = MetaData()
    notes = Table(
        "notes", changed, Column("id", Integer, primary_key=True), Column("title", String(80))
    )
    Table("tags", changed, Column("id", Integer, primary_key=True))
    try:
        with engine.connect() as connection:
            empty = inspect(connection).get_table_names()
            first.create_all(connection)
            connection.execute(insert(first.tables["notes"]).values(id=1))
            created = {
                "tables": inspect(connection).get_table_names(),
                "notes": _columns(connection),
            }
            changed.create_all(connection)
            again = {"tables": inspect(connection).get_table_names(), "notes": _columns(connection)}
            Operations(MigrationContext.configure(connection)).add_column(
                "notes", Column("title", String(80))
            )
            rows = connection.scalar(select(func.count()).select_from(notes))
            migrated = {"notes": _columns(connection), "rows": rows}
    finally:
        engine.dispose()
    return {
        "empty_database": {"tables": empty},
        "after_create_all": created,
        "after_create_all_with_a_changed_model": again,
        "after_the_migration": migrated,
    }
