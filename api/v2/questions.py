"""`/api/v2/questions`: cursors instead of pages, a leaner representation, the same domain (75, 78)."""

from typing import Any

from flask_restful import Resource

from api.bank.reading import read_after
from api.demonstrations import demonstrates
from api.http.addresses import addresses
from api.http.caching import cached
from api.http.cursors import read_cursor, write_cursor
from api.http.limits import searches
from api.http.pagination import address, addresses_by, collection, link_header
from api.http.parsing import query
from api.http.rereading import Answer, Reading
from api.schemas.questions import SUMMARY_FIELDS, QuestionSliceQuery


class QuestionSlice(Resource):
    """The questions of the bank, slice by slice after a cursor."""

    @demonstrates(
        75, test="tests/v2/test_questions.py::test_both_versions_answer_from_one_set_of_rules"
    )
    @demonstrates(78, test="tests/v2/test_questions.py::test_cursors_walk_the_whole_bank_once")
    @searches
    @cached("bank")
    @query(QuestionSliceQuery)
    def get(self, args: dict[str, Any]) -> Reading:
        """Answer the questions after the cursor, and a link to go on."""
        criteria, limit = args["criteria"], args["limit"]
        after = read_cursor(criteria.order, args["cursor"]) if args["cursor"] else None
        here, behind, at = address(), addresses_by("cursor"), addresses("v1.question")

        def read() -> Answer:
            found = read_after(criteria, SUMMARY_FIELDS, after, limit)
            links = {"self": here}
            if found.position is not None:
                links["next"] = behind(write_cursor(criteria.order, found.position))
            items = [
                values | {"links": {"self": at(values["number"])}} for values in found.questions
            ]
            for item in items if criteria.text else ():
                item["highlights"] = found.highlights.get(item["number"], {})
            header = {"Link": link_header(links)} if "next" in links else {}
            return collection(items, {"limit": limit}, links), header

        return Reading(read)
