"""Full-text search by the database's own engine, behind a few functions (94).

SQLite ranks with FTS5's bm25, PostgreSQL with `ts_rank_cd` over a stored `tsvector`. Words are
stemmed, all must occur, and whatever stands in the search string is text, never syntax.

A search costs what it yields, however large the bank: words that stand in many questions are not
ranked, as every one of the hits would have to be scored to find the best twenty; they come by number,
read from there and no further.
Sources: https://www.sqlite.org/fts5.html and
https://www.postgresql.org/docs/current/textsearch-controls.html
"""

import html
from functools import cache
from secrets import token_hex
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Float,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
)

from api.demonstrations import demonstrates
from api.extensions import db
from api.models import Question

RANKED = 1000
"""So many hits are ranked by relevance; where there are more, their relevance counts as the same."""

#: The relevance of a hit that is not ranked.
UNRANKED: ColumnElement[Any] = literal(0.0)

_FIELDS = ("prompt", "answer", "in_practice")
_WEIGHTS = (10.0, 3.0, 1.0)

# Search structures belong to the migrations, not to the models, so they have metadata of their own.
_metadata = MetaData()
_fts5 = Table(
    "questions_search",
    _metadata,
    Column("rowid", Integer, primary_key=True),
    *(Column(name, Text) for name in _FIELDS),
)
# FTS5's functions and MATCH take the table's name where SQL expects a column.
_FTS5_NAME: ColumnElement[Any] = literal_column("questions_search")


def _is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"


def fts5_query(text: str) -> str:
    """Write a search string as FTS5 phrases, one per word, all of which must match.

    Inside double quotes nothing is an operator; a double quote is written twice.
    """
    return " ".join('"' + word.replace('"', '""') + '"' for word in text.split())


# PostgreSQL's types are imported where it is the database: SQLAlchemy imports all its drivers' dialects.


@cache
def _vector() -> ColumnElement[Any]:
    from sqlalchemy.dialects.postgresql import TSVECTOR

    return literal_column("questions.search_vector", TSVECTOR)


@cache
def _english() -> ColumnElement[Any]:
    from sqlalchemy.dialects.postgresql import REGCONFIG

    return cast("english", REGCONFIG)


def _words(text: str) -> ColumnElement[Any]:
    return func.plainto_tsquery(_english(), bindparam("words", text))


def _match(text: str) -> ColumnElement[bool]:
    """Write the condition that all words of `text` stand in a question."""
    if _is_postgresql():
        return _vector().op("@@")(_words(text))
    return _FTS5_NAME.op("MATCH")(bindparam("words", fts5_query(text)))


def are_common(text: str) -> bool:
    """Tell whether the words stand in more than `RANKED` questions; counts no further than that."""
    key = Question.id if _is_postgresql() else _fts5.c.rowid
    found = select(key).where(_match(text)).limit(RANKED + 1).subquery()
    return (db.session.scalar(select(func.count()).select_from(found)) or 0) > RANKED


@demonstrates(
    94,
    at="GET v1.questions",
    test="tests/v1/test_questions.py::test_filters_search_and_sorting_combine",
)
def ranked(text: str) -> CTE:
    """Return `number` and `rank` (higher is better) of the questions that match, few as they are.

    Materialised: PostgreSQL would otherwise rather walk through all numbers, in the order asked for,
    looking for the words in each question.

    :param text: the search string as the reader typed it.
    """
    if _is_postgresql():
        rank = cast(func.ts_rank_cd(_vector(), _words(text)), Float)
        statement = select(Question.number.label("number"), rank.label("rank"))
    else:
        score = -func.bm25(_FTS5_NAME, *_WEIGHTS)
        statement = select(_fts5.c.rowid.label("number"), score.label("rank"))
    return statement.where(_match(text)).cte("hits").prefix_with("MATERIALIZED")


def by_number(statement: Select[Any], text: str) -> tuple[Select[Any], ColumnElement[Any]]:
    """Narrow a statement over questions down to those that match; nothing is ranked.

    Returns the statement, and the expression for the number in whose order hits are read lazily.
    """
    if _is_postgresql():
        return statement.where(_match(text)), Question.number.expression
    joined = statement.join(_fts5, _fts5.c.rowid == Question.number).where(_match(text))
    return joined, _fts5.c.rowid.expression


def highlights(text: str, ids: list[int]) -> dict[int, dict[str, str]]:
    """Return, per question, a snippet of each field that matched, as safe HTML with `<mark>`.

    :param ids: the questions of one page; a snippet is costly, so never for all matches.
    """
    if not ids:
        return {}
    # Made on the spot, so that no stored text can hold them: they mark a hit until all is escaped.
    start, end = token_hex(8), token_hex(8)
    if _is_postgresql():
        words = _words(text)
        options = f"StartSel={start}, StopSel={end}, MaxWords=24, MinWords=8, MaxFragments=1"
        columns = [
            func.ts_headline(
                _english(),
                func.coalesce(getattr(Question, name), ""),
                words,
                options,
            )
            for name in _FIELDS
        ]
        statement = select(Question.id, *columns).where(Question.id.in_(ids))
    else:
        columns = [
            func.snippet(_FTS5_NAME, position, start, end, "…", 24)
            for position in range(len(_FIELDS))
        ]
        # First the numbers: FTS5 goes straight to a row that is named, and else through all hits.
        page = select(Question.id, Question.number).where(Question.id.in_(ids)).cte("page")
        wanted = page.prefix_with("MATERIALIZED")
        statement = (
            select(wanted.c.id, *columns)
            .join(_fts5, _fts5.c.rowid == wanted.c.number)
            .where(_match(text))
        )
    return {
        row[0]: {
            name: _mark(snippet, start, end)
            for name, snippet in zip(_FIELDS, row[1:], strict=True)
            if snippet and start in snippet
        }
        for row in db.session.execute(statement)
    }


def _mark(snippet: str, start: str, end: str) -> str:
    return html.escape(snippet, quote=False).replace(start, "<mark>").replace(end, "</mark>")
