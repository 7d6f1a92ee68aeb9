"""Scratch documents: kept for a day, a bounded number of them, by a key of the reader's choice."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from api.extensions import db
from api.models import DataVersion, ScratchDocument
from api.models.types import now

LIFETIME = timedelta(hours=24)
CAPACITY = 1000


class ScratchUnknownError(LookupError):
    """There is no scratch document of that key, or it has expired."""

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no scratch document {key!r}.")


@dataclass(frozen=True, slots=True)
class Stored:
    """A document, and whether it is new."""

    document: ScratchDocument
    created: bool


def find(key: str, *, lock: bool = False) -> ScratchDocument | None:
    """Return the document of that key, or None.

    :param lock: let no other writer in until the transaction ends, so that what is found now still
        stands when it is changed. `FOR UPDATE` cannot lock a document that is not there yet, and
        SQLite has no such thing; a writer's own lock on the data version serves both.
    """
    if lock:
        turn = update(DataVersion).where(DataVersion.scope == "scratch")
        db.session.execute(turn.values(version=DataVersion.version))
    statement = select(ScratchDocument).where(
        ScratchDocument.key == key, ScratchDocument.expires_at > now()
    )
    # What was read before the turn came may be out of date.
    return db.session.scalar(statement.execution_options(populate_existing=True))


def get(key: str) -> ScratchDocument:
    """Return the document of that key. Raises ScratchUnknownError."""
    document = find(key)
    if document is None:
        raise ScratchUnknownError(key)
    return document


def put(key: str, content: dict[str, Any]) -> Stored:
    """Create or replace the document of that key; the oldest go when there are too many."""
    moment = now()
    db.session.execute(delete(ScratchDocument).where(ScratchDocument.expires_at <= moment))
    document = find(key)
    created = document is None
    if document is None:
        document = ScratchDocument(key=key, created_at=moment)
        _make_room()
    document.content = content
    document.updated_at = moment
    document.expires_at = moment + LIFETIME
    db.session.add(document)
    db.session.commit()
    return Stored(document, created)


def remove(key: str) -> None:
    """Delete the document of that key. Raises ScratchUnknownError."""
    db.session.delete(get(key))
    db.session.commit()


def _make_room() -> None:
    count = db.session.scalar(select(func.count()).select_from(ScratchDocument)) or 0
    if count >= CAPACITY:
        surplus = count - CAPACITY + 1
        oldest = select(ScratchDocument.key).order_by(ScratchDocument.expires_at).limit(surplus)
        db.session.execute(delete(ScratchDocument).where(ScratchDocument.key.in_(oldest)))
