"""A response cache in front of Flask: a hot anonymous read costs little more than handing its bytes on (74).

What Flask answered is kept as it was sent and answered again while the version of its data stands, which
every hit compares (`api.http.freshness`). Once it does not, an answer that says how is read again
(`api.http.rereading`). Neither passes routing and Flask's hooks, so both bring themselves what those would
have added: a request id, timing, what is left of the quota, a line in the log.

Only a view marked `@cached` is kept, and of it only what depends on nothing but the key. Whatever else a
request may say (credentials, conditions, `Cache-Control`) goes on to Flask, as does a read too many.
Source: https://peps.python.org/pep-3333/ and https://www.rfc-editor.org/rfc/rfc9111#section-4
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from time import perf_counter, time
from typing import TYPE_CHECKING, TypeAlias

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.http import http_date, quote_etag, remove_entity_headers

from api.demonstrations import demonstrates
from api.http import hooks
from api.http.caching import BYPASS, HIT, MISS, Kept
from api.http.conditional import etag_of
from api.http.freshness import Freshness
from api.http.limits import Reads
from api.http.rereading import KnownCaller, Reading, read_again
from api.logs import access

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Key: TypeAlias = tuple[str | bytes | None, ...]
Fields: TypeAlias = list[tuple[str, str]]

READS = {"GET", "HEAD"}

#: What an answer may vary by and be kept all the same: it is in the key.
VARYING = {"origin", "accept"}

#: What makes a request one for Flask.
UNUSUAL = frozenset(
    {
        "HTTP_COOKIE", "HTTP_CACHE_CONTROL", "HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH",
        "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE",
    }
)  # fmt: skip

#: What each request gets of its own.
OWN = {"x-request-id", "server-timing", "ratelimit", "cache-status"}
#: What changes with the body.
OF_BODY = {"content-length", "etag", "date"}

KEY = "question_bank.front_key"
NOTHING = hooks.Spent()


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer as it goes out, whole and as 304.

    :ivar kept: for how long the body is good; None where none is kept.
    :ivar reading: how to read it again, where that is known.
    :ivar caller: who alone is answered by it, and each time asked for; None for anybody.
    :ivar about: the fields that stay as they are when the body changes; of them, those of a 304.
    """

    kept: Kept | None
    reading: Reading | None
    caller: KnownCaller | None
    target: str
    about: Fields
    about_unchanged: Fields
    etag: str
    whole: Fields
    unchanged: Fields
    body: bytes

    @property
    def quota(self) -> str | None:
        """Whose quota a read counts against; None for the address that it comes from."""
        return self.caller.quota if self.caller else None

    @property
    def size(self) -> int:
        """What it takes, roughly: the fields are kept four times, and the key repeats some of them."""
        return len(self.body) + 6 * sum(len(name) + len(value) for name, value in self.whole)

    def renewed(self, kept: Kept | None, body: bytes, fields: dict[str, str]) -> "Entry":
        """Return the answer with another body, and the fields that go with that."""
        etag = quote_etag(etag_of(body))
        own = [*fields.items(), ("ETag", etag), ("Date", http_date())]
        whole = [*self.about, ("Content-Length", str(len(body))), *own]
        unchanged = [*self.about_unchanged, *own]
        about, less = self.about, self.about_unchanged
        return Entry(
            kept, self.reading, self.caller, self.target, about, less, etag, whole, unchanged, body
        )


class Front:
    """The cache, as WSGI middleware. At most `most` bytes are kept; what was used least goes first."""

    def __init__(self, app: Flask, most: int) -> None:
        self._app, self._most = app, most
        self._inner: WSGIApplication = app.wsgi_app
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._size = 0
        self._turn = threading.Lock()
        self._reads = Reads(app)

    @cached_property
    def _freshness(self) -> Freshness:
        found: Freshness = self._app.extensions["freshness"]  # which is bound later than this
        return found

    def before(self, inner: "WSGIApplication") -> "Front":
        """Put the cache in front of what leads to Flask."""
        self._inner = inner
        return self

    @demonstrates(
        74,
        at="GET v1.questions",
        test="tests/http/test_front.py::test_a_hit_says_what_flask_would_have_said",
    )
    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer from the cache if that is possible, else by Flask."""
        if environ["REQUEST_METHOD"] not in READS or not UNUSUAL.isdisjoint(environ):
            return self._inner(environ, start_response)
        started = perf_counter()
        get = environ.get
        key = (
            get("PATH_INFO"), get("QUERY_STRING"), get("HTTP_HOST"), get("SCRIPT_NAME"),
            get("wsgi.url_scheme"), get("HTTP_ORIGIN"), get("HTTP_ACCEPT"),
            None if (sent := get("HTTP_AUTHORIZATION")) is None else _digest(sent),
        )  # fmt: skip
        entry = self._entries.get(key)
        condition = get("HTTP_IF_NONE_MATCH")
        if (
            entry is None
            or not (condition is None or _is_one(condition))
            or (left := self._reads.spend(whose := entry.quota or get("REMOTE_ADDR"))) is None
        ):
            environ[KEY] = key
            return self._inner(environ, start_response)
        told, spent = HIT, NOTHING
        if not self._is_good(key, entry):
            if (again := self._read_again(key, entry)) is None:
                self._reads.take_back(whose)
                environ[KEY] = key
                return self._inner(environ, start_response)
            entry, told, spent = again
        request_id = hooks.name_request(get("HTTP_X_REQUEST_ID", ""))
        is_whole = condition is None or condition != entry.etag
        seconds = perf_counter() - started
        start_response(
            "200 OK" if is_whole else "304 NOT MODIFIED",
            [
                *(entry.whole if is_whole else entry.unchanged),
                *left,
                ("Cache-Status", told),
                ("X-Request-ID", request_id),
                ("Server-Timing", hooks.timing(seconds, spent.seconds, spent.statements)),
            ],
        )
        method = environ["REQUEST_METHOD"]
        access.tell(method, entry.target, "200" if is_whole else "304", seconds, request_id)
        return (entry.body,) if is_whole and method == "GET" else ()

    def _is_good(self, key: Key, entry: Entry) -> bool:
        """Tell whether an answer may still be given, as far as that takes no query."""
        if entry.kept is None or entry.caller is not None:
            return False
        scope, version, ends = entry.kept
        try:
            known = self._freshness.known()
        except sqlite3.Error:  # Flask meets it too, and says so
            return False
        if known is None or known.get(scope) != version or time() >= ends:
            return False
        self._note_use(key)
        return True

    def _read_again(self, key: Key, entry: Entry) -> tuple[Entry, str, hooks.Spent] | None:
        """Read the data of an answer that is no longer good, and keep the new one.

        Returns it with its `Cache-Status` and what the database was asked; None where it is for Flask to
        answer.
        """
        try:
            with self._app.app_context():
                g.spent = spent = hooks.Spent()
                if entry.caller is not None and not entry.caller.is_still_calling():
                    self._forget(key)
                    return None
                kept = self._now_kept(entry)
                told = BYPASS if kept is None else MISS
                if kept is not None and kept == entry.kept:  # it took a query to tell
                    told = HIT
                elif entry.reading is None:
                    self._forget(key)
                    return None
                else:
                    body, own = read_again(entry.reading)
                    entry = entry.renewed(kept, body, own)
                    if kept is not None:
                        self._keep(key, entry)
                self._note_use(key)
                return entry, told, spent
        except Exception:  # whatever it is, Flask meets it too, and says so
            self._forget(key)
            return None

    def _now_kept(self, entry: Entry) -> Kept | None:
        """Tell for how long what is read now will be good: asked first, as the data may change meanwhile."""
        if entry.kept is None:
            return None
        scope, version, ends = entry.kept
        now = self._freshness.versions(ask=entry.caller is not None).get(scope)
        if now == version and time() < ends:
            return entry.kept
        return Kept(scope, now, time() + self._app.config["CACHE_DEFAULT_TIMEOUT"])

    def offer(self, response: Response) -> Response:
        """Keep what Flask has answered, if it is good for the next request of the same key."""
        key, kept = request.environ.get(KEY), g.get("kept")
        caller: KnownCaller | None = g.get("known_caller")
        reading, of_data = g.get("reading", (None, {}))
        if key is None or response.status_code not in {200, 304}:
            return response
        if caller is None and "Authorization" in request.headers:
            return response
        if kept is None and (reading is None or self._app.config["CACHE_ENABLED"]):
            return response
        # (Of a 304 and of the answer to HEAD, Werkzeug drops the body only when it sends them.)
        alone = self._reads.alone(response) and "Set-Cookie" not in response.headers
        if alone and VARYING.issuperset(name.lower() for name in response.vary):
            fields = [each for each in response.headers if each[0].lower() not in OWN]
            about = [
                each
                for each in fields
                if each[0].lower() not in OF_BODY and each not in of_data.items()
            ]
            entry = Entry(
                kept,
                reading,
                caller,
                hooks.target(),
                about,
                _without_body(about),
                response.headers.get("ETag", ""),
                fields,
                _without_body(fields),
                response.get_data(),
            )
            self._keep(key, entry)
        return response

    def _note_use(self, key: Key) -> None:
        try:
            self._entries.move_to_end(key)
        except KeyError:  # another thread has just forgotten it; `suppress` takes ten times as long
            return

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


def _without_body(fields: Fields) -> Fields:
    """Return the fields of a 304."""
    left = Headers(fields)
    remove_entity_headers(left)
    return list(left)


def _digest(authorization: str) -> bytes:
    """Name a token without having it stand in memory."""
    return sha256(authorization.encode("latin-1")).digest()


def _is_one(condition: str) -> bool:
    """Tell whether an `If-None-Match` names one strong ETag: to compare more is Werkzeug's."""
    return condition[:1] == '"' == condition[-1:] and condition.count('"') == 2


def init_app(app: Flask) -> None:
    """Make the cache. To be called first, so that it sees finished answers."""
    if most := app.config["RESPONSE_CACHE_BYTES"]:
        app.extensions["front"] = front = Front(app, most)
        app.after_request(front.offer)


def put_before(app: Flask, inner: "WSGIApplication") -> "WSGIApplication":
    """Put the cache, where there is one, in front of what leads to Flask."""
    front: Front | None = app.extensions.get("front")
    return front.before(inner) if front else inner
