"""E-mail addresses: given, confirmed by a link in a mail, changed (53, 99).

Whether an address has an account is nobody's business but its reader's. So an answer is the same for
every address that is given, and what differs goes by mail: to a free one the link that confirms it, to
the owner of one that is taken the news that somebody gave it. An address that is not confirmed finds no
account and keeps nobody else from it; of several accounts that hold it the first to confirm it wins.
Source: https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html#authentication-and-error-messages
"""

from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from api import mail
from api.accounts import users
from api.extensions import db
from api.models import User
from api.models.types import now

#: How long the link in a mail is good.
LIFETIME = timedelta(days=2)
#: To how many accounts that hold one address a link is sent, when one is asked for by the address.
SEVERAL = 3
#: Both kinds of mail that a given address may be sent share a quota: its end must not tell them apart.
_QUOTA = "address"


class LinkError(ValueError):
    """The link confirms nothing: it is not ours, too old, used, or for an address given up since."""


class AddressTakenError(ValueError):
    """Another account has confirmed the address first."""


def invite(user: User) -> None:
    """Write to the address that a user gave, and has not confirmed.

    Its reader gets the link that confirms it; if it is another account's, its owner is told, and there is
    no link. Does nothing without such an address.
    """
    _write(User.id == user.id)


def send_again(email: str) -> None:
    """Send the link again to an address that accounts wait with, in as many statements if none does."""
    if "\0" not in email:  # PostgreSQL takes none
        _write(User.pending_email == email.lower())


def _write(whose: ColumnElement[bool]) -> None:
    owner = aliased(User)
    found: Any = db.session.execute(
        select(
            User.id, User.fs_uniquifier, User.pending_email, User.username, User.language,
            User.must_confirm, owner.username, owner.language,
        )
        .outerjoin(owner, owner.email == User.pending_email)
        .where(whose, User.pending_email.is_not(None), User.active)
        .order_by(User.id.desc())
        .limit(SEVERAL)
    ).all()  # fmt: skip
    for number, mark, address, name, language, opens, owners_name, owners_language in found:
        if owners_name is not None:
            mail.send("address_taken", address, owners_language, _QUOTA, username=owners_name)
            return
        token = _serializer().dumps([number, _digest(mark, address)])
        template = "welcome" if opens else "confirm"
        mail.send(template, address, language, _QUOTA, username=name, token=token)


def change(user: User, email: str | None) -> None:
    """Take note of another address, which becomes the user's when it is confirmed; None removes both.

    The address that was confirmed before is told. Giving the same one again sends its link again; giving
    the confirmed one drops the other. Raises AccountError for one that is too long.
    """
    given, confirmed, language = users.lowered(email), user.email, user.language
    user.pending_email = None if given == confirmed else given
    if given is None:
        user.email = user.confirmed_at = None
    name = user.username
    db.session.commit()
    if confirmed is not None and given != confirmed:
        context = {"username": name, "removed": given is None}
        mail.send("address_changing", confirmed, language, "address-changing", **context)
    invite(user)


def waiting(token: str) -> User:
    """Return the user whose address the link of a mail confirms. Raises LinkError."""
    try:
        number, digest = _serializer().loads(token, max_age=int(LIFETIME.total_seconds()))
    except (BadData, ValueError, TypeError) as error:
        raise LinkError("This link is wrong or too old.") from error
    user = db.session.get(User, number)
    address = user.pending_email if user is not None and user.active else None
    if user is None or address is None or digest != _digest(user.fs_uniquifier, address):
        raise LinkError("This link was used before, or its address was given up since.")
    return user


def confirm(token: str) -> User:
    """Make the address of a link the user's. Links that were mailed before, to another one, are dead.

    Compared and set in one statement: of two accounts that confirm one address at once, the database's
    unique constraint lets one. Raises LinkError and AddressTakenError.
    """
    user = waiting(token)
    number, address, mark = user.id, user.pending_email, user.fs_uniquifier
    db.session.rollback()  # on SQLite, who has read before cannot wait for another's write to end
    statement = (
        update(User)
        .where(User.id == number, User.pending_email == address, User.fs_uniquifier == mark)
        .values(
            email=address,
            pending_email=None,
            confirmed_at=now(),
            must_confirm=False,
            fs_uniquifier=uuid4().hex,
        )
        .execution_options(synchronize_session=False)
    )
    try:
        result = db.session.execute(statement)
        db.session.commit()
    except IntegrityError as error:
        db.session.rollback()
        raise AddressTakenError("Another account has confirmed this address.") from error
    assert isinstance(result, CursorResult)  # noqa: S101  # what an UPDATE gives
    if not result.rowcount:
        raise LinkError("This link was used before.")
    return user


def _digest(mark: str, address: str) -> str:
    """Bind a link to an address, and to what changes with each password and each confirmation.

    In base64, as it cannot be packed: a link that is, begins with a dot, and proxies hide such files.
    """
    return urlsafe_b64encode(sha256(f"{mark}:{address}".encode()).digest()).decode()


def _serializer() -> URLSafeTimedSerializer:
    keys = [*reversed(current_app.config["SECRET_KEY_FALLBACKS"]), current_app.config["SECRET_KEY"]]
    return URLSafeTimedSerializer(
        keys, salt="confirm-address", signer_kwargs={"digest_method": sha256}
    )
