"""Topics with the number of questions under each; and their words, which can be changed."""

from marshmallow import ValidationError
from sqlalchemy import func, select, update

from api.bank import storing
from api.extensions import db
from api.models import Question, QuestionTopic, Topic

MAX_NAME = 120
MAX_DESCRIPTION = 1_000


class TopicUnknownError(LookupError):
    """There is no topic of that slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no topic {slug!r}.")


def list_topics() -> list[tuple[Topic, int]]:
    """Return every topic and how many questions stand under it, by slug."""
    rows = db.session.execute(
        select(Topic, func.count(QuestionTopic.question_id))
        .outerjoin(QuestionTopic, QuestionTopic.topic_id == Topic.id)
        .group_by(Topic.id)
        .order_by(Topic.slug)
    )
    return [(topic, count) for topic, count in rows]


def get_topic(slug: str) -> tuple[Topic, list[tuple[int, str]]]:
    """Return a topic and the number and prompt of its questions. Raises TopicUnknownError."""
    topic = db.session.scalar(select(Topic).where(Topic.slug == slug))
    if topic is None:
        raise TopicUnknownError(slug)
    rows = db.session.execute(
        select(Question.number, Question.prompt)
        .join(QuestionTopic, QuestionTopic.question_id == Question.id)
        .where(QuestionTopic.topic_id == topic.id)
        .order_by(Question.number)
    )
    return topic, [(number, prompt) for number, prompt in rows]


def describe(slug: str, name: str, description: str) -> None:
    """Change what a topic is called and said to be about; its slug is its address and stays.

    Raises TopicUnknownError, marshmallow.ValidationError, storing.BankWriteError.
    """
    words = {"name": name.strip(), "description": description.strip()}
    if not 0 < len(words["name"]) <= MAX_NAME:
        raise ValidationError({"name": [f"must have from 1 to {MAX_NAME} characters"]})
    if len(words["description"]) > MAX_DESCRIPTION:
        raise ValidationError({"description": [f"may have {MAX_DESCRIPTION:,} characters at most"]})
    with storing.writing() as connection:
        changed = connection.execute(update(Topic).where(Topic.slug == slug).values(words))
        if not changed.rowcount:
            raise TopicUnknownError(slug)
