"""The tie between a question, an endpoint, the lines of code that show it, and the test.

`@demonstrates` only records; `api.bank.demonstrations` resolves the records against a running
application's routes. It lives at the bottom of the import order so that any room may use it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Mark:
    """One use of `@demonstrates`: which questions, by which code, where, proved by which test."""

    numbers: tuple[int, ...]
    code: Callable[..., Any]
    test: str
    at: str | None


MARKS: list[Mark] = []


def demonstrates(*numbers: int, test: str, at: str | None = None) -> Callable[[T], T]:
    """Mark code as the live demonstration of questions.

    :param numbers: the questions' numbers.
    :param test: the pytest node that proves it, as `tests/file.py::test_name`.
    :param at: `"METHOD endpoint"` where the code is shared and not itself a view; a `Resource`
        method or a view function finds its own.
    """

    def mark(code: T) -> T:
        MARKS.append(Mark(numbers, code, test, at))
        return code

    return mark
