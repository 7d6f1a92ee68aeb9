"""The outbox: an event is written in the transaction that causes it, and read by position (93).

Shows the transactional outbox: what happened and the news of it are committed together or not at all,
so that no crash lies between them. Sockets, brokers and notifications are but doorbells: whoever
hears none of them finds the same rows. Who remembers the position of the last event read misses none
and reads none twice.
Source: https://microservices.io/patterns/data/transactional-outbox.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from api.demonstrations import demonstrates
from api.models import DataVersion, Event
from api.models.types import now

BANK = "bank"
"""The room of everything that happens to questions."""

MAX_POSITION = 2**63 - 1

_COLUMNS = (
    Event.position, Event.at, Event.kind, Event.questions, Event.topics, Event.job_id, Event.data,
)  # fmt: skip

_INSERT = insert(Event)


@dataclass(frozen=True, slots=True)
class Reach:
    """From where to where the outbox tells everything, in positions."""

    start: int
    """Who has seen all up to here has missed nothing that is no longer there."""
    newest: int
    """The position of the last event that was committed; 0 before the first."""

    def covers(self, after: int) -> bool:
        """Tell whether the outbox has all that happened after a position.

        Not if events behind it were trimmed, nor if it was never reached: then it is of another
        database, or of this one before it was restored from a backup.
        """
        return self.start <= after <= self.newest


@demonstrates(
    93,
    at="GET v1.events",
    test="tests/test_events.py::test_a_change_and_its_event_are_kept_together_or_not_at_all",
)
def record(
    connection: Connection,
    kind: str,
    *,
    questions: Iterable[int] = (),
    topics: Iterable[str] = (),
    job: str | None = None,
    owner: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write an event in the transaction that `connection` is in.

    :param kind: what happened, as `noun.verb`: question.created, job.progress.
    :param questions: the numbers of the questions that it happened to.
    :param topics: the slugs of the topics that those stand or stood under.
    :param job: the id of the job that it is about; then it is private to the job's owner and to
        administrators.
    :param owner: the id of the job's user.
    :param data: a few members more, as JSON takes them.
    """
    values = {
        "at": now(),
        "kind": kind,
        "questions": sorted(set(questions)),
        "topics": sorted(set(topics)),
        "job_id": job,
        "owner_id": owner,
        "data": dict(data or {}),
    }
    connection.execute(_INSERT, values)


def read(
    connection: Connection, after: int, limit: int, *, public: bool = False
) -> Sequence[Row[Any]]:
    """Return the events after a position, in the order in which they were committed.

    :param limit: how many at most.
    :param public: leave out what is for the owners of jobs.
    """
    statement = select(*_COLUMNS).where(Event.position > after)
    if public:
        statement = statement.where(Event.job_id.is_(None))
    return connection.execute(statement.order_by(Event.position).limit(limit)).all()


def reach(connection: Connection) -> Reach:
    """Return what the outbox covers, by one statement: what comes meanwhile does not tear it."""
    version = select(DataVersion.version).where(DataVersion.scope == "events").scalar_subquery()
    oldest = select(func.min(Event.position)).scalar_subquery()
    newest, first = connection.execute(select(version, oldest)).one()
    return Reach(newest if first is None else first - 1, newest)


def rooms_of(row: Row[Any]) -> frozenset[str]:
    """Return the rooms that an event belongs to: its job's alone, or those of the bank."""
    if row.job_id is not None:
        return frozenset({f"job:{row.job_id}"})
    topics = (f"topic:{slug}" for slug in row.topics)
    return frozenset({BANK, *topics, *(f"question:{number}" for number in row.questions)})


def represent(row: Row[Any]) -> dict[str, Any]:
    """Return an event as clients see it, by HTTP and by socket alike; `id` is its position."""
    shown: dict[str, Any] = {
        "id": row.position,
        "kind": row.kind,
        "at": row.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "questions": row.questions,
        "topics": row.topics,
    }
    if row.job_id is not None:
        shown["job"] = row.job_id
    return shown | {"data": row.data}


def sweep(connection: Connection, kept: timedelta) -> int:
    """Trim the outbox; returns how many events went.

    :param kept: how long an event stays at least. What goes is always a beginning of the order:
        a hole in it would be a loss that nobody could notice.
    """
    first = select(func.min(Event.position)).where(Event.at >= now() - kept).scalar_subquery()
    reached = select(DataVersion.version).where(DataVersion.scope == "events").scalar_subquery()
    statement = delete(Event).where(Event.position < func.coalesce(first, reached + 1))
    return connection.execute(statement).rowcount
