"""The namespace of questions: models say what goes out, a parser what comes in (89).

`marshal_with` writes the answer and its description, `expect` the parameters, `response` the errors;
the docstrings are the summaries. Swagger 2.0 knows no null, so what a question lacks is left out.
A client may ask for some of the fields by the header `X-Fields`.
"""

from typing import Any

from flask_restx import Namespace, Resource, fields
from flask_restx.inputs import int_range

from api.bank import questions
from api.bank.questions import Criteria
from api.demonstrations import demonstrates
from api.models import Difficulty
from api.restx.documented import Parser

TESTS = "tests/restx/test_questions.py"
#: So that the product of page and size stays a number that a database takes.
MAX_PAGE = 1_000_000

namespace = Namespace("questions", path="/questions", description="The bank, question by question")

reference = namespace.model(
    "Reference",
    {
        "title": fields.String(required=True, description="What stands at the address"),
        "url": fields.String(required=True, description="Where it stands"),
    },
)
summary = namespace.model(
    "QuestionSummary",
    {
        "number": fields.Integer(required=True, description="Its number in the bank", min=1),
        "prompt": fields.String(required=True, description="The question itself, in Markdown"),
        "difficulty": fields.String(
            enum=[level.value for level in Difficulty], description="How hard it is"
        ),
        "topics": fields.List(fields.String(attribute="slug"), required=True),
        "uri": fields.Url("restx.question", absolute=True, readonly=True),
    },
)
question = namespace.inherit(
    "Question",
    summary,
    {
        "answer": fields.String(required=True, description="The worked answer, in Markdown"),
        "in_practice": fields.String(description="What books leave out"),
        "references": fields.List(fields.Nested(reference), required=True),
    },
)
page = namespace.model(
    "QuestionPage",
    {
        "items": fields.List(fields.Nested(summary), required=True),
        "page": fields.Integer(required=True, min=1),
        "per_page": fields.Integer(required=True, min=1, max=100),
        "total_items": fields.Integer(required=True, min=0),
    },
)

listing = Parser()
listing.add_argument("topic", location="args", help="The slug of a topic.")
listing.add_argument(
    "difficulty", location="args", choices=[level.value for level in Difficulty], help="How hard."
)
listing.add_argument(
    "page", type=int_range(1, MAX_PAGE), default=1, location="args", help="From 1."
)
listing.add_argument(
    "per_page", type=int_range(1, 100), default=20, location="args", help="At most 100."
)


@namespace.route("", endpoint="questions")
class QuestionList(Resource):
    """The questions of the bank."""

    @demonstrates(89, test=f"{TESTS}::test_a_page_is_filtered_and_marshalled")
    @namespace.expect(listing)
    @namespace.response(422, "A parameter is unknown or out of range (problem details).")
    @namespace.marshal_with(page, skip_none=True)
    def get(self) -> dict[str, Any]:
        """Read one page of the questions."""
        asked = listing.parse_args()
        criteria = Criteria(
            topics=[asked["topic"]] if asked["topic"] else [],
            difficulties=[asked["difficulty"]] if asked["difficulty"] else [],
        )
        found = questions.find_page(criteria, asked["page"], asked["per_page"])
        return {
            "items": found.questions,
            "page": asked["page"],
            "per_page": asked["per_page"],
            "total_items": found.total,
        }


nothing = Parser()


@namespace.route("/<int(max=2147483647):number>", endpoint="question")
@namespace.param("number", "Its number in the bank")
class QuestionItem(Resource):
    """One question."""

    @demonstrates(89, test=f"{TESTS}::test_a_client_chooses_fields_by_a_mask")
    @namespace.response(404, "There is no such question (problem details).")
    @namespace.response(422, "The mask in X-Fields does not fit (problem details).")
    @namespace.marshal_with(question, skip_none=True)
    def get(self, number: int) -> Any:
        """Read one question with its answer."""
        nothing.parse_args()
        return questions.get(number)
