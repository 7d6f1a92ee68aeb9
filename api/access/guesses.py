"""Passwords checked under a limit that no stranger can turn against the owner (71, 91).

A limit by address alone lets a thousand addresses guess one account's password. A limit by account
alone lets any stranger lock its owner out. So guesses are counted by account and by who makes them:

- a **known device**, whose browser holds a signed cookie from an earlier sign-in to the account, has
  a quota of its own;
- so has a **known address**, from which somebody has signed in to the account;
- **strangers**, from all other addresses together, share one quota for the account.

While strangers use theirs up, the owner gets in from where they did before; from a new place they
have to wait as well. A name that does not exist has a strangers' quota like any other.
Sources: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies and
https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html#account-lockout
"""

from hashlib import sha256
from uuid import UUID, uuid4

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from api.accounts import tokens, users
from api.accounts.users import AccountError
from api.demonstrations import demonstrates
from api.http.limits import count_guess, forgive_guess
from api.models import User, folded

#: Seconds for which a browser counts as known after its last sign-in.
KNOWN_SECONDS = 365 * 86_400


@demonstrates(
    71,
    at="POST v1.sign_ins",
    test="tests/access/test_guesses.py::test_strangers_from_many_addresses_are_stopped_and_the_owner_is_not",
)
def authenticate(name: str, password: str) -> User | None:
    """Return the user whose password this is, or None; both doors ask here.

    :param name: a username or an e-mail address, in any case.

    Raises Problem (429) when the quota of wrong passwords is used up.
    """
    whose = _whose(name)
    count_guess(whose)
    user = users.authenticate(name, password)
    if user is not None:
        forgive_guess(whose)
    return user


def change_password(user: User, current: str, new: str, sid: str | None) -> None:
    """Change a password, guesses at the current one counted by device: who stole a token can neither
    guess on nor keep the owner's other devices from changing it.

    Raises AccountError, and Problem (429) when the quota is used up.
    """
    whose = f"change:{user.id}:{sid}"
    count_guess(whose)
    try:
        users.change_password(user, current, new)
    except AccountError as error:
        if "current_password" not in error.faults:
            forgive_guess(whose)
        raise
    forgive_guess(whose)


def remember_device(response: Response, user: User) -> Response:
    """Let the browser prove, when it comes again, that it has signed in to this account before."""
    nonce = _known_device(user.id) or str(uuid4())
    response.set_cookie(
        _cookie_name(user.id),
        _serializer().dumps([user.id, nonce]),
        max_age=KNOWN_SECONDS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def forget_device(response: Response, user_id: int) -> None:
    """Have the browser delete what it is known by to an account that is no more, if it holds it."""
    name = _cookie_name(user_id)
    if name in request.cookies:
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        response.delete_cookie(name, secure=secure, httponly=True, samesite="Lax")


def _whose(name: str) -> str:
    """Name the quota of a guess. What was typed is hashed: people type passwords there, too.

    It goes by the name and not by the account: a quota that a name shares with an e-mail address would
    tell that the two belong to one account.
    """
    target = sha256(folded(name).encode(errors="surrogatepass")).hexdigest()
    address = request.remote_addr or ""
    found = tokens.seen_before(name, address)
    if found is not None:
        user_id, is_known_address = found
        if nonce := _known_device(user_id):
            return f"{target}:device:{nonce}"
        if is_known_address:
            return f"{target}:address:{address}"
    return f"{target}:strangers"


def _known_device(user_id: int) -> str | None:
    """Return what the browser is known by to this account; None for a cookie that we did not sign."""
    try:
        owner, nonce = _serializer().loads(
            request.cookies.get(_cookie_name(user_id), ""), max_age=KNOWN_SECONDS
        )
        return str(UUID(nonce)) if owner == user_id else None
    except (BadData, ValueError, TypeError, AttributeError):
        return None


def _cookie_name(user_id: int) -> str:
    """Name a cookie per account, as several people may use one browser."""
    return f"known_device_{user_id}"


def _serializer() -> URLSafeTimedSerializer:
    keys = [*reversed(current_app.config["SECRET_KEY_FALLBACKS"]), current_app.config["SECRET_KEY"]]
    return URLSafeTimedSerializer(
        keys, salt="known-device", signer_kwargs={"digest_method": sha256}
    )
