"""Flask-RESTful, reduced to what it does well: resources and their routes (61, 83, 90).

Flask-RESTful replaces `app.handle_exception` and answers errors itself: a missing token becomes a
500, a `ValidationError` shows its input, the application's handlers are passed over. This `Api`
registers resources and leaves every error to `api.http.errors`; and it writes JSON by Flask's
provider, which Flask-RESTful by itself does not ask.
"""

from typing import Any

import flask_restful
from flask import Flask, Response, current_app

from api.demonstrations import demonstrates


def output_json(data: Any, code: int, headers: dict[str, str] | None = None) -> Response:
    """Represent a resource's answer as JSON by the application's provider."""
    return current_app.make_response((current_app.json.response(data), code, headers or {}))


@demonstrates(
    90,
    at="GET v1.error",
    test="tests/http/test_errors.py::test_flask_restful_takes_errors_over_unless_its_api_is_subclassed",
)
class Api(flask_restful.Api):
    """Registers resources; errors and JSON stay the application's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.representations = {"application/json": output_json}

    def _init_app(self, app: Flask) -> None:
        """Register the resources and nothing else: the parent also takes over error handling."""
        for resource, urls, kwargs in self.resources:
            self._register_view(app, resource, *urls, **kwargs)
