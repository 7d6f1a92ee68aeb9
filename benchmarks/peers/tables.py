"""The tables as SQLAlchemy's documentation maps them, and the same reads without its ORM.

Sources: https://docs.sqlalchemy.org/en/20/orm/quickstart.html and, for the tuned reads,
https://docs.sqlalchemy.org/en/20/faq/performance.html
"""

import sqlite3
from datetime import datetime
from typing import Any

import orjson
from shape import DATABASE, PER_PAGE, envelope, links_of, moment
from sqlalchemy import Engine, ForeignKey, create_engine, event, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Registry of the peers' models."""


class QuestionTopic(Base):
    """Which question stands under which topic."""

    __tablename__ = "question_topics"

    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topics.id"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)


class Topic(Base):
    """A subject heading."""

    __tablename__ = "topics"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]


class Question(Base):
    """A question of the bank."""

    __tablename__ = "questions"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    prompt: Mapped[str]
    answer: Mapped[str]
    technique: Mapped[str | None]
    difficulty: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    topics: Mapped[list[Topic]] = relationship(
        secondary="question_topics", order_by=QuestionTopic.position
    )

    @property
    def links(self) -> dict[str, str]:
        """Link the question and what belongs to it."""
        return links_of(self.number)


class User(Base):
    """An account; the peers only look it up by its name."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str]


def tune(engine: Engine) -> None:
    """Give each connection the application's own durability: the file is in WAL mode already."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")


def make_engine() -> Engine:
    """Return an engine on the database of the run."""
    options = {"check_same_thread": False, "timeout": 10}
    engine = create_engine(f"sqlite:///{DATABASE}", connect_args=options)
    tune(engine)
    return engine


COLUMNS = (
    Question.id,
    Question.number,
    Question.prompt,
    Question.technique,
    Question.difficulty,
    Question.created_at,
    Question.updated_at,
)


def tuned_page(engine: Engine, query: str, page: int) -> bytes:
    """Read a page with Core: rows, no entities; topics by a second statement; orjson."""
    with engine.connect() as connection:
        total = connection.scalar(select(func.count(Question.id))) or 0
        statement = select(*COLUMNS).order_by(Question.number).limit(PER_PAGE)
        rows = connection.execute(statement.offset((page - 1) * PER_PAGE)).all()
        topics: dict[int, list[str]] = {row.id: [] for row in rows}
        tagged = (
            select(QuestionTopic.question_id, Topic.slug)
            .join(Topic, Topic.id == QuestionTopic.topic_id)
            .where(QuestionTopic.question_id.in_(topics))
            .order_by(QuestionTopic.position)
        )
        for question, slug in connection.execute(tagged):
            topics[question].append(slug)
    items = [
        {
            "number": row.number,
            "prompt": row.prompt,
            "technique": row.technique,
            "topics": topics[row.id],
            "difficulty": row.difficulty,
            "created_at": moment(row.created_at),
            "updated_at": moment(row.updated_at),
            "links": links_of(row.number),
        }
        for row in rows
    ]
    return orjson.dumps(envelope(items, query, page, total))


OURS = text(
    """
    SELECT number, prompt, technique, difficulty,
           strftime('%Y-%m-%dT%H:%M:', created_at) || substr(created_at, 18) || 'Z',
           strftime('%Y-%m-%dT%H:%M:', updated_at) || substr(updated_at, 18) || 'Z',
           (SELECT json_group_array(slug) FROM (
               SELECT topics.slug FROM question_topics JOIN topics ON topics.id = topic_id
               WHERE question_id = questions.id ORDER BY position))
    FROM questions ORDER BY number LIMIT :limit OFFSET :offset
    """
)
COUNT = text("SELECT count(*) FROM questions")


def our_page(engine: Engine, query: str, page: int) -> bytes:
    """Read a page by one statement whose topics are a JSON column, put into the answer as they are."""
    with engine.connect() as connection:
        total = connection.execute(COUNT).scalar_one()
        where = {"limit": PER_PAGE, "offset": (page - 1) * PER_PAGE}
        rows = connection.execute(OURS, where).all()
    items = [
        {
            "number": number,
            "prompt": prompt,
            "technique": technique,
            "topics": orjson.Fragment(topics),
            "difficulty": difficulty,
            "created_at": created,
            "updated_at": updated,
            "links": links_of(number),
        }
        for number, prompt, technique, difficulty, created, updated, topics in rows
    ]
    return orjson.dumps(envelope(items, query, page, total))
