"""The site's door: a session that names a signed-in device, at the site and at the API (69, 77).

A session cookie says who signed in; whether that still holds is asked of the database on every
request, as for a token, so that signing out one device or all, a password change and a deactivated
account hold at once for both doors. A browser sends its cookies unasked, so a change that one
authorises at the API must carry the session's CSRF token in a header, as forms of the site do in a
field. Without a session cookie nothing here looks at `flask.session`: Flask would add `Vary: Cookie`
to answers that are the same for everybody.
Sources: https://flask-wtf.readthedocs.io/en/stable/csrf/ and
https://flask-security.readthedocs.io/en/stable/api.html#signals
"""

from time import time
from typing import Any

from flask import Flask, after_this_request, current_app, g, request, session
from flask_jwt_extended.exceptions import CSRFError
from flask_wtf.csrf import generate_csrf, validate_csrf
from werkzeug.wrappers import Response
from wtforms import ValidationError

from api.access import bearer, guesses
from api.accounts import tokens
from api.extensions import db
from api.http.errors import answer_http_error
from api.http.hooks import in_api
from api.http.problems import Problem
from api.models import SignIn, User

DOOR = "site"
#: Where a session keeps the id of its device.
KEY = "sign_in"
HEADER = "X-CSRF-Token"
SAFE = {"GET", "HEAD", "OPTIONS"}


class SessionCSRFError(CSRFError):
    """A change at the API came with a session cookie and without the session's CSRF token."""


def sent() -> bool:
    """Tell whether the request carries a session cookie."""
    return current_app.session_interface.get_cookie_name(current_app) in request.cookies


def device() -> tokens.Device | None:
    """Return the device whose session the request carries, if it is still signed in.

    Where the store of sessions is away, nobody can be told from anybody: what is open to everybody
    goes on, and `unreadable` has the problem for the rest.

    Raises SessionCSRFError for a change at the API without the session's CSRF token.
    """
    if not sent():
        return None
    try:
        sid = session.get(KEY)
    except Problem as problem:
        g.session_fault = problem
        return None
    found = tokens.find(sid) if isinstance(sid, str) else None
    if found is None or found.door != DOOR:
        return None
    if in_api() and request.method not in SAFE:
        _check_csrf()
    if tokens.touch(found) and not in_api():
        session.modified = True  # the cookie lasts as long as the device stays signed in
    return found


def has_ended() -> bool:
    """Tell whether the session that was sent is of somebody who is not signed in by it any more."""
    return sent() and unreadable() is None and KEY in session and device() is None


def unreadable() -> Problem | None:
    """Return why the session that was sent could not be read, if it could not."""
    found: Problem | None = g.get("session_fault")
    return found


def _check_csrf() -> None:
    try:
        token = request.headers.get(HEADER, "")
        validate_csrf(token if token.isascii() else "-")
    except ValidationError as error:
        raise SessionCSRFError(str(error)) from error


def csrf_token() -> str:
    """Return the token that a change by this session must carry."""
    token: str = generate_csrf()
    return token


def begin(user: User) -> SignIn:
    """Give the session to a user who has just signed in.

    What was in it is kept but for its secrets, and it gets a new id where it has one: whoever
    planted the old one in this browser is left with nothing (session fixation).
    """
    found = tokens.begin(user, DOOR, request.remote_addr or "", request.user_agent.string)
    _forget_csrf()
    regenerate = getattr(current_app.session_interface, "regenerate", None)
    if regenerate is not None:
        regenerate(session)
    session[KEY] = found.id
    session.permanent = True
    confirm_fresh()
    generate_csrf()
    after_this_request(lambda response: guesses.remember_device(response, user))
    return found


def end() -> None:
    """Sign the session's device out, and empty the session. A stranger's session stays as it is."""
    sid = session.get(KEY)
    if not isinstance(sid, str):
        return
    found = db.session.get(SignIn, sid)
    if found is not None and found.door == DOOR:
        tokens.revoke(found)
    forget()


def forget() -> None:
    """Empty the session of a device that is signed out by now, which ends it where it is kept."""
    session.clear()
    _forget_csrf()


def _forget_csrf() -> None:
    field: str = current_app.config["WTF_CSRF_FIELD_NAME"]
    session.pop(field, None)
    g.pop(field, None)


def confirm_fresh() -> None:
    """Note that the password was given just now; Flask-Security keeps the time under this name."""
    session["fs_paa"] = time()


def is_fresh() -> bool:
    """Tell whether the password was given within the setting `FRESH_SECONDS`."""
    given: Any = session.get("fs_paa", 0)
    age = time() - given if isinstance(given, int | float) else -1
    return bool(0 <= age < current_app.config["FRESH_SECONDS"])


def _refuse(error: SessionCSRFError) -> Response:
    detail = f"{error} Send the session's CSRF token as {HEADER}; GET /api/v1/identity tells it."
    return answer_http_error(bearer.refusal("csrf-failed", detail, None))


def init_app(app: Flask) -> None:
    """Set sessions up: they last as long as a device stays signed in, and so do CSRF tokens."""
    app.config.setdefault("WTF_CSRF_FIELD_NAME", "csrf_token")
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False  # an answer to a read need set no cookie
    app.config["PERMANENT_SESSION_LIFETIME"] = app.config["JWT_REFRESH_TOKEN_EXPIRES"]
    app.register_error_handler(SessionCSRFError, _refuse)
