"""`/questions/{number}/revisions`: what a question was, who changed it, and back to what it was.

Who may edit a question may read its history: it names people, and it holds what was taken out.
"""

from typing import Any

from flask import Response, request, url_for
from flask_restful import Resource

from api.access.identity import signed_in_id
from api.access.questions import requires_edit
from api.bank import editing, history
from api.bank.formats.as_json import members
from api.bank.history import Revision
from api.bank.storing import Stored
from api.http.conditional import require_match
from api.http.idempotency import idempotent
from api.http.limits import writes
from api.http.pagination import collection, link_header, numbered_links
from api.http.parsing import query
from api.schemas.questions import PageQuery
from api.v1.questions import changed, created, require_question_match


def represent(number: int, revision: Revision) -> dict[str, Any]:
    """Represent a revision as a list shows it."""
    address: dict[str, Any] = {"number": number, "revision": revision.revision}
    return {
        "revision": revision.revision,
        "action": revision.action.value,
        "author": revision.author,
        "at": revision.at,
        "links": {
            "self": url_for("v1.revision", **address, _external=True),
            "restoration": url_for("v1.restoration", **address, _external=True),
        },
    }


def require_match_if_there(stored: Stored | None) -> None:
    """Ask for a precondition where the question stands; one that is gone has no state to name."""
    if stored is not None:
        require_question_match(stored)
    elif "If-Match" in request.headers or "If-None-Match" in request.headers:
        require_match(None)


class RevisionList(Resource):
    """The history of a question: every change with its author and time, the newest first."""

    @query(PageQuery)
    @requires_edit
    def get(self, args: dict[str, Any], number: int) -> Any:
        """Answer one page. A deleted question still has its history."""
        page, per_page = args["page"], args["per_page"]
        found, total = history.find_page(number, page, per_page)
        links = numbered_links(page, per_page, total)
        about = {
            "number": page,
            "per_page": per_page,
            "total_items": total,
            "total_pages": -(-total // per_page),
        }
        items = [represent(number, each) for each in found]
        return collection(items, about, links), 200, {"Link": link_header(links)}


class RevisionItem(Resource):
    """One revision of a question: the question as it was, and what had changed."""

    @requires_edit
    def get(self, number: int, revision: int) -> dict[str, Any]:
        """Answer the document (null where the question was deleted) and the difference."""
        found, before = history.get(number, revision)
        old = before.document if before else None
        return {
            **represent(number, found),
            "document": members(found.document) if found.document else None,
            "changes": history.difference(old, found.document),
        }


class Restoration(Resource):
    """Bringing a question back to a revision, one that was deleted too."""

    @writes
    @requires_edit
    @idempotent
    def post(self, number: int, revision: int) -> Response:
        """Make the revision's question the present one, which is a new revision."""
        question, was_gone = editing.restore(
            number, revision, signed_in_id(), require_match_if_there
        )
        return created(question) if was_gone else changed(question)
