"""`before_request` and `after_request`: request id, `Server-Timing`, security headers (54).

`after_request` runs on errors that a handler answered too; `teardown_request` runs last, whatever
happened, and is the place to release, not to answer.
Sources: https://flask.palletsprojects.com/en/stable/api/#flask.Flask.after_request and
https://www.w3.org/TR/server-timing/
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from random import randbytes
from time import perf_counter
from typing import Any
from urllib.parse import quote, unquote

from flask import Flask, Response, g, has_app_context, request
from sqlalchemy import Engine, event

from api.demonstrations import demonstrates
from api.logs import access

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

#: Parameters that people put credentials into, by a part of their name.
_CREDENTIAL = re.compile(
    r"token|jwt|passw|pwd|secret|api[_-]?key|auth(?!ors?$)|credential|session|signature|^(code|key|otp|sid|sig)$",
    re.IGNORECASE,
)

#: A JSON Web Token under any name: its header begins as JSON objects do in base64url.
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]*(\.[\w-]*)?")

REDACTED = "[redacted]"

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@dataclass(slots=True)
class Spent:
    """What a request has spent on the database so far."""

    statements: int = 0
    seconds: float = 0.0
    began: float = 0.0
    """When the present statement did."""


def in_api() -> bool:
    """Tell whether the request is to the API, as against the site."""
    return request.path == "/api" or request.path.startswith("/api/")


@demonstrates(
    54,
    at="GET v1.index",
    test="tests/http/test_hooks.py::test_every_response_carries_request_id_timing_and_security_headers",
)
def begin() -> None:
    """Start the clock and name the request: the caller's own id if it is a harmless one."""
    g.started = perf_counter()
    g.spent = Spent()
    g.request_id = name_request(request.headers.get("X-Request-ID", ""))


def name_request(sent: str) -> str:
    """Return the id of a request: the caller's own if it is a harmless one, else 32 random digits.

    It is no secret, so that a generator will do which somebody could foresee.
    """
    if sent and _ACCEPTABLE_ID.fullmatch(sent):
        return sent
    return randbytes(16).hex()  # noqa: S311 - an id, no secret


def timing(seconds: float, database_seconds: float = 0.0, statements: int = 0) -> str:
    """Return the value of `Server-Timing`, which counts in milliseconds."""
    if not statements:
        return _timing(int(seconds * 10_000 + 0.5))
    return (
        f"app;dur={seconds * 1000:.1f}, "
        f'db;dur={database_seconds * 1000:.1f};desc="{statements} statements"'
    )


@lru_cache(maxsize=1024)  # answers that take no statement take few different times
def _timing(tenths: int) -> str:
    return f'app;dur={tenths / 10}, db;dur=0.0;desc="0 statements"'


@demonstrates(
    54,
    at="GET v1.index",
    test="tests/http/test_hooks.py::test_every_response_carries_request_id_timing_and_security_headers",
)
def finish(response: Response) -> Response:
    """Put on every response what `begin` measured, and the security headers."""
    seconds = perf_counter() - g.started
    response.headers["X-Request-ID"] = g.request_id
    response.headers["Server-Timing"] = timing(seconds, g.spent.seconds, g.spent.statements)
    api = in_api()
    if api and response.mimetype == "text/html":  # Werkzeug's, with a redirect or OPTIONS
        response.set_data(b"")
        del response.headers["Content-Type"]
    if response.mimetype == "text/html":  # a page of a package's brings a policy of its own
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if response.allow:  # Werkzeug keeps a set, whose order changes from process to process
        response.headers["Allow"] = ", ".join(sorted(response.allow))
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if api:
        response.vary.add("Origin")  # Flask-CORS leaves it out when only one origin is allowed
    access.tell(request.method, target(), str(response.status_code), seconds, g.request_id)
    return response


def target() -> str:
    """Return path and query for the log, quoted: a decoded line feed would forge a record.

    A credential has no place in an address and opens nothing here, but whoever sent it there by
    mistake should not find it in a log as well.
    Source: https://www.rfc-editor.org/rfc/rfc6750#section-5.3
    """
    path = _JWT.sub(REDACTED, request.path)
    if token := (request.view_args or {}).get("token"):  # of a mailed link: it opens an account
        path = path.replace(str(token), REDACTED)
    quoted = quote(path, safe="/[]")
    if request.query_string:
        query = quote(request.query_string, safe="%/:?@!$&'()*+,;=")
        quoted += "?" + "&".join(map(_without_credential, query.split("&")))
    return quoted


def _without_credential(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if equals and value and _CREDENTIAL.search(unquote(name)):
        return f"{name}={REDACTED}"
    if _JWT.search(unquote(parameter)):
        return f"{name}={REDACTED}" if equals and not _JWT.search(unquote(name)) else REDACTED
    return parameter


def count_statements(engine: Engine) -> None:
    """Count the statements of each request and the seconds they take, for `Server-Timing`."""

    def before(*_: Any) -> None:
        if has_app_context() and (spent := g.get("spent")):
            spent.began = perf_counter()

    def after(*_: Any) -> None:
        if has_app_context() and (spent := g.get("spent")):
            spent.statements += 1
            spent.seconds += perf_counter() - spent.began

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)


def init_app(app: Flask) -> None:
    """Register the pair. Flask runs `after_request` functions in reverse order of registration."""
    app.before_request(begin)
    app.after_request(finish)
