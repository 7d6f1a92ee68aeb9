"""Many addresses of one endpoint from one `url_for` (52).

`url_for` walks the rules for each address that it builds; a page of twenty questions has sixty. They differ
by a number alone, so one is built for a number that is none and cut there.
Source: https://flask.palletsprojects.com/en/stable/api/#flask.Flask.url_for
"""

from collections.abc import Callable
from functools import lru_cache

from flask import Flask, current_app, request, url_for

#: The greatest that the routes take; no question will ever have it.
_PLACE = 2_147_483_647


@lru_cache(maxsize=256)
def _parts(app: Flask, root: str, endpoint: str) -> tuple[str, str]:  # noqa: ARG001 - what url_for goes by
    before, _, after = url_for(endpoint, number=_PLACE, _external=True).rpartition(str(_PLACE))
    return before, after


def addresses(endpoint: str) -> Callable[[int], str]:
    """Return what writes this request's external addresses of an endpoint, given the number in them.

    They begin as the request's own address does (host, scheme, prefix), as those of `url_for` do.
    """
    before, after = _parts(current_app._get_current_object(), request.url_root, endpoint)  # type: ignore[attr-defined]  # the application behind the proxy
    return lambda number: f"{before}{number}{after}"
