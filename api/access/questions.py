"""Whether the caller may edit one particular question (86).

The permission has two needs, of which one is enough: the action `question.edit`, which a role gives
for every question, and `ItemNeed("edit", 51, "question")` for this one. The second is found out when
a view asks for it and not when the identity is loaded: nobody carries a need for each question that
they ever wrote through every request, and a grant that was given or taken a moment ago counts.

The number is the integer of the route's converter. Needs are compared as tuples: "51" would not match.
Source: https://flask-principal.readthedocs.io/en/latest/#granular-resource-protection
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import after_this_request, g
from flask_principal import ItemNeed, Need, Permission

from api.access.identity import device, keep_private, may, signed_in_id
from api.accounts.permissions import Action, action_need
from api.bank import grants
from api.demonstrations import demonstrates
from api.http.problems import Problem

TESTS = "tests/access/test_ownership.py"


def edit_need(number: int) -> Need:
    """Return the need for editing the question of that number."""
    need: Need = ItemNeed("edit", number, "question")
    return need


def provide_needs_on(number: int) -> None:
    """Give the caller's identity what authorship or a grant permits on one question.

    Authorship counts while the caller may write at all: whoever loses the role of a contributor
    stops editing with it. A grant was given to that user by name, whatever the role.
    """
    standing = grants.standing(number, signed_in_id())
    if standing.has_grant or (standing.is_author and may(Action.CREATE_DRAFT)):
        g.identity.provides.add(edit_need(number))


def may_edit(number: int) -> bool:
    """Tell whether the caller may edit the question of that number; nobody who is not signed in."""
    permission = Permission(action_need(Action.EDIT_QUESTION), edit_need(number))
    if not permission.allows(g.identity) and device() is not None:
        provide_needs_on(number)
    return bool(permission.allows(g.identity))


def require_edit(number: int) -> None:
    """Let only those go on who may edit the question of that number. Raises Problem (403)."""
    if not may_edit(number):
        raise Problem(
            "forbidden",
            f"This needs the permission {Action.EDIT_QUESTION.value}, which your roles do not "
            f"give, and you are neither the author of question {number} nor was it granted to "
            "you.",
            required=Action.EDIT_QUESTION.value,
        )


@demonstrates(
    86, at="PATCH v1.question", test=f"{TESTS}::test_a_right_on_one_question_is_given_and_taken"
)
def requires_edit(view: Callable[..., Any]) -> Any:
    """Let only those into a view who may edit its question: 401 for nobody, 403 for anybody else.

    Not 404: the question is public, so that there is nothing to hide.
    """

    @wraps(view)
    def wrapper(*args: Any, number: int, **kwargs: Any) -> Any:
        signed_in_id()
        require_edit(number)
        after_this_request(keep_private)
        return view(*args, number=number, **kwargs)

    # Read by the matrices of roles and of ownership, and by the tests of the contract.
    guarded: Any = wrapper
    guarded.required_action, guarded.required_item = Action.EDIT_QUESTION, "question"
    return guarded
