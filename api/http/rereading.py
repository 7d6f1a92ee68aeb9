"""The fast read path: an address that Flask has answered once is read again without Flask (63, 74).

A view may answer with a `Reading`: it has parsed, judged and prepared whatever depends on the request, and
what is left is a function that reads the data and represents it. Flask calls that once; from then on
`api.http.front` does, each time the data has changed, and puts the new body under the header that the
address has anyway. Routing, parsing and hooks are passed over: they would come to the same.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from api.http.json import encoded

#: What is read, as JSON will have it, and the header fields that depend on it.
Answer: TypeAlias = tuple[Any, dict[str, str]]


class Reading(NamedTuple):
    """How to answer a read again.

    :ivar read: takes nothing from the request, only from what it was made of and the database. Whatever
        it raises is for Flask to answer.
    """

    read: Callable[[], Answer]


class KnownCaller(NamedTuple):
    """Somebody whose token Flask has found good; `g.known_caller` while it answers.

    :ivar quota: the name that limits are counted under.
    :ivar is_still_calling: asks the database whether that token is good still.
    """

    quota: str
    is_still_calling: Callable[[], bool]


def read_again(reading: Reading) -> tuple[bytes, dict[str, str]]:
    """Return the new body and the fields that depend on it; to be called in an application's context.

    Raises what the reading raises.
    """
    data, fields = reading.read()
    return encoded(data), fields
