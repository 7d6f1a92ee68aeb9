"""Between documents and rows: the one place where a question's values enter and leave the tables.

Shows SQLAlchemy Core beside the ORM (63): many rows at once need no objects, no identity map and no
unit of work. Reading takes one statement for any number of questions, writing a handful.

It is also the one gate through which questions change, and so the place where the change is recorded
as an event (93): one for as many questions as are written at once.
Source: https://docs.sqlalchemy.org/en/21/tutorial/data_insert.html
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import aliased

from api import events
from api.bank import copying, history
from api.bank.catalogue import topic_heading
from api.bank.formats.documents import QuestionDocument
from api.bank.formats.documents import Reference as ReferenceDocument
from api.bank.history import Change
from api.bank.reading import expressions, references_of, topics_of
from api.database import WAIT_SECONDS, insert_or, turn
from api.extensions import db
from api.models import Question, QuestionRevision, QuestionTopic, Reference, Topic
from api.sentences import Sentence

T = TypeVar("T")

CHUNK = 1000
"""Questions per statement. A value per question and statement stays far below what one statement
may hold: 32,766 on SQLite (https://www.sqlite.org/limits.html), 65,535 on PostgreSQL."""

_COLUMNS = ("number", "prompt", "answer", "in_practice", "try_it", "technique", "difficulty")
_CREATED_WITH = ("author_id",)
_KEPT_WITH = ("created_at", "updated_at", "edited_at", "file_digest")

_INSERT = insert(Question).returning(Question.number, Question.id)


class BankWriteError(RuntimeError):
    """What was to be written is not kept, none of it; the message says why."""


class BankBusyError(BankWriteError):
    """Somebody else is writing to the bank and did not end in time."""


class BankConflictError(BankWriteError):
    """A row collides with one that is there, or breaks a rule of the tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A question as it shall stand in the tables: a document with both its times."""

    document: QuestionDocument
    edited_at: datetime | None = None
    file_digest: str | None = None
    author_id: int | None = None
    """Counts where the question is created: whoever changes it later does not become its author."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A question, and the numbers before and after it in the bank."""

    document: QuestionDocument
    before: int | None
    after: int | None

    @property
    def number(self) -> int:
        """Return the question's own number."""
        return self.document.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Entry):
    """A question as it stands in the tables."""

    id: int
    revision: int
    """The last in its history; 0 where that has not begun."""
    before: int | None
    after: int | None

    @property
    def placed(self) -> Placed:
        """Return the question between its neighbours."""
        return Placed(self.document, self.before, self.after)


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


@contextmanager
def writing() -> Iterator[Connection]:
    """Be the bank's only writer until the block ends: it is committed, or on any error undone.

    What the block reads is what it writes upon. Two processes that load or import at once take
    turns; readers go on. Without the lock both would see a number free, and one would fail. The
    session's transaction is used, and one that it has already begun is rolled back first.
    Sources: https://www.sqlite.org/lang_transaction.html (BEGIN IMMEDIATE) and
    https://www.postgresql.org/docs/current/explicit-locking.html

    Raises BankBusyError or BankConflictError.
    """
    db.session.rollback()
    with turn(db.engine, WAIT_SECONDS) as taken:
        if not taken:
            raise BankBusyError(_BUSY)
        with _transaction() as connection:
            yield connection


_BUSY = Sentence("another program is writing to the bank; nothing was changed, try again")


@contextmanager
def _transaction() -> Iterator[Connection]:
    """Begin as the only writer; commit at the end, or undo."""
    try:
        connection = db.session.connection()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            wait = func.set_config("lock_timeout", f"{WAIT_SECONDS}s", True)
            connection.execute(select(wait))
            connection.exec_driver_sql("LOCK TABLE topics, questions IN SHARE ROW EXCLUSIVE MODE")
        yield connection
        db.session.commit()
    except IntegrityError as error:
        db.session.rollback()
        raise conflict(error) from error
    except OperationalError as error:
        db.session.rollback()
        if not is_busy(error):
            raise
        raise BankBusyError(_BUSY) from error
    except BaseException:
        db.session.rollback()
        raise


def conflict(error: IntegrityError) -> BankConflictError:
    """Say of a row that the tables refused why, without the values in it."""
    cause = str(error.orig).partition("\n")[0]
    return BankConflictError(f"the database refused a row ({cause}); nothing was changed")


def is_busy(error: OperationalError) -> bool:
    """Tell a conflict with another writer from a fault of the database.

    SQLITE_BUSY and SQLITE_LOCKED; PostgreSQL's lock_not_available, deadlock_detected and
    serialization_failure.
    """
    name = getattr(error.orig, "sqlite_errorname", "")
    state = getattr(error.orig, "sqlstate", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or state in {"55P03", "40P01", "40001"}


def timed(
    document: QuestionDocument, moment: datetime, known: QuestionDocument | None = None
) -> QuestionDocument:
    """Return the document with both its times: its own where it has them.

    A question that is known keeps its creation; whatever else is missing is `moment`, moved as far
    as it takes for no question to be updated before it was created.
    """
    updated = document.updated_at
    created = document.created_at or (known and known.created_at)
    created = created or min(moment, updated or moment)
    return dataclasses.replace(
        document, created_at=created, updated_at=updated or max(moment, created)
    )


@cache
def _all(dialect: str) -> Select[Any]:
    """Return what reads questions with all that belongs to them: built once, as `reading` has it."""
    table, other, member = QuestionRevision, aliased(Question), expressions(dialect)
    last = (
        select(func.coalesce(func.max(table.revision), 0))
        .where(table.number == Question.number)
        .correlate(Question)
        .scalar_subquery()
    )
    return select(
        Question.id,
        *(getattr(Question, name) for name in (*_COLUMNS, *_KEPT_WITH, *_CREATED_WITH)),
        member["topics"].label("topics"),
        member["references"].label("pages"),
        last.label("revision"),
        select(func.max(other.number))
        .where(other.number < Question.number)
        .scalar_subquery()
        .label("before"),
        select(func.min(other.number))
        .where(other.number > Question.number)
        .scalar_subquery()
        .label("after"),
    ).order_by(Question.number)


@cache
def _numbered(dialect: str) -> Select[Any]:
    return _all(dialect).where(Question.number.in_(bindparam("numbers", expanding=True)))


def read(
    connection: Connection, where: Iterable[ColumnElement[bool]], limit: int | None = None
) -> list[Stored]:
    """Return the stored questions for which all of `where` holds, by number, `limit` at most."""
    statement = _all(connection.dialect.name).where(*where).limit(limit)
    return [_stored(row) for row in connection.execute(statement)]


def read_by_number(connection: Connection, numbers: Sequence[int]) -> dict[int, Stored]:
    """Return the stored questions of those numbers."""
    statement = _numbered(connection.dialect.name)
    rows = (
        row for part in chunks(numbers) for row in connection.execute(statement, {"numbers": part})
    )
    return {row.number: _stored(row) for row in rows}


def _stored(row: Row[Any]) -> Stored:
    return Stored(
        id=row.id,
        document=QuestionDocument(
            **{name: getattr(row, name) for name in _COLUMNS},
            topics=tuple(topics_of(row.topics)),
            references=tuple(ReferenceDocument(**page) for page in references_of(row.pages)),
            created_at=row.created_at,
            updated_at=row.updated_at,
        ),
        edited_at=row.edited_at,
        file_digest=row.file_digest,
        author_id=row.author_id,
        revision=row.revision,
        before=row.before,
        after=row.after,
    )


def create(
    connection: Connection,
    entries: Sequence[Entry],
    change: Change,
    *,
    are_unheard_of: bool = False,
) -> None:
    """Insert questions with their topics and references; a topic that is not there is made.

    What comes in bulk begins no history (`history` says why); it continues that of a question which
    was deleted. What a person does is written down at once: who it was follows from no row.

    :param are_unheard_of: no question ever had one of the numbers, so that there is no history to
        continue, nor to look for.
    """
    for part in chunks(entries):
        documents = _inserted(connection, part)
        _attach(connection, documents)
        numbers = [] if are_unheard_of else [each.document.number for each in part]
        last = history.begun(connection, numbers) if numbers else {}
        after = {
            each.document.number: each.document
            for each in part
            if each.document.number in last or change.author_id is not None
        }
        history.record(connection, after, change, last=last)
        _record(connection, "question.created", documents)


def replace(
    connection: Connection,
    entries: Sequence[Entry],
    change: Change,
    known: Mapping[int, Stored],
) -> None:
    """Write questions over those that are stored under their numbers.

    One upsert for many rows; an update with many parameter sets would be a statement per row. Topics
    and references are written anew only where they change.

    :param known: how the questions stand, by number, read in this transaction.
    """
    upsert = _upsert(connection.dialect.name)
    for part in chunks(entries):
        after = {each.document.number: each.document for each in part}
        last = {number: known[number].revision for number in after if known[number].revision}
        before = [known[number] for number in after if number not in last]
        documents = _stored_ids(connection, upsert, part)
        attached = {
            id_: document
            for id_, document in documents.items()
            if _attachments(document) != _attachments(known[document.number].document)
        }
        if attached:
            for table in (QuestionTopic, Reference):
                connection.execute(delete(table).where(table.question_id.in_(attached)))
            _attach(connection, attached)
        history.record(connection, after, change, last=last, before=before)
        left = {slug for number in after for slug in known[number].document.topics}
        _record(connection, "question.updated", documents, left)


@cache
def _upsert(dialect: str) -> Insert:
    into = insert_or(dialect, Question)
    values = {name: into.excluded[name] for name in (*_COLUMNS, *_KEPT_WITH)}
    into = into.on_conflict_do_update(index_elements=[Question.number], set_=values)
    upsert: Insert = into.returning(Question.number, Question.id)
    return upsert


def _attachments(document: QuestionDocument) -> tuple[object, object]:
    """Return what of a question stands in tables of its own."""
    return document.topics, document.references


def remove(connection: Connection, stored: Stored, change: Change) -> None:
    """Delete a question; topics, references and grants of it go by the foreign keys."""
    number = stored.document.number
    last = {number: stored.revision} if stored.revision else {}
    connection.execute(delete(Question).where(Question.id == stored.id))
    before = [] if last else [stored]
    owners = {number: stored.author_id}
    history.record(connection, {number: None}, change, last=last, before=before, owners=owners)
    _record(connection, "question.deleted", {stored.id: stored.document})


def _record(
    connection: Connection,
    kind: str,
    documents: Mapping[int, QuestionDocument],
    left: Iterable[str] = (),
) -> None:
    """Record what happened to questions; who watches a topic hears of one that left it, too."""
    events.record(
        connection,
        kind,
        questions=[document.number for document in documents.values()],
        topics={slug for document in documents.values() for slug in document.topics}.union(left),
    )


def _inserted(connection: Connection, entries: Sequence[Entry]) -> dict[int, QuestionDocument]:
    """Insert questions; return the documents by the ids of their rows."""
    if not copying.pays(connection, entries):
        return _stored_ids(connection, _INSERT, entries)
    ids = copying.draw_ids(connection, Question, len(entries))
    rows = [{"id": id_, **_row(each)} for id_, each in zip(ids, entries, strict=True)]
    copying.copy(connection, Question, rows)
    return {id_: each.document for id_, each in zip(ids, entries, strict=True)}


def _stored_ids(
    connection: Connection, statement: Insert, entries: Sequence[Entry]
) -> dict[int, QuestionDocument]:
    """Run an insert; return the documents by the ids of their rows."""
    rows = connection.execute(statement, [_row(each) for each in entries])
    ids = {row.number: row.id for row in rows}
    return {ids[each.document.number]: each.document for each in entries}


def _row(entry: Entry) -> dict[str, Any]:
    document = entry.document
    return {
        **{name: getattr(document, name) for name in _COLUMNS},
        "created_at": document.created_at,
        "updated_at": document.updated_at,
        "edited_at": entry.edited_at,
        "file_digest": entry.file_digest,
        "author_id": entry.author_id,
    }


def _attach(connection: Connection, documents: Mapping[int, QuestionDocument]) -> None:
    """Insert the topics and references of questions, by the questions' ids."""
    slugs = {slug for document in documents.values() for slug in document.topics}
    topics = _topics(connection, sorted(slugs))
    tags = [
        {"question_id": question, "topic_id": topics[slug], "position": place}
        for question, document in documents.items()
        for place, slug in enumerate(document.topics)
    ]
    references = [
        {"question_id": question, "position": place, "title": each.title, "url": each.url}
        for question, document in documents.items()
        for place, each in enumerate(document.references)
    ]
    _insert_rows(connection, QuestionTopic, tags)
    _insert_rows(connection, Reference, references)


def _insert_rows(
    connection: Connection, table: type[QuestionTopic | Reference], rows: Sequence[dict[str, Any]]
) -> None:
    if copying.pays(connection, rows):
        copying.copy(connection, table, rows)
    elif rows:
        # With RETURNING, SQLAlchemy puts many rows into one statement; without, PostgreSQL's driver
        # sends one per row, and each fires the trigger that raises the version of the data.
        # https://docs.sqlalchemy.org/en/21/core/connections.html#engine-insertmanyvalues
        connection.execute(insert(table).returning(table.question_id), rows)


def _topics(connection: Connection, slugs: Sequence[str]) -> dict[str, int]:
    """Return the topics' ids by slug, making the topics that are not there yet."""
    found: dict[str, int] = {}
    for part in chunks(slugs):
        known = connection.execute(select(Topic.slug, Topic.id).where(Topic.slug.in_(part)))
        found |= {row.slug: row.id for row in known}
        headings = [topic_heading(slug) for slug in part if slug not in found]
        if headings:
            made = connection.execute(
                insert(Topic).returning(Topic.slug, Topic.id),
                [
                    {"slug": each.slug, "name": each.name, "description": each.description}
                    for each in headings
                ],
            )
            found |= {row.slug: row.id for row in made}
    return found
