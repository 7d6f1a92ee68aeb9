"""Users: made, found, changed, given roles, deleted."""

from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import lazyload

from api import mail
from api.accounts import passwords
from api.accounts.permissions import Action, Role, actions_by
from api.extensions import db
from api.models import Question, RoleRow, User, UserRole, folded
from api.models.types import now
from api.sentences import Sentence

#: RFC 5321, section 4.5.3.1.3, without the angle brackets.
MAXIMUM_EMAIL = 254


class AccountError(ValueError):
    """What was asked of an account is refused: the reasons, by field."""

    def __init__(self, **faults: list[str]) -> None:
        super().__init__("; ".join(f"{field}: {' '.join(said)}" for field, said in faults.items()))
        self.faults = faults


class UserUnknownError(LookupError):
    """There is no such user."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user {name!r}.")


class LastAdministratorError(RuntimeError):
    """Without this account nobody would be left who can give roles."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is the last administrator; make somebody else one first. Without any, nobody "
            "could give a role."
        )


def create(
    username: str, password: str, email: str | None = None, role: Role = Role.READER
) -> User:
    """Make a user by an operator's word, which confirms the address too.

    Raises AccountError for a weak password or a name or address that is taken.
    """
    if faults := passwords.faults_of(password, username, email):
        raise AccountError(password=faults)
    confirmed_at = now() if email else None
    return add(username, passwords.hashed(password), role, email=email, confirmed_at=confirmed_at)


def add(username: str, hashed: str, role: Role = Role.READER, **more: Any) -> User:
    """Add a user whose password was judged and hashed before. Raises AccountError as `create` does.

    :param more: further columns by name.
    """
    for name in ("email", "pending_email"):
        more[name] = lowered(more.get(name))
    user = User(username=username, password=hashed, roles=[role_row(role)], **more)
    db.session.add(user)
    try:
        db.session.commit()
    except IntegrityError as error:
        db.session.rollback()
        if find(username) is None:
            raise AccountError(email=[Sentence("This e-mail address is taken.")]) from error
        raise AccountError(username=[Sentence("This name is taken.")]) from error
    return user


def lowered(email: str | None) -> str | None:
    """Return an address as it is kept. Lower case may be longer: U+0130 becomes two characters.

    Raises AccountError for one that is too long.
    """
    address = email.lower() if email else None
    if address and len(address) > MAXIMUM_EMAIL:
        raise AccountError(
            email=[Sentence("Longer than maximum length %(high)s.", high=MAXIMUM_EMAIL)]
        )
    return address


def role_row(role: Role) -> RoleRow:
    """Return the row of a role, making it if need be."""
    row = db.session.scalar(select(RoleRow).where(RoleRow.name == role.value))
    if row is None:
        row = RoleRow(name=role.value)
        db.session.add(row)
    return row


def find(name: str) -> User | None:
    """Return the user of that name or confirmed e-mail address, in whichever case, or None."""
    if "\0" in name:  # PostgreSQL takes none
        return None
    return db.session.scalar(select(User).where(named(name)))


def named(name: str) -> ColumnElement[bool]:
    """Match the user of that name or confirmed address. A name holds no @, so there is one at most."""
    return or_(User.username_key == folded(name), User.email == name.lower())


def get(name: str) -> User:
    """Return the user of that name. Raises UserUnknownError."""
    user = find(name)
    if user is None:
        raise UserUnknownError(name)
    return user


def list_users() -> list[User]:
    """Return every user by name."""
    return list(db.session.scalars(select(User).order_by(User.username_key)))


def grant_role(user: User, role: Role) -> None:
    """Give a user a role."""
    if role.value in {row.name for row in user.roles}:
        return
    user.roles.append(role_row(role))
    try:
        db.session.commit()
    except IntegrityError:  # somebody else has just given it
        db.session.rollback()


def revoke_role(user: User, role: Role) -> None:
    """Take a role from a user. Raises LastAdministratorError."""
    user_id = user.id
    if role is Role.ADMINISTRATOR:
        _keep_an_administrator(user)
    rows = select(RoleRow.id).where(RoleRow.name == role.value)
    db.session.execute(
        sql_delete(UserRole).where(UserRole.user_id == user_id, UserRole.role_id.in_(rows))
    )
    db.session.commit()


def set_active(user: User, active: bool) -> None:
    """Let a user in, or keep one out: every device of somebody who is not active is signed out.

    Raises LastAdministratorError.
    """
    user_id = user.id
    if not active:
        _keep_an_administrator(user)
    db.session.execute(update(User).where(User.id == user_id).values(active=active))
    db.session.commit()


def _keep_an_administrator(leaving: User) -> None:
    """Refuse to let the last active administrator go; call it first in the transaction that would.

    The update changes nothing but takes a lock until that transaction ends (the row's on PostgreSQL,
    the database's on SQLite): of two administrators who demote each other at once, the second waits
    here and then finds that there is no other. Raises LastAdministratorError.
    """
    user_id, name = leaving.id, leaving.username
    db.session.rollback()  # what was read before may be old news
    administrator = RoleRow.name == Role.ADMINISTRATOR.value
    db.session.execute(
        update(RoleRow)
        .where(administrator)
        .values(name=RoleRow.name)
        .execution_options(synchronize_session=False)
    )
    active = set(
        db.session.scalars(
            select(User.id)
            .join(UserRole, UserRole.user_id == User.id)
            .join(RoleRow, RoleRow.id == UserRole.role_id)
            .where(administrator, User.active)
        )
    )
    if active == {user_id}:
        db.session.rollback()
        raise LastAdministratorError(name)


def actions(user: User) -> frozenset[Action]:
    """Return all that the user's roles permit."""
    return actions_by(row.name for row in user.roles)


def authenticate(name: str, password: str) -> User | None:
    """Return the user whose password this is; a hash below today's factor is made anew.

    Roles are read later: the statements of an answer are counted in `Server-Timing`, and one more
    would tell that the name exists.
    """
    user = None
    if "\0" not in name:
        user = db.session.scalar(select(User).where(named(name)).options(lazyload(User.roles)))
    known = user if user is not None and user.active else None
    if not passwords.matches(known.password if known else None, password) or known is None:
        return None
    if passwords.needs_rehash(known.password):
        known.password = passwords.hashed(password)
        db.session.commit()
    return known


def password_changed(user: User) -> None:
    """Note that a user has a new password: links that were mailed for the old one are dead. They are
    told by mail.
    """
    user.password_changed_at = now()
    user.fs_uniquifier = uuid4().hex
    address, language, name = user.email, user.language, user.username
    db.session.commit()
    if address is not None:
        mail.send("password_changed", address, language, "password-changed", username=name)


def write_in(user: User, language: str) -> None:
    """Note the language in which a user reads mail."""
    if user.language != language:
        user.language = language
        db.session.commit()


def change_password(user: User, current: str, new: str) -> None:
    """Set a new password. Raises AccountError if the current one is wrong or the new one weak."""
    if not passwords.matches(user.password, current):
        raise AccountError(current_password=[Sentence("Is not the password of this account.")])
    if faults := passwords.faults_of(new, user.username, user.email):
        raise AccountError(new_password=faults)
    user.password = passwords.hashed(new)
    password_changed(user)


def delete(user: User) -> None:
    """Delete an account; its devices, roles, grants and drafts go with it, by the foreign keys.

    Questions that it wrote stay, without an author. They are let go first: whoever writes to the
    bank locks the questions and then refers to users, and locks taken the other way round would
    be a deadlock on PostgreSQL.

    Raises LastAdministratorError.
    """
    user_id = user.id
    _keep_an_administrator(user)
    db.session.execute(update(Question).where(Question.author_id == user_id).values(author_id=None))
    db.session.execute(sql_delete(User).where(User.id == user_id))
    db.session.commit()
