"""Attachments: what is known of a file that belongs to a question; its bytes are not in the database."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import Base
from api.models.account import User
from api.models.question import Question
from api.models.types import UTCDateTime, now


class Attachment(Base):
    """A file of a question. `filename` is text to show; `stored_name`, random, is where it lies.

    A row goes with its question. It stays when its uploader's account goes. A file whose row has
    gone is removed by `api.attachments.store.sweep_orphans`.
    """

    __tablename__ = "attachments"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    question_id: Mapped[int] = mapped_column(
        ForeignKey("questions.id", ondelete="CASCADE"), index=True
    )
    uploader_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    filename: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    pages: Mapped[int | None] = mapped_column(Integer)
    stored_name: Mapped[str] = mapped_column(String(32), unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

    question: Mapped[Question] = relationship(lazy="joined", innerjoin=True)
    uploader: Mapped[User | None] = relationship(lazy="raise", viewonly=True)
