"""What ends a command is told in one line: no traceback for what is no fault of the program."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import SQLAlchemyError


@contextmanager
def told(*kinds: type[Exception]) -> Iterator[None]:
    """End the command with status 1 and the exception's own words.

    :param kinds: exceptions whose message is written for the caller; a database that cannot be
        used is told in any case.
    """
    try:
        yield
    except kinds as error:
        raise click.ClickException(str(error)) from error
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).partition("\n")[0]
        advice = "flask db upgrade makes the tables, DATABASE_URL says where"
        raise click.ClickException(f"the database cannot be used: {cause} ({advice})") from error
