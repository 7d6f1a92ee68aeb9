"""`/topics`: resources shaped by `marshal_with` and its `fields` (79), found by a converter (55).

`marshal_with` only shapes output; `TopicSchema` beside it says the same in marshmallow, which also
validates input. A test holds the two equal.
Source: https://flask-restful.readthedocs.io/en/latest/fields.html
"""

from typing import Any

from flask import url_for
from flask_restful import Resource, fields, marshal_with
from marshmallow import Schema
from marshmallow import fields as ma

from api.bank import topics
from api.demonstrations import demonstrates
from api.http.caching import cached


class AbsoluteUrl(fields.Raw):
    """`fields.Url` cannot name an endpoint of a blueprint from outside a resource; `url_for` can."""

    def __init__(self, endpoint: str, *arguments: str) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.arguments = arguments

    def output(self, key: str, obj: Any) -> str:  # the name is Flask-RESTful's
        """Build the address from the object's own values."""
        values = {name: fields.get_value(name, obj) for name in self.arguments}
        return url_for(self.endpoint, _external=True, **values)


question_fields = {
    "number": fields.Integer,
    "prompt": fields.String,
    "links": {"self": AbsoluteUrl("v1.question", "number")},
}
topic_fields = {
    "slug": fields.String,
    "name": fields.String,
    "description": fields.String,
    "question_count": fields.Integer,
    "links": {"self": AbsoluteUrl("v1.topic", "slug")},
}
topic_with_questions = {**topic_fields, "questions": fields.List(fields.Nested(question_fields))}


class TopicSchema(Schema):
    """The same shape in marshmallow: prefer this one."""

    slug = ma.String()
    name = ma.String()
    description = ma.String()
    question_count = ma.Integer()
    links = ma.Function(
        lambda topic: {"self": url_for("v1.topic", slug=topic["slug"], _external=True)}
    )


def _values(topic: Any, count: int) -> dict[str, Any]:
    return {
        "slug": topic.slug,
        "name": topic.name,
        "description": topic.description,
        "question_count": count,
    }


class TopicList(Resource):
    """Every topic and how many questions stand under it."""

    @demonstrates(79, test="tests/v1/test_topics.py::test_marshal_with_and_marshmallow_agree")
    @cached("bank")
    @marshal_with(topic_fields, envelope="items")
    def get(self) -> list[dict[str, Any]]:
        """Return plain values; `marshal_with` picks the fields and `envelope` wraps them."""
        return [_values(topic, count) for topic, count in topics.list_topics()]


class TopicItem(Resource):
    """One topic with its questions."""

    @demonstrates(79, test="tests/v1/test_topics.py::test_a_topic_nests_its_questions")
    @cached("bank")
    @marshal_with(topic_with_questions)
    def get(self, slug: str) -> dict[str, Any]:
        """Return the topic; `fields.Nested` shapes each of its questions."""
        topic, found = topics.get_topic(slug)
        listed = [{"number": number, "prompt": prompt} for number, prompt in found]
        return {**_values(topic, len(listed)), "questions": listed}
