"""Idempotency keys: what a client called its request, and the answer that it got."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import Base
from api.models.types import UTCDateTime, now


class KeyState(StrEnum):
    """How far the request of a key has come."""

    IN_FLIGHT = "in_flight"
    """It runs, or its process died; nothing of it is committed."""
    APPLIED = "applied"
    """What it does is committed, in the transaction that set this state; its answer is not kept yet."""
    DONE = "done"
    """Its answer is kept and is replayed."""


class IdempotencyKey(Base):
    """One request by its key. `scope` hashes who sent it, with which method, to which address."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("scope", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10), default=KeyState.IN_FLIGHT.value)
    lease: Mapped[str] = mapped_column(String(36))
    lease_expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    status: Mapped[int | None]
    headers: Mapped[list[list[str]] | None] = mapped_column(JSON)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
