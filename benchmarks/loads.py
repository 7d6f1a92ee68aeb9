"""An import of a hundred thousand questions, beside the database's own bulk load."""

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.contestants import Bank
from benchmarks.databases import new_database, postgresql, probe
from benchmarks.figures import Section, Spread, Target, in_turn, ratios

COUNT = 100_000


def write_file(path: Path, count: int) -> None:
    """Write a file of made-up questions, the same each time."""
    chance = random.Random(1)  # noqa: S311 - no secret
    words = [f"word{place}" for place in range(5000)]
    topics = [f"topic-{place}" for place in range(20)]
    questions = [
        {
            "number": number,
            "prompt": f"What does question {number} ask about {chance.choice(words)}?",
            "answer": " ".join(chance.choices(words, k=60)) + ".",
            "in_practice": "Do " + " ".join(chance.choices(words, k=10)) + ".",
            "topics": chance.sample(topics, 2),
            "difficulty": chance.choice(["beginner", "intermediate", "advanced"]),
            "references": [{"title": "Flask", "url": "https://flask.palletsprojects.com/"}],
        }
        for number in range(1, count + 1)
    ]
    path.write_text(json.dumps({"questions": questions}), encoding="utf-8")


def imports(bank: Bank, rounds: int, seconds: float) -> Section:
    """Read, judge and write a file, beside the mere loading of its rows; at most two rounds."""
    path = bank.folder / "import.json"
    write_file(path, COUNT)
    rows, targets = [], []
    with postgresql() as server:

        def on_sqlite(what: str) -> float:
            database = bank.folder / "import.sqlite3"
            for each in bank.folder.glob("import.sqlite3*"):
                each.unlink()
            probe("migrate", f"sqlite:///{database}")
            return probe(what, f"sqlite:///{database}", path)

        def on_postgresql(what: str) -> float:
            url = new_database(server, "importing")
            probe("migrate", url)
            return probe(what, url, path)

        sides: dict[str, tuple[str, Callable[[str], float]]] = {
            "SQLite": ("executemany", on_sqlite),
            "PostgreSQL": ("COPY", on_postgresql),
        }
        for database, (means, run) in sides.items():
            found = in_turn(
                {what: partial(run, what) for what in ("import", "bulk")}, min(rounds, 2), False
            )
            for what, label in (("import", "this API's import"), ("bulk", means)):
                middle = Spread.of(found[what]).middle
                rows.append([database, label, f"{middle:.1f}", f"{COUNT / middle:,.0f}"])
            targets.append(
                Target(
                    f"rate on {database}, beside {means}",
                    ratios(found["bulk"], found["import"]),
                    at_least=0.5,
                )
            )
    size = path.stat().st_size / 1_000_000
    return Section(
        "imports",
        f"Importing {COUNT:,} questions",
        f"A JSON file of {size:.0f} MB, with two topics and a reference each. The import reads it, "
        "judges every field, writes in one transaction and records the events. The bulk load gets "
        "rows that are ready, into the same tables with the same indexes and triggers.",
        ("", "", "seconds", "questions/s"),
        rows,
        targets,
    )
