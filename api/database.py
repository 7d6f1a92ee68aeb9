"""Engine settings for each database, and the database brought up to date at the start."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any

import orjson
from sqlalchemy import Engine, event, make_url

from api.extensions import Base, db
from api.models import revisions

WAIT_SECONDS = 10
"""How long a writer waits for the one before it: a thread for its turn, and on SQLite a process too."""

_TURN = threading.Lock()


def engine_options(url: str, threads: int) -> dict[str, Any]:
    """Return what `create_engine` needs for the database at `url`.

    Parameters stay out of error messages, which are logged: they may hold personal data. There are two
    connections for each thread, its session's and a reader's: threads that each hold one and wait for
    a second would wait for each other.

    :param threads: how many of this process use the database at once.
    """
    common = {
        "hide_parameters": True,
        "json_deserializer": orjson.loads,
        "pool_size": max(5, threads),
        "max_overflow": 10 + threads,
    }
    if make_url(url).get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": WAIT_SECONDS}, **common}
    return {"pool_pre_ping": True, **common}


def insert_or(dialect: str, table: type[Base]) -> Any:
    """Return an INSERT that can say what happens ON CONFLICT, as the dialect spells it.

    Both have it, and neither takes the other's; the one that is not used is not imported.
    Source: https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#insert-on-conflict-upsert
    """
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


def tune_sqlite(engine: Engine) -> None:
    """Set up each SQLite connection: WAL, so that readers and a writer do not wait for each other;
    foreign keys, which SQLite ignores unless told; `synchronous=NORMAL`, which is safe in WAL.

    Source: https://www.sqlite.org/wal.html
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}").close()


@contextmanager
def turn(engine: Engine, patience: float = WAIT_SECONDS) -> Iterator[bool]:
    """Let the threads of this process write to SQLite one after the other; yields whether it was one's
    turn in time.

    SQLite has one writer at a time, and lets another that has to wait sleep and look again, for up to a
    tenth of a second at a time: threads had better wake one another. PostgreSQL sees to that itself.

    :param patience: seconds to wait at most.
    Source: https://www.sqlite.org/c3ref/busy_handler.html
    """
    if engine.dialect.name != "sqlite":
        yield True
        return
    taken = _TURN.acquire(timeout=patience)
    try:
        yield taken
    finally:
        if taken:
            _TURN.release()


@contextmanager
def _turn_on_sqlite(engine: Engine) -> Iterator[None]:
    """Let one process at a time through, by a transaction on a file of its own.

    A lock on the database itself would end with the first commit, and a migration on SQLite needs
    several; switching a new file to WAL cannot be waited for at all.
    """
    if engine.dialect.name != "sqlite" or not engine.url.database:
        yield
        return
    with closing(
        sqlite3.connect(f"{engine.url.database}-upgrade", timeout=60, isolation_level=None)
    ) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


def upgrade() -> None:
    """Run the migrations that are missing. Several processes may start at once: a lock (an
    advisory one on PostgreSQL, one beside the file on SQLite) lets one of them do it.
    """
    with _turn_on_sqlite(db.engine), db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_lock(7101)")
            connection.commit()
        try:
            if not revisions.state_of(connection).is_current:
                from alembic import command  # most starts have nothing to migrate

                connection.rollback()
                config = revisions.alembic_config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
        finally:
            if connection.dialect.name == "postgresql":
                connection.rollback()
                connection.exec_driver_sql("SELECT pg_advisory_unlock(7101)")
