"""Many rows into a table of PostgreSQL by COPY, beside the INSERT that everything else takes (63, 68).

An INSERT of a thousand rows has ten thousand parameters; the driver looks for each of them in a text as
long, and the server parses it: half of what an import took. COPY is one short statement and a stream of
values. It knows no RETURNING, so that ids that are needed are drawn before.
Sources: https://www.psycopg.org/psycopg3/docs/basic/copy.html and
https://www.postgresql.org/docs/current/populate.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.exc import DBAPIError

from api.extensions import Base

MANY = 50
"""From so many rows on COPY pays; it takes a round trip more than an INSERT."""


def pays(connection: Connection, rows: Sequence[Any]) -> bool:
    """Tell whether rows had better be copied: many of them, into PostgreSQL."""
    return connection.dialect.name == "postgresql" and len(rows) >= MANY


def draw_ids(connection: Connection, table: type[Base], count: int) -> Sequence[int]:
    """Return so many ids of a table that nobody else will get."""
    statement = _DRAWN.params(table=table.__tablename__, count=count)
    return connection.scalars(statement).all()


_DRAWN = select(func.nextval(func.pg_get_serial_sequence(bindparam("table"), "id"))).select_from(
    func.generate_series(1, bindparam("count"))
)


def copy(connection: Connection, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Copy rows, all with the same columns, within the transaction that `connection` is in.

    Raises what an INSERT would raise: sqlalchemy.exc.IntegrityError and its like.
    """
    import psycopg  # where the database is SQLite nothing needs it
    from psycopg import sql

    columns = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.__tablename__), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    try:
        with connection.connection.cursor() as cursor, cursor.copy(statement) as copying:  # type: ignore[attr-defined]  # psycopg's cursor, behind SQLAlchemy's plain one
            for row in rows:
                copying.write_row([row[name] for name in columns])
    except psycopg.Error as error:
        raise DBAPIError.instance(
            "COPY", None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
