"""Drafts: questions that are not in the bank yet, each its author's own until it is published."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import Base
from api.models.account import User
from api.models.types import UTCDateTime, now


class Draft(Base):
    """A question in the making. It goes with its author's account; nobody else has a claim to it.

    A table of its own and not a flag on `questions`: what is public is read without asking who
    reads, so a query that forgot the flag would publish every draft.
    """

    __tablename__ = "drafts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

    author: Mapped[User] = relationship(lazy="raise", viewonly=True)
