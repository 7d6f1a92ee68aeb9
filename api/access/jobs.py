"""Which jobs a caller may see and act on: one's own, and everybody's for who manages jobs (86)."""

from uuid import UUID

from api.access.identity import may, signed_in
from api.accounts.permissions import Action
from api.jobs import queue
from api.models import Job, User


def whose() -> User | None:
    """Return whose jobs the caller may see; None means everybody's. Raises Problem (401) for nobody."""
    return None if may(Action.MANAGE_JOBS) else signed_in()


def visible(jid: UUID) -> Job:
    """Return a job that the caller may see. Raises JobUnknownError: another's is not there."""
    return queue.get(str(jid), whose())
