"""Reading questions as plain values: one Core statement for a page, one for a question (63).

The models load a page by four statements and make an object, watched for changes, of every row, topic
and reference; a reading view has no use for any of that, and it was half of what a read took. Here topics
and references come as JSON columns of their question's row, the total and the neighbours as columns too.
Statements are kept once built: SQLAlchemy compiles a statement once, but to find that out again it walks
through a newly built one.
Source: https://docs.sqlalchemy.org/en/21/core/connections.html#sql-compilation-caching
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, TypeVar

from sqlalchemy import JSON, ColumnElement, Row, Select, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute

from api.bank import questions, search
from api.bank.questions import (
    AFTER,
    ASKED,
    BEFORE,
    Criteria,
    QuestionUnknownError,
    beyond,
    count_of,
    fitting,
    ordered,
)
from api.demonstrations import demonstrates
from api.extensions import db
from api.models import Question, QuestionTopic, Reference, Topic

T = TypeVar("T")
Values = dict[str, Any]
Ordering = list[tuple[ColumnElement[Any], bool]]

#: The members that are columns of their own.
PLAIN = (
    "number", "prompt", "answer", "in_practice", "try_it", "technique", "difficulty",
    "created_at", "updated_at",
)  # fmt: skip

#: All members that can be read.
COLUMNS = (*PLAIN, "topics", "references")


@dataclass(frozen=True, slots=True)
class Read:
    """Questions by the names of their members, with what the page needs to know of the rest.

    :ivar total: how many fit in all, of a numbered page.
    :ivar position: the sort keys of the last one, where others follow, of a slice.
    :ivar highlights: snippets by number, of a search.
    """

    questions: list[Values]
    total: int = 0
    position: tuple[Any, ...] | None = None
    highlights: dict[int, dict[str, str]] = field(default_factory=dict)


def _array(*values: InstrumentedAttribute[Any], dialect: str) -> ColumnElement[Any]:
    """Gather values of many rows in one JSON array of arrays, in no particular order."""
    if dialect == "postgresql":
        return func.json_agg(func.json_build_array(*values), type_=JSON)
    return func.json_group_array(func.json_array(*values), type_=JSON)


@cache
def expressions(dialect: str) -> dict[str, ColumnElement[Any]]:
    """Return the expression behind each member; `topics_of` and `references_of` read the gathered ones."""
    topics = (
        select(_array(QuestionTopic.position, Topic.slug, dialect=dialect))
        .join(Topic, Topic.id == QuestionTopic.topic_id)
        .where(QuestionTopic.question_id == Question.id)
        .correlate(Question)
        .scalar_subquery()
    )
    references = (
        select(_array(Reference.position, Reference.title, Reference.url, dialect=dialect))
        .where(Reference.question_id == Question.id)
        .correlate(Question)
        .scalar_subquery()
    )
    plain = {name: getattr(Question, name).expression for name in PLAIN}
    return plain | {"topics": topics, "references": references}


def topics_of(found: list[Any] | None) -> list[str]:
    """Return the slugs that a `topics` column gathered, in their order."""
    return [slug for _, slug in sorted(found or ())]


def references_of(found: list[Any] | None) -> list[dict[str, str]]:
    """Return title and address of each page that a `references` column gathered, in their order."""
    return [{"title": title, "url": url} for _, title, url in sorted(found or ())]


_GATHERED: dict[str, Callable[[Any], Any]] = {
    "topics": topics_of,
    "references": references_of,
}


def _values(rows: Sequence[Row[Any]], members: tuple[str, ...]) -> list[Values]:
    found = [dict(zip(members, row, strict=False)) for row in rows]  # a row may have more columns
    for name in _GATHERED.keys() & set(members):
        gathered = _GATHERED[name]
        for values in found:
            values[name] = gathered(values[name])
    return found


def _kept(build: Callable[..., T]) -> Callable[..., T]:
    """Keep what is built, but for a search: how that is best done depends on what it finds."""
    kept = lru_cache(maxsize=256)(build)
    return lambda dialect, criteria, members: (build if criteria.text else kept)(
        dialect, criteria, members
    )


@_kept
def _page(dialect: str, criteria: Criteria, members: tuple[str, ...]) -> Select[Any]:
    statement, ordering = fitting(criteria)
    total = count_of(statement).scalar_subquery()
    columns = [expressions(dialect)[name] for name in members]
    page = statement.with_only_columns(*columns, Question.id, total, maintain_column_froms=True)
    return ordered(page, ordering).limit(bindparam("limit")).offset(bindparam("offset"))


@_kept
def _slice(
    dialect: str, criteria: Criteria, members: tuple[str, ...]
) -> tuple[Select[Any], Ordering]:
    statement, ordering = fitting(criteria)
    columns = [expressions(dialect)[name] for name in members]
    keys = [key.label(f"key_{place}") for place, (key, _) in enumerate(ordering)]
    rows = statement.with_only_columns(*columns, Question.id, *keys, maintain_column_froms=True)
    return ordered(rows, ordering).limit(bindparam("limit")), ordering


@cache
def _one(dialect: str, members: tuple[str, ...]) -> Select[Any]:
    columns = [expressions(dialect)[name] for name in members]
    return select(*columns, BEFORE, AFTER).where(Question.number == ASKED)


@demonstrates(
    63,
    at="GET v1.questions",
    test="tests/v1/test_questions.py::test_the_number_of_statements_does_not_grow_with_the_rows",
)
def read_page(criteria: Criteria, members: tuple[str, ...], page: int, per_page: int) -> Read:
    """Return one numbered page and the total, which is counted up to `questions.COUNTED`.

    :param members: some of `COLUMNS`.
    :param page: from 1; beyond the end, or what is counted, it is empty.
    :param per_page: questions on a page.
    """
    offset = (page - 1) * per_page
    statement = _page(db.engine.dialect.name, criteria, members)
    with db.engine.connect() as connection:
        rows: Sequence[Row[Any]] = []
        if offset < questions.COUNTED:
            rows = connection.execute(statement, {"limit": per_page, "offset": offset}).all()
        if not rows and page > 1:  # there is no row that could tell the total
            return Read([], connection.scalar(count_of(fitting(criteria)[0])) or 0)
    return Read(
        _values(rows, members),
        rows[0][-1] if rows else 0,
        highlights=_highlights(criteria, rows, members),
    )


@demonstrates(
    78,
    at="GET v2.questions",
    test="tests/v2/test_questions.py::test_cursors_walk_the_whole_bank_once",
)
def read_after(
    criteria: Criteria, members: tuple[str, ...], position: Sequence[Any] | None, limit: int
) -> Read:
    """Return the questions after a position in the order, by keyset: no row before it is read.

    :param members: some of `COLUMNS`.
    :param position: the sort keys of the last question already seen; None starts at the front.
    :param limit: how many at most.
    """
    statement, ordering = _slice(db.engine.dialect.name, criteria, members)
    if position is not None:
        statement = statement.where(beyond(ordering, position))
    with db.engine.connect() as connection:
        rows = connection.execute(statement, {"limit": limit + 1}).all()
    last = tuple(rows[limit - 1][len(members) + 1 :]) if len(rows) > limit else None
    rows = rows[:limit]
    return Read(
        _values(rows, members), position=last, highlights=_highlights(criteria, rows, members)
    )


def read_one(
    number: int, members: tuple[str, ...], *, in_transaction: bool = False
) -> tuple[Values, int | None, int | None]:
    """Return a question and the numbers before and after it in the bank. Raises QuestionUnknownError.

    :param members: some of `COLUMNS`.
    :param in_transaction: whether to read in the session's transaction: it holds a connection as it is,
        and whoever took a second one could wait for it for good.
    """
    statement = _one(db.engine.dialect.name, members)
    session = nullcontext(db.session.connection()) if in_transaction else None
    with session or db.engine.connect() as connection:
        row = connection.execute(statement, {"asked": number}).first()
    if row is None:
        raise QuestionUnknownError(number)
    (values,) = _values([row], members)
    return values, row[-2], row[-1]


def read_random(criteria: Criteria, members: tuple[str, ...]) -> Values | None:
    """Return a random question among those that fit, or None where none does."""
    columns = [expressions(db.engine.dialect.name)[name] for name in members]
    statement = fitting(criteria)[0].with_only_columns(*columns, maintain_column_froms=True)
    with db.engine.connect() as connection:
        rows = connection.execute(statement.order_by(func.random()).limit(1)).all()
    return next(iter(_values(rows, members)), None)


def _highlights(
    criteria: Criteria, rows: Sequence[Row[Any]], members: tuple[str, ...]
) -> dict[int, dict[str, str]]:
    if not criteria.text:
        return {}
    found = search.highlights(criteria.text, [row[len(members)] for row in rows])
    return {row[members.index("number")]: found.get(row[len(members)], {}) for row in rows}
