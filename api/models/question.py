"""Questions, their topics and references: typed SQLAlchemy 2 models with relationships (63).

A relationship is declared `lazy="raise"`: a query that forgot to load it fails loudly instead of
sending one statement per row.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.demonstrations import demonstrates
from api.extensions import Base
from api.models.account import User
from api.models.types import UTCDateTime, now


class Difficulty(StrEnum):
    """How hard a question is, in rising order."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class QuestionTopic(Base):
    """Which question stands under which topic, in the order its file names them."""

    __tablename__ = "question_topics"

    question_id: Mapped[int] = mapped_column(
        ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True
    )
    topic_id: Mapped[int] = mapped_column(
        ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int] = mapped_column(Integer, default=0)


class Topic(Base):
    """A subject heading with its own page."""

    __tablename__ = "topics"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")


class Reference(Base):
    """A documentation page, standard or release note behind an answer."""

    __tablename__ = "question_references"

    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(
        ForeignKey("questions.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int] = mapped_column(Integer, default=0)
    title: Mapped[str] = mapped_column(String(500))
    url: Mapped[str] = mapped_column(String(2000))


@demonstrates(
    63,
    at="GET v1.loading",
    test="tests/v1/test_loading.py::test_lazy_loading_costs_a_statement_per_row",
)
class Question(Base):
    """One question of the bank with its worked answer.

    `file_digest` is the digest of the file it was last loaded from; `edited_at` is set by every
    change that did not come from that file. Together they decide what `flask bank load` may touch.
    `author_id` is who wrote it through the API; a question of the shipped files has no author.
    """

    __tablename__ = "questions"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number_positive"),
        CheckConstraint(
            "difficulty IN ('beginner', 'intermediate', 'advanced')", name="difficulty_known"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    prompt: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    in_practice: Mapped[str | None] = mapped_column(Text)
    try_it: Mapped[str | None] = mapped_column(Text)
    technique: Mapped[str | None] = mapped_column(String(60), index=True)
    difficulty: Mapped[str | None] = mapped_column(String(20), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)
    edited_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    file_digest: Mapped[str | None] = mapped_column(String(64))
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )

    topics: Mapped[list[Topic]] = relationship(
        secondary="question_topics", order_by=QuestionTopic.position, lazy="raise"
    )
    references: Mapped[list[Reference]] = relationship(
        order_by=Reference.position, cascade="all, delete-orphan", lazy="raise"
    )


class QuestionGrant(Base):
    """The right of one user to edit one question, given by another (86)."""

    __tablename__ = "question_grants"

    question_id: Mapped[int] = mapped_column(
        ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    granted_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    granted_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

    question: Mapped[Question] = relationship(lazy="raise", viewonly=True)
    user: Mapped[User] = relationship(lazy="raise", viewonly=True, foreign_keys=user_id)
    granted_by: Mapped[User | None] = relationship(
        lazy="raise", viewonly=True, foreign_keys=granted_by_id
    )


class QuestionRevision(Base):
    """One state in a question's history, kept by its number: a deleted question keeps its past.

    `document` is the question as it stood after the change, null where that deleted it. `author_id`
    is who made the change, `owner_id` whose question it was: what restoring gives it back to.
    """

    __tablename__ = "question_revisions"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    action: Mapped[str] = mapped_column(String(20))
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    document: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
