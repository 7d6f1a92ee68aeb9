"""FastAPI on uvicorn.

As https://fastapi.tiangolo.com/tutorial/sql-databases/ (session by dependency, `response_model`, the
patch of stored data), https://fastapi.tiangolo.com/tutorial/security/oauth2-jwt/ (PyJWT) and
https://fastapi.tiangolo.com/tutorial/cors/ write it, with SQLAlchemy's own models for SQLModel's;
`cached` as https://github.com/long2ice/fastapi-cache does, on its memory back end.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request, Response, status
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import OAuth2PasswordBearer
from fastapi_cache import FastAPICache
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.decorator import cache
from jwt.exceptions import InvalidTokenError
from pydantic import AfterValidator, BaseModel, ConfigDict, field_validator
from shape import PER_PAGE, SECRET, links_around, page_of
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from tables import Question, Topic, User, make_engine, our_page, tuned_page

engine = make_engine()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Set the cache up."""
    FastAPICache.init(InMemoryBackend())
    yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])


def get_session() -> Iterator[Session]:
    """Yield a session for one request."""
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]
Moment = Annotated[datetime, AfterValidator(lambda value: value.replace(tzinfo=UTC))]


class QuestionPublic(BaseModel):
    """A question in a list."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    prompt: str
    technique: str | None
    topics: list[str]
    difficulty: str | None
    created_at: Moment
    updated_at: Moment
    links: dict[str, str]

    @field_validator("topics", mode="before")
    @classmethod
    def slugs(cls, value: list[Any]) -> list[str]:
        """Name topics by their slugs."""
        return [topic.slug if isinstance(topic, Topic) else topic for topic in value]


class QuestionPage(BaseModel):
    """A page of the list."""

    model_config = ConfigDict(from_attributes=True)

    items: list[QuestionPublic]
    page: dict[str, int]
    links: dict[str, str]


class QuestionCreate(BaseModel):
    """A question to be made."""

    prompt: str
    answer: str
    difficulty: str | None = None


class QuestionUpdate(BaseModel):
    """Members to be changed."""

    prompt: str | None = None
    answer: str | None = None
    difficulty: str | None = None


def read_page(session: Session, query: str, page: int) -> dict[str, Any]:
    """Read one page with the ORM."""
    total = session.scalar(select(func.count()).select_from(Question)) or 0
    statement = select(Question).options(selectinload(Question.topics)).order_by(Question.number)
    items = session.scalars(statement.offset((page - 1) * PER_PAGE).limit(PER_PAGE)).all()
    links = links_around(query, page, total)
    return {"items": items, "page": page_of(page, total), "links": links}


@app.get("/documented/questions", response_model=QuestionPage)
def documented(request: Request, session: SessionDep, page: int = 1) -> Any:
    """Answer one page."""
    return read_page(session, request.url.query, page)


@app.get("/cached/questions")
@cache(expire=60)
async def cached(request: Request, page: int = 1) -> Any:
    """Answer one page, kept; the session is opened inside, so that a hit pays for none."""
    with Session(engine) as session:
        return QuestionPage.model_validate(read_page(session, request.url.query, page))


@app.get("/tuned/questions")
def tuned(request: Request, page: int = 1) -> Response:
    """Answer one page: Core select, orjson."""
    return Response(tuned_page(engine, request.url.query, page), media_type="application/json")


@app.get("/ours/questions")
def ours(request: Request, page: int = 1) -> Response:
    """Answer one page, given our own statement."""
    return Response(our_page(engine, request.url.query, page), media_type="application/json")


oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")


def get_current_user(token: Annotated[str, Depends(oauth2_scheme)], session: SessionDep) -> User:
    """Return the user whom a token names."""
    refused = HTTPException(
        status_code=status.HTTP_401_UNAUTHORIZED,
        detail="Could not validate credentials",
        headers={"WWW-Authenticate": "Bearer"},
    )
    try:
        username = jwt.decode(token, SECRET, algorithms=["HS256"]).get("sub")
    except InvalidTokenError as error:
        raise refused from error
    user = session.scalar(select(User).where(User.username == username))
    if user is None:
        raise refused
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


@app.get("/bearer/questions", response_model=QuestionPage)
def bearer(request: Request, session: SessionDep, user: CurrentUser, page: int = 1) -> Any:
    """Answer one page to whoever shows a token."""
    return read_page(session, request.url.query, page)


@app.post("/documented/questions", status_code=201, response_model=QuestionPublic)
def create(body: QuestionCreate, session: SessionDep, user: CurrentUser) -> Any:
    """Make a question."""
    moment = datetime.now(UTC).replace(tzinfo=None)
    last = session.scalar(select(func.max(Question.number))) or 0
    question = Question(number=last + 1, created_at=moment, updated_at=moment, **body.model_dump())
    session.add(question)
    session.commit()
    session.refresh(question)
    return question


@app.patch("/documented/questions/{number}", response_model=QuestionPublic)
def change(number: int, body: QuestionUpdate, session: SessionDep, user: CurrentUser) -> Any:
    """Change a question."""
    question = session.scalar(select(Question).where(Question.number == number))
    if question is None:
        raise HTTPException(status_code=404, detail="Question not found")
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(question, name, value)
    question.updated_at = datetime.now(UTC).replace(tzinfo=None)
    session.add(question)
    session.commit()
    session.refresh(question)
    return question


@app.get("/ready")
def ready() -> str:
    """Tell that the server answers."""
    return "ready"
