"""What several of these tests need: waiting for a condition, other writers, many threads."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TypeVar

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url
from werkzeug.test import TestResponse

from api.logs import access
from tests.conftest import Settings

T = TypeVar("T")

_STATEMENTS = re.compile(r'desc="(\d+) statements"')

_ELSEWHERE = {
    "sqlite": "import sqlite3 as driver",
    "postgresql": "import psycopg as driver",
}


def statements(response: TestResponse) -> int:
    """How many statements the request sent to the database."""
    told = _STATEMENTS.search(response.headers["Server-Timing"])
    assert told
    return int(told[1])


def logged_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that were logged about requests since the last look."""
    access.flush()
    return [line for line in capsys.readouterr().err.splitlines() if access.NAME in line]


def until(condition: Callable[[], T], seconds: float = 20.0) -> T:
    """Wait until the condition holds, and return what it gave; fail when it never does."""
    deadline = monotonic() + seconds
    while not (result := condition()):
        assert monotonic() < deadline, "waited in vain"
        sleep(0.005)
    return result


def target(settings: Settings) -> tuple[str, str]:
    """The kind of the test's database, and what its driver connects to."""
    url = make_url(settings["DATABASE_URL"])
    kind = url.get_backend_name()
    if kind == "sqlite":
        return kind, url.database or ""
    return kind, url.set(drivername="postgresql").render_as_string(hide_password=False)


def write_elsewhere(settings: Settings, *sql: str) -> None:
    """Change the database from another process that knows nothing of the application."""
    kind, address = target(settings)
    program = (
        f"import sys; {_ELSEWHERE[kind]}\n"
        "connection = driver.connect(sys.argv[1])\n"
        "for statement in sys.argv[2:]: connection.execute(statement)\n"
        "connection.commit(); connection.close()"
    )
    subprocess.run([sys.executable, "-c", program, address, *sql], check=True, timeout=60)


def renamed(prompt: str, number: int = 51) -> str:
    """The SQL that gives a question another prompt."""
    return f"UPDATE questions SET prompt = '{prompt}' WHERE number = {number}"


def warm(client: FlaskClient, path: str) -> TestResponse:
    """Read until the answer comes from the cache without any question to the database.

    On PostgreSQL this takes until the listener listens.
    """

    def hit() -> TestResponse | None:
        response = client.get(path)
        free = response.headers["Cache-Status"] == "question-bank; hit" and not statements(response)
        return response if free else None

    found = until(hit)
    assert found is not None
    return found


@contextmanager
def threads(*functions: Callable[[], object]) -> Iterator[None]:
    """Run functions at once, each in a thread; wait at the end, and raise what the first raised."""
    start = threading.Barrier(len(functions) + 1)
    errors: list[BaseException] = []

    def run(function: Callable[[], object]) -> None:
        start.wait()
        try:
            function()
        except BaseException as error:  # handed to the test's own thread
            errors.append(error)

    running = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in running:
        thread.start()
    start.wait()
    try:
        yield
    finally:
        for thread in running:
            thread.join(60)
    assert not any(thread.is_alive() for thread in running)
    if errors:
        raise errors[0]


def at_once(function: Callable[[int], T], count: int = 8) -> list[T]:
    """Call `function(0)`, `function(1)`, … in as many threads at once; return what they gave."""
    results: list[T] = []
    with threads(*((lambda i=i: results.append(function(i))) for i in range(count))):
        pass
    return results
