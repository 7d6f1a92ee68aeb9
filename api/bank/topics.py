"""Topics with the number of questions under each."""

from sqlalchemy import func, select

from api.extensions import db
from api.models import Question, QuestionTopic, Topic


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
