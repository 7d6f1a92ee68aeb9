"""Full-text search by the database's own engine, behind one function (94).

SQLite ranks with FTS5's bm25, PostgreSQL with `ts_rank_cd` over a stored `tsvector`. Words are
stemmed, all must occur, and whatever stands in the search string is text, never syntax.
Sources: https://www.sqlite.org/fts5.html and
https://www.postgresql.org/docs/current/textsearch-controls.html
"""

import html
from secrets import token_hex
from typing import Any

from sqlalchemy import (
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
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import REGCONFIG, TSVECTOR

from api.demonstrations import demonstrates
from api.extensions import db
from api.models import Question

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
_vector: ColumnElement[Any] = literal_column("questions.search_vector", TSVECTOR)


def _is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"


def fts5_query(text: str) -> str:
    """Write a search string as FTS5 phrases, one per word, all of which must match.

    Inside double quotes nothing is an operator; a double quote is written twice.
    """
    return " ".join('"' + word.replace('"', '""') + '"' for word in text.split())


@demonstrates(
    94,
    at="GET v1.questions",
    test="tests/v1/test_questions.py::test_filters_search_and_sorting_combine",
)
def matches(text: str) -> Select[tuple[int, float]]:
    """Select `id` and `rank` (higher is better) of the questions that match.

    :param text: the search string as the reader typed it.
    """
    if _is_postgresql():
        words = func.plainto_tsquery(cast("english", REGCONFIG), bindparam("words", text))
        rank = cast(func.ts_rank_cd(_vector, words), Float)
        return select(Question.id.label("id"), rank.label("rank")).where(_vector.op("@@")(words))
    score = -func.bm25(_FTS5_NAME, *_WEIGHTS)
    return select(_fts5.c.rowid.label("id"), score.label("rank")).where(
        _FTS5_NAME.op("MATCH")(bindparam("words", fts5_query(text)))
    )


def highlights(text: str, ids: list[int]) -> dict[int, dict[str, str]]:
    """Return, per question, a snippet of each field that matched, as safe HTML with `<mark>`.

    :param ids: the questions of one page; a snippet is costly, so never for all matches.
    """
    if not ids:
        return {}
    # Made on the spot, so that no stored text can hold them: they mark a hit until all is escaped.
    start, end = token_hex(8), token_hex(8)
    if _is_postgresql():
        words = func.plainto_tsquery(cast("english", REGCONFIG), bindparam("words", text))
        options = f"StartSel={start}, StopSel={end}, MaxWords=24, MinWords=8, MaxFragments=1"
        columns = [
            func.ts_headline(
                cast("english", REGCONFIG),
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
        statement = select(_fts5.c.rowid, *columns).where(
            _FTS5_NAME.op("MATCH")(bindparam("words", fts5_query(text))), _fts5.c.rowid.in_(ids)
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
