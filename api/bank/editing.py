"""Changing stored questions, under the bank's one writer's lock.

One function for each kind of change, a transaction of its own, which returns the question as it left
it; those that take a connection are parts of a larger one (`batch`). Whatever came in is
judged by the schema that judges imported files, so that one set of rules holds whichever way a
question comes in. The lock is what makes a precondition worth something: nobody can change the
question between the comparison and the change.
Sources: https://www.rfc-editor.org/rfc/rfc7396 (JSON Merge Patch) and
https://www.rfc-editor.org/rfc/rfc9110#section-13 (preconditions)
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from marshmallow import ValidationError
from sqlalchemy import Connection, func, select

from api.bank import history, storing
from api.bank.catalogue import TECHNIQUES
from api.bank.formats.as_json import members as members_of
from api.bank.formats.documents import QuestionDocument
from api.bank.formats.schema import MAX_NUMBER, loaded
from api.bank.history import Action, Change
from api.bank.questions import QuestionUnknownError, neighbours
from api.bank.storing import BankConflictError, Entry, Placed, Stored
from api.models import Question, QuestionRevision
from api.models.types import now
from api.sentences import Sentence

T = TypeVar("T")

#: What of a question can be changed. Its number is its address, and the times are the bank's own.
EDITABLE = (
    "prompt", "answer", "in_practice", "try_it", "technique", "topics", "difficulty", "references",
)  # fmt: skip

Check = Callable[[Stored], None]
"""Called with the question that stands, once the lock is held and before anything changes; it raises
to refuse."""

Make = Callable[[Stored], QuestionDocument]
"""Makes of the question that stands the one that shall stand."""


class NumberTakenError(BankConflictError):
    """The number that a new question was to have is another's, or there is none left."""


class NothingToRestoreError(BankConflictError):
    """The revision that was to be restored is the deletion of its question."""


def judged(members: Mapping[str, Any], number: int | None = None) -> QuestionDocument:
    """Return the question that a body's members make; null is the same as absent.

    :param number: its number; without one the document has a number that means nothing.
    Raises marshmallow.ValidationError, by member.
    """
    given = {name: value for name, value in members.items() if value is not None}
    values = loaded({**given, "number": number or MAX_NUMBER})
    if values["technique"] is not None and values["technique"] not in TECHNIQUES:
        raise ValidationError(
            {"technique": [Sentence("Must be one of the slugs listed at /techniques.")]}
        )
    values["topics"] = tuple(values["topics"] or ())
    values["references"] = tuple(values["references"] or ())
    return QuestionDocument(**values)


def merged(there: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a merge patch to a question's members.

    Raises marshmallow.ValidationError where it removes what must be there.
    """
    required = [name for name in ("prompt", "answer") if changes.get(name, "") is None]
    if required:
        raise ValidationError({name: ["Must be given; it cannot be removed."] for name in required})
    return {**there, **changes}


def create(
    members: Mapping[str, Any],
    number: int | None,
    author_id: int,
    answer: Callable[[Placed], T],
) -> T:
    """Put a new question into the bank, at once published.

    :param members: what a body gives, by name.
    :param number: the number it shall have; by default the next that no question ever had.
    :param author_id: the user whose question it will be.
    :param answer: makes of the question what is returned, within the transaction, so that it can be kept
        with it or not at all.
    Raises marshmallow.ValidationError, NumberTakenError, storing.BankWriteError.
    """
    document = judged(members, number)
    with storing.writing() as connection:
        change = Change(action=Action.CREATED, at=now(), author_id=author_id)
        return answer(insert(connection, document, number, change, author_id))


def insert(
    connection: Connection,
    document: QuestionDocument,
    number: int | None,
    change: Change,
    author_id: int | None,
) -> Placed:
    """Insert a judged question inside `storing.writing`. Raises NumberTakenError."""
    if is_next := number is None:
        number, before = _next_number(connection)
        after = None
    elif storing.read_by_number(connection, [number]):
        raise NumberTakenError(
            Sentence(
                "Question %(number)s is there already. Give another number, or none to get the next "
                "that is free.",
                number=str(number),
            )
        )
    else:
        before, after = neighbours(number)
    fresh = dataclasses.replace(
        document,
        number=number,
        created_at=document.created_at or change.at,
        updated_at=change.at,
    )
    entry = _entry(fresh, change.at, author_id=author_id)
    storing.create(connection, [entry], change, are_unheard_of=is_next)
    return Placed(fresh, before, after)


def _next_number(connection: Connection) -> tuple[int, int | None]:
    """Return the number after the highest that ever was, and the highest that there is: an old link
    never leads to a new question.
    """
    there, ever = connection.execute(_HIGHEST).one()
    highest = max(there or 0, ever or 0)
    if highest >= MAX_NUMBER:
        raise NumberTakenError(
            Sentence(
                "No number is left above %(number)s. Give one that is free.", number=str(highest)
            )
        )
    return highest + 1, there


_HIGHEST = select(
    select(func.max(Question.number)).scalar_subquery(),
    select(func.max(QuestionRevision.number)).scalar_subquery(),
)


def replace(number: int, members: Mapping[str, Any], author_id: int, check: Check) -> Placed:
    """Write a whole question over the one that stands: what is not given is removed.

    Raises QuestionUnknownError, marshmallow.ValidationError, storing.BankWriteError.
    """
    with storing.writing() as connection:
        return change(connection, number, author_id, check, replacing(members))


def patch(number: int, changes: Mapping[str, Any], author_id: int, check: Check) -> Placed:
    """Apply a merge patch to a question.

    :param changes: new values by member; null removes a member that may be absent.
    Raises QuestionUnknownError, marshmallow.ValidationError, storing.BankWriteError.
    """

    with storing.writing() as connection:
        return change(connection, number, author_id, check, patching(changes))


def replacing(members: Mapping[str, Any]) -> Make:
    """Return what makes a whole question of members, whatever stands."""
    return lambda stored: judged(members, stored.document.number)


def patching(changes: Mapping[str, Any]) -> Make:
    """Return what applies a merge patch to the question that stands."""

    def patched(stored: Stored) -> QuestionDocument:
        there = members_of(stored.document)
        return judged(
            merged({name: there[name] for name in EDITABLE}, changes), stored.document.number
        )

    return patched


def change(connection: Connection, number: int, author_id: int, check: Check, make: Make) -> Placed:
    """Write over the question that stands, inside `storing.writing`.

    Raises QuestionUnknownError, what `check` raises, and marshmallow.ValidationError.
    """
    stored = _stored(connection, number)
    check(stored)
    what = Change(action=Action.UPDATED, at=now(), author_id=author_id)
    return _write_over(connection, stored, make(stored), what)


def _write_over(
    connection: Connection, stored: Stored, document: QuestionDocument, change: Change
) -> Placed:
    changed = dataclasses.replace(
        document, created_at=stored.document.created_at, updated_at=change.at
    )
    entry = _entry(changed, change.at, digest=stored.file_digest)
    storing.replace(connection, [entry], change, {changed.number: stored})
    return Placed(changed, stored.before, stored.after)


def delete(number: int, author_id: int, check: Check) -> None:
    """Delete a question; its history stays. Raises QuestionUnknownError, storing.BankWriteError."""
    with storing.writing() as connection:
        remove(connection, number, author_id, check)


def remove(connection: Connection, number: int, author_id: int, check: Check) -> None:
    """Delete a question inside `storing.writing`. Raises QuestionUnknownError, what `check` raises."""
    stored = _stored(connection, number)
    check(stored)
    what = Change(action=Action.DELETED, at=now(), author_id=author_id)
    storing.remove(connection, stored, what)


def restore(
    number: int, revision: int, author_id: int, check: Callable[[Stored | None], None]
) -> tuple[Placed, bool]:
    """Bring a question back to a revision, which makes a new one; also one that was deleted.

    Return the question, and whether it had been gone. A question that comes back is again that of
    whoever had written it.

    :param check: called as a `Check` is; with None where the question is gone.
    Raises QuestionUnknownError, history.RevisionUnknownError, NothingToRestoreError,
    storing.BankWriteError.
    """
    with storing.writing() as connection:
        wanted, _ = history.get(number, revision)
        stored = storing.read_by_number(connection, [number]).get(number)
        check(stored)
        if wanted.document is None:
            raise NothingToRestoreError(
                Sentence(
                    "Revision %(revision)s is the deletion of question %(number)s. Restore one before "
                    "it, or delete the question.",
                    revision=str(revision),
                    number=str(number),
                )
            )
        change = Change(action=Action.RESTORED, at=now(), author_id=author_id)
        if stored is not None:
            return _write_over(connection, stored, wanted.document, change), False
        owner = history.owner(connection, number)
        return insert(connection, wanted.document, number, change, owner), True


def _stored(connection: Connection, number: int) -> Stored:
    stored = storing.read_by_number(connection, [number]).get(number)
    if stored is None:
        raise QuestionUnknownError(number)
    return stored


def _entry(
    document: QuestionDocument,
    moment: datetime,
    *,
    digest: str | None = None,
    author_id: int | None = None,
) -> Entry:
    return Entry(document=document, edited_at=moment, file_digest=digest, author_id=author_id)
