"""Rooms: what a client can watch, and who may (93).

`bank`, `topic:<slug>` and `question:<number>` are open to everybody, as reading is. `job:<id>` is for
the job's owner and for administrators; whether there is such a job is nobody else's business.
"""

import re

from api.accounts import users
from api.accounts.permissions import Action
from api.http.problems import Problem
from api.jobs import queue
from api.jobs.queue import JobUnknownError
from api.models import User

ROOM = re.compile(
    r"(?:bank"
    r"|topic:(?=[a-z0-9-]{1,60}\Z)[a-z0-9]+(?:-[a-z0-9]+)*"
    r"|question:[1-9][0-9]{0,9}"
    r"|job:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z"
)
FORMS = "bank, topic:<slug>, question:<number>, job:<id>"


def check_may_join(room: str, user: User | None, place: str) -> None:
    """Let a caller into a room.

    :param room: a name that `ROOM` matches.
    :param user: who is calling; None for somebody who has not signed in.
    :param place: JSON Pointer to the name in what was sent.
    Raises Problem: 401 where nobody is signed in, 404 where the job is not theirs or not there.
    """
    kind, _, job = room.partition(":")
    if kind != "job":
        return
    if user is None:
        raise Problem(
            "token-missing",
            f"{room} is private: connect with an access token in auth.",
            errors=[{"pointer": place, "detail": "Needs an access token.", "code": "required"}],
        )
    try:
        queue.get(job, None if Action.MANAGE_JOBS in users.actions(user) else user)
    except JobUnknownError as error:
        raise Problem(
            "not-found",
            f"You have no job {job}.",
            errors=[{"pointer": place, "detail": "Is no job of yours.", "code": "unknown"}],
        ) from error
