"""`SECRET_KEY_FALLBACKS` at work, on scratch applications with keys made up for the occasion (59).

Flask signs with `SECRET_KEY` and verifies with that and every fallback, so a key can be replaced
without ending the sessions that it signed.
Source: https://flask.palletsprojects.com/en/stable/config/#SECRET_KEY_FALLBACKS
"""

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSessionInterface

from api.demonstrations import demonstrates

CONTENT = {"right_answers": 7}


@dataclass(frozen=True, slots=True)
class Step:
    """One application that is handed a cookie, and what it finds in it."""

    keys: dict[str, Any]
    cookie: str
    session: dict[str, Any]


def _application(key: str, *former: str) -> Flask:
    app = Flask("rotation")
    app.config.update(SECRET_KEY=key, SECRET_KEY_FALLBACKS=list(former))
    return app


def _signed(app: Flask, content: dict[str, Any]) -> str:
    """Return the `Cookie` field with which a browser answers what Flask has set."""
    interface = SecureCookieSessionInterface()
    session = interface.session_class(content)
    session.modified = True
    response = Response()
    interface.save_session(app, session, response)
    return response.headers["Set-Cookie"].partition(";")[0]


def _read(app: Flask, cookie: str) -> dict[str, Any]:
    """Return the session that Flask opens for that `Cookie` field."""
    session = SecureCookieSessionInterface().open_session(app, Request({"HTTP_COOKIE": cookie}))
    return dict(session or {})


@demonstrates(
    59,
    at="GET v1.key_rotation",
    test="tests/v1/test_practice.py::test_the_rehearsal_of_a_rotation_keeps_the_session_and_tells_no_key",
)
def rehearse() -> list[Step]:
    """Rotate a key with and without a fallback; returns what each application read."""
    former, present = token_urlsafe(32), token_urlsafe(32)
    before = _application(former)
    abrupt = _application(present)
    careful = _application(present, former)
    old = _signed(before, CONTENT)
    again = _signed(careful, _read(careful, old))
    first = {"SECRET_KEY": "the former key", "SECRET_KEY_FALLBACKS": []}
    alone = {"SECRET_KEY": "the new key", "SECRET_KEY_FALLBACKS": []}
    both = {"SECRET_KEY": "the new key", "SECRET_KEY_FALLBACKS": ["the former key"]}
    return [
        Step(first, "signed by the former key", _read(before, old)),
        Step(alone, "signed by the former key", _read(abrupt, old)),
        Step(both, "signed by the former key", _read(careful, old)),
        Step(alone, "signed anew when it was saved", _read(abrupt, again)),
    ]
