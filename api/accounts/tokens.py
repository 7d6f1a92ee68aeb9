"""Signed-in devices and their tokens: short access tokens, rotating refresh tokens (53).

An access token names its device (`sid`); whether the device is still signed in is asked of the
database on every request, so that a revocation holds at once on every node. A refresh token is good
once. Its second use means that two parties hold it, and ends that device's sign-in and no other.
Sources: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2 and
https://flask-jwt-extended.readthedocs.io/en/stable/refreshing_tokens.html
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from flask import current_app
from flask_jwt_extended import create_access_token, create_refresh_token
from sqlalchemy import bindparam, exists, select, update

from api.accounts import users
from api.extensions import db
from api.models import RoleRow, SignIn, User
from api.models.types import now

#: A refresh token that was just replaced is still taken for so long: two tabs may refresh at once.
GRACE = timedelta(seconds=10)
#: How far back the last use of a session, as it is told, may lie.
TOUCHED = timedelta(hours=1)


class SignInEndedError(Exception):
    """The device is no longer signed in: signed out, revoked, expired, or its token replayed."""


class SignInUnknownError(LookupError):
    """The user has no device of that id."""

    def __init__(self, sid: str) -> None:
        super().__init__(f"You have no signed-in device {sid!r}.")


@dataclass(frozen=True, slots=True)
class Device:
    """A signed-in device, and of its user what nearly every request with credentials asks for.

    Plain values by one statement: the two as objects, watched for changes, took as long as half of the
    rest of finding out who is calling.
    """

    id: str
    user_id: int
    door: str
    rotated_at: datetime
    roles: tuple[str, ...]
    """The names of the user's roles."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token (lifetime in seconds) and the refresh token that replaces both."""

    access_token: str
    refresh_token: str
    expires_in: int
    sign_in: SignIn


def sign_in(user: User, address: str, user_agent: str) -> Pair:
    """Sign a device in; the access token is fresh, for what needs a recent password."""
    return _pair(begin(user, "api", address, user_agent), fresh=True)


def begin(user: User, door: str, address: str, user_agent: str) -> SignIn:
    """Note that a device has signed in.

    :param door: `api` for one that gets tokens, `site` for one that has a session.
    """
    device = SignIn(
        user_id=user.id,
        jti=str(uuid4()),
        expires_at=now() + current_app.config["JWT_REFRESH_TOKEN_EXPIRES"],
        door=door,
        address=address[:45],
        user_agent=user_agent[:200],
    )
    db.session.add(device)
    db.session.commit()
    return device


def touch(device: Device) -> bool:
    """Note that a session was used, once an hour at most; returns whether it was noted.

    It stays good as long after that as the API's devices do after a refresh.
    """
    if now() - device.rotated_at < TOUCHED:
        return False
    moment = now()
    lasting = moment + current_app.config["JWT_REFRESH_TOKEN_EXPIRES"]
    db.session.execute(
        update(SignIn).where(SignIn.id == device.id).values(rotated_at=moment, expires_at=lasting)
    )
    db.session.commit()
    return True


def seen_before(name: str, address: str) -> tuple[int, bool] | None:
    """Return the id of the user of that name or e-mail address, and whether a device has signed in to
    it from `address`; None for nobody. One statement in every case, so that none tells who exists.
    """
    if "\0" in name:  # PostgreSQL takes none
        return None
    here = exists().where(
        SignIn.user_id == User.id, SignIn.address == address, SignIn.address != ""
    )
    row = db.session.execute(select(User.id, here).where(users.named(name))).first()
    return (row[0], row[1]) if row else None


def refresh(sid: str, jti: str) -> Pair:
    """Rotate the refresh token of a device. Raises SignInEndedError, on a replay after ending it."""
    device = db.session.get(SignIn, sid)
    if device is None or not is_live(device):
        raise SignInEndedError("This device is signed out.")
    # Compared and replaced in one statement: of several at once, one rotates on either database.
    rotated = db.session.execute(
        update(SignIn)
        .where(SignIn.id == sid, SignIn.jti == jti, SignIn.revoked_at.is_(None))
        .values(
            jti=str(uuid4()),
            previous_jti=jti,
            rotated_at=now(),
            expires_at=now() + current_app.config["JWT_REFRESH_TOKEN_EXPIRES"],
        )
        .returning(SignIn.id)
        .execution_options(synchronize_session=False)
    ).first()
    db.session.commit()
    db.session.refresh(device)
    if not is_live(device):
        raise SignInEndedError("This device is signed out.")
    if not rotated and (jti != device.previous_jti or now() - device.rotated_at > GRACE):
        revoke(device)
        raise SignInEndedError("This refresh token was used before; the device is signed out.")
    return _pair(device, fresh=False)


def is_live(device: SignIn) -> bool:
    """Tell whether a device is signed in."""
    return device.revoked_at is None and device.expires_at > now() and device.user.active


def live_of(sids: Collection[str]) -> set[str]:
    """Return which of these devices are signed in, by one statement."""
    statement = (
        select(SignIn.id)
        .join(User, User.id == SignIn.user_id)
        .where(
            SignIn.id.in_(sids),
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > now(),
            User.active.is_(True),
        )
    )
    with db.engine.connect() as connection:  # outside of any session, whose snapshot could be old
        return set(connection.scalars(statement))


def find(sid: str) -> Device | None:
    """Return the device of that id if it is signed in, else None; asked outside of any session, too."""
    with db.engine.connect() as connection:
        rows = connection.execute(_FIND, {"sid": sid, "moment": now()}).all()
    if not rows:
        return None
    one, roles = rows[0], tuple(row.role for row in rows if row.role)
    return Device(one.id, one.user_id, one.door, one.rotated_at, roles)


_FIND = (
    select(SignIn.id, SignIn.user_id, SignIn.door, SignIn.rotated_at, RoleRow.name.label("role"))
    .join(User, User.id == SignIn.user_id)
    .outerjoin(User.roles)
    .where(
        SignIn.id == bindparam("sid"),
        SignIn.revoked_at.is_(None),
        SignIn.expires_at > bindparam("moment"),
        User.active.is_(True),
    )
)


def device_of(sign_in: SignIn) -> Device:
    """Return what `find` returns of a device that has just signed in."""
    user = sign_in.user
    roles = tuple(role.name for role in user.roles)
    return Device(sign_in.id, user.id, sign_in.door, sign_in.rotated_at, roles)


def get_own(user: User, sid: str) -> SignIn:
    """Return the user's device of that id. Raises SignInUnknownError for none, or another's: whose
    an id is, is nobody else's business.
    """
    device = db.session.get(SignIn, sid)
    if device is None or device.user_id != user.id:
        raise SignInUnknownError(sid)
    return device


def devices(user: User) -> list[SignIn]:
    """Return the user's signed-in devices, the newest first."""
    statement = (
        select(SignIn)
        .where(SignIn.user_id == user.id, SignIn.revoked_at.is_(None), SignIn.expires_at > now())
        .order_by(SignIn.created_at.desc(), SignIn.id)
    )
    return list(db.session.scalars(statement))


def revoke(device: SignIn) -> None:
    """Sign one device out."""
    device.revoked_at = device.revoked_at or now()
    db.session.commit()


def revoke_all(user: User, but: str | None = None) -> int:
    """Sign every device of a user out; returns how many.

    :param but: the id of a device that stays.
    """
    statement = (
        update(SignIn)
        .where(SignIn.user_id == user.id, SignIn.revoked_at.is_(None), SignIn.id != (but or ""))
        .values(revoked_at=now())
        .returning(SignIn.id)
    )
    count = len(db.session.scalars(statement).all())
    db.session.commit()
    return count


def _pair(device: SignIn, *, fresh: bool) -> Pair:
    identity, claims = str(device.user_id), {"sid": device.id}
    lifetime: timedelta = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    return Pair(
        create_access_token(identity, fresh=fresh, additional_claims=claims),
        create_refresh_token(identity, additional_claims={**claims, "jti": device.jti}),
        int(lifetime.total_seconds()),
        device,
    )
