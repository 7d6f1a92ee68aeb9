"""Questions as CSV (RFC 4180): one row each, under the API's names.

Shows: what spreadsheets do to a text file. The delimiter (comma, semicolon or tab) is told by the
header; quoted cells hold line ends; UTF-16 and byte order marks are gone before this module is
asked. Topics are joined by `;`. References stand in their cell as a JSON list of objects with
title and url: a title may hold any character, so no joining character would do.

A cell is written as it is. A spreadsheet takes one that begins with `=`, `+`, `-` or `@` for a
formula; marking it as text would change the text, and what is exported must come back unchanged.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator

from api.bank.formats.as_json import members
from api.bank.formats.documents import Note, QuestionDocument, Record, Refusal
from api.bank.formats.schema import KEYS
from api.bank.formats.text import listed, quoted

DELIMITERS = (",", ";", "\t")

# Fifty references with long titles fill more than the 128 KiB that the csv module lets a cell
# have. The limit is the process's; raising it takes nothing from anyone.
csv.field_size_limit(max(csv.field_size_limit(), 1 << 20))


def columns(line: str) -> tuple[str, list[str]]:
    """Tell the delimiter of a header line and its column names.

    Returns:
        The delimiter under which most of the columns are known, and the names in lower case
        with `_` for a space or a hyphen.
    """

    def names(delimiter: str) -> list[str]:
        try:
            cells = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            return []
        return [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in cells]

    by_delimiter = {delimiter: names(delimiter) for delimiter in DELIMITERS}
    best = max(by_delimiter, key=lambda each: len(set(by_delimiter[each]) & set(KEYS)))
    return best, by_delimiter[best]


def _unmarked(text: str) -> tuple[str, int]:
    """The text without a first line `sep=;`, and how many lines that took away."""
    first, _, rest = text.partition("\n")
    return (rest, 1) if first.strip().strip('"').lower().startswith("sep=") else (text, 0)


def header(text: str) -> list[str]:
    """The column names that a CSV file would have."""
    return columns(_unmarked(text)[0].lstrip("\n").partition("\n")[0])[1]


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, each with its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    for row in reader:
        if any(row):
            yield line, row
        line = reader.line_num + 1


def read(text: str) -> Iterator[Record | Refusal | Note]:
    """Yield what a CSV file holds.

    Args:
        text: the whole file; its first row names the columns. A line `sep=;` before it, which
            spreadsheets write and honour, is passed over.
    """
    text, skipped = _unmarked(text)
    delimiter, names = columns(text.lstrip("\n").partition("\n")[0])
    line = 0
    try:
        rows = _rows(text, delimiter)
        line, _ = next(rows, (1, []))
        if (fault := _header_fault(names)) is not None:
            yield Refusal(line=line + skipped, number=None, reason=fault)
            return
        for line, row in rows:
            yield _record(names, row, line + skipped)
    except csv.Error as error:
        yield Refusal(
            line=line + skipped + 1,
            number=None,
            reason=f"from here on this is no CSV: {error}; is a quotation mark missing, or one "
            'inside a cell not doubled (`""`)?',
        )


def _header_fault(header: list[str]) -> str | None:
    named = [name for name in header if name]
    if unknown := [name for name in named if name not in KEYS]:
        many = "columns are" if len(unknown) > 1 else "column is"
        shown = listed([quoted(name) for name in unknown])
        return f"the {many} no field: {shown}; there are {listed(KEYS)}"
    if twice := [name for name, count in Counter(named).items() if count > 1]:
        return f"there are two columns {listed(twice)}; keep one"
    if missing := [name for name in ("number", "prompt", "answer") if name not in named]:
        return f"there is no column {listed(missing)}; the first row must name the columns"
    return None


def _record(header: list[str], row: list[str], line: int) -> Record | Refusal:
    fields: dict[str, object] = {}
    number = row[header.index("number")].strip() if header.index("number") < len(row) else ""
    told = int(number) if number.isascii() and number.isdigit() and len(number) < 11 else None
    if any(row[len(header) :]) or any(
        cell.strip() for name, cell in zip(header, row, strict=False) if not name
    ):
        reason = (
            f"a cell stands under no heading; the columns are {listed([n for n in header if n])}"
        )
        return Refusal(line=line, number=told, reason=reason)
    for name, cell in zip(header, row, strict=False):
        if not name or not cell.strip():
            continue
        if name == "topics":
            fields[name] = [slug.strip() for slug in cell.split(";") if slug.strip()]
        elif name == "references":
            try:
                fields[name] = json.loads(cell)
            except (ValueError, RecursionError):
                reason = (
                    f"references must be a JSON list such as "
                    f'[{{"title": "Flask: Quickstart", "url": "https://…"}}], and is {quoted(cell)}'
                )
                return Refusal(line=line, number=told, reason=reason)
        else:
            fields[name] = cell
    return Record(line, fields)


class _Line:
    """A file to the csv writer: keeps the last row written."""

    text = ""

    def write(self, text: str) -> None:
        """Keep a row."""
        self.text = text


def write(documents: Iterable[QuestionDocument]) -> Iterator[str]:
    """Yield the rows of a CSV file: commas, quotes where needed, CR LF, header first."""
    line = _Line()
    writer = csv.DictWriter(line, KEYS)
    writer.writeheader()
    yield line.text
    for document in documents:
        row = members(document)
        row["topics"] = ";".join(document.topics)
        references = row["references"]
        row["references"] = json.dumps(references, ensure_ascii=False) if references else None
        writer.writerow(row)
        yield line.text
