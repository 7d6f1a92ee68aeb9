"""`/errors/{cause}`: every way a request can fail, on demand, all answered in one shape (90).

`@api.errorhandler` belongs to Flask-RESTX. Flask-RESTful itself has `Api(errors={...})`, a
dictionary by exception class name, and `abort`; neither reaches errors outside its resources.
"""

from collections.abc import Callable
from typing import Any, NoReturn

import flask_restful
from flask import abort, current_app, url_for
from flask_restful import Resource
from marshmallow import Schema, fields

from api.bank import questions
from api.demonstrations import demonstrates
from api.http.problems import Problem


def _domain() -> NoReturn:
    questions.get(0)
    raise AssertionError("question 0 exists")


def _validation() -> NoReturn:
    Schema.from_dict({"number": fields.Integer(required=True)})().load({"nummer": 1})
    raise AssertionError("the schema let it through")


def _unforeseen() -> NoReturn:
    raise RuntimeError("a secret detail that no client may see")


CAUSES: dict[str, tuple[str, Callable[[], NoReturn]]] = {
    "abort": ("`flask.abort(404)`", lambda: abort(404, "Asked for.")),
    "restful-abort": (
        "`flask_restful.abort(409, message=...)`",
        lambda: flask_restful.abort(409, message="Asked for."),
    ),
    "domain": ("an exception of the domain that knows nothing of HTTP", _domain),
    "validation": ("marshmallow's `ValidationError`", _validation),
    "too-large": ("a body over the limit", lambda: abort(413)),
    "unforeseen": ("an exception that nobody foresaw", _unforeseen),
}


class ErrorCauses(Resource):
    """The causes that can be provoked."""

    def get(self) -> dict[str, Any]:
        """List each with its address."""
        return {
            "items": [
                {
                    "cause": cause,
                    "description": description,
                    "links": {"self": url_for("v1.error", cause=cause, _external=True)},
                }
                for cause, (description, _) in CAUSES.items()
            ]
        }


class ErrorCause(Resource):
    """An error on demand."""

    @demonstrates(90, test="tests/http/test_errors.py::test_every_cause_answers_the_one_shape")
    def get(self, cause: str) -> Any:
        """Raise what was asked for; whatever it is, the application's handlers answer it."""
        if cause not in CAUSES:
            raise Problem(
                "not-found", f"There is no cause {cause!r}; see /errors for those there are."
            )
        current_app.logger.debug("provoking %s", cause)
        return CAUSES[cause][1]()
