"""`/loading/{strategy}`: the same questions and topics read three ways, statements shown (63).

`lazy` is the N+1 trap: one statement for the list and one more per row. `selectin` sends one per
relationship; `joined` sends one in all and repeats the question's columns for every topic.
Source: https://docs.sqlalchemy.org/en/21/orm/queryguide/relationships.html
"""

from typing import Any

from flask_restful import Resource
from marshmallow import Schema, validate
from sqlalchemy import Connection, event, select
from sqlalchemy.orm import Session, joinedload, lazyload, selectinload
from sqlalchemy.orm.strategy_options import _AbstractLoad

from api.demonstrations import demonstrates
from api.extensions import db
from api.http.parsing import query
from api.http.problems import Problem
from api.models import Question
from api.schemas.fields import Whole

STRATEGIES: dict[str, _AbstractLoad] = {
    "lazy": lazyload(Question.topics),
    "joined": joinedload(Question.topics),
    "selectin": selectinload(Question.topics),
}


def record_statements(connection: Connection) -> list[str]:
    """Collect the SQL of every statement sent over `connection` from now on.

    A listener on the engine would also hear the statements of requests in other threads.
    """
    statements: list[str] = []

    def record(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(" ".join(statement.split()))

    event.listen(connection, "before_cursor_execute", record)
    return statements


class LoadingQuery(Schema):
    """How many questions to read."""

    limit = Whole(load_default=10, validate=validate.Range(1, 50))


class LoadingStrategy(Resource):
    """The statements that one loading strategy sends."""

    @demonstrates(63, test="tests/v1/test_loading.py::test_lazy_loading_costs_a_statement_per_row")
    @query(LoadingQuery)
    def get(self, args: dict[str, Any], strategy: str) -> dict[str, Any]:
        """Read questions with their topics by the strategy, and show what went to the database."""
        if strategy not in STRATEGIES:
            raise Problem(
                "not-found", f"No strategy {strategy!r}; known are {', '.join(STRATEGIES)}."
            )
        # A session of its own: the request's would hand back what it has already loaded.
        with db.engine.connect() as connection, Session(connection) as session:
            statements = record_statements(connection)
            rows = session.scalars(
                select(Question)
                .options(STRATEGIES[strategy])
                .order_by(Question.number)
                .limit(args["limit"])
            ).unique()
            topics = {question.number: [t.slug for t in question.topics] for question in rows}
        return {
            "strategy": strategy,
            "questions": len(topics),
            "statement_count": len(statements),
            "statements": statements,
        }
