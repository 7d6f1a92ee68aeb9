"""`Prefer`: how a client would like a request to be handled (97).

A preference that is not understood is ignored, never refused; one that was followed is told by
`Preference-Applied`. Source: https://www.rfc-editor.org/rfc/rfc7240
"""

import re

from flask import request

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?=[,;]|$)", re.IGNORECASE)


def seconds_to_wait(most: int) -> int:
    """Return for how many seconds the client would wait for the outcome, at most `most`.

    Zero where it says nothing of it (RFC 7240, section 4.3).
    """
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), most) if found else 0
