"""What a deep page costs: OFFSET against a keyset, counted in the database's own steps (78).

Time is noisy; the number of virtual-machine instructions that SQLite executes is not. The rows
live in memory and are gone with the call.
Source: https://docs.python.org/3/library/sqlite3.html#sqlite3.Connection.set_progress_handler
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from api.demonstrations import demonstrates

ROWS = 10_000
GRAIN = 10

OFFSET = "SELECT number, prompt FROM questions ORDER BY number LIMIT ? OFFSET ?"
KEYSET = "SELECT number, prompt FROM questions WHERE number > ? ORDER BY number LIMIT ?"


@demonstrates(
    78,
    at="GET v1.page_cost",
    test="tests/v1/test_pages.py::test_a_deep_page_costs_more_by_offset_only",
)
def measure(page: int, per_page: int) -> dict[str, int]:
    """Return the instructions, to the nearest `GRAIN`, that each way needs for one page.

    :param page: from 1.
    :param per_page: rows on a page; `page * per_page` may not exceed `ROWS`.
    """
    before = (page - 1) * per_page
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE questions (number INTEGER PRIMARY KEY, prompt TEXT)")
        connection.executemany(
            "INSERT INTO questions VALUES (?, ?)",
            ((n, f"Question {n}?") for n in range(1, ROWS + 1)),
        )
        offset_rows, offset = _steps(connection, OFFSET, (per_page, before))
        keyset_rows, keyset = _steps(connection, KEYSET, (before, per_page))
    if offset_rows != keyset_rows:
        raise AssertionError("the two ways must answer the same page")
    return {"offset": offset, "keyset": keyset}


def _steps(
    connection: sqlite3.Connection, statement: str, parameters: Sequence[int]
) -> tuple[list[tuple[int, str]], int]:
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    connection.set_progress_handler(tick, GRAIN)
    rows = connection.execute(statement, parameters).fetchall()
    connection.set_progress_handler(None, 0)
    return rows, ticks * GRAIN
