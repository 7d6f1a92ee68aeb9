"""Files of questions, read and written: text in, documents out, and back without loss.

    reading = read(path.read_bytes(), name=path.name)
    path.write_text("".join(write(reading.documents, Format.JSON)), encoding="utf-8")

One module per format (`as_markdown`, `as_json`, `as_yaml`, `as_csv`, `as_numbered`) finds the
records of a file; one schema judges them all; `documents.normalised` says what is the same text.
This package knows no database and no HTTP, and imports nothing else of the application.
"""

from collections.abc import Callable, Iterable, Iterator

from api.bank.formats import as_csv, as_json, as_markdown, as_numbered, as_yaml
from api.bank.formats.detection import by_name, detect
from api.bank.formats.documents import (
    WRITABLE,
    Format,
    Note,
    QuestionDocument,
    Reading,
    ReadOnlyFormatError,
    Record,
    Reference,
    Refusal,
    UnknownFormatError,
    normalised,
)
from api.bank.formats.schema import checked
from api.bank.formats.text import UndecodableError, decode, listed

__all__ = [
    "WRITABLE",
    "Format",
    "Note",
    "QuestionDocument",
    "ReadOnlyFormatError",
    "Reading",
    "Reference",
    "Refusal",
    "UnknownFormatError",
    "detect",
    "normalised",
    "read",
    "write",
]

_READERS: dict[Format, Callable[[str], Iterator[Record | Refusal | Note]]] = {
    Format.MARKDOWN: as_markdown.read,
    Format.JSON: as_json.read,
    Format.YAML: as_yaml.read,
    Format.CSV: as_csv.read,
    Format.NUMBERED: as_numbered.read,
}
_WRITERS: dict[Format, Callable[[Iterable[QuestionDocument]], Iterator[str]]] = {
    Format.MARKDOWN: as_markdown.write,
    Format.JSON: as_json.write,
    Format.YAML: as_yaml.write,
    Format.CSV: as_csv.write,
}


def read(data: bytes, format: Format | None = None, name: str | None = None) -> Reading:
    """Read a file of questions.

    Nothing in a file raises: what cannot be taken is a refusal with its line, and everything else
    is a document in normal form. A file without a question is refused as a whole.

    Args:
        data: the whole file, in UTF-8, or in UTF-16 with a byte order mark.
        format: the format; None decides by the content, and by `name` where that is unclear.
        name: the file's name, for its ending.

    Raises:
        UnknownFormatError: no format was given and none could be told.
    """
    try:
        text = decode(data)
    except UndecodableError as error:
        refusal = Refusal(line=error.line, number=None, reason=error.reason)
        return Reading([], [refusal], format or by_name(name) or Format.MARKDOWN)
    reading = Reading([], [], format or detect(text, name))
    if not text.strip():
        reading.refusals.append(Refusal(line=1, number=None, reason="the file is empty"))
        return reading
    first_lines: dict[int, int] = {}
    for found in _READERS[reading.format](text):
        if isinstance(found, Note):
            reading.notes.append(found)
            continue
        judged = checked(found) if isinstance(found, Record) else found
        if (number := judged.number) is not None and isinstance(found, Record):
            if number in first_lines:
                judged = Refusal(
                    line=found.line,
                    number=number,
                    reason=f"number {number} stands on line {first_lines[number]} already; "
                    "give this question another number, or take one of the two out",
                )
            first_lines.setdefault(number, found.line)
        if isinstance(judged, Refusal):
            reading.refusals.append(judged)
        else:
            reading.documents.append(judged)
    reading.notes.sort(key=lambda note: note.line)
    if not reading.documents and not reading.refusals:
        reason = "there is no question in this file"
        reading.refusals.append(Refusal(line=1, number=None, reason=reason))
    return reading


def write(documents: Iterable[QuestionDocument], format: Format) -> Iterator[str]:
    """Write questions, in their normal form, as parts of one text; join them, or send them on.

    Reading what was written gives the same documents again. Nothing is validated: a document
    that breaks a rule is written, and refused when it is read. Line ends are LF, in CSV CR LF:
    open a file for it with `newline=""`.

    Raises:
        ReadOnlyFormatError: the format is the numbered list, which has no place for most fields.
        ValueError: a moment without a time zone (while the parts are taken).
    """
    if format not in _WRITERS:
        raise ReadOnlyFormatError(
            f"{format.value} is only read; write {listed([each.value for each in WRITABLE], 'or')}"
        )
    return _WRITERS[format](normalised(document) for document in documents)
