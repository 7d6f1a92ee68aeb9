"""Scratch documents: a reader's own writable corner, for trying verbs and preconditions."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import Base
from api.models.types import UTCDateTime, now


class ScratchDocument(Base):
    """A JSON object that a reader put under a key of their own choice; it expires."""

    __tablename__ = "scratch_documents"

    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
