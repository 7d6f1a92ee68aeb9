"""The tie between a question, an endpoint, the lines of code that show it, and the test.

`@demonstrates` only records; `api.http.demonstrations` resolves the records against a running
application's routes. It lives at the bottom of the import order so that any room may use it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Mark:
    """One use of `@demonstrates`: which questions, by which code, where, proved by which test."""

    numbers: tuple[int, ...]
    code: Callable[..., Any]
    test: str
    at: str | None


_MARKS: list[Mark] = []
_LATE: set[str] = set()


def also_in(*modules: str) -> None:
    """Name modules that hold marks and that a web server does not import by itself.

    They are imported when the marks are first asked for, which no start does.
    """
    _LATE.update(modules)


def marks() -> list[Mark]:
    """Return every mark there is, those of the modules that were named to `also_in` included."""
    for module in sorted(_LATE):
        import_module(module)
    return _MARKS


def demonstrates(*numbers: int, test: str, at: str | None = None) -> Callable[[T], T]:
    """Mark code as the live demonstration of questions.

    :param numbers: the questions' numbers.
    :param test: the pytest node that proves it, as `tests/file.py::test_name`.
    :param at: `"METHOD endpoint"` where the code is shared and not itself a view; a `Resource`
        method or a view function finds its own.
    """

    def mark(code: T) -> T:
        _MARKS.append(Mark(numbers, code, test, at))
        return code

    return mark
