"""One Flask-Principal identity per request, whichever the door, and the permissions views ask for (73, 77).

The identity holds needs: what the caller's roles permit. A view asks for a need, never for a role,
and knows neither tokens nor sessions. `Principal(use_sessions=False)`: the extension would otherwise
save each identity in the session, and one call with a bearer token would leave a cookie that
authenticates the next ones without it.
Source: https://pythonhosted.org/Flask-Principal/
"""

from collections.abc import Callable
from functools import partial, wraps
from time import time
from typing import Any

from flask import Flask, Response, after_this_request, g, request
from flask_jwt_extended import get_jwt
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_limiter.util import get_remote_address
from flask_principal import (
    AnonymousIdentity,
    Identity,
    Permission,
    UserNeed,
    identity_loaded,
)
from jwt import PyJWTError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from api.access import bearer, site_sessions
from api.accounts import tokens
from api.accounts.permissions import Action, action_need, actions_by
from api.demonstrations import demonstrates
from api.extensions import db, principal
from api.http.hooks import in_api
from api.http.problems import Problem
from api.http.rereading import KnownCaller
from api.models import SignIn, User

BadTokenError = (JWTExtendedException, PyJWTError)


def device() -> tokens.Device | None:
    """Return the signed-in device that is calling, found out once per request. Raises what a bad token
    raises.

    A token counts before a session: it was put there on purpose, a cookie comes unasked.
    """
    if "device" not in g:
        found = bearer.device()
        if found is None and bearer.reads_identity(site=True):
            found = site_sessions.device()
        g.device = found
        if found is not None and found.door == "api":
            still = partial(_is_still_calling, found.id, get_jwt()["exp"])
            g.known_caller = KnownCaller(rate_limit_name(found), still)
    return _device()


def _is_still_calling(sid: str, until: int) -> bool:
    """Tell whether a token that was good is so still.

    :param sid: of its device.
    :param until: when it expires, in seconds of the epoch.
    """
    return time() < until and tokens.find(sid) is not None


def _device() -> tokens.Device | None:
    found: tokens.Device | None = g.get("device")
    return found


def caller() -> User | None:
    """Return who is calling, loaded only where somebody asks for more than `device` tells. Raises what
    that raises.
    """
    there = device()
    if "caller" not in g:
        whole = joinedload(User.roles)  # no statement of their own
        g.caller = there and db.session.get(User, there.user_id, options=[whole])
    found: User | None = g.caller
    return found


def current_device() -> str | None:
    """Return the id of the signed-in device that is calling, if one is."""
    found = _device()
    return found.id if found else None


def door() -> str | None:
    """Return the door that the caller came in by: `api` (a token), `site` (a session) or None."""
    found = _device()
    return found.door if found else None


def signed_in_as(user: User, sign_in: SignIn) -> None:
    """Let the rest of the request be the user's who has just signed in."""
    g.caller, g.device = user, tokens.device_of(sign_in)
    principal.set_identity(load_identity())


def signed_out() -> None:
    """Let the rest of the request be nobody's."""
    g.caller = g.device = None
    principal.set_identity(load_identity())


@demonstrates(
    53,
    at="PUT v1.password",
    test="tests/v1/test_users.py::test_a_new_password_signs_every_device_out_and_this_one_in_anew",
)
def sign_in_anew(user: User) -> tokens.Pair | None:
    """Sign every device of a user out, and the one that is calling in again: what a new password means at
    either door. Whoever has a copy of its tokens or its cookie is out as well.

    Returns the new tokens; None for a session, which gets a new name and new secrets.
    """
    by_session = door() != "api"
    tokens.revoke_all(user)
    if by_session:
        signed_in_as(user, site_sessions.begin(user))
        return None
    pair = tokens.sign_in(user, request.remote_addr or "", request.user_agent.string)
    g.device = tokens.device_of(pair.sign_in)
    return pair


def leave(response: Response, by: str | None) -> None:
    """Take from the browser what its device was signed in by: tokens in cookies, and the session.

    :param by: the door that the device came in by, as `door` told before it was signed out.
    """
    bearer.take_cookies(response)
    if by == site_sessions.DOOR:
        site_sessions.forget()


def signed_in() -> User:
    """Return who is calling. Raises Problem: 401 for nobody, 503 where that cannot be found out."""
    user = caller()
    if user is None:
        raise _nobody()
    return user


def signed_in_id() -> int:
    """Return the id of who is calling: what most views need of a user. Raises what `signed_in` raises."""
    found = device()
    if found is None:
        raise _nobody()
    return found.user_id


def _nobody() -> Problem:
    if unreadable := site_sessions.unreadable():
        return unreadable
    how = "Send an access token: Authorization: Bearer <token>."
    if not in_api():
        how = "Sign in on the site to see this page."
    return bearer.refusal("token-missing", how, None)


def rate_limit_key() -> str:
    """Name whom a quota belongs to: the user once signed in, the address before (71).

    It may not raise: Flask-Limiter would take that for a failing storage. A bad token counts against
    the address here, and is refused when the identity is loaded.
    """
    try:
        found = device()
    except (*BadTokenError, SQLAlchemyError):
        found = None
    return rate_limit_name(found) if found else get_remote_address()


def rate_limit_name(found: tokens.Device) -> str:
    """Name the quotas of a device's user."""
    return f"user:{found.user_id}"


@demonstrates(
    77,
    at="GET v1.identity",
    test="tests/access/test_sessions.py::test_both_doors_load_the_same_identity",
)
def load_identity() -> Identity:
    """Make the identity of the caller. Raises what a bad token raises."""
    found = device()
    return Identity(found.user_id, found.door) if found else AnonymousIdentity()


principal.identity_loader(load_identity)


@demonstrates(
    77,
    at="GET v1.identity",
    test="tests/access/test_sessions.py::test_both_doors_load_the_same_identity",
)
def provide_needs(_app: Flask, identity: Identity) -> None:
    """Give the identity what its user may do."""
    found = device()
    if found is None:
        return
    identity.provides.add(UserNeed(found.user_id))
    identity.provides.update(action_need(action) for action in actions_by(found.roles))


def may(action: Action) -> bool:
    """Tell whether the caller's roles permit an action."""
    return bool(Permission(action_need(action)).allows(g.identity))


def forbid(action: Action) -> Problem:
    """Make the problem for a caller who is known but may not."""
    return Problem(
        "forbidden",
        f"This needs the permission {action.value}, which your roles do not give.",
        required=action.value,
    )


def keep_private(response: Response) -> Response:
    """Let no shared cache keep what one caller was told."""
    if request.method in {"GET", "HEAD"} and response.status_code == 200:
        response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def is_fresh() -> bool:
    """Tell whether the caller gave the password a moment ago."""
    if door() == site_sessions.DOOR:
        return site_sessions.is_fresh()
    return bool(get_jwt().get("fresh"))


def _stale() -> Problem:
    if door() == site_sessions.DOOR:
        detail = "This needs the password again: give it at /verify of the site."
        return bearer.refusal("token-not-fresh", detail, None)
    return bearer.refusal("token-not-fresh", "This needs a token from a sign-in with the password.")


def requires(action: Action, *, fresh: bool = False) -> Callable[[Any], Any]:
    """Let only callers with a permission into a view: 401 for nobody, 403 for anybody else.

    :param fresh: whether the token must come from the password itself, not from a refresh; of a
        session, whether the password was given within the setting `FRESH_SECONDS`.
    """

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            signed_in_id()
            if not may(action):
                raise forbid(action)
            if fresh and not is_fresh():
                raise _stale()
            after_this_request(keep_private)
            return view(*args, **kwargs)

        # Read by the role matrix and by the tests of the contract.
        guarded: Any = wrapper
        guarded.required_action, guarded.required_fresh = action, fresh
        return guarded

    return decorate


def init_app(app: Flask) -> None:
    """Load the identity before every request. The limiter counts by it, so bind that one before."""
    principal.init_app(app)
    identity_loaded.connect(provide_needs, app)
    app.extensions["rate_limit_key"] = rate_limit_key
