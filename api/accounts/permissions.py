"""One vocabulary of permissions, and what each role may do (73).

Flask-Principal's needs carry it: a permission is an `ActionNeed`. Views ask for needs, never for
roles, so that a role can change without touching a view.
Source: https://pythonhosted.org/Flask-Principal/
"""

from collections.abc import Iterable
from enum import StrEnum

from flask_principal import ActionNeed, Need


class Role(StrEnum):
    """The roles, each of which may do what the one before it may."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    EDITOR = "editor"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What may be permitted. The name is what a refusal tells the caller."""

    USE_OWN_ACCOUNT = "account.use-own"
    CREATE_DRAFT = "draft.create"
    CREATE_QUESTION = "question.create"
    EDIT_QUESTION = "question.edit"
    DELETE_QUESTION = "question.delete"
    PUBLISH_QUESTION = "question.publish"
    GRANT_QUESTION = "question.grant"
    CREATE_ATTACHMENT = "attachment.create"
    DELETE_ATTACHMENT = "attachment.delete"
    IMPORT_QUESTIONS = "question.import"
    MANAGE_JOBS = "job.manage"
    MANAGE_USERS = "user.manage"


_ADDED: dict[Role, frozenset[Action]] = {
    Role.READER: frozenset({Action.USE_OWN_ACCOUNT}),
    Role.CONTRIBUTOR: frozenset({Action.CREATE_DRAFT, Action.CREATE_ATTACHMENT}),
    Role.EDITOR: frozenset(
        {
            Action.CREATE_QUESTION,
            Action.EDIT_QUESTION,
            Action.DELETE_QUESTION,
            Action.PUBLISH_QUESTION,
            Action.GRANT_QUESTION,
            Action.DELETE_ATTACHMENT,
            Action.IMPORT_QUESTIONS,
        }
    ),
    Role.ADMINISTRATOR: frozenset({Action.MANAGE_USERS, Action.MANAGE_JOBS}),
}


def actions_of(role: Role) -> frozenset[Action]:
    """Return what a role permits, the lower roles' permissions included."""
    roles = list(Role)
    return frozenset().union(*(_ADDED[lower] for lower in roles[: roles.index(role) + 1]))


def actions_by(roles: Iterable[str]) -> frozenset[Action]:
    """Return all that roles permit, by their names; one that is no role any more permits nothing."""
    known = (Role(name) for name in roles if name in list(Role))
    return frozenset().union(*(actions_of(role) for role in known))


def action_need(action: Action) -> Need:
    """Return the need for a permission that a role gives."""
    need: Need = ActionNeed(action.value)
    return need
