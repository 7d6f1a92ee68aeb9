"""The difference of two states of a question, to be shown: by lines, and within them by words.

Signs and words tell what was taken out and what came in, never a colour alone (WCAG 2.2, 1.4.1).
Source: https://docs.python.org/3/library/difflib.html#difflib.SequenceMatcher
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import Any, Literal

from api.bank.history import MOST_COMPARISONS

#: Words before times words after, of all pairs of lines in one text together.
MOST_WORD_COMPARISONS = 200_000
#: Lines around a change that are shown with it.
CONTEXT = 3

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Kind = Literal["same", "removed", "added", "gap"]
Part = tuple[str, bool]
"""A piece of a line, and whether it is what changed within the line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference; a gap stands for lines that did not change."""

    kind: Kind
    parts: Sequence[Part] = ()


@dataclass(slots=True)
class _Budget:
    left: int

    def allows(self, cost: int) -> bool:
        self.left -= cost
        return self.left >= 0


def text_of(value: Any) -> str:
    """Write a member's value as lines: a topic or a reference is one."""
    if isinstance(value, list | tuple):
        return "\n".join(
            f"{each.get('title', '')} <{each.get('url', '')}>"
            if isinstance(each, Mapping)
            else str(each)
            for each in value
        )
    return "" if value is None else str(value)


def difference(before: Any, after: Any) -> list[Line]:
    """Return the lines that lead from one value of a member to another.

    What would take seconds to compare comes as all of the one and then all of the other.
    """
    old, new = (text.split("\n") if text else [] for text in (text_of(before), text_of(after)))
    if len(old) * len(new) > MOST_COMPARISONS:
        return [*_plain("removed", old), *_plain("added", new)]
    matcher = SequenceMatcher(None, old, new)
    groups = list(matcher.get_grouped_opcodes(CONTEXT))
    budget = _Budget(MOST_WORD_COMPARISONS)
    found: list[Line] = []
    for place, group in enumerate(groups):
        if place or group[0][1]:
            found.append(Line("gap"))
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                found += _plain("same", old[start:end])
            else:
                found += _replaced(old[start:end], new[new_start:new_end], budget)
    if groups and groups[-1][-1][2] < len(old):
        found.append(Line("gap"))
    return found


def _plain(kind: Kind, lines: Iterable[str]) -> list[Line]:
    return [Line(kind, [(line, False)]) for line in lines]


def _replaced(old: Sequence[str], new: Sequence[str], budget: _Budget) -> list[Line]:
    """Show lines that others took the place of, the first beside the first, the words marked."""
    removed, added = [], []
    for before, after in zip_longest(old, new):
        if before is None or after is None:
            pair = [(before or "", False)], [(after or "", False)]
        else:
            pair = _words(before, after, budget)
        if before is not None:
            removed.append(Line("removed", pair[0]))
        if after is not None:
            added.append(Line("added", pair[1]))
    return removed + added


def _words(before: str, after: str, budget: _Budget) -> tuple[list[Part], list[Part]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if not budget.allows(len(old) * len(new)):
        return [(before, False)], [(after, False)]
    blocks = SequenceMatcher(None, old, new).get_matching_blocks()
    return _marked(old, [(b.a, b.a + b.size) for b in blocks]), _marked(
        new, [(b.b, b.b + b.size) for b in blocks]
    )


def _marked(words: Sequence[str], same: Sequence[tuple[int, int]]) -> list[Part]:
    parts: list[Part] = []
    for (_, end), (start, stop) in pairwise([(0, 0), *same]):
        parts += [("".join(words[end:start]), True), ("".join(words[start:stop]), False)]
    return [part for part in parts if part[0]]
