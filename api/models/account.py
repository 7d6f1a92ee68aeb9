"""Users with their roles, and signed-in devices (53, 73)."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import Boolean, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from api.extensions import Base
from api.models.types import UTCDateTime, now


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


class User(Base):
    """Somebody who can sign in. The name is shown as it was registered, and found in any case."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    username_key: Mapped[str] = mapped_column(String(60), unique=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    password_changed_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

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
    address: Mapped[str] = mapped_column(String(45), default="")
    user_agent: Mapped[str] = mapped_column(String(200), default="")

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
