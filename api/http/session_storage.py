"""Where sessions are kept: signed in the cookie, in files, or in Redis, by `redis_sessions` (82).

The first is Flask's own interface, the other two are Flask-Session's. What they are taught here:

- whose cookie they set: name, path and lifetime of an `api.http.cookies.Cookie`;
- a signed cookie that fails says why (`tampered`, `expired`), where Flask opens an empty session;
- on the server, what was ended stays ended: a request that began before and ends after does not
  write the session back;
- entries are Flask's tagged JSON. CacheLib's files are pickles, and Flask-Session falls back to
  pickle: whoever can write to such a store runs code here;
- files are readable by their owner alone, and go when they have expired. (CacheLib has the choice
  between dropping live sessions, above a threshold of 500, and keeping dead ones for ever.)

Sources: https://flask-session.readthedocs.io/en/latest/config.html and
https://cachelib.readthedocs.io/en/stable/file/
"""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, time
from typing import IO, Any

from cachelib import FileSystemCache
from flask import Flask, Request, Response
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    SessionMixin,
)
from flask_session.base import ServerSideSession, ServerSideSessionInterface
from flask_session.cachelib import CacheLibSessionInterface
from itsdangerous import BadData, SignatureExpired

from api.demonstrations import demonstrates
from api.http.cookies import Cookie
from api.http.problems import Problem


def unavailable() -> Problem:
    """Make the problem for a store that does not answer."""
    return Problem(
        "service-unavailable",
        "The store of sessions is not answering.",
        headers={"Retry-After": "1"},
    )


class _Placed(SessionInterface):
    """A session interface whose cookie is told by `cookie` instead of the SESSION_COOKIE settings."""

    cookie: Cookie

    def get_cookie_name(self, app: Flask) -> str:
        return self.cookie.name_in(app)

    def get_cookie_path(self, app: Flask) -> str:
        return self.cookie.path

    def get_cookie_httponly(self, app: Flask) -> bool:
        return True

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        return datetime.now(UTC) + self.cookie.lifetime if session.permanent else None

    def create(self) -> SessionMixin:
        """Return an empty session that no client has the name of."""
        raise NotImplementedError  # each storage has its own kind of session

    def forget(self, request: Request) -> None:
        """Remove what is stored of the session that the request names."""


class SignedSession(SecureCookieSession):
    """A session in a signed cookie. `fault` says why the one that came was not taken."""

    fault: str | None = None


class SignedSessions(_Placed, SecureCookieSessionInterface):
    """Flask's own: everything is in the cookie, signed, readable, and nothing is on the server.

    The salt is the cookie's name, so that the value of one cookie is refused in another.
    """

    session_class = SignedSession

    def __init__(self, cookie: Cookie) -> None:
        self.cookie = cookie
        self.salt = f"session:{cookie.base}"

    def open_session(self, app: Flask, request: Request) -> SignedSession:
        """Open what the cookie holds; what does not verify is an empty session with a fault."""
        value = request.cookies.get(self.get_cookie_name(app))
        session = self.create()
        # The serializer knows SECRET_KEY and SECRET_KEY_FALLBACKS, as they are at this moment.
        serializer = self.get_signing_serializer(app)
        if not value or serializer is None:
            return session
        try:
            return SignedSession(
                serializer.loads(value, max_age=int(self.cookie.lifetime.total_seconds()))
            )
        except SignatureExpired:
            session.fault = "expired"
        except BadData:
            session.fault = "tampered"
        return session

    def create(self) -> SignedSession:
        """Return an empty session."""
        return SignedSession()


class TaggedJSON:
    """Sessions as Flask writes them into cookies, for both stores; broken ones count as none."""

    _json = TaggedJSONSerializer()

    def encode(self, session: ServerSideSession) -> bytes:
        """Write a session, for Redis."""
        return self._json.dumps(dict(session)).encode()

    def decode(self, data: bytes) -> dict[str, Any] | None:
        """Read a session; None for what is none."""
        try:
            found = self._json.loads(data.decode())
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def dump(self, value: dict[str, Any], file: IO[bytes]) -> None:
        """Write a session into a file, for CacheLib."""
        file.write(self._json.dumps(value).encode())

    def load(self, file: IO[bytes]) -> dict[str, Any] | None:
        """Read a session from a file; None for what is none."""
        return self.decode(file.read())


class ServerSide(_Placed, ServerSideSessionInterface):
    """What both of Flask-Session's interfaces are taught. The cookie holds a random name, no more."""

    def open_session(self, app: Flask, request: Request) -> ServerSideSession:
        """Open the stored session that the cookie names. A name that is not stored is never taken
        over: whoever made it up, or planted it in a victim's browser, would share the session.
        """
        sid = request.cookies.get(self.get_cookie_name(app))
        data = self._retrieve_session_data(self._get_store_id(sid)) if sid else None
        if data is not None:
            session = self.session_class(data, sid=sid)
            session.new, session.fault = False, None
            return session
        session = self.create()
        session.fault = "ended" if sid else None
        return session

    def create(self) -> ServerSideSession:
        """Return an empty session under a new name."""
        session = self.session_class(sid=self._generate_sid(self.sid_length))
        session.new, session.fault = True, None
        return session

    def save_session(self, app: Flask, session: ServerSideSession, response: Response) -> None:
        """Save as Flask-Session does; expire the cookie with the attributes that it was set with.

        (Flask-Session leaves them out, and browsers ignore an expiry of `__Host-` without `Secure`.)
        """
        if session or not session.modified:
            super().save_session(app, session, response)
            return
        self._delete_session(self._get_store_id(session.sid))
        self.cookie.expire(response)
        response.vary.add("Cookie")

    def regenerate(self, session: ServerSideSession) -> None:
        """Give the session a new name, and let the old one name nothing: at every sign-in."""
        self._delete_session(self._get_store_id(session.sid))
        session.sid = self._generate_sid(self.sid_length)
        session.new = session.modified = True

    def forget(self, request: Request) -> None:
        """Remove the session that the request names; a copy of its cookie opens nothing."""
        if sid := request.cookies.get(self.cookie.name):
            self._delete_session(self._get_store_id(sid))


class SessionFiles(FileSystemCache):
    """Sessions as files in a folder that only the owner can enter.

    :param folder: made if it is not there.
    """

    SWEEP_SECONDS = 300.0
    serializer = TaggedJSON()  # type: ignore[assignment]  # the same two methods, without pickle

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        super().__init__(os.fspath(folder), threshold=0, mode=0o600)
        self._swept = monotonic()
        self._writing = threading.Lock()

    def _prune(self) -> None:
        """Remove what has expired, now and then; called by `set`. Nothing that lives is removed."""
        if monotonic() - self._swept >= self.SWEEP_SECONDS:
            self._swept = monotonic()
            self._remove_expired(time())

    def replace(self, key: str, value: dict[str, Any], seconds: int) -> bool:
        """Set what is there already; tells whether it could be written. What is gone stays gone.

        Among the threads of a process this is exact; between processes lies the moment from one
        system call to the next. Redis has no such moment.
        """
        with self._writing:
            return self.set(key, value, seconds) if self.has(key) else True

    def delete(self, key: str, mgmt_element: bool = False) -> bool:
        """Remove an entry."""
        with self._writing:
            return super().delete(key, mgmt_element)


@demonstrates(
    82,
    at="POST v1.practice_round",
    test="tests/http/test_sessions.py::test_files_are_private_and_hold_json",
)
class FileSessions(ServerSide, CacheLibSessionInterface):
    """Sessions in files, for all processes of one machine."""

    cache: SessionFiles

    def __init__(self, app: Flask, cookie: Cookie, files: SessionFiles) -> None:
        super().__init__(app, client=files, key_prefix=f"{cookie.base}:", permanent=False)
        self.cookie = cookie

    def _upsert_session(self, _: timedelta, session: ServerSideSession, store_id: str) -> None:
        write = self.cache.set if session.new else self.cache.replace
        if not write(store_id, dict(session), int(self.cookie.lifetime.total_seconds())):
            raise unavailable()  # a full disk, for instance; CacheLib has logged it

    def _delete_session(self, store_id: str) -> None:
        if not self.cache.delete(store_id):
            raise unavailable()
