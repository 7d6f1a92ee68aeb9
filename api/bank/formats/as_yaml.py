"""Questions as YAML: a list of them, or a mapping with them under `questions` or `items`.

Shows: reading YAML from a stranger. Events, not objects: nothing is constructed, so no tag can
run code; an alias is refused, so no file unfolds into gigabytes; nesting is bounded; and each
event knows its line. Which scalar is a number and which is text is decided by the schema, so that
an answer of `no` or a prompt of `1.10` stays what was written.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml
from yaml.reader import Reader

from api.bank.formats.as_json import members
from api.bank.formats.documents import Note, QuestionDocument, Record, Refusal
from api.bank.formats.schema import (
    BESIDE_ITEMS,
    COLLECTIONS,
    NO_QUESTION,
    READ_ONLY,
    is_question,
)
from api.bank.formats.text import Lines, listed, quoted

MAX_DEPTH = 12
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "null", "timestamp", "seq", "map")
)
# Line ends to YAML 1.1, but not to Markdown: a literal block would change or fold them.
_YAML_BREAKS = frozenset("\x85\u2028\u2029")
_NEVER_FOLD = 2**31 - 1


class _BrokenError(ValueError):
    """The text is no YAML that can be read from here on. `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(slots=True)
class Node:
    """A value with its line, the lines of its keys, and what is wrong with it or inside it."""

    line: int
    value: object = None
    lines: dict[str, int] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)


class _Events:
    """The parser's events, one ahead."""

    def __init__(self, text: str, first_line: int) -> None:
        self._first_line = first_line
        if (found := Reader.NON_PRINTABLE.search(text)) is not None:
            raise _BrokenError(
                Lines(text, line=first_line).at(found.start()),
                f"the character U+{ord(found[0]):04X} may not stand in YAML as it is; write it "
                f'as an escape in double quotes, "\\u{ord(found[0]):04X}"',
            )
        self._events = yaml.parse(text, Loader=yaml.CSafeLoader)
        self.depth = 0

    def next(self) -> yaml.Event:
        """The next event."""
        try:
            event: yaml.Event = next(self._events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = self._first_line + (0 if mark is None else int(mark.line))
            parts = [part for part in (error.context, error.problem) if part]
            raise _BrokenError(line, ", ".join(parts)) from error
        if isinstance(event, yaml.CollectionStartEvent):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise _BrokenError(self.line(event), "the value is nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            self.depth -= 1
        return event

    def line(self, event: yaml.Event) -> int:
        """The line on which the event begins."""
        return self._first_line + (0 if event.start_mark is None else int(event.start_mark.line))

    def node(self, event: yaml.Event) -> Node:
        """The value that begins with the event, whole."""
        node = Node(self.line(event))
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _PLAIN_TAGS and tag != "!":
            node.faults.append((node.line, f"the tag {quoted(tag)} is not taken; leave it out"))
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] or tag == "tag:yaml.org,2002:null"
            node.value = None if plain and event.value in _NULL else event.value
        elif isinstance(event, yaml.AliasEvent):
            name = quoted(f"*{event.anchor}")
            node.faults.append((node.line, f"the alias {name} is not taken; write it out"))
        elif isinstance(event, yaml.SequenceStartEvent):
            self._sequence(node)
        else:
            self._mapping(node)
        return node

    def _sequence(self, node: Node) -> None:
        found: list[object] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            inner = self.node(event)
            node.faults += inner.faults
            found.append(inner.value)
        node.value = found

    def _mapping(self, node: Node) -> None:
        found: dict[str, object] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            name = self.key(event, node)
            inner = self.node(self.next())
            node.faults += inner.faults
            if name in found:
                line = self.line(event)
                node.faults.append((line, f"{quoted(name)} stands twice in one mapping; keep one"))
            found[name] = inner.value
            node.lines.setdefault(name, self.line(event))
        node.value = found

    def key(self, event: yaml.Event, node: Node) -> str:
        """The key of a mapping, which must be text."""
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        inner = self.node(event)
        node.faults += inner.faults or [(inner.line, "a key must be text")]
        return ""


def read(text: str) -> Iterator[Record | Refusal | Note]:
    """Yield what a YAML file holds.

    Args:
        text: the whole file: one YAML document with a list of questions, a mapping with them
            under `questions` or `items`, or one question alone.
    """
    try:
        events = _Events(text, 1)
        yield from _stream(events)
    except _BrokenError as error:
        yield Refusal(
            line=error.line,
            number=None,
            reason=f"this is no YAML that can be read: {error.reason}; nothing from here on was read",
        )


def _stream(events: _Events) -> Iterator[Record | Refusal | Note]:
    events.next()
    if isinstance(events.next(), yaml.StreamEndEvent):
        return
    event = events.next()
    if isinstance(event, yaml.SequenceStartEvent):
        yield from _list(events)
    elif isinstance(event, yaml.MappingStartEvent):
        yield from _top(events, event)
    elif (alone := events.node(event)).value is not None or alone.faults:
        yield _record(alone)
    events.next()
    if not isinstance(event := events.next(), yaml.StreamEndEvent):
        raise _BrokenError(
            events.line(event), "a second document begins; put all questions in one list"
        )


def _list(events: _Events) -> Iterator[Record | Refusal]:
    while not isinstance(event := events.next(), yaml.SequenceEndEvent):
        yield _record(events.node(event))


def _top(events: _Events, start: yaml.Event) -> Iterator[Record | Refusal | Note]:
    """A wrapper around the list, or one question alone: its keys tell."""
    alone = Node(events.line(start))
    found: dict[str, object] = {}
    collection = ""
    while not isinstance(event := events.next(), yaml.MappingEndEvent):
        name = events.key(event, alone)
        value = events.next()
        if name in COLLECTIONS and isinstance(value, yaml.SequenceStartEvent):
            if collection:
                raise _BrokenError(
                    events.line(event),
                    f"the questions stand under {quoted(collection)} already; a second list, "
                    f"{quoted(name)}, is one too many",
                )
            collection = name
            yield from _list(events)
            continue
        inner = events.node(value)
        alone.faults += inner.faults
        if name in found:
            line = events.line(event)
            alone.faults.append((line, f"{quoted(name)} stands twice in one mapping; keep one"))
        found[name] = inner.value
        alone.lines.setdefault(name, events.line(event))
    if not collection and not is_question(found):
        yield Refusal(line=alone.line, number=None, reason=NO_QUESTION)
    elif not collection:
        alone.value = found
        yield _record(alone)
    elif ignored := sorted(found.keys() - BESIDE_ITEMS):
        names = listed([quoted(name) for name in ignored])
        yield Note(line=alone.line, text=f"beside {quoted(collection)} stands {names}: left out")


def _record(node: Node) -> Record | Refusal:
    if node.faults:
        return Refusal(
            line=min(node.faults)[0],
            number=_number(node),
            reason="; ".join(reason for _, reason in sorted(node.faults)),
        )
    if not isinstance(node.value, dict):
        shown = quoted(node.value)
        reason = f"a question is a mapping of fields, and this is {shown}"
        return Refusal(line=node.line, number=None, reason=reason)
    fields = {key: value for key, value in node.value.items() if key not in READ_ONLY}
    return Record(node.line, fields, lambda key: node.lines.get(key, node.line))


def _number(node: Node) -> int | None:
    number = node.value.get("number") if isinstance(node.value, dict) else None
    return (
        int(number) if isinstance(number, str) and number.isascii() and number.isdigit() else None
    )


def mapping(text: str, first_line: int) -> Node:
    """Read a small piece of YAML that must be one mapping, such as front matter.

    Args:
        text: the piece.
        first_line: the line of the file on which the piece begins.

    Returns:
        The mapping as the node's value. What is wrong with it stands in the node's `faults`.
    """
    try:
        events = _Events(text, first_line)
        events.next()
        if isinstance(events.next(), yaml.StreamEndEvent):
            return Node(first_line, {})
        node = events.node(events.next())
        events.next()
        if not isinstance(event := events.next(), yaml.StreamEndEvent):
            raise _BrokenError(events.line(event), "a second document begins")
    except _BrokenError as error:
        return Node(first_line, {}, {}, [(error.line, f"this is no YAML: {error.reason}")])
    if not isinstance(node.value, dict):
        node.faults.append((node.line, 'this must be "key: value" lines'))
        node.value = {}
    return node


class Dumper(yaml.CSafeDumper):
    """Texts of several lines as literal blocks, times as times, slugs on one line."""


class Moment(str):
    """A time, to be written without quotes."""

    __slots__ = ()


class Quoted(str):
    """A text to be written in double quotes, needed or not: titles look alike."""

    __slots__ = ()


class Flow(list[str]):
    """A list to be written on one line."""

    __slots__ = ()


def _text(dumper: yaml.representer.SafeRepresenter, text: str) -> yaml.Node:
    literal = "\n" in text and not _YAML_BREAKS.intersection(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, "|" if literal else None)


def _moment(dumper: yaml.representer.SafeRepresenter, moment: Moment) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", str(moment))


def _quoted(dumper: yaml.representer.SafeRepresenter, text: Quoted) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), '"')


def _flow(dumper: yaml.representer.SafeRepresenter, flow: Flow) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", flow, flow_style=True)


Dumper.add_representer(str, _text)
Dumper.add_representer(Moment, _moment)
Dumper.add_representer(Quoted, _quoted)
Dumper.add_representer(Flow, _flow)


def dump(value: object) -> str:
    """The value as YAML in block style, its keys in their order, its lines never folded."""
    text: str = yaml.dump(
        value, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=_NEVER_FOLD
    )
    return text


def as_mapping(document: QuestionDocument) -> dict[str, object]:
    """A document under the API's names, ready to be dumped."""
    found = members(document)
    for key in ("created_at", "updated_at"):
        found[key] = found[key] and Moment(found[key])
    found["topics"] = Flow(document.topics)
    return found


def write(documents: Iterable[QuestionDocument]) -> Iterator[str]:
    """Yield the parts of a YAML list, one question at a time."""
    empty = True
    for document in documents:
        empty = False
        yield dump([as_mapping(document)])
    if empty:
        yield "[]\n"
