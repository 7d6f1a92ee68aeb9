"""The history of questions: every change is a revision, written in the transaction that makes it.

A question that nobody has changed costs nothing here: its first revision follows from its row, and
is written down by the first change, just before that one. So a hundred thousand imported questions
are no rows at all, and the history of a changed one is still whole.

Revisions are kept by number and outlive the question: what was deleted can be read and restored.
Source of the difference's form: https://docs.python.org/3/library/difflib.html#difflib.unified_diff
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select
from sqlalchemy.orm import aliased

from api.bank.formats.as_json import members
from api.bank.formats.documents import QuestionDocument
from api.bank.formats.schema import loaded
from api.bank.questions import QuestionUnknownError
from api.extensions import db
from api.models import QuestionRevision, User

if TYPE_CHECKING:  # `storing` records through this module; only the name is needed back
    from api.bank.storing import Stored

#: The members whose difference is told line by line.
TEXTS = ("prompt", "answer", "in_practice", "try_it")
#: The members whose difference is told as before and after. The times are the revision's own.
VALUES = ("technique", "topics", "difficulty", "references")

#: Lines before times lines after: beyond it, difflib could take seconds over a malicious text.
MOST_COMPARISONS = 250_000


class Action(StrEnum):
    """What a change was."""

    CREATED = "created"
    PUBLISHED = "published"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"
    IMPORTED = "imported"
    LOADED = "loaded"


class RevisionUnknownError(LookupError):
    """A question's history has no revision of that number."""

    def __init__(self, number: int, revision: int) -> None:
        super().__init__(f"Question {number} has no revision {revision}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changes something (None: nobody who is signed in), by which action, and when."""

    action: Action
    at: datetime
    author_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision to be shown; `author` is the name of a user who still exists."""

    number: int
    revision: int
    action: Action
    at: datetime
    author: str | None
    document: QuestionDocument | None


# Writing ------------------------------------------------------------------------------------------

_LAST = (
    select(QuestionRevision.number, func.max(QuestionRevision.revision))
    .where(QuestionRevision.number.in_(bindparam("numbers", expanding=True)))
    .group_by(QuestionRevision.number)
)
_INSERT = insert(QuestionRevision).returning(QuestionRevision.number)


def begun(connection: Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Return the last revision of each of the numbers that has a history."""
    return {row[0]: row[1] for row in connection.execute(_LAST, {"numbers": numbers})}


def record(
    connection: Connection,
    after: Mapping[int, QuestionDocument | None],
    change: Change,
    *,
    last: Mapping[int, int],
    before: Iterable["Stored"] = (),
    owners: Mapping[int, int | None] | None = None,
) -> None:
    """Write down what a change made of questions.

    :param after: the questions as they stand now, by number; None where there is none any more.
    :param last: what `begun` returned before the change.
    :param before: as they stood, those of them whose history begins with this change.
    :param owners: whose they were, where they are deleted: restoring gives them back.
    """
    rows = [_first(stored) for stored in before]
    known = {**last, **{row["number"]: 1 for row in rows}}
    for number, document in after.items():
        rows.append(
            {
                "number": number,
                "revision": known.get(number, 0) + 1,
                "action": change.action.value,
                "author_id": change.author_id,
                "owner_id": owners.get(number) if owners else None,
                "at": change.at,
                "document": members(document) if document else None,
            }
        )
    if rows:  # with RETURNING, for what `storing` says of it
        connection.execute(_INSERT, rows)


def _first(stored: "Stored") -> dict[str, Any]:
    """Write the revision that a row which nobody has changed stands for."""
    return {
        "number": stored.document.number,
        "revision": 1,
        "action": _origin(stored).value,
        "author_id": stored.author_id,
        "owner_id": None,
        "at": stored.document.updated_at,
        "document": members(stored.document),
    }


def _origin(stored: "Stored") -> Action:
    """Tell from a row how it came to be."""
    if stored.file_digest is not None:
        return Action.LOADED if stored.edited_at is None else Action.UPDATED
    return Action.IMPORTED if stored.author_id is None else Action.CREATED


# Reading ------------------------------------------------------------------------------------------


def deleted(connection: Connection, numbers: Sequence[int]) -> set[int]:
    """Return those of the numbers whose question was deleted, and not brought back since."""
    table, later = QuestionRevision, aliased(QuestionRevision)
    newer = select(later.number).where(
        later.number == table.number, later.revision > table.revision
    )
    return set(
        connection.scalars(
            select(table.number).where(
                table.number.in_(numbers), table.action == Action.DELETED, ~newer.exists()
            )
        )
    )


def find_deleted(limit: int) -> list[Revision]:
    """Return the deletions that nobody has taken back, the newest first.

    :param limit: how many at most.
    """
    table, later = QuestionRevision, aliased(QuestionRevision)
    newer = select(later.number).where(
        later.number == table.number, later.revision > table.revision
    )
    rows = db.session.execute(
        _all_revisions()
        .where(table.action == Action.DELETED, ~newer.exists())
        .order_by(table.at.desc(), table.number)
        .limit(limit)
    )
    return [_revision(row) for row in rows]


def owner(connection: Connection, number: int) -> int | None:
    """Return the id of whose question it was when it was last deleted; None for nobody's."""
    table = QuestionRevision
    found: int | None = connection.scalar(
        select(table.owner_id)
        .where(table.number == number, table.action == Action.DELETED)
        .order_by(table.revision.desc())
        .limit(1)
    )
    return found


def find_page(number: int, page: int, per_page: int) -> tuple[list[Revision], int]:
    """Return one page of a question's revisions, the newest first, and how many there are.

    Raises QuestionUnknownError where there never was a question of that number.
    """
    table = QuestionRevision
    total = db.session.scalar(select(func.count()).where(table.number == number)) or 0
    if not total:
        first = _unwritten(number)  # raises where there is no question, whichever the page
        return ([first] if page == 1 else []), 1
    statement = _revisions(number).order_by(table.revision.desc())
    rows = db.session.execute(statement.limit(per_page).offset((page - 1) * per_page))
    return [_revision(row) for row in rows], total


def get(number: int, revision: int) -> tuple[Revision, Revision | None]:
    """Return a revision and the one before it, None before the first.

    Raises QuestionUnknownError and RevisionUnknownError.
    """
    wanted = QuestionRevision.revision.in_([revision - 1, revision])
    found = {
        each.revision: each
        for each in map(_revision, db.session.execute(_revisions(number).where(wanted)))
    }
    if revision not in found:
        first = _unwritten(number) if not begun(db.session.connection(), [number]) else None
        if first is None or revision != first.revision:
            raise RevisionUnknownError(number, revision)
        return first, None
    return found[revision], found.get(revision - 1)


def _all_revisions() -> Select[QuestionRevision, str]:
    return select(QuestionRevision, User.username).outerjoin(
        User, User.id == QuestionRevision.author_id
    )


def _revisions(number: int) -> Select[QuestionRevision, str]:
    return _all_revisions().where(QuestionRevision.number == number)


def _revision(row: Any) -> Revision:
    kept, author = row
    return Revision(
        number=kept.number,
        revision=kept.revision,
        action=Action(kept.action),
        at=kept.at,
        author=author,
        document=_document(kept.document) if kept.document else None,
    )


def _document(kept: Mapping[str, Any]) -> QuestionDocument:
    values = loaded({k: v for k, v in kept.items() if v is not None})
    values["topics"] = tuple(values["topics"] or ())
    values["references"] = tuple(values["references"] or ())
    return QuestionDocument(**values)


def _unwritten(number: int) -> Revision:
    """Return the first revision of a question that nobody has changed, from its row."""
    from api.bank import storing  # it records through this module

    connection = db.session.connection()
    stored = storing.read_by_number(connection, [number]).get(number)
    if stored is None:
        raise QuestionUnknownError(number)
    first = _first(stored)
    return Revision(
        number=number,
        revision=1,
        action=Action(first["action"]),
        at=first["at"],
        author=db.session.scalar(select(User.username).where(User.id == stored.author_id)),
        document=stored.document,
    )


def changed(before: QuestionDocument | None, after: QuestionDocument | None) -> list[str]:
    """Name the members in which two states of a question (None: there was none) differ."""
    old, new = (members(each) if each else {} for each in (before, after))
    return [
        name for name in (*TEXTS, *VALUES) if (old.get(name) or None) != (new.get(name) or None)
    ]


def difference(
    before: QuestionDocument | None, after: QuestionDocument | None
) -> dict[str, dict[str, Any]]:
    """Say what changed between two states of a question (None: there was none), by member.

    A text comes as the lines of a unified diff under `diff`, anything else as `before` and `after`.
    """
    old, new = (members(each) if each else {} for each in (before, after))
    changes: dict[str, dict[str, Any]] = {}
    for name in changed(before, after):
        if name in TEXTS:
            changes[name] = {"diff": _lines(str(old.get(name) or ""), str(new.get(name) or ""))}
        else:
            changes[name] = {"before": old.get(name), "after": new.get(name)}
    return changes


def _lines(before: str, after: str) -> list[str]:
    old, new = before.split("\n") if before else [], after.split("\n") if after else []
    if len(old) * len(new) > MOST_COMPARISONS:
        return [
            f"@@ -1,{len(old)} +1,{len(new)} @@",
            *(f"-{x}" for x in old),
            *(f"+{x}" for x in new),
        ]
    return list(unified_diff(old, new, lineterm=""))[2:]  # the first two name files
