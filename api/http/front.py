"""A response cache in front of Flask: a hot anonymous read costs little more than handing its bytes on (74).

What Flask answered is kept as it was sent and answered again while the version of its data stands, which
every hit compares (`api.http.freshness`). A hit skips routing and all of Flask's hooks, so it brings
itself what they would have added: a request id, timing, what is left of the quota, a line in the log.

Only a view marked `@cached` is kept, and of it only what depends on nothing but the key. Whatever else a
request may say (credentials, conditions, `Cache-Control`) goes on to Flask, as does a read too many.
Source: https://peps.python.org/pep-3333/ and https://www.rfc-editor.org/rfc/rfc9111#section-4
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from time import perf_counter, time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.http import remove_entity_headers

from api.demonstrations import demonstrates
from api.http import hooks
from api.http.caching import HIT, Kept
from api.http.limits import Reads
from api.logs import access

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Key: TypeAlias = tuple[str | None, ...]
Fields: TypeAlias = list[tuple[str, str]]

READS = {"GET", "HEAD"}

#: What an answer may vary by and be kept all the same: it is in the key.
VARYING = {"origin", "accept"}

#: What makes a request one for Flask.
UNUSUAL = frozenset(
    {
        "HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_CACHE_CONTROL", "HTTP_RANGE", "HTTP_IF_RANGE",
        "HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE",
    }
)  # fmt: skip

#: What each request gets of its own. (`Cache-Status` is the same for every hit.)
OWN = {"x-request-id", "server-timing", "ratelimit", "cache-status"}

KEY = "question_bank.front_key"


class Entry(NamedTuple):
    """An answer as it goes out, whole and as 304, and how long it is good."""

    kept: Kept
    etag: str
    whole: Fields
    unchanged: Fields
    body: tuple[bytes]
    target: str
    size: int


class Front:
    """The cache, as WSGI middleware. At most `most` bytes are kept; what was used least goes first."""

    def __init__(self, app: Flask, inner: "WSGIApplication", most: int) -> None:
        self._app, self._inner, self._most = app, inner, most
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._size = 0
        self._turn = threading.Lock()
        self._reads = Reads(app)

    @demonstrates(
        74,
        at="GET v1.questions",
        test="tests/http/test_front.py::test_a_hit_says_what_flask_would_have_said",
    )
    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer from the cache if that is possible, else by Flask."""
        method = environ["REQUEST_METHOD"]
        if method not in READS or not environ.keys().isdisjoint(UNUSUAL):
            return self._inner(environ, start_response)
        started = perf_counter()
        get = environ.get
        key = (
            get("PATH_INFO"), get("QUERY_STRING"), get("HTTP_HOST"), get("SCRIPT_NAME"),
            get("wsgi.url_scheme"), get("HTTP_ORIGIN"), get("HTTP_ACCEPT"),
        )  # fmt: skip
        entry = self._entries.get(key)
        condition = get("HTTP_IF_NONE_MATCH")
        if (
            entry is None
            or (condition is not None and condition != entry.etag)
            or not self._is_good(key, entry)
            or (left := self._reads.spend(get("REMOTE_ADDR"))) is None
        ):
            environ[KEY] = key
            return self._inner(environ, start_response)
        request_id = hooks.name_request(get("HTTP_X_REQUEST_ID", ""))
        status, fields = (
            ("200 OK", entry.whole) if condition is None else ("304 NOT MODIFIED", entry.unchanged)
        )
        seconds = perf_counter() - started
        start_response(
            status,
            [
                *fields,
                *left,
                ("X-Request-ID", request_id),
                ("Server-Timing", hooks.timing(seconds)),
            ],
        )
        access.tell(method, entry.target, status[:3], seconds, request_id)
        return entry.body if method == "GET" and condition is None else ()

    def _is_good(self, key: Key, entry: Entry) -> bool:
        """Tell whether an entry may still be answered; it is forgotten if it never will be."""
        scope, version, ends = entry.kept
        try:
            known = self._app.extensions["freshness"].known()
        except sqlite3.Error:  # Flask meets it too, and says so
            return False
        if known is None:  # it takes a query to tell
            return False
        if known.get(scope) != version or time() >= ends:
            self._forget(key)
            return False
        with suppress(KeyError):  # another thread may just have forgotten it
            self._entries.move_to_end(key)
        return True

    def offer(self, response: Response) -> Response:
        """Keep what Flask has answered, if it is good for the next request of the same key."""
        key, kept = request.environ.get(KEY), g.get("kept")
        if key is None or kept is None or response.status_code not in {200, 304}:
            return response
        # (Of a 304 and of the answer to HEAD, Werkzeug drops the body only when it sends them.)
        alone = self._reads.alone(response) and "Set-Cookie" not in response.headers
        if alone and VARYING.issuperset(name.lower() for name in response.vary):
            self._keep(key, self._entry(kept, response))
        return response

    def _entry(self, kept: Kept, response: Response) -> Entry:
        """Split an answer into what every hit says and what each says for itself."""
        whole = Headers(
            [(name, value) for name, value in response.headers if name.lower() not in OWN]
        )
        whole["Cache-Status"] = HIT
        unchanged = Headers(whole)
        remove_entity_headers(unchanged)
        body = response.get_data()
        size = len(body) + 2 * len(str(whole)) + len(str(request.environ[KEY]))
        return Entry(
            kept, whole.get("ETag", ""), list(whole), list(unchanged), (body,), hooks.target(), size
        )

    def _keep(self, key: Key, entry: Entry) -> None:
        with self._turn:
            self._drop(key)
            self._entries[key] = entry
            self._size += entry.size
            while self._size > self._most:
                self._drop(next(iter(self._entries)))

    def _forget(self, key: Key) -> None:
        with self._turn:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._size -= entry.size


def init_app(app: Flask) -> None:
    """Put the cache in front of an application. To be called first, so that it sees finished answers."""
    if most := app.config["RESPONSE_CACHE_BYTES"]:
        front = Front(app, app.wsgi_app, most)
        app.wsgi_app = front  # type: ignore[method-assign]  # Flask's documented way to add middleware
        app.after_request(front.offer)
