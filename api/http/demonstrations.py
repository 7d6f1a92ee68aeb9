"""From `@demonstrates` to what is served: question → method and path → source lines → test.

The marks are resolved against the routes of the running application, so a demonstration cannot
name an address that is not there.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask

from api.demonstrations import Mark, marks

ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


@dataclass(frozen=True, slots=True)
class Source:
    """Lines of a file of this project, numbered from 1."""

    path: str
    first_line: int
    last_line: int
    text: str


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One live demonstration of one question."""

    number: int
    endpoint: str
    method: str
    path: str
    source: Source
    test: str

    def serves(self, method: str, path: str) -> bool:
        """Tell whether a request of `method` to `path` reaches this demonstration."""
        parts = (re.escape(part) for part in re.split(r"\{[^}]+\}", self.path))
        reads = {method, self.method} <= {"GET", "HEAD"}
        return (method == self.method or reads) and bool(re.fullmatch("[^/]+".join(parts), path))


class UnresolvedMarkError(LookupError):
    """A mark names code that no route reaches."""


def path_template(rule: str) -> str:
    """Write a route as the contract writes it: `<int:number>` becomes `{number}`."""
    return _VARIABLE.sub(r"{\1}", rule)


def resolve(app: Flask) -> list[Demonstration]:
    """Return every demonstration of the application, by question. Raises UnresolvedMarkError."""
    found = [
        Demonstration(number, endpoint, method, path, source_of(mark.code), mark.test)
        for mark in marks()
        for endpoint, method, path in [_locate(app, mark)]
        for number in mark.numbers
    ]
    return sorted(found, key=lambda d: (d.number, d.path, d.source.path, d.source.first_line))


def of_question(app: Flask, number: int) -> list[Demonstration]:
    """Return the demonstrations of one question. Resolved once per application."""
    return all_by_number(app).get(number, [])


def all_by_number(app: Flask) -> dict[int, list[Demonstration]]:
    """Return the demonstrations by question number. Resolved once per application."""
    known: dict[int, list[Demonstration]] | None = app.extensions.get("demonstrations")
    if known is None:
        known = {}
        for demonstration in resolve(app):
            known.setdefault(demonstration.number, []).append(demonstration)
        app.extensions["demonstrations"] = known
    return known


@cache
def source_of(code: Callable[..., Any]) -> Source:
    """Return the lines that define `code`, decorators included."""
    plain = inspect.unwrap(code)
    lines, first = inspect.getsourcelines(plain)
    path = Path(inspect.getsourcefile(plain) or "").resolve().relative_to(ROOT)
    return Source(path.as_posix(), first, first + len(lines) - 1, "".join(lines))


def _locate(app: Flask, mark: Mark) -> tuple[str, str, str]:
    if mark.at is not None:
        method, _, endpoint = mark.at.partition(" ")
        for rule in app.url_map.iter_rules():
            if rule.endpoint == endpoint:
                return endpoint, method, path_template(rule.rule)
        raise UnresolvedMarkError(f"{mark.at}: no such endpoint")
    for endpoint, method, route in _views(app, inspect.unwrap(mark.code)):
        return endpoint, method, path_template(route)
    raise UnresolvedMarkError(f"{mark.code.__module__}.{mark.code.__qualname__} is not a view")


def _views(app: Flask, code: Any) -> Iterator[tuple[str, str, str]]:
    """Find the routes that reach `code`: a view function, a Resource class or one of its methods."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        cls = getattr(view, "view_class", None)
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if cls is None:
            if inspect.unwrap(view) is code:
                yield rule.endpoint, methods[0], rule.rule
            continue
        if cls is code:
            yield rule.endpoint, methods[0], rule.rule
        for method in methods:
            if inspect.unwrap(getattr(cls, method.lower())) is code:
                yield rule.endpoint, method, rule.rule
