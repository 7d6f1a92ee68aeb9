"""`/questions`: a resource end to end: parse, call the domain, represent (61, 78, 94).

A change answers the question as that change left it, with the ETag that the next one must name: no
reading it again, in which somebody else's change could already show.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from flask import Response, current_app, url_for
from flask_restful import Resource

from api.access.identity import requires, signed_in_id
from api.access.questions import requires_edit
from api.accounts.permissions import Action
from api.bank import editing, examples
from api.bank.reading import COLUMNS, Values, read_one, read_page
from api.bank.storing import Placed, Stored
from api.demonstrations import demonstrates
from api.http.addresses import addresses
from api.http.caching import cached
from api.http.conditional import etag_of, require_match
from api.http.demonstrations import Demonstration, of_question
from api.http.deprecation import deprecated
from api.http.idempotency import answered, idempotent
from api.http.json import encoded
from api.http.limits import searches, writes
from api.http.pagination import collection, link_header, numbered
from api.http.parsing import body, query
from api.http.rereading import Answer, Reading
from api.http.responses import no_content
from api.http.restful import output_json
from api.schemas.questions import (
    NumberedQuestionBody,
    QuestionBody,
    QuestionListQuery,
    RepresentationQuery,
    question_links,
)


def represent_demonstration(demonstration: Demonstration, try_it: str | None) -> dict[str, Any]:
    """Represent a demonstration; its curl is the first example that calls it."""
    calls = (c for c in examples.calls(try_it) if demonstration.serves(c.method, c.path))
    source = demonstration.source
    return {
        "method": demonstration.method,
        "path": demonstration.path,
        "curl": next((call.command for call in calls), None),
        "source": {
            "path": source.path,
            "first_line": source.first_line,
            "last_line": source.last_line,
            "text": source.text,
        },
        "test": demonstration.test,
    }


def demonstrations_of(number: int, try_it: str | None) -> list[dict[str, Any]]:
    """Represent all demonstrations of a question."""
    found = of_question(current_app, number)
    return [represent_demonstration(demonstration, try_it) for demonstration in found]


def columns(args: dict[str, Any]) -> tuple[str, ...]:
    """Return what must be read for the members that the reader asked for."""
    needed = {"number", *args["fields_"]}
    if "demonstrations" in args["include"]:
        needed.add("try_it")
    return tuple(name for name in COLUMNS if name in needed)


Represent: TypeAlias = Callable[..., list[dict[str, Any]]]


def representation(args: dict[str, Any]) -> Represent:
    """Return what represents questions with the members that the reader asked for, linked as this request
    is addressed. It takes their values and, of a search, the highlights by number.
    """
    fields, include = args["fields_"], args["include"]
    links = question_links() if "links" in fields else []

    def represent(
        found: list[Values], highlights: dict[int, dict[str, str]] | None = None
    ) -> list[dict[str, Any]]:
        items = []
        for values in found:
            number = values["number"]
            item = {
                name: values[name] if name != "links" else {rel: at(number) for rel, at in links}
                for name in fields
            }
            if "demonstrations" in include:
                item["demonstrations"] = demonstrations_of(number, values["try_it"])
            if highlights:
                item["highlights"] = highlights.get(number, {})
            items.append(item)
        return items

    return represent


def answering(args: dict[str, Any]) -> Callable[[Values, int | None, int | None], Answer]:
    """Return what represents one question and links its neighbours."""
    represent, at = representation(args), addresses("v1.question")

    def answer(values: Values, before: int | None, after: int | None) -> Answer:
        (item,) = represent([values])
        links = {
            rel: at(other)
            for rel, other in (("prev", before), ("next", after))
            if other is not None
        }
        if "links" in item:
            item["links"] |= links
        return item, {"Link": link_header(links)} if links else {}

    return answer


def whole(question: Placed) -> Answer:
    """Represent a question with all its members, as a read answers it."""
    document = question.document
    values = {name: getattr(document, name) for name in COLUMNS}
    values["references"] = [{"title": r.title, "url": r.url} for r in document.references]
    return answering(_WHOLE)(values, question.before, question.after)


_WHOLE: dict[str, Any] = RepresentationQuery().load({})


def etag_as_read(question: Placed) -> str:
    """Return the ETag, without quotes, that a read of the question answers."""
    return etag_of(encoded(whole(question)[0]))


def changed(question: Placed) -> Response:
    """Answer a question as a change left it, with the ETag that the next change must name."""
    item, fields = whole(question)
    response = output_json(item, 200, fields)
    response.set_etag(etag_of(response.get_data()))
    return response


def created(question: Placed) -> Response:
    """Answer 201 with the address of a question that has just come into the bank."""
    response = changed(question)
    response.status_code = 201
    response.headers["Location"] = url_for("v1.question", number=question.number, _external=True)
    return response


def require_question_match(stored: Stored) -> None:
    """Let a change through only from the state that stands. Raises Problem."""
    require_match(etag_as_read(stored.placed))


class QuestionList(Resource):
    """The questions of the bank: filtered, searched, sorted, page by page."""

    @demonstrates(94, test="tests/v1/test_questions.py::test_filters_search_and_sorting_combine")
    @demonstrates(78, test="tests/v1/test_questions.py::test_pages_link_their_neighbours")
    @deprecated(successor="v2.questions")
    @searches
    @cached("bank")
    @query(QuestionListQuery)
    def get(self, args: dict[str, Any]) -> Reading:
        """Answer one page, with the total and links to the others."""
        page, per_page, members = args["page"], args["per_page"], columns(args)
        represent, links_among = representation(args), numbered(page, per_page)

        def read() -> Answer:
            found = read_page(args["criteria"], members, page, per_page)
            links = links_among(found.total)
            about = {
                "number": page,
                "per_page": per_page,
                "total_items": found.total,
                "total_pages": -(-found.total // per_page),
            }
            items = represent(found.questions, found.highlights)
            return collection(items, about, links), {"Link": link_header(links)}

        return Reading(read)

    @writes
    @requires(Action.CREATE_QUESTION)
    @idempotent
    @body(NumberedQuestionBody)
    def post(self, args: dict[str, Any]) -> Response:
        """Put a new question into the bank, at once published. Its author is the caller."""
        number = args.pop("number", None)
        return editing.create(
            args, number, signed_in_id(), lambda question: answered(created(question))
        )


class QuestionItem(Resource):
    """One question with its worked answer."""

    @demonstrates(
        61, test="tests/v1/test_questions.py::test_one_question_has_every_promised_member"
    )
    @cached("bank")
    @query(RepresentationQuery)
    def get(self, args: dict[str, Any], number: int) -> Reading:
        """Answer the question of that number, and link its neighbours."""
        members, answer = columns(args), answering(args)
        return Reading(lambda: answer(*read_one(number, members)))

    @writes
    @requires_edit
    @body(QuestionBody)
    def put(self, args: dict[str, Any], number: int) -> Response:
        """Write the whole question anew, from the state that `If-Match` names."""
        return changed(editing.replace(number, args, signed_in_id(), require_question_match))

    @demonstrates(
        73, test="tests/access/test_matrix.py::test_every_role_may_what_its_permissions_say"
    )
    @writes
    @requires_edit
    @body(QuestionBody)
    def patch(self, args: dict[str, Any], number: int) -> Response:
        """Change members of the question (JSON Merge Patch), from the state that `If-Match` names."""
        return changed(editing.patch(number, args, signed_in_id(), require_question_match))

    @writes
    @requires(Action.DELETE_QUESTION)
    def delete(self, number: int) -> Response:
        """Delete the question. Its history stays, and it can be restored from there."""
        editing.delete(number, signed_in_id(), require_question_match)
        return no_content()


class DemonstrationList(Resource):
    """Where a question's answer runs: address, example, source lines, proving test."""

    @cached("bank")
    def get(self, number: int) -> dict[str, Any]:
        """List the demonstrations of the question of that number."""
        values, _, _ = read_one(number, ("try_it",))
        items = demonstrations_of(number, values["try_it"])
        return {
            "items": items,
            "links": {
                "self": url_for("v1.demonstrations", number=number, _external=True),
                "question": url_for("v1.question", number=number, _external=True),
            },
        }
