"""Refusals over a socket: the problem objects that a request would have got (93).

Flask-SocketIO runs handlers under a request context but not through Flask's dispatching, so an
exception in one meets no error handler: the client would wait in vain for its acknowledgement.
"""

from typing import Any

from flask import current_app


def refusal(error: Exception) -> dict[str, Any]:
    """Return the problem object for an exception, made by the application's own error handlers.

    Call it under the request context of the handshake, whose `Accept` is that of JSON (see `guard`).
    """
    answer = current_app.make_response(current_app.handle_user_exception(error))
    problem: dict[str, Any] = answer.get_json()
    return problem
