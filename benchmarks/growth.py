"""What a read costs at a million questions, beside what it costs at fifty; on both databases."""

import json
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.contestants import FIELDS, WITHOUT_CACHE, Bank, product
from benchmarks.databases import fill_postgresql, fill_sqlite, postgresql
from benchmarks.figures import Section, Spread, Target, in_turn
from benchmarks.load import wrk
from benchmarks.servers import Running, fetch, running

SMALL, LARGE = 50, 1_000_000
SLICE = "/api/v2/questions"


def addresses(server: Running, count: int) -> dict[str, str]:
    """Return the reads of one bank by name; cursors are those that the application hands out."""

    def after(number: int) -> str:
        path = f"{SLICE}?limit=1&number_from={number}"
        link = json.loads(fetch(server.url(path))[2])["links"]["next"]
        cursor = link.partition("cursor=")[2].partition("&")[0]
        return f"{SLICE}?limit=20&cursor={cursor}"

    return {
        "item": f"/api/v1/questions/{count // 2}",
        "cursor, at the start": f"{SLICE}?limit=20",
        "cursor, in the middle": after(count // 2),
        "cursor, at the end": after(count - 20),
        "20 hits, rare word": f"{SLICE}?limit=20&q=ombudsman",
        "20 hits, common word": f"{SLICE}?limit=20&q=common",
        "20 hits, rare word, by number": f"{SLICE}?limit=20&q=ombudsman&sort=number",
        "20 hits, common word, by number": f"{SLICE}?limit=20&q=common&sort=number",
        "first page with its count": f"/api/v1/questions?fields={FIELDS}",
        "last page with its count": f"/api/v1/questions?fields={FIELDS}&page={LAST_PAGE[count]}",
    }


LAST_PAGE = {SMALL: 3, LARGE: 500}
UNBOUNDED = {"first page with its count", "last page with its count"}


def growth(bank: Bank, rounds: int, seconds: float) -> Section:
    """Compare each read between the two sizes, round by round, on one connection."""
    rows, targets = [], []
    with ExitStack() as stack:
        server = stack.enter_context(postgresql())
        urls = {
            "SQLite": {
                count: fill_sqlite(bank.folder / f"growth-{count}.sqlite3", count)
                for count in (SMALL, LARGE)
            },
            "PostgreSQL": {count: fill_postgresql(server, count) for count in (SMALL, LARGE)},
        }
        for database, by_count in urls.items():
            with ExitStack() as pair:
                up = {
                    count: pair.enter_context(
                        running(
                            product(url, bank.folder, DATABASE_AUTO_UPGRADE="off", **WITHOUT_CACHE)
                        )
                    )
                    for count, url in by_count.items()
                }
                for name, (small, large) in _pairs(up).items():
                    found = in_turn(
                        {"small": _cost(up[SMALL], small), "large": _cost(up[LARGE], large)}, rounds
                    )
                    spread = Spread.of(
                        [b / a for a, b in zip(found["small"], found["large"], strict=True)]
                    )
                    costs = (Spread.of(found[size]).middle * 1000 for size in ("small", "large"))
                    rows.append(
                        [database, name, *(f"{each:.2f} ms" for each in costs), str(spread)]
                    )
                    if name not in UNBOUNDED:
                        targets.append(Target(f"{database}: {name}", spread, at_most=1.5))
    return Section(
        "growth",
        f"Growth: {LARGE:,} questions beside {SMALL}",
        f"One connection, cache bypassed. The rare word stands in 25 questions of either bank, the "
        f"common one in every second. Counts stop at {LAST_PAGE[LARGE] * 20:,}, and so do numbered "
        "pages: what lies beyond is a cursor's.",
        ("", "", f"{SMALL}", f"{LARGE:,}", "cost (min / median / max)"),
        rows,
        targets,
    )


def _pairs(up: dict[int, Running]) -> dict[str, tuple[str, str]]:
    small, large = (addresses(up[count], count) for count in (SMALL, LARGE))
    return {name: (path, large[name]) for name, path in small.items()}


def _cost(server: Running, path: str) -> Callable[[], float]:
    def measure() -> float:
        found = wrk(server.url(path), 1, connections=1)
        if found.errors:
            raise AssertionError(f"{path}: {found.errors} errors")
        return 1 / found.rate if found.rate else 1.0  # it took longer than wrk asked

    return measure
