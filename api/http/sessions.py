"""`flask.session`, one name for two sessions: the site's and the practice round's (59, 82).

Flask asks one object, `app.session_interface`, to open a session before each request and to save it
after. Ours looks at the address: below `/api/v1/practice` it opens the practice session, which is kept
where the reader chose; everywhere else the site's, kept where `SESSION_STORAGE` says. Either is opened
when it is first used, so that whoever does not use one pays nothing and gets no cookie.
Source: https://flask.palletsprojects.com/en/stable/api/#session-interface
"""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.local import LocalProxy

from api.demonstrations import demonstrates
from api.http import redis
from api.http.cookies import Cookie
from api.http.errors import answer_http_error
from api.http.problems import Problem
from api.http.session_storage import (
    FileSessions,
    SessionFiles,
    SignedSessions,
)

if TYPE_CHECKING:
    from api.http.redis_sessions import RedisSessions

log = logging.getLogger(__name__)

PRACTICE_PATH = "/api/v1/practice"

StorageName = Literal["cookie", "server"]
Storage: TypeAlias = "SignedSessions | FileSessions | RedisSessions"


class LazySession(SessionMixin):
    """A session that is opened when it is first used. Everything is passed on to the opened one."""

    def __init__(self, opening: Callable[[], tuple[Storage, Any]]) -> None:
        self._opening = opening
        self._opened: tuple[Storage, Any] | None = None
        self.replaced = False

    @property
    def is_open(self) -> bool:
        """Whether anybody has used it."""
        return self._opened is not None

    @property
    def storage(self) -> Storage:
        """What keeps it."""
        return self._open()[0]

    @property
    def inner(self) -> Any:
        """The opened session, as its storage made it."""
        return self._open()[1]

    def _open(self) -> tuple[Storage, Any]:
        if self._opened is None:
            self._opened = self._opening()
        return self._opened

    def replace(self, storage: Storage) -> None:
        """Go on with an empty session of that storage."""
        self._opened = storage, storage.create()
        self.replaced = True

    @property
    def sid(self) -> str | None:
        """The name of a session on the server; None for one in a cookie."""
        return getattr(self.inner, "sid", None)

    @property
    def fault(self) -> str | None:
        """Why the session that the client sent was not taken: tampered, expired or ended."""
        found: str | None = self.inner.fault
        return found

    @property
    def modified(self) -> bool:
        """Whether it has to be saved."""
        return bool(self.inner.modified)

    @modified.setter
    def modified(self, value: bool) -> None:
        self.inner.modified = value

    def __getitem__(self, key: str) -> Any:
        return self.inner[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.inner[key] = value

    def __delitem__(self, key: str) -> None:
        del self.inner[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)

    def clear(self) -> None:
        """Empty it, which ends it."""
        self.inner.clear()


class SessionsByAddress(SessionInterface):
    """Opens and saves the session that belongs to the address.

    :param site: keeps the site's session.
    :param practice: keeps practice rounds, by the name that the reader chooses.
    """

    def __init__(self, site: Storage, practice: dict[StorageName, Storage]) -> None:
        self.site = site
        self.practice = practice

    def open_session(self, app: Flask, request: Request) -> LazySession:
        """Promise the session; nothing is read yet."""
        below = request.path == PRACTICE_PATH or request.path.startswith(f"{PRACTICE_PATH}/")
        candidates = list(self.practice.values()) if below else [self.site]

        def opening() -> tuple[Storage, Any]:
            came = (s for s in candidates if s.get_cookie_name(app) in request.cookies)
            storage = next(came, candidates[0])
            return storage, storage.open_session(app, request)

        return LazySession(opening)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save the session if it was used; where that fails, the answer says so instead."""
        if not isinstance(session, LazySession) or not session.is_open:
            return
        storage, inner = session.storage, session.inner
        inner.accessed = True  # hence `Vary: Cookie`
        try:
            storage.save_session(app, inner, response)
        except Problem as problem:
            log.warning("session not saved, answered %s [%s]", problem.code, g.get("request_id"))
            _answer_instead(response, problem)
            return
        # The site's is left to the next sign-in: an answer to a read sets no cookie.
        refused = isinstance(storage, SignedSessions) and inner.fault and not inner
        if refused and storage is not self.site:
            storage.cookie.expire(response)
        if session.replaced:  # one round at a time
            for other in self.practice.values():
                if other is not storage and other.get_cookie_name(app) in request.cookies:
                    other.cookie.expire(response)

    def regenerate(self, session: SessionMixin) -> None:
        """Give the site's session a new name, at every sign-in, as Flask-Session's own method does.

        A session in a cookie has no name that somebody else could know.
        """
        proxy: Any = session
        lazy: LazySession = proxy._get_current_object() if isinstance(proxy, LocalProxy) else proxy
        if isinstance(lazy.storage, SignedSessions):
            lazy.modified = True
        else:
            lazy.storage.regenerate(lazy.inner)


def _answer_instead(response: Response, problem: Problem) -> None:
    """Turn an answer that promised too much into the problem."""
    told = answer_http_error(problem)
    for name in ("ETag", "Location", "Content-Location", "Link", "Set-Cookie"):
        response.headers.pop(name, None)
    response.status_code = told.status_code
    response.set_data(told.get_data())
    for name in ("Content-Type", "Content-Language", "Retry-After"):
        response.headers[name] = told.headers[name]
    response.vary.update(getattr(told, "vary", ()))
    response.headers["Cache-Control"] = "no-store"


def _practice() -> tuple[SessionsByAddress, LazySession]:
    """Return the interface and the practice session of the current request."""
    proxy: Any = session
    interface: SessionsByAddress = current_app.extensions["sessions"]
    return interface, proxy._get_current_object()


def begin_practice(storage: StorageName) -> None:
    """Begin an empty practice session, kept there, under a new name; end the one that came, if any.

    One on the server ends for everybody who has a copy of its cookie; one in a cookie is merely
    replaced in this browser.
    """
    interface, practice = _practice()
    for each in interface.practice.values():
        each.forget(request)
    practice.replace(interface.practice[storage])
    practice.permanent = True  # until `PRACTICE_SECONDS` are over, not until the browser closes


def practice_storage() -> StorageName:
    """Say where the current practice session is kept."""
    interface, practice = _practice()
    return next(name for name, each in interface.practice.items() if each is practice.storage)


@demonstrates(
    59,
    at="GET v1.practice_round",
    test="tests/v1/test_practice.py::test_a_tampered_cookie_is_refused_and_cleared",
)
def refuse_bad_cookie() -> None:
    """Raise Problem if the practice cookie was changed or is too old; `save_session` clears it.

    Flask by itself would open an empty session without a word, so that a forgery, an expired cookie
    and a first visit looked alike.
    """
    _, practice = _practice()
    match practice.fault:
        case "tampered":
            raise Problem(
                "session-tampered",
                "The practice cookie is not as it was signed; it is being cleared.",
                headers={"Cache-Control": "no-store"},
            )
        case "expired":
            raise Problem(
                "session-expired",
                "The practice round was left too long; its cookie is being cleared.",
                headers={"Cache-Control": "no-store"},
            )


def init_app(app: Flask) -> None:
    """Make `flask.session` what this module says."""
    site = Cookie("bank_session", None, app.permanent_session_lifetime)
    lifetime = timedelta(seconds=app.config["PRACTICE_SECONDS"])
    signed, named = (
        Cookie(base, PRACTICE_PATH, lifetime) for base in ("practice_round", "practice_id")
    )
    with app.app_context():
        app.config["SESSION_COOKIE_NAME"] = site.name
    app.config["SESSION_COOKIE_PATH"] = site.path
    # A session is saved when it was changed, and not by every read beside.
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False

    on_server: Callable[[Cookie], Storage]
    if url := app.config["REDIS_URL"]:
        from redis import Redis  # where there is none, nothing pays for its package

        from api.http.redis_sessions import RedisSessions

        client = Redis.from_url(url, **redis.options())
        on_server = partial(RedisSessions, app, client=client)
    else:
        files = SessionFiles(Path(app.config["SESSION_FOLDER"]))
        on_server = partial(FileSessions, app, files=files)
    in_cookie = app.config["SESSION_STORAGE"] == "cookie"
    interface = SessionsByAddress(
        SignedSessions(site) if in_cookie else on_server(site),
        {"server": on_server(named), "cookie": SignedSessions(signed)},
    )
    app.session_interface = app.extensions["sessions"] = interface
