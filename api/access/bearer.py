"""The API's door: bearer tokens by Flask-JWT-Extended, in a header or in HttpOnly cookies (53).

Algorithm, issuer and audience are pinned; the key is found by the token's `kid`, so that a former
key keeps verifying what it signed while the present one signs. Flask-JWT-Extended by itself answers
422 for a garbage token and never sends `WWW-Authenticate`; here every refusal is a problem whose type
says which: missing, malformed, expired, revoked, of the wrong kind, without its CSRF token.
Sources: https://www.rfc-editor.org/rfc/rfc8725, https://www.rfc-editor.org/rfc/rfc6750#section-3 and
https://flask-jwt-extended.readthedocs.io/en/stable/
"""

import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

from flask import Flask, Response, current_app, g, request, url_for
from flask_jwt_extended import (
    decode_token,
    get_csrf_token,
    get_jwt,
    set_access_cookies,
    unset_access_cookies,
    verify_jwt_in_request,
)
from flask_jwt_extended.exceptions import (
    CSRFError,
    JWTDecodeError,
    RevokedTokenError,
    WrongTokenError,
)
from jwt import InvalidSignatureError
from werkzeug.wrappers import Response as BaseResponse

from api.accounts import tokens
from api.extensions import jwt
from api.http.errors import answer_http_error
from api.http.hooks import in_api
from api.http.problems import Problem

REALM = 'Bearer realm="question-bank"'

#: What an error_description may not hold (RFC 6750, section 3); a token's own header can name it.
_UNSAYABLE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")

_BEARER = re.compile(r"bearer(?!\S)", re.IGNORECASE)


def refusal(slug: str, detail: str, error: str | None = "invalid_token") -> Problem:
    """Make the problem for a token that is refused, with the challenge that a 401 must carry.

    :param error: the code of RFC 6750, section 3.1; None where no token was sent at all.
    """
    plain = _UNSAYABLE.sub("'", detail)
    said = f', error="{error}", error_description="{plain}"' if error else ""
    return Problem(slug, detail, headers={"WWW-Authenticate": REALM + said})


def _answer(slug: str, detail: str, error: str | None = "invalid_token") -> BaseResponse:
    return answer_http_error(refusal(slug, detail, error))


def key_id(key: str) -> str:
    """Name a signing key without telling it."""
    return sha256(key.encode()).hexdigest()[:12]


@jwt.encode_key_loader
def _signing_key(_identity: Any) -> str:
    return str(current_app.config["SECRET_KEY"])


@jwt.additional_headers_loader
def _header(_identity: Any) -> dict[str, str]:
    return {"kid": key_id(current_app.config["SECRET_KEY"])}


@jwt.decode_key_loader
def _verifying_key(header: dict[str, Any], _claims: dict[str, Any]) -> str:
    config = current_app.config
    keys: list[str] = [config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]]
    for key in keys:
        if header.get("kid") == key_id(key):
            return key
    raise InvalidSignatureError("signed by a key that is not known here")


@jwt.token_in_blocklist_loader
def _signed_out(_header: dict[str, Any], claims: dict[str, Any]) -> bool:
    """Ask the database whether the token's device is still signed in: it holds at once, everywhere."""
    device = tokens.find(str(claims.get("sid")))
    if device is None or str(device.user_id) != claims["sub"]:
        return True
    g.token_device = device
    return False


@jwt.unauthorized_loader
def _missing(reason: str) -> BaseResponse:
    if "Bearer" in reason or "Authorization" in reason:
        return _answer(
            "token-missing", "Send an access token: Authorization: Bearer <token>.", None
        )
    return _answer("token-missing", f"{reason}.", None)


@jwt.invalid_token_loader
def _malformed(reason: str) -> BaseResponse:
    if "Only" in reason and "tokens are allowed" in reason:
        return _answer("token-wrong-kind", f"{reason}.")
    return _answer("token-malformed", f"This token is not one of ours: {reason}.")


@jwt.expired_token_loader
def _expired(_header: dict[str, Any], claims: dict[str, Any]) -> BaseResponse:
    kind = claims.get("type", "access")
    remedy = "sign in again" if kind == "refresh" else "refresh it"
    return _answer("token-expired", f"This {kind} token has expired; {remedy}.")


@jwt.revoked_token_loader
def _revoked(_header: dict[str, Any], _claims: dict[str, Any]) -> BaseResponse:
    return _answer("token-revoked", "The device that this token belongs to is signed out.")


def _csrf(error: CSRFError) -> BaseResponse:
    return _answer("csrf-failed", f"{error}. Send the CSRF cookie's value as X-CSRF-Token.", None)


def refresh_claims(token: str) -> dict[str, Any]:
    """Return the claims of a refresh token sent in a body. Raises what a bad token raises.

    Whether its device is signed in is left to the rotation, which must tell a replay.
    """
    claims: dict[str, Any] = decode_token(token)
    if claims["type"] != "refresh":
        raise WrongTokenError("Only refresh tokens are allowed")
    return _complete(claims)


def refresh_claims_of_cookie() -> dict[str, Any]:
    """Return the claims of the refresh token in the request's cookie, its CSRF twin compared."""
    _check_csrf_form()
    verify_jwt_in_request(refresh=True, locations=["cookies"], skip_revocation_check=True)
    return _complete(get_jwt())


def _complete(claims: dict[str, Any]) -> dict[str, Any]:
    """Refuse a token of ours that lacks what a rotation goes by."""
    for name in ("sid", "jti"):
        if not isinstance(claims.get(name), str):
            raise JWTDecodeError(f"Missing claim: {name}")
    return claims


def _check_csrf_form() -> None:
    """Refuse a CSRF token that is not ASCII: what compares it would fail with a TypeError."""
    if not request.headers.get("X-CSRF-Token", "").isascii():
        raise CSRFError("CSRF double submit tokens do not match")


def give_cookies(response: Response, pair: tokens.Pair) -> None:
    """Put a pair of tokens into cookies, each beside a readable CSRF twin."""
    lifetime: timedelta = current_app.config["JWT_REFRESH_TOKEN_EXPIRES"]
    set_access_cookies(response, pair.access_token, pair.expires_in)
    csrf = get_csrf_token(pair.refresh_token)
    _set_refresh_cookies(response, pair.refresh_token, csrf, int(lifetime.total_seconds()))


def take_cookies(response: Response) -> None:
    """Have the browser delete every cookie that `give_cookies` set under this address."""
    unset_access_cookies(response)
    _set_refresh_cookies(response, "", "")


def _set_refresh_cookies(
    response: Response, token: str, csrf: str, seconds: int | None = None
) -> None:
    """Set the refresh token's cookie, which goes nowhere but where it is taken, and its CSRF twin.

    :param seconds: how long a browser keeps them; None has it delete them.

    Flask-JWT-Extended takes the path from a setting, and no setting knows under which prefix (a
    mount, a proxy's) this request came: to another address a browser would not return the cookie.
    """
    config = current_app.config
    name, twin = config["JWT_REFRESH_COOKIE_NAME"], config["JWT_REFRESH_CSRF_COOKIE_NAME"]
    common = {
        "max_age": seconds,
        "expires": 0 if seconds is None else None,
        "secure": config["JWT_COOKIE_SECURE"],
        "samesite": config["JWT_COOKIE_SAMESITE"],
    }
    response.set_cookie(name, token, path=url_for("v1.refresh"), httponly=True, **common)
    response.set_cookie(twin, csrf, path="/", **common)


def hand_over(pair: tokens.Pair, told: dict[str, Any], delivery: str, status: int) -> Response:
    """Hand a pair of tokens over, in the body or in HttpOnly cookies, never to be cached.

    :param told: of the device, to its owner.
    :param delivery: `body` or `cookies`.
    """
    body: dict[str, Any] = {
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "device": told,
    }
    if delivery == "body":
        body |= {"access_token": pair.access_token, "refresh_token": pair.refresh_token}
    response = current_app.make_response((body, status))
    response.headers["Cache-Control"] = "no-store"
    if delivery == "cookies":
        give_cookies(response, pair)
    return response


def delivery() -> str:
    """Tell where the request's token came from: the `body` of an answer, by a header, or `cookies`."""
    return "body" if _BEARER.match(request.headers.get("Authorization", "")) else "cookies"


def _spell_scheme() -> None:
    """Write the scheme as Flask-JWT-Extended wants it: it takes no other case than its own.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-11.1 (schemes are case-insensitive)
    """
    sent = request.headers.get("Authorization", "")
    if _BEARER.match(sent):
        request.environ["HTTP_AUTHORIZATION"] = _BEARER.sub("Bearer", sent, count=1)


def takes_no_identity(view: Any) -> Any:
    """Mark a view that is called to get a token: one that is sent along, expired maybe, is not read.

    Otherwise a browser, which sends its cookies unasked, could not refresh or sign in again.
    """
    view.takes_no_identity = True
    return view


def reads_identity(*, site: bool = False) -> bool:
    """Tell whether who is calling matters here.

    :param site: whether it may at the site's addresses too, which take no token.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    cls = getattr(view, "view_class", None)
    handler = getattr(cls, request.method.lower(), None)
    site = site and not (request.endpoint or "").endswith("static")
    return (in_api() or site) and not getattr(handler, "takes_no_identity", False)


def device() -> tokens.Device | None:
    """Return the signed-in device that the request's token names; None without a token.

    Raises what Flask-JWT-Extended raises for a token that is not good; `init_app` has it answered.
    """
    if not reads_identity():
        return None
    _check_csrf_form()
    _spell_scheme()
    return g.get("token_device") if verify_jwt_in_request(optional=True) else None


def device_of(token: str) -> tuple[tokens.Device, int]:
    """Return the signed-in device of an access token that came by another way than in a request's
    header (93), and when the token expires, in seconds of the epoch.

    Raises what Flask-JWT-Extended raises for a token that is not good. `decode_token` checks signature,
    expiry, issuer and audience; what it leaves out is done here: the kind, and the revocation.
    """
    claims: dict[str, Any] = decode_token(token)
    if claims["type"] != "access":
        raise WrongTokenError("Only access tokens are allowed")
    if _signed_out({}, claims):
        raise RevokedTokenError({}, claims)
    found: tokens.Device = g.token_device
    return found, int(claims["exp"])


def init_app(app: Flask) -> None:
    """Bind Flask-JWT-Extended with everything pinned."""
    app.config |= {
        "JWT_ALGORITHM": "HS256",
        "JWT_DECODE_ALGORITHMS": ["HS256"],
        "JWT_ENCODE_ISSUER": "question-bank",
        "JWT_DECODE_ISSUER": "question-bank",
        "JWT_ENCODE_AUDIENCE": "question-bank-api",
        "JWT_DECODE_AUDIENCE": "question-bank-api",
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(seconds=app.config["ACCESS_TOKEN_SECONDS"]),
        "JWT_REFRESH_TOKEN_EXPIRES": timedelta(days=app.config["REFRESH_TOKEN_DAYS"]),
        "JWT_TOKEN_LOCATION": ["headers", "cookies"],
        "JWT_COOKIE_CSRF_PROTECT": True,
        "JWT_COOKIE_SAMESITE": "Lax",
        "JWT_COOKIE_SECURE": app.config["SESSION_COOKIE_SECURE"],
        "JWT_SESSION_COOKIE": False,
    }
    jwt.init_app(app)
    app.register_error_handler(CSRFError, _csrf)
