"""Whose drafts the caller may see and change: their own; an editor, everybody's (86).

Another's draft is a 404 and not a 403: a question that is published anybody may know of, so that
refusing says nothing; that a draft exists is its author's business.
"""

from typing import Any

from api.access.identity import may, requires, signed_in_id
from api.accounts.permissions import Action
from api.bank.drafts import Reader


def reader() -> Reader:
    """Return the caller as a reader of drafts. Raises Problem (401) for nobody."""
    return Reader(user_id=signed_in_id(), reviews=may(Action.PUBLISH_QUESTION))


def requires_draft(view: Any) -> Any:
    """Let only those into a view who may have drafts; that they see only theirs is `reader`'s part."""
    guarded = requires(Action.CREATE_DRAFT)(view)
    guarded.required_item = "draft"
    return guarded
