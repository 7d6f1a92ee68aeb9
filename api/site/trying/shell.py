"""The little of the shell that examples use: words, pipes, `;`, `for` over words, `while` that waits.

Nothing is run. What is not read here takes a shell, and the reader is told so.
Source: https://www.gnu.org/software/bash/manual/html_node/Shell-Commands.html
"""

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from flask_babel import gettext


@dataclass(frozen=True, slots=True)
class Variable:
    """A shell variable in a text, to be percent-encoded where it stands in a form or not."""

    name: str
    encoded: bool = False


@dataclass(frozen=True, slots=True)
class Substitution:
    """What a command in a word prints: `$(…)`."""

    command: str


@dataclass(frozen=True, slots=True)
class Series:
    """What `seq` prints: numbers, each between two texts, with a third between them."""

    first: int
    last: int
    before: str = ""
    after: str = ""
    between: str = "\n"


Part: TypeAlias = str | Variable | Series
Text: TypeAlias = tuple[Part, ...]
Word: TypeAlias = tuple[Part | Substitution, ...]


class NeedsShellError(ValueError):
    """A page cannot do what a command does; the message says why, in the reader's language.

    :ivar kind: one word for the reason, the same in every language.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def small_program() -> NeedsShellError:
    """Return the reason of what goes beyond the shapes that are read here."""
    return NeedsShellError("program", gettext("It is a small program of the shell."))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`, each its words."""

    stages: tuple[tuple[Word, ...], ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`for name in values; do body; done`, and the commands that what it prints is piped into."""

    name: str
    values: tuple[Word, ...]
    body: "tuple[Command, ...]"
    filters: tuple[tuple[Word, ...], ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """`while condition; do sleep seconds; done`."""

    condition: Pipeline
    seconds: float


Command: TypeAlias = Pipeline | Loop | Wait


class _Operator(str):
    """A token that is no word."""

    __slots__ = ()


#: Characters of a command, or of a text in it, and loops within one another, that are read at most. An
#: imported question may hold anything, and the bank's own are far from it.
LONGEST = 10_000
DEEPEST = 3
_NAME = re.compile(r"\$(\w+)|\$\{(\w+)\}")
_OPERATORS = re.compile(r"&&|[|;&()<>`\n]")


def plain(word: Word) -> str:
    """Return a word with `$` where something stands that is only known when it runs."""
    return "".join(part if isinstance(part, str) else "$" for part in word)


def resolved(word: Word, constants: Mapping[str, Text]) -> Text:
    """Put the variables whose texts are known into a word. Raises NeedsShellError."""
    found: list[Part] = []
    for part in word:
        if isinstance(part, Substitution):
            raise small_program()
        parts = constants.get(part.name, (part,)) if isinstance(part, Variable) else (part,)
        for each in parts:
            if isinstance(each, str) and found and isinstance(found[-1], str):
                found[-1] += each
            elif each != "":
                found.append(each)
    if sum(len(part) for part in found if isinstance(part, str)) > LONGEST:
        raise small_program()
    return tuple(found)


def program(text: str) -> tuple[Command, ...]:
    """Read commands. Raises NeedsShellError."""
    if len(text) > LONGEST:
        raise small_program()
    reader = _Reader(_lex(text.replace("\\\n", " ")))
    commands = reader.commands(until=None)
    if not commands:
        raise small_program()
    return commands


class _Reader:
    def __init__(self, tokens: "Sequence[Word | _Operator]") -> None:
        self._tokens = deque(tokens)
        self._depth = 0

    def _is(self, word: str) -> bool:
        return bool(self._tokens) and (
            self._tokens[0] == word if word in {"|", ";", "&&", ">"} else self._tokens[0] == (word,)
        )

    def _take(self, word: str) -> None:
        if not self._is(word):
            raise small_program()
        self._tokens.popleft()

    def _word(self) -> Word:
        if not self._tokens or isinstance(self._tokens[0], _Operator):
            raise small_program()
        return self._tokens.popleft()  # type: ignore[return-value]  # no operator, as just asked

    def commands(self, until: str | None) -> tuple[Command, ...]:
        found: list[Command] = []
        while self._tokens and not (until and self._is(until)):
            found.append(self._command())
            if self._is(";") or self._is("&&"):
                self._tokens.popleft()
            elif self._tokens and not (until and self._is(until)):
                raise small_program()
        return tuple(found)

    def _command(self) -> Command:
        if self._is("for"):
            return self._loop()
        if self._is("while"):
            self._tokens.popleft()
            condition = self._pipeline()
            self._take(";")
            self._take("do")
            self._take("sleep")
            seconds = plain(self._word())
            self._take(";")
            self._take("done")
            if not re.fullmatch(r"\d{1,2}(\.\d+)?", seconds):
                raise small_program()
            return Wait(condition, float(seconds))
        if any(self._is(word) for word in ("if", "until", "case", "do", "done", "{", "!")):
            raise small_program()
        return self._pipeline()

    def _loop(self) -> Loop:
        self._tokens.popleft()
        name = plain(self._word())
        self._take("in")
        values = []
        while not self._is(";"):
            values.append(self._word())
        self._take(";")
        self._take("do")
        self._depth += 1
        if self._depth > DEEPEST:
            raise small_program()
        body = self.commands(until="done")
        self._depth -= 1
        self._take("done")
        filters: tuple[tuple[Word, ...], ...] = ()
        if self._is("|"):
            self._tokens.popleft()
            filters = self._pipeline().stages
        return Loop(name, tuple(values), body, filters)

    def _pipeline(self) -> Pipeline:
        stages: list[list[Word]] = [[]]
        while self._tokens and not (self._is(";") or self._is("&&")):
            if self._is("|"):
                self._tokens.popleft()
                stages.append([])
            elif self._is(">"):
                self._tokens.popleft()
                if plain(self._word()) != "/dev/null":
                    raise small_program()
            else:
                stages[-1].append(self._word())
        if not all(stages):
            raise small_program()
        return Pipeline(tuple(tuple(stage) for stage in stages))


_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_NAMED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"\\": b"\\", b"'": b"'", b'"': b'"'}


def unescaped(text: str) -> bytes:
    r"""Return the bytes that printf makes of a text with `\n`, `\xff` or `\0` in it.

    Raises NeedsShellError for what is not known here.
    """

    def one(found: re.Match[bytes]) -> bytes:
        escape = found[1]
        if escape[:1] == b"x" and len(escape) > 1:
            return bytes([int(escape[1:], 16)])
        if escape.isdigit():
            return bytes([int(escape, 8) & 0xFF])
        if escape not in _NAMED:
            raise small_program()
        return _NAMED[escape]

    return _ESCAPE.sub(one, text.encode())


def _lex(text: str) -> "list[Word | _Operator]":
    """Cut a text into words and operators. Words know their variables. Raises NeedsShellError."""
    tokens: list[Word | _Operator] = []
    word: list[Part | Substitution] | None = None
    place = 0

    def add(part: Part | Substitution) -> None:
        nonlocal word
        word = word if word is not None else []
        if isinstance(part, str) and word and isinstance(word[-1], str):
            word[-1] += part
        elif part != "" or not word:
            word.append(part)

    def end() -> None:
        nonlocal word
        if word is not None:
            tokens.append(tuple(part for part in word if part != ""))
        word = None

    while place < len(text):
        character = text[place]
        operator = _OPERATORS.match(text, place)
        if text.startswith("$'", place):
            close = _closing(text, place + 2)
            try:
                add(unescaped(text[place + 2 : close]).decode())
            except UnicodeDecodeError:
                raise small_program() from None
            place = close + 1
        elif character == "'":
            close = _closing(text, place + 1)
            add(text[place + 1 : close])
            place = close + 1
        elif character == '"':
            place = _quoted(text, place + 1, add)
        elif character == "$":
            place = _dollar(text, place, add)
        elif character == "\\":
            add(text[place + 1 : place + 2])
            place += 2
        elif operator:
            end()
            tokens.append(_Operator(operator[0]))
            place = operator.end()
        elif character.isspace():
            end()
            place += 1
        else:
            add(character)
            place += 1
    end()
    return tokens


_Add: TypeAlias = Callable[[Part | Substitution], None]


def _closing(text: str, place: int) -> int:
    close = text.find("'", place)
    if close < 0:
        raise small_program()
    return close


def _quoted(text: str, place: int, add: _Add) -> int:
    """Read on after a double quote; return the place behind the closing one."""
    add("")
    while place < len(text):
        character = text[place]
        if character == '"':
            return place + 1
        if character == "\\" and text[place + 1 : place + 2] in {'"', "\\", "$", "`"}:
            add(text[place + 1])
            place += 2
        elif character == "$":
            place = _dollar(text, place, add)
        elif character == "`":
            raise small_program()
        else:
            add(character)
            place += 1
    raise small_program()


def _dollar(text: str, place: int, add: _Add) -> int:
    """Read a variable or a command in a word; return the place behind it."""
    if text.startswith("$(", place):
        end = _end_of_substitution(text, place + 2)
        add(Substitution(text[place + 2 : end]))
        return end + 1
    found = _NAME.match(text, place)
    if found is None:
        raise small_program()
    add(Variable(found[1] or found[2]))
    return found.end()


_INSIDE = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[()]""", re.DOTALL)


def _end_of_substitution(text: str, place: int) -> int:
    depth = 0
    for found in _INSIDE.finditer(text, place):
        if found[0] == "(":
            depth += 1
        elif found[0] == ")":
            if depth == 0:
                return found.start()
            depth -= 1
    raise small_program()
