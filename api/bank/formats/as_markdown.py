"""Questions as Markdown: the form in which the bank's own files are written.

    ---
    number: 71
    topics: [security, operations]
    ---
    # How do you limit the rate of requests?

    The answer.

    ## In practice

    What is true today.

    ## Try it

    Console blocks.

Shows: a text format that people write by hand and that loses nothing. Text is never escaped: the
body is taken as it stands. The few texts that would be taken for something else there (one with a
line `## Try it` outside a code fence, one with a fence that is never closed, one with something
like front matter) go into the front matter under the field's name, where YAML holds any text.

A file holds any number of questions. A question begins at a line `---` with a line `key: …` below
it, if that or a line below, up to the next blank one, has one of our own keys. Any other `---` is
a thematic break of the answer. Code fences do not matter here, so that a fence somebody forgot to
close is reported and cannot swallow the question after it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from textwrap import indent

from api.bank.formats.as_yaml import Flow, Moment, Quoted, dump, mapping
from api.bank.formats.documents import Note, QuestionDocument, Record, Refusal, rfc3339
from api.bank.formats.fences import closings
from api.bank.formats.schema import KEYS

_RULE = re.compile(r"---[ \t]*")
_KEY = re.compile(r"[A-Za-z_][\w-]*:(?:[ \t]|$)", re.ASCII)
_OWN_KEY = re.compile(rf"(?:{'|'.join(KEYS)}):(?:[ \t]|$)")
_PROMPT = re.compile(r"#[ \t]+(?P<prompt>[^ \t].*)")
_SECTION = re.compile(r"##[ \t]+(?P<title>in practice|try it)[ \t]*", re.IGNORECASE)

SECTIONS = {"in practice": "in_practice", "try it": "try_it"}


def _ends_front(line: str) -> bool:
    return not line.strip(" \t") or _RULE.fullmatch(line) is not None


def starts(lines: list[str]) -> list[int]:
    """The indices of the lines on which a question's front matter begins."""
    found: list[int] = []
    closes = False
    for index in (index for index, line in enumerate(lines) if _RULE.fullmatch(line)):
        below = index + 1
        # The line that closes front matter stands above "# prompt"; a comment looks the same, so
        # only one that opens front matter may be followed by comments.
        while not closes and below < len(lines) and lines[below].startswith("#"):
            below += 1
        closes = below < len(lines) and _KEY.match(lines[below]) is not None
        while closes and not _OWN_KEY.match(lines[below]):
            below += 1
            closes = below < len(lines) and not _ends_front(lines[below])
        if closes:
            found.append(index)
    return found


def read(text: str) -> Iterator[Record | Refusal | Note]:
    """Yield what a Markdown file holds.

    Args:
        text: the whole file, every line end an LF.
    """
    lines = text.split("\n")
    begins = starts(lines)
    before = begins[0] if begins else len(lines)
    if (first := _first_text(lines, 0, before)) < before:
        yield Refusal(
            line=first + 1,
            number=None,
            reason="this text belongs to no question; a question begins with its front matter: "
            'a line "---", "number: …" and the other fields, and a line "---"',
        )
    for begin, end in pairwise([*begins, len(lines)]):
        yield _question(lines, begin, end)


def _first_text(lines: list[str], start: int, end: int) -> int:
    return next((index for index in range(start, end) if lines[index].strip(" \t")), end)


def _question(lines: list[str], begin: int, end: int) -> Record | Refusal:
    """Read the question in `lines[begin:end]`."""
    close = next((index for index in range(begin + 1, end) if _RULE.fullmatch(lines[index])), None)
    if close is None:
        reason = 'the front matter that begins here is not closed; put a line "---" after it'
        return Refusal(line=begin + 1, number=None, reason=reason)
    front = mapping("\n".join(lines[begin + 1 : close]), begin + 2)
    fields: dict[str, object] = dict(front.value) if isinstance(front.value, dict) else {}
    places = dict(front.lines)
    faults = list(front.faults)
    if "prompt" in fields:
        faults.append((places["prompt"], 'prompt is no front matter; it is the "# …" line below'))
    heading = _first_text(lines, close + 1, end)
    if heading < end and (match := _PROMPT.fullmatch(lines[heading])) is not None:
        fields["prompt"] = match["prompt"]
        places["prompt"] = heading + 1
        faults += _body(lines, heading + 1, end, fields, places)
    elif not faults:
        line = (heading if heading < end else close) + 1
        faults.append(
            (line, 'prompt is missing; put a line "# How do you …?" after the front matter')
        )
    if faults:
        number = fields.get("number")
        told = (
            int(number) if isinstance(number, str) and re.fullmatch("[0-9]{1,10}", number) else None
        )
        faults.sort()
        reason = "; ".join(reason for _, reason in faults)
        return Refusal(line=faults[0][0], number=told, reason=reason)
    return Record(begin + 1, fields, lambda key: places.get(key, begin + 1))


def _body(
    lines: list[str], start: int, end: int, fields: dict[str, object], places: dict[str, int]
) -> Iterator[tuple[int, str]]:
    """Put the texts below the heading into `fields`; yield what is wrong with them."""
    parts, unclosed = split(lines, start, end)
    if unclosed is not None:
        yield unclosed + 1, "the code fence that opens here is never closed; close it"
    seen: list[str] = []
    for part in parts:
        text = "\n".join(lines[part.start : part.end])
        title = f'"{lines[part.heading].strip()}"' if part.heading is not None else "the answer"
        line = (part.start if part.heading is None else part.heading) + 1
        if part.field in seen:
            yield line, f"{title} stands here a second time; keep one"
        elif part.field == "in_practice" and "try_it" in seen:
            yield line, f'{title} must stand before "## Try it"'
        elif part.field in fields and (part.heading is not None or text.strip()):
            yield line, f"{part.field} stands here and in the front matter; keep one"
        elif part.field not in fields:
            fields[part.field] = text
            places[part.field] = _first_text(lines, part.start, part.end - 1) + 1
        seen.append(part.field)


@dataclass(frozen=True, slots=True)
class _Part:
    """A text of the body: its field, its heading's line where it has one, and its lines."""

    field: str
    heading: int | None
    start: int
    end: int


def split(lines: list[str], start: int, end: int) -> tuple[list[_Part], int | None]:
    """Divide a body at its section headings, of which those in code fences are none.

    Returns:
        The parts in order, the answer first, and the line of the first code fence that is opened
        and never closed, or None. Such a fence is passed over.
    """
    headings: list[tuple[int, str]] = []
    unclosed: int | None = None
    closers = closings(lines, start, end)
    index = start
    while index < end:
        line = lines[index]
        if index in closers:
            closer = closers[index]
            if closer is not None:
                index = closer
            elif unclosed is None:
                unclosed = index
        elif (section := _SECTION.fullmatch(line)) is not None:
            headings.append((index, SECTIONS[section["title"].lower()]))
        index += 1
    edges = [*(index for index, _ in headings), end]
    parts = [_Part("answer", None, start, edges[0])]
    parts += [
        _Part(field, index, index + 1, edges[place + 1])
        for place, (index, field) in enumerate(headings)
    ]
    return parts, unclosed


def _fits(text: str) -> bool:
    """Whether the body can hold the text as it stands; a blank line follows it there."""
    lines = text.split("\n")
    parts, unclosed = split(lines, 0, len(lines))
    return unclosed is None and len(parts) == 1 and not starts(lines)


def _front_matter(document: QuestionDocument) -> Iterator[str]:
    head: dict[str, object] = {"number": document.number}
    if document.technique is not None:
        head["technique"] = document.technique
    if document.topics:
        head["topics"] = Flow(document.topics)
    if document.difficulty is not None:
        head["difficulty"] = document.difficulty
    if document.created_at is not None:
        head["created_at"] = Moment(rfc3339(document.created_at))
    if document.updated_at is not None:
        head["updated_at"] = Moment(rfc3339(document.updated_at))
    yield dump(head)
    if document.references:
        pages = [{"title": Quoted(each.title), "url": each.url} for each in document.references]
        yield "references:\n" + indent(dump(pages), "  ")


def write(documents: Iterable[QuestionDocument]) -> Iterator[str]:
    """Yield the parts of a Markdown file, one question at a time."""
    between = ""
    for document in documents:
        texts = {
            "answer": document.answer,
            "in_practice": document.in_practice,
            "try_it": document.try_it,
        }
        aside = {key: text for key, text in texts.items() if text is not None and not _fits(text)}
        front = "".join(_front_matter(document)) + (dump(aside) if aside else "")
        body = [f"# {document.prompt}"]
        for key, heading in (
            ("answer", None),
            ("in_practice", "In practice"),
            ("try_it", "Try it"),
        ):
            text = texts[key]
            if text is not None and key not in aside:
                body += [f"## {heading}", text] if heading else [text]
        yield f"{between}---\n{front}---\n" + "\n\n".join(body) + "\n"
        between = "\n"
