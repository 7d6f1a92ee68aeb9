"""Registration: one way for both doors (53, 69, 91, 99).

A username is public, as authors and grants are told by it, and so it may be told that one is taken.
That an address is taken is not: an account is made all the same, and only the mail differs. To refuse
it, or to answer alike and make none, would tell: the second by the sign-in that comes next, which says
of an account that is there that it is to be confirmed first.
"""

from datetime import timedelta

from sqlalchemy import delete

from api.accounts import addresses, passwords, users
from api.accounts.users import AccountError
from api.extensions import db
from api.models import User
from api.models.types import now

#: How long an account waits that opens by a mail; then its name is free again.
KEPT = timedelta(days=7)


def register(
    username: str,
    password: str,
    email: str | None,
    *,
    language: str | None = None,
    must_confirm: bool = False,
) -> User:
    """Make an account of a reader, and write to the address that was given.

    :param language: the one in which the user is written to.
    :param must_confirm: whether the account opens only when the address is confirmed.

    Raises AccountError for a weak password or a name that is taken.
    """
    if faults := passwords.faults_of(password, username, email):
        raise AccountError(password=faults)
    user = users.add(
        username,
        passwords.hashed(password),
        pending_email=email,
        language=language,
        must_confirm=must_confirm,
    )
    addresses.invite(user)
    return user


def remove_unopened() -> int:
    """Delete accounts that nobody ever opened; returns how many."""
    removed = db.session.scalars(
        delete(User)
        .where(User.must_confirm, User.created_at < now() - KEPT)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    ).all()
    db.session.commit()
    return len(removed)
