"""The bank's own files into the database: on the first start, and by `flask bank load`.

Loading is idempotent, and it never overwrites what somebody edited, nor brings back what somebody
deleted: only a question that still stands as its file had it follows the file.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from api.bank import formats, history, storing
from api.bank.formats.documents import QuestionDocument
from api.bank.storing import Entry, timed
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
    documents: dict[Path, QuestionDocument] = {}
    names: dict[int, str] = {}
    for path in sorted(folder.glob("*.md")):
        reading = formats.read(path.read_bytes(), formats.Format.MARKDOWN)
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

    Raises BankFileError, and storing.BankBusyError where another process keeps the bank locked.
    """
    report = LoadReport()
    files = read_files(folder)
    with storing.writing() as connection:
        numbers = [each.number for each in files.values()]
        stored = storing.read_by_number(connection, numbers)
        deleted = history.deleted(connection, numbers)
        moment = now()
        created: list[Entry] = []
        changed: list[Entry] = []
        for path, document in files.items():
            digest = sha256(path.read_bytes()).hexdigest()
            known = stored.get(document.number)
            if document.number in deleted:
                report.kept.append(document.number)
            elif known is None:
                created.append(Entry(document=timed(document, moment), file_digest=digest))
                report.created.append(document.number)
            elif known.edited_at is not None or known.file_digest is None:
                report.kept.append(document.number)
            elif known.file_digest == digest:
                report.unchanged.append(document.number)
            else:
                timely = timed(document, moment, known.document)
                changed.append(Entry(document=timely, file_digest=digest))
                report.updated.append(document.number)
        change = history.Change(action=history.Action.LOADED, at=moment)
        storing.create(connection, created, change)
        storing.replace(connection, changed, change, stored)
    return report
