"""The namespace of topics: a second module with a namespace of its own, as a blueprint would be (89)."""

from typing import Any

from flask_restx import Namespace, Resource, fields

from api.bank.topics import list_topics
from api.restx.documented import Parser

namespace = Namespace("topics", path="/topics", description="What the questions are about")

topic = namespace.model(
    "Topic",
    {
        "slug": fields.String(required=True),
        "name": fields.String(required=True),
        "description": fields.String(required=True),
        "questions": fields.Integer(required=True, min=0, description="How many stand under it"),
    },
)
topics = namespace.model("Topics", {"items": fields.List(fields.Nested(topic), required=True)})

nothing = Parser()


@namespace.route("", endpoint="topics")
class TopicList(Resource):
    """The topics of the bank."""

    @namespace.response(422, "A parameter is sent where there are none (problem details).")
    @namespace.marshal_with(topics)
    def get(self) -> dict[str, Any]:
        """List the topics with the number of questions under each."""
        nothing.parse_args()
        return {
            "items": [
                {
                    "slug": found.slug,
                    "name": found.name,
                    "description": found.description,
                    "questions": count,
                }
                for found, count in list_topics()
            ]
        }
