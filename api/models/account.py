"""Users with their roles, and signed-in devices (53, 69, 73, 99)."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import BigInteger, Boolean, ForeignKey, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from api.extensions import Base
from api.models.types import UTCDateTime, Words, now

if TYPE_CHECKING:

    class UserMixin:
        """Stands in for Flask-Security's, whose annotations contradict SQLAlchemy's `Mapped`."""

else:
    from flask_security import UserMixin


def folded(username: str) -> str:
    """Return what a username is found by: Ada and ada are one name, on either database.

    Registration takes ASCII only, so there is nothing to normalise, and no letter of another script
    to pass for a Latin one.
    """
    return username.casefold()


class UserRole(Base):
    """Which user has which role."""

    __tablename__ = "user_roles"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    role_id: Mapped[int] = mapped_column(
        ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class RoleRow(Base):
    """A role by name; what it permits stands in `api.accounts.permissions`."""

    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class User(Base, UserMixin):
    """Somebody who can sign in, at either door. The name is found in any case.

    `email` is an address that somebody has shown to read, since `confirmed_at`; it belongs to one account,
    and finds it. `pending_email` was merely given: several accounts may hold the same one, and none is
    found by it.
    The names of the last columns are Flask-Security's. `fs_uniquifier` stands for the user in links
    that are mailed, and changes with the password, so that no link outlives it. (Its default only
    lets a migration add it; being unique, it can be left out once at most.)
    `must_confirm` is set for who registered on the site: no sign-in before the address is confirmed.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    username_key: Mapped[str] = mapped_column(String(60), unique=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    pending_email: Mapped[str | None] = mapped_column(String(254), index=True)
    language: Mapped[str | None] = mapped_column(String(5))  # of mails
    password: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    password_changed_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    must_confirm: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    fs_uniquifier: Mapped[str] = mapped_column(
        String(64), default=lambda: uuid4().hex, server_default="", unique=True, index=True
    )
    tf_primary_method: Mapped[str | None] = mapped_column(String(20))
    tf_totp_secret: Mapped[str | None] = mapped_column(Text)
    tf_last_counter: Mapped[int | None] = mapped_column(BigInteger)
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(Words)

    roles: Mapped[list[RoleRow]] = relationship(
        secondary="user_roles", lazy="selectin", order_by=RoleRow.id
    )

    @validates("username")
    def _fold(self, _key: str, username: str) -> str:
        """Keep the key in step, whoever sets the name."""
        self.username_key = folded(username)
        return username


class SignIn(Base):
    """A signed-in device: one family of refresh tokens, of which only the newest is good.

    `door` says where it came in: at the API, or on the site, where the session names it and no token
    was ever given.

    `previous_jti` is good for a few seconds after `rotated_at`, for a browser that refreshed twice
    at once; after that its use is a replay and ends the family.
    """

    __tablename__ = "sign_ins"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    jti: Mapped[str] = mapped_column(String(36))
    previous_jti: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    rotated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    door: Mapped[str] = mapped_column(String(10), default="api", server_default="api")
    address: Mapped[str] = mapped_column(String(45), default="")
    user_agent: Mapped[str] = mapped_column(String(200), default="")

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
