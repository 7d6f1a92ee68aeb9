"""Whose a question is, and who else may edit it (86).

Two sources of the right to edit one question: its author, a column, and grants, a table. Both are
asked about one question and one user at a time, in one statement, when they are needed.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import aliased

from api.bank import storing
from api.bank.questions import QuestionUnknownError
from api.extensions import db
from api.models import Question, QuestionGrant, User
from api.models.types import now


class GrantUnknownError(LookupError):
    """The user was not given the right that was to be taken."""

    def __init__(self, number: int, username: str) -> None:
        super().__init__(f"{username!r} has no grant on question {number}.")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a user stands to a question."""

    is_author: bool = False
    has_grant: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """A right that was given: to whom, by whom (None: an account that is gone), and when."""

    username: str
    granted_by: str | None
    granted_at: datetime


def standing(number: int, user_id: int) -> Standing:
    """Return how the user stands to the question of that number; to none if it is not there."""
    granted = exists().where(
        QuestionGrant.question_id == Question.id, QuestionGrant.user_id == user_id
    )
    row = db.session.execute(
        select(Question.author_id, granted.label("granted")).where(Question.number == number)
    ).first()
    return Standing(row.author_id == user_id, bool(row.granted)) if row else Standing()


def author_of(number: int) -> str | None:
    """Return the name of the question's author, None for nobody. Raises QuestionUnknownError."""
    row = db.session.execute(
        select(User.username)
        .select_from(Question)
        .outerjoin(User, User.id == Question.author_id)
        .where(Question.number == number)
    ).first()
    if row is None:
        raise QuestionUnknownError(number)
    return row[0]


def list_grants(number: int) -> list[Grant]:
    """Return the grants on the question of that number, by the users' names."""
    giver = aliased(User)
    rows = db.session.execute(
        select(User.username, giver.username, QuestionGrant.granted_at)
        .select_from(QuestionGrant)
        .join(Question, Question.id == QuestionGrant.question_id)
        .join(User, User.id == QuestionGrant.user_id)
        .outerjoin(giver, giver.id == QuestionGrant.granted_by_id)
        .where(Question.number == number)
        .order_by(User.username)
    )
    return [Grant(*row) for row in rows]


def give(number: int, user: User, by: User) -> tuple[Grant, bool]:
    """Give a user the right to edit a question; return the grant, and whether it is new.

    Raises QuestionUnknownError, storing.BankWriteError.
    """
    user_id, username, by_id = user.id, user.username, by.id
    with storing.writing() as connection:
        question = connection.scalar(select(Question.id).where(Question.number == number))
        if question is None:
            raise QuestionUnknownError(number)
        there = select(QuestionGrant).where(
            QuestionGrant.question_id == question, QuestionGrant.user_id == user_id
        )
        is_new = db.session.scalar(there) is None
        if is_new:
            db.session.add(
                QuestionGrant(
                    question_id=question, user_id=user_id, granted_by_id=by_id, granted_at=now()
                )
            )
    (grant,) = [each for each in list_grants(number) if each.username == username]
    return grant, is_new


def take(number: int, user: User) -> None:
    """Take the right again; it is gone from the user's next request on.

    Raises QuestionUnknownError, GrantUnknownError, storing.BankWriteError.
    """
    user_id, username = user.id, user.username
    with storing.writing() as connection:
        question = connection.scalar(select(Question.id).where(Question.number == number))
        if question is None:
            raise QuestionUnknownError(number)
        taken = connection.execute(
            delete(QuestionGrant).where(
                QuestionGrant.question_id == question, QuestionGrant.user_id == user_id
            )
        )
        if not taken.rowcount:
            raise GrantUnknownError(number, username)
