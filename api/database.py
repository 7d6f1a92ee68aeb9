"""Engine settings for each database, and the database brought up to date at the start."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import orjson
from sqlalchemy import Engine, event, make_url

from api.extensions import db
from api.models import revisions


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
        # Seconds that a writer waits for another one to finish.
        return {"connect_args": {"timeout": 10}, **common}
    return {"pool_pre_ping": True, **common}


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
