"""Responses that several resources give alike."""

from flask import Response, current_app


def no_content() -> Response:
    """Answer 204: done, and nothing to say. Without content there is no `Content-Type` either."""
    response = current_app.response_class(status=204)
    del response.headers["Content-Type"]
    return response
