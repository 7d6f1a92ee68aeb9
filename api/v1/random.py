"""`/questions/random`: Flask-RESTful's `reqparse`, and webargs beside it (67).

Two ways, side by side for the comparison: same parameters, same refusals. Prefer the second:
`reqparse` is deprecated and says so in Flask-RESTful's own documentation.
Source: https://flask-restful.readthedocs.io/en/latest/reqparse.html
"""

from typing import Any

from flask import request, url_for
from flask_restful import Resource, reqparse
from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.exceptions import BadRequest

from api.bank.questions import Criteria
from api.bank.reading import COLUMNS, read_random
from api.demonstrations import demonstrates
from api.http.parsing import invalid, parameter_errors, parses_own_query, query, unknown_parameter
from api.http.problems import Problem
from api.models import Difficulty
from api.schemas.fields import CommaSeparated
from api.schemas.questions import SLUG, RepresentationQuery
from api.v1.questions import representation

LEVELS = [level.value for level in Difficulty]
ONE_LEVEL = f"Must be one of: {', '.join(LEVELS)}."


def _draw(topics: list[str], difficulty: str | None) -> Any:
    """Answer a random question among those that fit."""
    levels = [difficulty] if difficulty else []
    question = read_random(Criteria(topics=topics, difficulties=levels), COLUMNS)
    if question is None:
        raise Problem("not-found", "No question has that topic and difficulty.")
    address = url_for("v1.question", number=question["number"], _external=True)
    headers = {"Content-Location": address, "Cache-Control": "no-store"}
    (item,) = representation(RepresentationQuery().load({}))([question])
    return item, 200, headers


def slugs(value: str) -> list[str]:
    """Split a comma-separated list of slugs.

    Raises ValueError with a line for each faulty word; any other exception `reqparse` would hand to
    the view as the value.
    """
    words = value.split(",")
    faults = []
    for place, word in enumerate(words, 1):
        try:
            SLUG(word)
        except ValidationError:
            faults.append(f"Item {place}: {SLUG.error}")
    if faults:
        raise ValueError("\n".join(faults))
    return words


parser = reqparse.RequestParser(bundle_errors=True)
parser.add_argument("topic", type=slugs, location="args", default=[])
parser.add_argument("difficulty", choices=LEVELS, location="args", help=ONE_LEVEL)


class RandomQuestion(Resource):
    """A random question; its query string is read by `reqparse` (deprecated)."""

    @demonstrates(67, test="tests/v1/test_random.py::test_both_parsers_refuse_the_same_input_alike")
    @parses_own_query
    def get(self) -> Any:
        """Parse with `RequestParser`, whose errors come bundled by `bundle_errors`."""
        try:
            args: dict[str, Any] = parser.parse_args()
        except BadRequest as error:
            texts: dict[str, str] = getattr(error, "data", {}).get("message", {})
            messages = {name: text.splitlines() for name, text in texts.items()}
        else:
            messages = {}
        # `strict=True` would refuse unknown parameters too, but alone and in a sentence.
        known = sorted(argument.name for argument in parser.args)
        stray = sorted(name for name in request.args if name not in known)
        messages |= {name: [unknown_parameter(known)] for name in stray}
        if messages:
            raise invalid(parameter_errors(messages))
        return _draw(args["topic"], args["difficulty"])


class RandomQuery(Schema):
    """The same parameters as a marshmallow schema."""

    topic = CommaSeparated(fields.String(validate=SLUG), load_default=[])
    difficulty = fields.String(validate=validate.OneOf(LEVELS, error=ONE_LEVEL), load_default=None)


class RandomQuestionByWebargs(Resource):
    """A random question; its query string is read by webargs and marshmallow (preferred)."""

    @demonstrates(67, test="tests/v1/test_random.py::test_both_parsers_refuse_the_same_input_alike")
    @query(RandomQuery)
    def get(self, args: dict[str, Any]) -> Any:
        """Let the decorator parse; a refusal never reaches this line."""
        return _draw(args["topic"], args["difficulty"])
