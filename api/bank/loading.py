"""The bank's own files into the database: on the first start, and by `flask bank load`.

Loading is idempotent, and it never overwrites what somebody edited, nor brings back what somebody
deleted: only a question that still stands as its file had it follows the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select

from api.bank import formats, history, storing
from api.bank.formats.documents import QuestionDocument
from api.bank.storing import Entry, timed
from api.extensions import db
from api.models import Question
from api.models.types import now

FILES = Path(__file__).parent / "questions"


class BankFileError(ValueError):
    """A file of the bank cannot be read; the message names file, line and reason."""


@dataclass(slots=True)
class LoadReport:
    """The numbers of the questions, by what loading did to them.

    `kept` is what stays as somebody else left it: edited, brought by an import, or deleted.
    """

    created: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)


def read_files(folder: Path = FILES) -> dict[Path, QuestionDocument]:
    """Read every file of the bank: one question each.

    Raises BankFileError for the first that is faulty.
    """
    return _read(_contents(folder), {})


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.glob("*.md"))}


def _read(contents: Mapping[Path, bytes], names: dict[int, str]) -> dict[Path, QuestionDocument]:
    """Read files.

    :param names: the names of other files, by the numbers that stand in them.
    """
    documents: dict[Path, QuestionDocument] = {}
    for path, data in contents.items():
        reading = formats.read(data, formats.Format.MARKDOWN)
        for refusal in reading.refusals:
            raise BankFileError(f"{path.name}:{refusal.line}: {refusal.reason}")
        document, *more = reading.documents
        for other in more:
            raise BankFileError(f"{path.name}:{other.line}: one file holds one question")
        if document.number in names:
            raise BankFileError(
                f"{path.name}:{document.line}: number {document.number} stands in "
                f"{names[document.number]} already"
            )
        names[document.number] = path.name
        documents[path] = document
    return documents


def load(folder: Path = FILES) -> LoadReport:
    """Bring the database up to the files, in one transaction.

    A file that is there as it was last loaded is told by its digest, and not read any further: most
    starts find nothing else. Raises BankFileError, and storing.BankBusyError where another process keeps
    the bank locked.
    """
    report = LoadReport()
    contents = _contents(folder)
    digests = {path: sha256(data).hexdigest() for path, data in contents.items()}
    names: dict[int, str] = {}
    loaded = _loaded(list(digests.values()))
    for path, digest in digests.items():
        number, edited = loaded.get(digest, (None, False))
        if number is not None and number not in names:  # a copy of a file is read, and refused
            names[number] = path.name
            (report.kept if edited else report.unchanged).append(number)
            del contents[path]
    if contents:
        _store(_read(contents, names), digests, report)
    return report


def _loaded(digests: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """Return the questions that were last loaded from files of those digests, by digest: the number,
    and whether somebody has edited it since.
    """
    found: dict[str, tuple[int, bool]] = {}
    with db.engine.connect() as connection:
        for part in storing.chunks(digests):
            rows = connection.execute(
                select(Question.file_digest, Question.number, Question.edited_at).where(
                    Question.file_digest.in_(part)
                )
            )
            found |= {str(digest): (number, edited is not None) for digest, number, edited in rows}
    return found


def _store(
    files: Mapping[Path, QuestionDocument], digests: Mapping[Path, str], report: LoadReport
) -> None:
    """Store what is new or has changed, and note in the report what became of it."""
    with storing.writing() as connection:
        numbers = [each.number for each in files.values()]
        stored = storing.read_by_number(connection, numbers)
        deleted = history.deleted(connection, numbers)
        moment = now()
        created: list[Entry] = []
        changed: list[Entry] = []
        for path, document in files.items():
            known = stored.get(document.number)
            if document.number in deleted:
                report.kept.append(document.number)
            elif known is None:
                entry = Entry(document=timed(document, moment), file_digest=digests[path])
                created.append(entry)
                report.created.append(document.number)
            elif known.edited_at is not None or known.file_digest is None:
                report.kept.append(document.number)
            elif known.file_digest == digests[path]:  # another process has just loaded it
                report.unchanged.append(document.number)
            else:
                timely = timed(document, moment, known.document)
                changed.append(Entry(document=timely, file_digest=digests[path]))
                report.updated.append(document.number)
        change = history.Change(action=history.Action.LOADED, at=moment)
        storing.create(connection, created, change)
        storing.replace(connection, changed, change, stored)
    report.kept.sort()
    report.unchanged.sort()
