"""The filters of jq that examples keep something by: what they take out of an answer, in order.

Source: https://jqlang.org/manual/
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from api.site.trying.shell import NeedsShellError, Text, plain


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing done to what was found so far.

    :ivar does: `member` (of JSON, by name), `pick` (members, by names), `find` (the first of a list
        whose member has a value), `capture` (a group called `it` of a pattern, of each line), `all`
        (the same, as a list) or `first`
        (the same, of the first line that has it).
    """

    does: str
    names: tuple[str, ...]

    def plan(self) -> list[Any]:
        """Return it as JSON."""
        return [self.does, *self.names]


_PATH = re.compile(r"(\.\w+)+")
_PICK = re.compile(r"\{(\w+(?:, *\w+)*)\}")
_STRING = r'"((?:[^"\\]|\\.)*)"'
_CAPTURE = re.compile(rf"capture\({_STRING}(?:; *\"(i)\")?\)\.it")
_ALL = re.compile(rf"\[inputs \| capture\({_STRING}(?:; *\"(i)\")?\)\.it\]")
_FIRST = re.compile(rf"first\(inputs \| capture\({_STRING}(?:; *\"(i)\")?\)\.it\)")
_FIND = re.compile(rf"first\((\.\w+)\[\] \| select\(\.(\w+) == {_STRING}\)\)((?:\.\w+)*)")


def _unknown() -> NeedsShellError:
    return NeedsShellError("jq", gettext("It takes jq to make something of the answer."))


def operations(words: Sequence[Text]) -> tuple[Operation, ...]:
    """Read the words of a call of jq. Raises NeedsShellError for what a page does not do."""
    options = {letter for word in words[1:] if plain(word)[:1] == "-" for letter in plain(word)[1:]}
    rest = [word for word in words[1:] if plain(word)[:1] != "-"]
    if plain(words[0]) != "jq" or len(rest) != 1 or not options <= set("rcRn"):
        raise _unknown()
    if len(rest[0]) != 1 or not isinstance(rest[0][0], str):
        raise _unknown()
    text, raw = rest[0][0], "R" in options
    if raw:
        shapes = {"first": _FIRST, "all": _ALL} if "n" in options else {"capture": _CAPTURE}
        for does, shape in shapes.items():
            if found := shape.fullmatch(text):
                return (_captured(does, found[1], found[2]),)
        raise _unknown()
    taken: tuple[Operation, ...] = ()
    for stage in _stages(text):
        taken += _stage(stage)
    return taken


def _stages(text: str) -> Iterator[str]:
    """Cut a filter at its pipes, those within strings and brackets aside."""
    depth = start = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[(\[{]|[)\]}]|\|', text):
        if found[0] == "|" and not depth:
            yield text[start : found.start()].strip()
            start = found.end()
        depth += (found[0] in "([{") - (found[0] in ")]}")
    yield text[start:].strip()


def _stage(text: str) -> tuple[Operation, ...]:
    if text == ".":
        return ()
    if _PATH.fullmatch(text):
        return _members(text)
    if found := _PICK.fullmatch(text):
        return (Operation("pick", tuple(re.split(", *", found[1]))),)
    if found := _FIND.fullmatch(text):
        find = Operation("find", (found[2], _unquoted(found[3])))
        return (*_members(found[1]), find, *_members(found[4]))
    if found := _CAPTURE.fullmatch(text):
        return (_captured("capture", found[1], found[2]),)
    raise _unknown()


def _members(path: str) -> tuple[Operation, ...]:
    return tuple(Operation("member", (name,)) for name in path.split(".")[1:])


def _captured(does: str, pattern: str, flags: str | None) -> Operation:
    found = _unquoted(pattern)
    if "set-cookie" in found.lower():
        raise NeedsShellError(
            "cookie", gettext("It reads a cookie, which a browser keeps from pages.")
        )
    if "(?<it>" not in found:
        raise _unknown()
    return Operation(does, (found, flags or ""))


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        raise _unknown() from None
