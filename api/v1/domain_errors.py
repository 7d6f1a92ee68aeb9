"""What the domain raises, as problems: the one place where the bank's exceptions meet HTTP."""

from flask import Flask
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from api.bank.questions import QuestionUnknownError
from api.bank.scratch import ScratchUnknownError
from api.bank.topics import TopicUnknownError
from api.http.errors import answer_http_error
from api.http.parsing import invalid, pointer_errors
from api.http.problems import Problem


def _unknown(error: LookupError) -> Response:
    return answer_http_error(Problem("not-found", str(error)))


def _invalid(error: ValidationError) -> Response:
    """Name the fields, never the values: the input may hold a password."""
    return answer_http_error(invalid(pointer_errors(error.messages)))


def init_app(app: Flask) -> None:
    """Register the handlers."""
    for kind in (QuestionUnknownError, TopicUnknownError, ScratchUnknownError):
        app.register_error_handler(kind, _unknown)
    app.register_error_handler(ValidationError, _invalid)
