"""The bank as a file: questions stream out in the order of their numbers, chunk by chunk.

Keyset pages instead of one cursor (78): a chunk is one statement, whatever its size, and only one chunk
is in memory. All of them read one snapshot, so that a writer beside us cannot tear the
file: what is written is the bank as it was when the export began.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Connection, func, or_, select

from api.bank import storing
from api.bank.formats import Format, QuestionDocument, write
from api.bank.questions import QuestionUnknownError
from api.bank.topics import TopicUnknownError
from api.extensions import db
from api.models import Question, QuestionTopic, Topic

CHUNK = 500
"""Questions in memory at once."""

Numbers = tuple[int, int]
"""The first and the last of a range of numbers, both included."""


@contextmanager
def run(
    format: Format, numbers: Sequence[Numbers] = (), topics: Sequence[str] = ()
) -> Iterator[Iterator[str]]:
    """Open a file of the bank's questions and yield its parts; importing it gives the same bank.

    A context manager, because the parts are read while they are taken: the database connection
    must be given back also by who stops half way. Line ends are the format's own: send them on as
    they are.

    :param numbers: only questions in one of these ranges; none means all.
    :param topics: only questions that stand under one of these topics, by slug; none means all.

    Raises, before there is any part, formats.ReadOnlyFormatError, QuestionUnknownError for a single
    number that is not there, and TopicUnknownError.
    """
    with documents(numbers, topics) as found:
        yield write(found, format)


@contextmanager
def documents(
    numbers: Sequence[Numbers] = (), topics: Sequence[str] = ()
) -> Iterator[Iterator[QuestionDocument]]:
    """Open the questions that fit, by number. Parameters and errors as `run` has them."""
    with _snapshot() as connection:
        yield _documents(connection, _filters(connection, numbers, topics))


def count(numbers: Sequence[Numbers] = (), topics: Sequence[str] = ()) -> int:
    """Return how many questions fit. Parameters and errors as `run` has them."""
    with _snapshot() as connection:
        fitting = select(func.count(Question.id)).where(*_filters(connection, numbers, topics))
        return connection.scalar(fitting) or 0


def _documents(
    connection: Connection, where: Sequence[ColumnElement[bool]]
) -> Iterator[QuestionDocument]:
    last = 0
    while found := storing.read(connection, [Question.number > last, *where], CHUNK):
        for stored in found:
            yield stored.document
        last = found[-1].document.number


def _filters(
    connection: Connection, numbers: Sequence[Numbers], topics: Sequence[str]
) -> list[ColumnElement[bool]]:
    """Return the conditions, once everything that was asked for by name is known to be there."""
    for number in sorted({first for first, last in numbers if first == last}):
        if connection.scalar(select(Question.id).where(Question.number == number)) is None:
            raise QuestionUnknownError(number)
    for slug in topics:
        if connection.scalar(select(Topic.id).where(Topic.slug == slug)) is None:
            raise TopicUnknownError(slug)
    where: list[ColumnElement[bool]] = []
    if numbers:
        where.append(or_(*(Question.number.between(first, last) for first, last in numbers)))
    if topics:
        tagged = (
            select(QuestionTopic.question_id)
            .join(Topic, Topic.id == QuestionTopic.topic_id)
            .where(Topic.slug.in_(topics))
        )
        where.append(Question.id.in_(tagged))
    return where


@contextmanager
def _snapshot() -> Iterator[Connection]:
    """Yield a connection of its own whose every statement sees the same state of the bank.

    Sources: https://www.sqlite.org/isolation.html and
    https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ
    """
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # The driver would begin at the first change only, and each read would stand alone.
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        yield connection
