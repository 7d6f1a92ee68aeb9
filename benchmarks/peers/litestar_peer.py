"""Litestar, on uvicorn and on Granian.

As https://docs.litestar.dev/2/usage/databases/sqlalchemy/ (models, session) and
https://docs.litestar.dev/2/usage/caching.html (`cache=`) write it. Its handlers run in the event loop
(`sync_to_thread=False`), which is the faster choice for a database that answers within a millisecond.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from litestar import Litestar, MediaType, Request, Response, get
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from shape import PER_PAGE, links_around, page_of
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from tables import Question, make_engine, our_page, tuned_page

engine = make_engine()


def provide_session() -> Iterator[Session]:
    """Yield a session for one request."""
    with Session(engine) as session:
        yield session


@dataclass
class QuestionPublic:
    """A question in a list."""

    number: int
    prompt: str
    technique: str | None
    topics: list[str]
    difficulty: str | None
    created_at: datetime
    updated_at: datetime
    links: dict[str, str]


@dataclass
class QuestionPage:
    """A page of the list."""

    items: list[QuestionPublic]
    page: dict[str, int]
    links: dict[str, str]


def read_page(session: Session, query: str, page: int) -> QuestionPage:
    """Read one page with the ORM."""
    total = session.scalar(select(func.count()).select_from(Question)) or 0
    statement = select(Question).options(selectinload(Question.topics)).order_by(Question.number)
    found = session.scalars(statement.offset((page - 1) * PER_PAGE).limit(PER_PAGE)).all()
    items = [
        QuestionPublic(
            number=each.number,
            prompt=each.prompt,
            technique=each.technique,
            topics=[topic.slug for topic in each.topics],
            difficulty=each.difficulty,
            created_at=each.created_at.replace(tzinfo=UTC),
            updated_at=each.updated_at.replace(tzinfo=UTC),
            links=each.links,
        )
        for each in found
    ]
    return QuestionPage(items, page_of(page, total), links_around(query, page, total))


@get("/documented/questions", sync_to_thread=False)
def documented(request: Request, session: Session, page: int = 1) -> QuestionPage:
    """Answer one page."""
    return read_page(session, request.url.query, page)


@get("/cached/questions", sync_to_thread=False, cache=60)
def cached(request: Request, session: Session, page: int = 1) -> QuestionPage:
    """Answer one page, kept."""
    return read_page(session, request.url.query, page)


@get("/tuned/questions", sync_to_thread=False)
def tuned(request: Request, page: int = 1) -> Response[bytes]:
    """Answer one page: Core select, orjson."""
    return Response(tuned_page(engine, request.url.query, page), media_type=MediaType.JSON)


@get("/ours/questions", sync_to_thread=False)
def ours(request: Request, page: int = 1) -> Response[bytes]:
    """Answer one page, given our own statement."""
    return Response(our_page(engine, request.url.query, page), media_type=MediaType.JSON)


@get("/ready", sync_to_thread=False)
def ready() -> str:
    """Tell that the server answers."""
    return "ready"


app = Litestar(
    [documented, cached, tuned, ours, ready],
    cors_config=CORSConfig(),
    dependencies={"session": Provide(provide_session, sync_to_thread=False)},
)
