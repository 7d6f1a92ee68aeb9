"""Fenced code blocks, as CommonMark 0.31.2 (section 4.5) has them.

A line-based format needs to know which lines are code, and nothing else of Markdown: a whole
parser would be a hundred times slower and would not keep the text as it stands.
"""

import re
from bisect import bisect_right

_FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})(?P<info>.*)")


def opening(line: str, deepest: int = 3) -> tuple[str, str] | None:
    """Return fence and info string if the line can open (or, with no info, close) a code block.

    Args:
        line: the line, without its end.
        deepest: the widest indentation, in spaces, at which a fence counts as one; a tab is four.
    """
    match = _FENCE.match(line)
    if match is None or len(match["indent"].expandtabs(4)) > deepest:
        return None
    info = match["info"].strip()
    return None if match["fence"][0] == "`" and "`" in info else (match["fence"], info)


def closings(lines: list[str], start: int, end: int, deepest: int = 3) -> dict[int, int | None]:
    """Return, for each line of `lines[start:end]` that can open a code block, the one closing it.

    A block that nothing closes has None. Every fence is answered for as if it opened one: which
    of them do is up to the reader, who knows where code begins. Takes time in proportion to the
    lines, whatever they hold.
    """
    found: dict[int, int | None] = {}
    # Per character, the fences without info so far, from the last line of the file upwards; of
    # two, the nearer one makes the other reachable only if the other is longer. So their lengths
    # fall towards the end of the list, and the nearest that is long enough is found by bisection.
    lengths: dict[str, list[int]] = {"`": [], "~": []}
    places: dict[str, list[int]] = {"`": [], "~": []}
    for index in range(end - 1, start - 1, -1):
        fence = opening(lines[index], deepest)
        if fence is None:
            continue
        mark, length = fence[0][0], len(fence[0])
        near = bisect_right(lengths[mark], -length)
        found[index] = places[mark][near - 1] if near else None
        if not fence[1]:
            while lengths[mark] and -lengths[mark][-1] <= length:
                lengths[mark].pop()
                places[mark].pop()
            lengths[mark].append(-length)
            places[mark].append(index)
    return found
