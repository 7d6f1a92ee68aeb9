"""Column types that both databases keep alike."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time in UTC, on SQLite too, which keeps no zone and would hand back a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time: guessing its zone is how an hour gets lost. Raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time needs a zone")
        return value.astimezone(UTC)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        """Read each of SQLite's texts once: the rows of a page tell few different times."""
        process = super().result_processor(dialect, coltype)
        return lru_cache(maxsize=1024)(process) if process and dialect.name == "sqlite" else process

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give back an aware time in UTC."""
        if value is None:
            return None
        aware: datetime = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return aware


class Words(TypeDecorator[list[str]]):
    """A short list of words without spaces in one text; compared as a whole in SQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        """Join the words."""
        return None if value is None else " ".join(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> list[str] | None:
        """Give back the words."""
        return None if value is None else str(value).split()


def now() -> datetime:
    """Return the present, aware, in UTC."""
    return datetime.now(UTC)
