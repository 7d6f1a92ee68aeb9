"""Questions as JSON (RFC 8259): a list of them, `{"questions": […]}`, or what the API answers.

Shows: reading a large document record by record. The standard library's decoder does the work;
`raw_decode` stops after one value, so the position of every question, and with it its line, is
known. Broken JSON is reported where it breaks, and the questions before it are kept.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from json.decoder import JSONDecodeError

from api.bank.formats.documents import Note, QuestionDocument, Record, Refusal, rfc3339
from api.bank.formats.schema import (
    BESIDE_ITEMS,
    COLLECTIONS,
    NO_QUESTION,
    READ_ONLY,
    is_question,
)
from api.bank.formats.text import Lines, listed, quoted

_WHITE_SPACE = re.compile(r"[ \t\n\r]*")


class _BrokenError(ValueError):
    """The text is no JSON from here on."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


class _Walker:
    """Walks one JSON text from its start to its end, member by member."""

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = position
        self.twice: list[str] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            # `int` refuses more digits than a number has by far: such a one stays text.
            parse_int=lambda digits: int(digits) if len(digits) < 20 else digits,
        )

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            self.twice += [name for name, count in counts.items() if count > 1]
        return found

    def peek(self) -> str:
        """The next character that is no white space, or "" at the end."""
        if (match := _WHITE_SPACE.match(self.text, self.position)) is not None:
            self.position = match.end()
        return self.text[self.position : self.position + 1]

    def take(self, *expected: str) -> str:
        """The next character, which must be one of the expected."""
        if (found := self.peek()) not in expected or not found:
            wanted = listed([quoted(each) for each in expected], "or")
            raise _BrokenError(
                self.position,
                f"here stands {quoted(found)}, and {wanted} was expected"
                if found
                else f"the file ends here, and {wanted} was expected",
            )
        self.position += 1
        return found

    def value(self) -> object:
        """The value that begins here."""
        self.twice = []
        try:
            found, self.position = self._decoder.raw_decode(self.text, self.position)
        except JSONDecodeError as error:
            raise _BrokenError(error.pos, error.msg[:1].lower() + error.msg[1:]) from error
        except RecursionError:
            raise _BrokenError(self.position, "the value is nested too deeply") from None
        return found

    def members(self) -> Iterator[str]:
        """The keys of the object that begins here; the caller takes the value after each."""
        self.take("{")
        if self.peek() == "}":
            self.take("}")
            return
        while True:
            if self.peek() != '"':
                self.take('"')
            yield str(self.value())
            if self.take(",", "}") == "}":
                return

    def elements(self) -> Iterator[int]:
        """The positions of the elements of the list that begins here."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            self.peek()
            yield self.position
            if self.take(",", "]") == "]":
                return


def read(text: str) -> Iterator[Record | Refusal | Note]:
    """Yield what a JSON file holds.

    Args:
        text: the whole file: a list of questions, an object with them under `questions` or
            `items`, or one question alone.
    """
    walker = _Walker(text)
    lines = Lines(text)
    try:
        if walker.peek() == "[":
            yield from _list(walker, lines)
        elif walker.peek() == "{":
            yield from _object(walker, lines)
        else:
            walker.take("[", "{")
        if walker.peek():
            raise _BrokenError(walker.position, "more text follows the end of the JSON value")
    except _BrokenError as error:
        yield Refusal(
            line=lines.at(error.position),
            number=None,
            reason=f"this is no JSON: {error.reason}; nothing from here on was read",
        )


def _list(walker: _Walker, lines: Lines) -> Iterator[Record | Refusal]:
    for start in walker.elements():
        line = lines.at(start)
        value = walker.value()
        yield _record(value, walker.twice, line, _locator(walker.text, start, line))


def _object(walker: _Walker, lines: Lines) -> Iterator[Record | Refusal | Note]:
    """A wrapper around the list, or one question alone: its keys tell."""
    start = walker.position
    line = lines.at(start)
    beside: dict[str, object] = {}
    twice: list[str] = []
    collection = ""
    for key in walker.members():
        walker.take(":")
        if key in COLLECTIONS and walker.peek() == "[":
            if collection:
                raise _BrokenError(
                    walker.position,
                    f"the questions stand under {quoted(collection)} already; a second list, "
                    f"{quoted(key)}, is one too many",
                )
            collection = key
            yield from _list(walker, lines)
        else:
            twice += [key] if key in beside else []
            walker.peek()
            beside[key] = walker.value()
            twice += walker.twice
    if not collection and not is_question(beside):
        yield Refusal(line=line, number=None, reason=NO_QUESTION)
    elif not collection:
        yield _record(beside, twice, line, _locator(walker.text, start, line))
    elif ignored := sorted(beside.keys() - BESIDE_ITEMS):
        names = listed([quoted(name) for name in ignored])
        yield Note(line=line, text=f"beside {quoted(collection)} stands {names}: left out")


def _record(
    value: object, twice: list[str], line: int, line_of: Callable[[str], int]
) -> Record | Refusal:
    if not isinstance(value, dict):
        return Refusal(
            line=line, number=None, reason=f"a question is an object, and this is {quoted(value)}"
        )
    if twice:
        number = value.get("number")
        return Refusal(
            line=line,
            number=number if type(number) is int else None,
            reason=f"{listed([quoted(name) for name in twice])} stands twice in one object; keep one",
        )
    return Record(line, {key: each for key, each in value.items() if key not in READ_ONLY}, line_of)


def _locator(text: str, start: int, line: int) -> Callable[[str], int]:
    """Answers the line of a member of the object at `start`; walks the object only when asked."""

    def line_of(wanted: str) -> int:
        walker = _Walker(text, start)
        lines = Lines(text, start, line)
        walker.peek()
        for key in walker.members():
            if key == wanted:
                return lines.at(walker.position)
            walker.take(":")
            walker.peek()
            walker.value()
        return line

    return line_of


def members(document: QuestionDocument) -> dict[str, object]:
    """A document under the API's names, every field of it, as JSON and YAML write it."""
    return {
        "number": document.number,
        "prompt": document.prompt,
        "answer": document.answer,
        "in_practice": document.in_practice,
        "try_it": document.try_it,
        "technique": document.technique,
        "topics": list(document.topics),
        "difficulty": document.difficulty,
        "references": [{"title": each.title, "url": each.url} for each in document.references],
        "created_at": document.created_at and rfc3339(document.created_at),
        "updated_at": document.updated_at and rfc3339(document.updated_at),
    }


def write(documents: Iterable[QuestionDocument]) -> Iterator[str]:
    """Yield the parts of a JSON list, one question at a time."""
    between = "["
    for document in documents:
        text = json.dumps(members(document), ensure_ascii=False, indent=2)
        # No string holds a raw line end, so indenting lines indents structure alone.
        yield f"{between}\n  " + text.replace("\n", "\n  ")
        between = ","
    yield "[]\n" if between == "[" else "\n]\n"
