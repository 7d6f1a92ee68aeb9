"""Questions that people bring along, into the database: all or nothing, or what is sound (68).

An import adds and replaces; it never erases. What a record does not say stays as it is: the
numbered list knows but prompt and answer, and in no format can a member that is absent be told from
one that is null or blank. So a record that repeats part of a stored question says the same.

What an import wrote belongs to whoever brought it: `flask bank load` leaves it alone from then on.
"""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum

from sqlalchemy import Connection

from api.bank import history, storing
from api.bank.catalogue import TECHNIQUES
from api.bank.formats import QuestionDocument, Reading, Refusal, normalised
from api.bank.formats.text import listed, quoted
from api.bank.storing import Entry, Stored, timed
from api.extensions import db
from api.models.types import now

MEMBERS = (
    "prompt",
    "answer",
    "in_practice",
    "try_it",
    "technique",
    "topics",
    "difficulty",
    "references",
)
"""What a question says. Its times are about it: two that differ in nothing else say the same."""


class OnConflict(StrEnum):
    """What becomes of a record whose number is taken by a question that says something else."""

    FAIL = "fail"
    SKIP = "skip"
    UPDATE = "update"


@dataclass(slots=True)
class ImportReport:
    """The numbers of the questions by what became of them, or would have; what was refused and why.

    `kept` tells whether the database was changed accordingly: not on a dry run, and not where
    something was refused and not even a part was wanted.
    """

    created: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    kept: bool = False


@dataclass(slots=True)
class _Plan:
    """What a part of the documents comes to against what is stored."""

    create: list[Entry] = field(default_factory=list)
    replace: list[Entry] = field(default_factory=list)
    known: dict[int, Stored] = field(default_factory=dict)


def run(
    reading: Reading,
    on_conflict: OnConflict = OnConflict.FAIL,
    partial: bool = False,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
    *,
    before_commit: Callable[[Connection, ImportReport], None] | None = None,
) -> ImportReport:
    """Bring what was read into the bank, in one transaction.

    :param on_conflict: what becomes of a record that says something else than the stored question.
    :param partial: keep what is sound though something was refused.
    :param dry_run: find out what would become of everything, and write nothing.
    :param progress: told how many documents are done, after each of at most `storing.CHUNK`; an
        exception of its ends the import, and nothing is kept.
    :param before_commit: called within the transaction once everything is written, so that what it
        writes is kept together with the questions or not at all; an exception of its undoes both.
        Not called where nothing is to be kept.

    Raises storing.BankWriteError where another writer is in the way; nothing is kept then.
    """
    report = ImportReport(refused=list(reading.refusals))
    report.kept = not dry_run and (partial or not report.refused)
    moment = now()
    change = history.Change(action=history.Action.IMPORTED, at=moment)
    done = 0
    # What only reads need not wait for its turn, nor make others wait.
    turn = storing.writing() if report.kept else nullcontext(db.session.connection())
    with turn as connection:
        for part in storing.chunks(reading.documents):
            plan = _sorted_out(part, connection, on_conflict, moment, report)
            if report.refused and not partial:
                report.kept = False
            if report.kept:
                storing.create(connection, plan.create, change)
                storing.replace(connection, plan.replace, change, plan.known)
            done += len(part)
            if progress is not None:
                progress(done)
        report.refused.sort(key=lambda refusal: refusal.line)
        if not report.kept:
            db.session.rollback()
        elif before_commit is not None:
            before_commit(connection, report)
    return report


def _sorted_out(
    documents: Sequence[QuestionDocument],
    connection: Connection,
    on_conflict: OnConflict,
    moment: datetime,
    report: ImportReport,
) -> _Plan:
    """Decide on each document, and note the decision in the report."""
    stored = storing.read_by_number(connection, [document.number for document in documents])
    plan = _Plan(known=stored)
    for document in documents:
        number = document.number
        if document.technique is not None and document.technique not in TECHNIQUES:
            report.refused.append(_refusal(document, _about_technique(document.technique)))
        elif (known := stored.get(number)) is None:
            plan.create.append(Entry(document=timed(document, moment)))
            report.created.append(number)
        elif not (differing := _differences(document, known)):
            report.unchanged.append(number)
        elif on_conflict is OnConflict.SKIP:
            report.skipped.append(number)
        elif on_conflict is OnConflict.UPDATE:
            merged = timed(_merged(document, known.document), moment, known.document)
            plan.replace.append(
                Entry(document=merged, edited_at=moment, file_digest=known.file_digest)
            )
            report.updated.append(number)
        else:
            what = f"question {number} is in the bank and differs in {listed(differing)}"
            report.refused.append(_refusal(document, f"{what}; skip or update on conflict"))
    return plan


def _merged(document: QuestionDocument, known: QuestionDocument) -> QuestionDocument:
    """Return the document, with what it leaves unsaid as the stored question has it."""
    unsaid = {name: getattr(known, name) for name in MEMBERS if not getattr(document, name)}
    return dataclasses.replace(document, **unsaid)


def _differences(document: QuestionDocument, known: Stored) -> list[str]:
    """Return the members in which the document says something else than the stored question."""
    there = normalised(known.document)
    return [
        name
        for name in MEMBERS
        if (said := getattr(document, name)) and said != getattr(there, name)
    ]


def _about_technique(slug: str) -> str:
    near = get_close_matches(slug, TECHNIQUES, n=1)
    advice = (
        f"did you mean {near[0]}?" if near else "take one that the catalogue has, or leave it out"
    )
    return f"technique {quoted(slug)} is unknown; {advice}"


def _refusal(document: QuestionDocument, reason: str) -> Refusal:
    return Refusal(line=document.line, number=document.number, reason=reason)
