"""Run inside the application's own environment and tree: migrate a database, import a file, load rows.

`python probe.py migrate|import|bulk DATABASE_URL [FILE]` prints seconds as JSON. The harness starts it as
a process of its own, so that another tree than this one can be measured.
"""

import json
import logging
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

MOMENT = "2026-11-22 10:00:00+00:00"
QUESTION = (
    "id",
    "number",
    "prompt",
    "answer",
    "in_practice",
    "difficulty",
    "created_at",
    "updated_at",
)
TAG = ("question_id", "topic_id", "position")
REFERENCE = ("question_id", "position", "title", "url")


def _application() -> Any:
    import api
    import config

    logging.disable(logging.WARNING)
    return api.create_app(config.load({"APP_ENV": "testing", **_database()}, None))


def _database() -> dict[str, str]:
    return {"DATABASE_URL": os.environ["DATABASE_URL"]}


def migrate() -> float:
    """Bring the tables up to date; they stay empty."""
    from api import database

    started = perf_counter()
    with _application().app_context():
        database.upgrade()
    return perf_counter() - started


def import_file(path: Path) -> float:
    """Import a file as `flask bank import` does: read, judge, write, commit."""
    from api.bank import formats, importing

    with _application().app_context():
        started = perf_counter()
        reading = formats.read(path.read_bytes())
        report = importing.run(reading)
        seconds = perf_counter() - started
    if not report.kept or report.refused:
        raise RuntimeError(f"{len(report.refused)} records were refused: {report.refused[:1]}")
    return seconds


def bulk(path: Path) -> float:
    """Load the same rows as the database's documentation says, through the same driver.

    Sources: https://docs.python.org/3/library/sqlite3.html#sqlite3.Cursor.executemany and
    https://www.psycopg.org/psycopg3/docs/basic/copy.html
    """
    questions = json.loads(path.read_bytes())["questions"]
    slugs = sorted({slug for each in questions for slug in each["topics"]})
    topics = {slug: place for place, slug in enumerate(slugs, start=1)}
    rows = {
        "questions": (
            QUESTION,
            [
                (
                    place,
                    each["number"],
                    each["prompt"],
                    each["answer"],
                    each["in_practice"],
                    each["difficulty"],
                    MOMENT,
                    MOMENT,
                )
                for place, each in enumerate(questions, start=1)
            ],
        ),
        "question_topics": (
            TAG,
            [
                (place, topics[slug], position)
                for place, each in enumerate(questions, start=1)
                for position, slug in enumerate(each["topics"])
            ],
        ),
        "question_references": (
            REFERENCE,
            [
                (place, position, page["title"], page["url"])
                for place, each in enumerate(questions, start=1)
                for position, page in enumerate(each["references"])
            ],
        ),
    }
    headings = [(place, slug, slug, "") for slug, place in topics.items()]
    url = os.environ["DATABASE_URL"]
    if url.startswith("sqlite"):
        return _bulk_sqlite(url.removeprefix("sqlite:///"), headings, rows)
    return _bulk_postgresql(url, headings, rows)


def _bulk_sqlite(path: str, headings: list[Any], rows: dict[str, Any]) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")
        started = perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO topics (id, slug, name, description) VALUES (?, ?, ?, ?)", headings
        )
        for table, (columns, values) in rows.items():
            marks = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values
            )
        connection.execute("COMMIT")
        return perf_counter() - started


def _bulk_postgresql(url: str, headings: list[Any], rows: dict[str, Any]) -> float:
    import psycopg

    tables = {"topics": (("id", "slug", "name", "description"), headings), **rows}
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        started = perf_counter()
        for table, (columns, values) in tables.items():
            statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            with connection.cursor().copy(statement.encode()) as copy:
                for row in values:
                    copy.write_row(row)
        connection.commit()
        return perf_counter() - started


if __name__ == "__main__":
    os.environ["DATABASE_URL"] = sys.argv[2]
    if sys.argv[1] == "migrate":
        seconds = migrate()
    else:
        seconds = {"import": import_file, "bulk": bulk}[sys.argv[1]](Path(sys.argv[3]))
    sys.stdout.write(f"\n{json.dumps(seconds)}\n")
    sys.stdout.flush()
    os._exit(0)  # a thread may still listen for changes; there is nothing left to tidy up
