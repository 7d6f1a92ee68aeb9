"""What belongs together: the questions of each technique, and those near to a question."""

from dataclasses import dataclass

from sqlalchemy import case, false, func, or_, select

from api.extensions import db
from api.models import Question, QuestionTopic


@dataclass(frozen=True, slots=True)
class Title:
    """A question as far as a list names it."""

    number: int
    prompt: str


def by_technique() -> dict[str, list[Title]]:
    """Return the questions of each technique that has any, by number."""
    rows = db.session.execute(
        select(Question.technique, Question.number, Question.prompt)
        .where(Question.technique.is_not(None))
        .order_by(Question.number)
    )
    found: dict[str, list[Title]] = {}
    for technique, number, prompt in rows:
        found.setdefault(str(technique), []).append(Title(number, prompt))
    return found


def related(question: Question, limit: int = 6) -> list[Title]:
    """Return the questions nearest to one: of its technique first, then by topics in common.

    :param limit: how many at most.
    """
    topics = select(QuestionTopic.topic_id).where(QuestionTopic.question_id == question.id)
    shared = (
        select(QuestionTopic.question_id, func.count().label("topics"))
        .where(QuestionTopic.topic_id.in_(topics))
        .group_by(QuestionTopic.question_id)
        .subquery()
    )
    # Of no technique is no technique in common.
    same = Question.technique == question.technique if question.technique else false()
    rows = db.session.execute(
        select(Question.number, Question.prompt)
        .outerjoin(shared, shared.c.question_id == Question.id)
        .where(Question.id != question.id, or_(same, shared.c.topics.is_not(None)))
        .order_by(
            case((same, 0), else_=1), func.coalesce(shared.c.topics, 0).desc(), Question.number
        )
        .limit(limit)
    )
    return [Title(number, prompt) for number, prompt in rows]
