"""Cached reads with Flask-Caching: a miss, a hit, and the write that invalidates (74).

The key holds the version of the data, so nothing is ever deleted on a write: a new version is a
new key, and what was stored under the old one ages out. `Cache-Status` tells what happened.
Sources: https://www.rfc-editor.org/rfc/rfc9211 and
https://flask-caching.readthedocs.io/en/latest/api.html
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from hashlib import blake2b
from time import monotonic, time
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, g, has_app_context, request
from flask_restful.utils import unpack
from sqlalchemy import event

from api.demonstrations import demonstrates
from api.extensions import cache, db
from api.http import redis
from api.http.freshness import Freshness, watch
from api.http.rereading import Reading
from api.http.restful import output_json

log = logging.getLogger(__name__)

NAME = "question-bank"
HIT = f"{NAME}; hit"
MISS = f"{NAME}; fwd=uri-miss; stored"
RELOADED = f"{NAME}; fwd=request; stored"
BYPASS = f"{NAME}; fwd=bypass"
#: How long a cache that failed is left alone: a hanging one must not delay every read.
PAUSE_SECONDS = 5.0


def freshness() -> Freshness:
    """Return the watcher of the running application."""
    watcher: Freshness = current_app.extensions["freshness"]
    return watcher


class Kept(NamedTuple):
    """For how long an answer is good: while a version of a scope stands, and until a time (of the epoch)."""

    scope: str
    version: int | None
    ends: float


def _key(scope: str, version: int | None, view: str) -> str:
    """Name the representation: the data's version, and all that the answer depends on.

    The view belongs to it, as one address may choose among several (`api.versions`). JSON keeps
    the parts apart: joined by a mere separator, a value that holds it could pass for two.
    """
    arguments = sorted(request.args.items(multi=True))
    parts = [scope, version, view, request.url_root, request.path, arguments]
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


@demonstrates(
    74,
    at="GET v1.questions",
    test="tests/http/test_caching.py::test_a_miss_is_stored_and_the_next_read_is_a_hit",
)
def cached(scope: str = "bank") -> Callable[[Any], Any]:
    """Keep the answers of a reading view until data of `scope` changes.

    `Cache-Control: no-cache` on the request reads past the cache and refreshes it.

    :param scope: the row of `data_versions` that the view's data belongs to.
    """

    def decorate(view: Any) -> Any:
        name = f"{view.__module__}.{view.__qualname__}"

        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Response:
            if not current_app.config["CACHE_ENABLED"]:
                return _respond(view(*args, **kwargs), BYPASS)
            credentials = "Authorization" in request.headers or bool(request.cookies)
            version = freshness().versions(ask=credentials).get(scope)
            key, reload = _key(scope, version, name), request.cache_control.no_cache
            stored = None if reload else _attempt(cache.get, key)
            if stored is not None:
                body, headers, ends = stored
                response = current_app.response_class(body, headers=headers)
                response.headers["Cache-Status"] = HIT
                g.kept = Kept(scope, version, ends)
                return response
            response = _respond(view(*args, **kwargs), RELOADED if reload else MISS)
            headers = [(k, v) for k, v in response.headers if k != "Cache-Status"]
            seconds = _seconds_to_keep()
            entry = response.get_data(), headers, time() + seconds
            if seconds > 0 and _attempt(cache.set, key, entry, seconds):
                g.kept = Kept(scope, version, entry[2])
            else:
                response.headers["Cache-Status"] = BYPASS
            return response

        return wrapper

    return decorate


def keep_until(moment: datetime) -> None:
    """Note in a cached view that what it answers ends by itself: no write will tell of it."""
    g.keep_until = moment


def _seconds_to_keep() -> int:
    most: int = current_app.config["CACHE_DEFAULT_TIMEOUT"]
    end: datetime | None = g.pop("keep_until", None)
    return most if end is None else min(most, int((end - datetime.now(UTC)).total_seconds()))


def _attempt(operation: Callable[..., Any], *args: Any) -> Any:
    """Use the cache, or go on without it: what only speeds reads up must not fail them."""
    state = current_app.extensions
    if monotonic() < state.get("cache_paused_until", 0.0):
        return None
    try:
        return operation(*args)
    except redis.failure() as error:
        log.warning("no cache for %s s: %s", PAUSE_SECONDS, error)
        state["cache_paused_until"] = monotonic() + PAUSE_SECONDS
        return None


def _respond(answer: Any, status: str) -> Response:
    """Represent a view's answer and say how it came about; note how it can be read again."""
    response: Any = answer
    if isinstance(answer, Reading):
        data, headers = answer.read()
        response = output_json(data, 200, headers)
        g.reading = answer, headers
    elif not isinstance(answer, Response):
        data, code, headers = unpack(answer)
        response = output_json(data, code, headers)
    response.headers["Cache-Status"] = status
    result: Response = response
    return result


@event.listens_for(db.session, "after_commit")
def _committed(_: Any) -> None:
    if has_app_context():
        freshness().forget()


def init_app(app: Flask) -> None:
    """Start watching the application's database."""
    with app.app_context():
        app.extensions["freshness"] = watch(db.engine)
