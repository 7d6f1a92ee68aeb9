"""What every format is read into and written from: plain values, and their one normal form.

Shows: frozen, slotted dataclasses as the border between a text format and the domain. The
readers and writers beside this module know nothing of a database or of HTTP, so that a test, a
script or a command can use them alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum


class Format(StrEnum):
    """The file formats that questions come in. `NUMBERED` is read, never written."""

    MARKDOWN = "markdown"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    NUMBERED = "numbered"


WRITABLE = (Format.JSON, Format.YAML, Format.CSV, Format.MARKDOWN)
"""The formats that `write` takes, in the order in which a command should offer them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A page that supports an answer: its exact title and its http(s) address."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDocument:
    """One question as a file holds it. Texts are Markdown, but for the one-line `prompt`."""

    number: int
    prompt: str
    answer: str
    in_practice: str | None = None
    try_it: str | None = None
    technique: str | None = None
    topics: tuple[str, ...] = ()
    difficulty: str | None = None
    references: tuple[Reference, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A question, or a whole file, that was not taken.

    `line` counts from 1; `number` is the question's where it could be told; `reason` names the
    field and says what to do.
    """

    line: int
    number: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something a reader left out or put together that whoever owns the file should know."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that came of one file. Everything in it is in the order of the file."""

    documents: list[QuestionDocument]
    refusals: list[Refusal]
    format: Format
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Record:
    """One question as a format's reader found it, not yet checked.

    `fields` holds what JSON could hold, under the API's names. `line_of` answers the line on
    which a field stands; it is asked only when a field is refused.
    """

    line: int
    fields: dict[str, object]
    line_of: Callable[[str], int] | None = None

    def line_for(self, key: str) -> int:
        """The line of the field `key`, or of the question where the field is absent."""
        return self.line_of(key) if self.line_of is not None else self.line


class UnknownFormatError(ValueError):
    """Neither the content nor the file's name says which format this is."""


class ReadOnlyFormatError(ValueError):
    """Asked to write a format that is only read."""


def line_ends(text: str) -> str:
    """The text with every line end as LF.

    CR LF, a lone CR and LF are one thing in Markdown (CommonMark 0.31.2, section 2.1), in JSON
    and YAML source and in a spreadsheet's cell.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def block(text: str) -> str:
    """The normal form of a text of several lines: no blank lines around it, no blanks after it.

    The indentation of its first line stays: in Markdown it may be code. Blanks are spaces and
    tabs; other white space (form feeds, no-break spaces, …) is content.
    """
    text = line_ends(text).rstrip(" \t\n")
    start = 0
    while (end := text.find("\n", start)) != -1 and not text[start:end].strip(" \t"):
        start = end + 1
    return text[start:]


def single_line(text: str) -> str:
    """The normal form of a text of one line: line ends and the blanks beside them are a space."""
    text = line_ends(text)
    if "\n" not in text:
        return text.strip(" \t")
    return " ".join(part for line in text.split("\n") if (part := line.strip(" \t")))


def utc(moment: datetime) -> datetime:
    """The moment in UTC.

    Raises:
        ValueError: it has no time zone, or is out of range in UTC.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give an aware datetime")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{moment.isoformat()} is out of range in UTC") from error


def rfc3339(moment: datetime) -> str:
    """The moment as RFC 3339 writes it, in UTC with a Z: `2026-11-22T10:00:00Z`."""
    return utc(moment).replace(tzinfo=None).isoformat() + "Z"


def normalised(document: QuestionDocument) -> QuestionDocument:
    """The document in the one normal form that every format is read into and written from.

    Line ends are LF; blank lines around a text and blanks at its end are dropped; prompt, titles
    and addresses are one line; an optional text of nothing but white space is `None`; a topic
    stands once; moments are in UTC. Nothing else is changed.

    Raises:
        ValueError: a moment without a time zone.
    """

    def optional(text: str | None) -> str | None:
        return None if text is None or not text.strip() else block(text)

    def moment(value: datetime | None) -> datetime | None:
        return None if value is None else utc(value)

    return replace(
        document,
        prompt=single_line(document.prompt),
        answer=block(document.answer),
        in_practice=optional(document.in_practice),
        try_it=optional(document.try_it),
        technique=None if not document.technique else document.technique.strip(),
        topics=tuple(dict.fromkeys(topic.strip() for topic in document.topics)),
        difficulty=None if not document.difficulty else document.difficulty.strip(),
        references=tuple(
            Reference(title=single_line(each.title), url=single_line(each.url))
            for each in document.references
        ),
        created_at=moment(document.created_at),
        updated_at=moment(document.updated_at),
    )
