"""Drafts: made by contributors, published by editors (86).

A draft is private. Every function here takes the reader, and the reader is part of the query: there
is no other way to load a draft, so none can show what another refuses. Not found and not yours are
one answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update

from api.bank import editing, storing
from api.bank.editing import EDITABLE, judged, merged
from api.bank.formats.as_json import members as members_of
from api.bank.history import Action, Change
from api.bank.questions import QuestionUnknownError
from api.bank.storing import Placed
from api.extensions import db
from api.models import Draft, User
from api.models.types import now


class DraftUnknownError(LookupError):
    """There is no draft of that id, or it is somebody else's."""

    def __init__(self, draft_id: str) -> None:
        super().__init__(f"You have no draft {draft_id}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who asks for drafts: a user for their own, an editor for all."""

    user_id: int
    reviews: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A draft as it stands; `members` are those of a question, its number null until it has one."""

    id: str
    author_id: int
    author: str
    members: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


Check = Callable[[Kept], None]
"""Called with the draft once the lock is held, before anything changes; it raises to refuse."""


def _select(reader: Reader) -> Select[Draft, str]:
    statement = select(Draft, User.username).join(User, User.id == Draft.author_id)
    return statement if reader.reviews else statement.where(Draft.author_id == reader.user_id)


def _kept(row: Any) -> Kept:
    draft, author = row
    return Kept(
        id=draft.id,
        author_id=draft.author_id,
        author=author,
        members=draft.document,
        created_at=draft.created_at,
        updated_at=draft.updated_at,
    )


def find_page(reader: Reader, page: int, per_page: int) -> tuple[list[Kept], int]:
    """Return a page of the drafts that the reader may see, the newest first, and how many there are."""
    wanted = _select(reader)
    total = db.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    rows = db.session.execute(
        wanted.order_by(Draft.created_at.desc(), Draft.id)
        .limit(per_page)
        .offset((page - 1) * per_page)
    )
    return [_kept(row) for row in rows], total


def get(draft_id: str, reader: Reader) -> Kept:
    """Return the draft of that id. Raises DraftUnknownError, also where it is not the reader's."""
    statement = _select(reader).where(Draft.id == draft_id)
    row = db.session.execute(statement.execution_options(populate_existing=True)).first()
    if row is None:
        raise DraftUnknownError(draft_id)
    return _kept(row)


def _document(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members to keep, in their normal form. Raises marshmallow.ValidationError."""
    number = members.get("number")
    given = {name: members.get(name) for name in EDITABLE}
    normal = members_of(judged(given, number))
    return {"number": number, **{name: normal[name] for name in EDITABLE}}


def create(members: Mapping[str, Any], reader: Reader) -> Kept:
    """Make a draft. Raises marshmallow.ValidationError, storing.BankWriteError."""
    document, moment = _document(members), now()
    row = {"author_id": reader.user_id, "document": document}
    with storing.writing() as connection:
        draft_id = connection.scalar(
            insert(Draft).values(**row, created_at=moment, updated_at=moment).returning(Draft.id)
        )
        return get(str(draft_id), reader)


def replace(draft_id: str, members: Mapping[str, Any], reader: Reader, check: Check) -> Kept:
    """Write a whole draft over the one that stands: what is not given is removed.

    Raises DraftUnknownError, marshmallow.ValidationError, storing.BankWriteError.
    """
    return _change(draft_id, reader, check, lambda _: members)


def patch(draft_id: str, changes: Mapping[str, Any], reader: Reader, check: Check) -> Kept:
    """Apply a merge patch to a draft. Raises what `replace` raises."""
    return _change(draft_id, reader, check, lambda kept: merged(kept.members, changes))


def _change(
    draft_id: str, reader: Reader, check: Check, make: Callable[[Kept], Mapping[str, Any]]
) -> Kept:
    with storing.writing() as connection:
        kept = get(draft_id, reader)
        check(kept)
        document = _document(make(kept))
        connection.execute(
            update(Draft).where(Draft.id == draft_id).values(document=document, updated_at=now())
        )
        return get(draft_id, reader)


def remove(draft_id: str, reader: Reader, check: Check) -> None:
    """Delete a draft. Raises DraftUnknownError, storing.BankWriteError."""
    with storing.writing() as connection:
        check(get(draft_id, reader))
        connection.execute(delete(Draft).where(Draft.id == draft_id))


def publish(draft_id: str, reader: Reader, check: Check) -> Placed:
    """Make a draft a question of the bank, its author's; the draft ends with that.

    It is judged once more: the rules may have changed since it was written.
    Raises DraftUnknownError, marshmallow.ValidationError, editing.NumberTakenError,
    storing.BankWriteError.
    """
    with storing.writing() as connection:
        kept = get(draft_id, reader)
        check(kept)
        number = kept.members["number"]
        document = judged({name: kept.members[name] for name in EDITABLE}, number)
        change = Change(action=Action.PUBLISHED, at=now(), author_id=reader.user_id)
        question = editing.insert(connection, document, number, change, kept.author_id)
        connection.execute(delete(Draft).where(Draft.id == draft_id))
        return question


def withdraw(number: int, reader: Reader, check: editing.Check) -> Kept:
    """Make a question of the bank a draft again, its author's; one without an author, the reader's.

    Its number stays its wish and its history stays. What hung on the published question (grants,
    attachments) goes with it, as when it is deleted.
    Raises QuestionUnknownError, what `check` raises, storing.BankWriteError.
    """
    with storing.writing() as connection:
        stored = storing.read_by_number(connection, [number]).get(number)
        if stored is None:
            raise QuestionUnknownError(number)
        check(stored)
        moment = now()
        normal = members_of(stored.document)
        document = {name: normal[name] for name in ("number", *EDITABLE)}
        what = Change(action=Action.DELETED, at=moment, author_id=reader.user_id)
        storing.remove(connection, stored, what)
        author_id = stored.author_id or reader.user_id
        row = {"author_id": author_id, "document": document}
        draft_id = connection.scalar(
            insert(Draft).values(**row, created_at=moment, updated_at=moment).returning(Draft.id)
        )
        return get(str(draft_id), reader)
