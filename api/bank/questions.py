"""What fits a reader's criteria, and in which order; questions as entities (63, 78, 94).

Filters and sort keys are an allow-list of columns; nothing from a query string reaches SQL as text.
What a view only reads, `api.bank.reading` reads as plain values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import selectinload

from api.bank import search
from api.demonstrations import demonstrates
from api.extensions import db
from api.models import Difficulty, Question, QuestionTopic, Topic

COUNTED = 10_000
"""So many questions are counted, and reached by numbered pages: neither may cost what the bank holds.
Cursors reach all of them."""


class QuestionUnknownError(LookupError):
    """There is no question of that number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no question {number}.")
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What a reader asked for. Within one filter any value will do; all filters must hold."""

    topics: Sequence[str] = ()
    difficulties: Sequence[str] = ()
    techniques: Sequence[str] = ()
    number_from: int | None = None
    number_to: int | None = None
    text: str | None = None
    sort: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Keep lists as tuples: equal criteria are to be the same key of `api.bank.reading`."""
        for name in ("topics", "difficulties", "techniques", "sort"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def order(self) -> tuple[str, ...]:
        """The sort keys, a leading `-` meaning descending; always ends in the unique `number`."""
        keys = tuple(self.sort) or (("-relevance",) if self.text else ())
        return keys if any(k.lstrip("-") == "number" for k in keys) else (*keys, "number")


@dataclass(frozen=True, slots=True)
class Found:
    """Questions of one page, with what the page needs to know about its neighbours."""

    questions: Sequence[Question]
    total: int = 0
    highlights: dict[int, dict[str, str]] = field(default_factory=dict)


_DIFFICULTY_ORDER = case(
    {level.value: place for place, level in enumerate(Difficulty)},
    value=Question.difficulty,
    else_=len(Difficulty),
)

SORT_KEYS: dict[str, ColumnElement[Any]] = {
    "number": Question.number.expression,
    "prompt": Question.prompt.expression,
    "difficulty": _DIFFICULTY_ORDER,
    "created_at": Question.created_at.expression,
    "updated_at": Question.updated_at.expression,
}


@demonstrates(
    94,
    at="GET v1.questions",
    test="tests/v1/test_questions.py::test_filters_search_and_sorting_combine",
)
def fitting(criteria: Criteria) -> tuple[Select[Any], list[tuple[ColumnElement[Any], bool]]]:
    """Build the filtered statement, and its ordering as (expression, descending) pairs."""
    keys = dict(SORT_KEYS)
    statement: Select[Any] = select(Question)
    if criteria.text:
        if search.are_common(criteria.text):
            statement, keys["number"] = search.by_number(statement, criteria.text)
            keys["relevance"] = search.UNRANKED
        else:
            hits = search.ranked(criteria.text)
            statement = statement.join(hits, hits.c.number == Question.number)
            # By a sum, which no index has in order: PostgreSQL would walk that of all numbers.
            keys["number"], keys["relevance"] = hits.c.number + 0, hits.c.rank
    if criteria.topics:
        tagged = (
            select(QuestionTopic.question_id)
            .join(Topic, Topic.id == QuestionTopic.topic_id)
            .where(Topic.slug.in_(criteria.topics))
        )
        if criteria.text:  # hits come one by one, so each is asked; else the topics lead
            tagged = tagged.where(QuestionTopic.question_id == Question.id)
            statement = statement.where(tagged.correlate(Question).exists())
        else:
            statement = statement.where(Question.id.in_(tagged))
    if criteria.difficulties:
        statement = statement.where(Question.difficulty.in_(criteria.difficulties))
    if criteria.techniques:
        statement = statement.where(Question.technique.in_(criteria.techniques))
    if criteria.number_from is not None:
        statement = statement.where(keys["number"] >= criteria.number_from)
    if criteria.number_to is not None:
        statement = statement.where(keys["number"] <= criteria.number_to)
    ordering = [(keys[key.lstrip("-")], key.startswith("-")) for key in criteria.order]
    return statement, ordering


def ordered(statement: Select[Any], ordering: list[tuple[ColumnElement[Any], bool]]) -> Select[Any]:
    """Put a statement's rows in order."""
    telling = [(key, down) for key, down in ordering if key is not search.UNRANKED]
    return statement.order_by(*(key.desc() if down else key.asc() for key, down in telling))


def _loaded(statement: Select[Any]) -> Select[Any]:
    """Load topics and references with one statement each, however many questions there are."""
    return statement.options(selectinload(Question.topics), selectinload(Question.references))


def count_of(statement: Select[Any]) -> Select[int]:
    """Count the questions that a statement selects, and stop at `COUNTED`."""
    most: ColumnElement[int] = bindparam("counted", callable_=lambda: COUNTED)
    ids = statement.with_only_columns(Question.id, maintain_column_froms=True).limit(most)
    return select(func.count()).select_from(ids.subquery("counted"))


@demonstrates(
    78, at="GET v1.questions", test="tests/v1/test_questions.py::test_pages_link_their_neighbours"
)
def find_page(criteria: Criteria, page: int, per_page: int) -> Found:
    """Return one numbered page and the total, which is counted up to `COUNTED`.

    :param page: from 1; beyond the end, or what is counted, it is empty.
    :param per_page: questions on a page.
    """
    statement, ordering = fitting(criteria)
    total = db.session.scalar(count_of(statement)) or 0
    if (page - 1) * per_page >= total:
        return Found([], total)
    rows = ordered(_loaded(statement), ordering).limit(per_page).offset((page - 1) * per_page)
    questions = db.session.scalars(rows).all()
    return Found(questions, total, highlights=_highlights(criteria, questions))


@demonstrates(
    78,
    at="GET v2.questions",
    test="tests/v2/test_questions.py::test_cursors_walk_the_whole_bank_once",
)
def beyond(
    ordering: list[tuple[ColumnElement[Any], bool]], position: Sequence[Any]
) -> ColumnElement[bool]:
    """Write "after `position`" for keys of mixed directions: (a > x) or (a = x and b > y) …

    That a >= x follows from it, but only said outright lets an index begin there.
    """
    told = zip(ordering, position, strict=True)
    telling = [(key, down, value) for (key, down), value in told if key is not search.UNRANKED]
    alternatives = []
    for place, (key, down, value) in enumerate(telling):
        equal = [k == v for k, _, v in telling[:place]]
        alternatives.append(and_(*equal, key < value if down else key > value))
    key, down, value = telling[0]
    return and_(key <= value if down else key >= value, or_(*alternatives))


def _highlights(criteria: Criteria, questions: Sequence[Question]) -> dict[int, dict[str, str]]:
    if not criteria.text:
        return {}
    return search.highlights(criteria.text, [question.id for question in questions])


def get(number: int) -> Question:
    """Return the question of that number. Raises QuestionUnknownError."""
    question: Question | None = db.session.scalar(
        _loaded(select(Question).where(Question.number == number))
    )
    if question is None:
        raise QuestionUnknownError(number)
    return question


def find_numbers(criteria: Criteria) -> Sequence[int]:
    """Return the numbers of all questions that fit, in the order of the criteria."""
    statement, ordering = fitting(criteria)
    return db.session.scalars(ordered(statement.with_only_columns(Question.number), ordering)).all()


#: The number that a statement asks about, and the numbers before and after it in the bank.
ASKED: ColumnElement[int] = bindparam("asked", type_=Question.number.type)
BEFORE = select(func.max(Question.number)).where(Question.number < ASKED).scalar_subquery()
AFTER = select(func.min(Question.number)).where(Question.number > ASKED).scalar_subquery()

_NEIGHBOURS = select(BEFORE, AFTER)


def neighbours(number: int) -> tuple[int | None, int | None]:
    """Return the numbers before and after `number` in the bank."""
    before, after = db.session.connection().execute(_NEIGHBOURS, {"asked": number}).one()
    return before, after
