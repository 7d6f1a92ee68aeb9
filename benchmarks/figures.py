"""Rounds in turn, ratios with their spread, and the sections that the results are made of."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmarks.servers import ROOT

KEPT = ROOT / "instance" / "benchmarks"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, the median and the greatest of several figures."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Sum figures up. Raises ValueError without any."""
        if not values:
            raise ValueError("there are no figures")
        return cls(min(values), median(values), max(values))

    def __str__(self) -> str:
        return f"{self.low:.2f} / **{self.middle:.2f}** / {self.high:.2f}"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Compare round by round: what disturbs the machine in one round disturbs both."""
    return Spread.of([a / b for a, b in zip(ours, theirs, strict=True)])


def in_turn(
    contestants: Mapping[str, Callable[[], T]], rounds: int, warm_up: bool = True
) -> dict[str, list[T]]:
    """Measure A B C, A B C, …: the figures of one round are of the same minute."""
    if warm_up:
        for measure in contestants.values():
            measure()
    found: dict[str, list[T]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            found[name].append(measure())
    return found


@dataclass(frozen=True, slots=True)
class Target:
    """Something promised, and what was found. A bound counts for the median."""

    promise: str
    found: Spread
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """Tell whether the median keeps within the bounds."""
        low = self.at_least is None or self.found.middle >= self.at_least
        return low and (self.at_most is None or self.found.middle <= self.at_most)


@dataclass(frozen=True, slots=True)
class Section:
    """One measure's part of the results."""

    name: str
    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    targets: Sequence[Target] = ()
    bars: Mapping[str, float] = field(default_factory=dict)
    """What the plot shows: requests a second by contestant."""

    def keep(self) -> None:
        """Keep the section until the results are written."""
        KEPT.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (KEPT / f"{self.name}.json").write_text(text + "\n", encoding="utf-8")


def kept(name: str) -> Section | None:
    """Return the section that was kept last under a name."""
    path: Path = KEPT / f"{name}.json"
    if not path.exists():
        return None
    values = json.loads(path.read_text(encoding="utf-8"))
    values["targets"] = [
        Target(**{**each, "found": Spread(**each["found"])}) for each in values["targets"]
    ]
    return Section(**values)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; a vertical bar in a cell is escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def shown(section: Section) -> str:
    """Write a section as Markdown."""
    parts = [f"## {section.title}", section.note, table(section.columns, section.rows)]
    if section.targets:
        rows = []
        for each in section.targets:
            bound = f"≥ {each.at_least:g}" if each.at_least is not None else f"≤ {each.at_most:g}"
            rows.append(
                [each.promise, bound, str(each.found), "met" if each.met else "**not met**"]
            )
        parts.append(table(["Target", "Bound", "Min / median / max", ""], rows))
    parts.append(f"`.venv/bin/python -m benchmarks {section.name}`")
    return "\n\n".join(part for part in parts if part)
