"""Telling clients that an operation is going, in headers that programs can read (75).

Sources: https://www.rfc-editor.org/rfc/rfc9745 (`Deprecation`),
https://www.rfc-editor.org/rfc/rfc8594 (`Sunset`)
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import Response, after_this_request, url_for
from werkzeug.http import http_date

from api.demonstrations import demonstrates

DEPRECATED = datetime(2026, 11, 1, tzinfo=UTC)
SUNSET = datetime(2028, 11, 1, tzinfo=UTC)


@demonstrates(
    75,
    at="GET v1.questions",
    test="tests/v2/test_questions.py::test_the_replaced_operation_tells_when_it_goes_and_what_follows",
)
def deprecated(*, successor: str) -> Callable[[Any], Any]:
    """Announce on every answer of a view that it is deprecated, until when it stays, what follows.

    :param successor: the endpoint that replaces it.
    """

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            @after_this_request
            def announce(response: Response) -> Response:
                response.headers["Deprecation"] = f"@{int(DEPRECATED.timestamp())}"
                response.headers["Sunset"] = http_date(SUNSET)
                address = url_for(successor, _external=True)
                response.headers.add("Link", f'<{address}>; rel="successor-version"')
                return response

            return view(*args, **kwargs)

        return wrapper

    return decorate
