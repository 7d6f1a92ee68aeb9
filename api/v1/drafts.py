"""`/drafts`: questions in the making; a contributor writes one, an editor publishes it (86).

Another's draft is a 404, as if it were not there; a published question that one may not change is a
403. `api.access.drafts` says why.
"""

from typing import Any
from uuid import UUID

from flask import Response, url_for
from flask_restful import Resource

from api.access.drafts import reader, requires_draft
from api.access.identity import requires
from api.accounts.permissions import Action
from api.bank import drafts
from api.bank.drafts import Kept
from api.demonstrations import demonstrates
from api.http.conditional import etag_of, require_match
from api.http.idempotency import idempotent
from api.http.limits import writes
from api.http.pagination import collection, link_header, numbered_links
from api.http.parsing import body, query
from api.http.responses import no_content
from api.http.restful import output_json
from api.schemas.questions import NumberedQuestionBody, PageQuery
from api.v1.questions import created

TESTS = "tests/access/test_ownership.py"


def represent(draft: Kept) -> dict[str, Any]:
    """Represent a draft: the members of a question, and whose it is."""
    return {
        "id": draft.id,
        "author": draft.author,
        **draft.members,
        "created_at": draft.created_at,
        "updated_at": draft.updated_at,
        "links": {
            "self": url_for("v1.draft", draft=draft.id, _external=True),
            "publication": url_for("v1.publication", draft=draft.id, _external=True),
        },
    }


def answer(draft: Kept, status: int = 200) -> Response:
    """Represent a draft with the ETag that a change must name."""
    response = output_json(represent(draft), status)
    response.set_etag(etag_of(response.get_data()))
    return response


def require_draft_match(draft: Kept) -> None:
    """Let a change through only if it was made from the state that stands. Raises Problem."""
    require_match(answer(draft).get_etag()[0])


class DraftList(Resource):
    """Drafts: your own; for an editor, everybody's."""

    @query(PageQuery)
    @requires_draft
    def get(self, args: dict[str, Any]) -> Any:
        """Answer one page of them, the newest first."""
        page, per_page = args["page"], args["per_page"]
        found, total = drafts.find_page(reader(), page, per_page)
        links = numbered_links(page, per_page, total)
        about = {
            "number": page,
            "per_page": per_page,
            "total_items": total,
            "total_pages": -(-total // per_page),
        }
        items = [represent(draft) for draft in found]
        return collection(items, about, links), 200, {"Link": link_header(links)}

    @demonstrates(86, test=f"{TESTS}::test_anothers_draft_is_as_if_it_were_not_there")
    @writes
    @requires_draft
    @idempotent
    @body(NumberedQuestionBody)
    def post(self, args: dict[str, Any]) -> Response:
        """Make a draft. Whatever the body says, its author is the caller."""
        draft = drafts.create(args, reader())
        response = answer(draft, 201)
        response.headers["Location"] = url_for("v1.draft", draft=draft.id, _external=True)
        return response


class DraftItem(Resource):
    """One draft, for its author and for editors."""

    @requires_draft
    def get(self, draft: UUID) -> Response:
        """Read it."""
        return answer(drafts.get(str(draft), reader()))

    @writes
    @requires_draft
    @body(NumberedQuestionBody)
    def put(self, args: dict[str, Any], draft: UUID) -> Response:
        """Write it anew, from the state that `If-Match` names."""
        return answer(drafts.replace(str(draft), args, reader(), require_draft_match))

    @writes
    @requires_draft
    @body(NumberedQuestionBody)
    def patch(self, args: dict[str, Any], draft: UUID) -> Response:
        """Change members of it (JSON Merge Patch), from the state that `If-Match` names."""
        return answer(drafts.patch(str(draft), args, reader(), require_draft_match))

    @writes
    @requires_draft
    def delete(self, draft: UUID) -> Response:
        """Throw it away."""
        drafts.remove(str(draft), reader(), require_draft_match)
        return no_content()


class Publication(Resource):
    """Making a draft a question of the bank."""

    @demonstrates(86, test=f"{TESTS}::test_a_right_on_one_question_is_given_and_taken")
    @writes
    @requires(Action.PUBLISH_QUESTION)
    @idempotent
    def post(self, draft: UUID) -> Response:
        """Publish the draft as the editor read it: `If-Match` names that state. The draft ends."""
        return created(drafts.publish(str(draft), reader(), require_draft_match))
