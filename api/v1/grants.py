"""`/questions/{number}/grants`: who may edit this one question beside its author and editors (86).

Giving is an action of its own, an editor's: a right that its holder could hand on would soon be
everybody's. Every grant says who gave it.
"""

from typing import Any

from flask import Response, url_for
from flask_restful import Resource

from api.access.identity import requires, signed_in
from api.accounts import users
from api.accounts.permissions import Action
from api.bank import grants
from api.bank.grants import Grant
from api.demonstrations import demonstrates
from api.http.limits import writes
from api.http.responses import no_content

TESTS = "tests/access/test_ownership.py"


def represent(grant: Grant) -> dict[str, Any]:
    """Represent a grant."""
    return {
        "username": grant.username,
        "granted_by": grant.granted_by,
        "granted_at": grant.granted_at,
    }


class GrantList(Resource):
    """Who may edit a question: its author, and whom it was granted."""

    @requires(Action.GRANT_QUESTION)
    def get(self, number: int) -> dict[str, Any]:
        """List the grants by name. Editors, who may edit every question, are not among them."""
        return {
            "author": grants.author_of(number),
            "items": [represent(grant) for grant in grants.list_grants(number)],
            "links": {
                "self": url_for("v1.grants", number=number, _external=True),
                "question": url_for("v1.question", number=number, _external=True),
            },
        }


class GrantItem(Resource):
    """The right of one user to edit a question."""

    @demonstrates(86, test=f"{TESTS}::test_a_right_on_one_question_is_given_and_taken")
    @writes
    @requires(Action.GRANT_QUESTION)
    def put(self, number: int, username: str) -> Any:
        """Give it; it holds from the user's next request on."""
        grant, is_new = grants.give(number, users.get(username), signed_in())
        return represent(grant), 201 if is_new else 200

    @demonstrates(86, test=f"{TESTS}::test_a_right_on_one_question_is_given_and_taken")
    @writes
    @requires(Action.GRANT_QUESTION)
    def delete(self, number: int, username: str) -> Response:
        """Take it; it is gone from the user's next request on."""
        grants.take(number, users.get(username))
        return no_content()
