"""Every exception becomes one answer: problem details, or a page for a browser (64, 90).

The handlers are the application's, not Flask-RESTful's, so that routing, parsing, the limiter
and plain views end in the same place, with DEBUG and TESTING on or off.
"""

import logging

from flask import Flask, Response, g, render_template, request
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
)
from werkzeug.wrappers import Response as BaseResponse

from api.demonstrations import demonstrates
from api.http.hooks import in_api
from api.http.problems import BY_STATUS, CATALOGUE, Problem, ProblemType, render
from api.sentences import Sentence, said

log = logging.getLogger(__name__)


def wants_page() -> bool:
    """Tell whether a browser is looking at an address outside the API.

    `*/*` (curl) and `application/json` prefer the problem object; `text/html` first, the page.
    """
    if in_api():
        return False
    best = request.accept_mimetypes.best_match(["application/problem+json", "text/html"])
    return best == "text/html"


def _kind_of(status: int) -> ProblemType:
    """Give a status without a type of its own the type of its class."""
    fallback = "internal-error" if status >= 500 else "malformed-request"
    return BY_STATUS.get(status, CATALOGUE[fallback])


def _detail_of(error: HTTPException) -> str:
    match error:
        case RateLimitExceeded():
            return Sentence("The limit is %(limit)s.", limit=str(error.limit.limit))
        case MethodNotAllowed() if error.valid_methods:
            return Sentence(
                "%(method)s is not allowed here; use %(methods)s.",
                method=request.method,
                methods=", ".join(sorted(error.valid_methods)),
            )
        case RequestEntityTooLarge():
            return Sentence(
                "The body is larger than the %(limit)s bytes that are taken here.",
                limit=str(request.max_content_length),
            )
        case _ if "message" in (data := getattr(error, "data", None) or {}):
            return str(data["message"])  # where flask_restful.abort keeps it
        case NotFound() if error.description == NotFound.description:
            return Sentence(
                "There is nothing at %(path)s.", path=request.script_root + request.path
            )
        case _:
            return error.description or (error.name + ".")


@demonstrates(
    64,
    at="GET site.page_that_is_not_there",
    test="tests/http/test_errors.py::test_an_unknown_address_is_a_page_for_a_browser_and_a_problem_for_a_client",
)
@demonstrates(
    90,
    at="GET v1.error",
    test="tests/http/test_errors.py::test_every_cause_answers_the_one_shape",
)
def answer_http_error(error: HTTPException) -> BaseResponse:
    """Answer any HTTP error, keeping the headers that it carries (`Allow`, `Retry-After`)."""
    if error.response is not None:
        return error.get_response()
    status = error.code or 500
    kind = error.kind if isinstance(error, Problem) else _kind_of(status)
    detail = _detail_of(error)
    if wants_page():
        response: BaseResponse = Response(
            render_template(
                "error.html", kind=kind, status=status, detail=detail, said=said(detail)
            ),
            status,
        )
        response.vary.add("Accept")
    else:
        errors = error.errors if isinstance(error, Problem) else None
        members = error.members if isinstance(error, Problem) else None
        own = status == kind.status
        response = render(
            kind, detail, errors, members, status=status, title=None if own else error.name
        )
        if not in_api():
            response.vary.add("Accept")
    for name, value in error.get_headers(request.environ):
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    if isinstance(error, Problem):
        response.headers.update(error.headers)
    return response


def answer_unforeseen(error: Exception) -> BaseResponse:
    """Log what nobody foresaw, with the request's id, and tell the caller nothing of its inside."""
    log.exception("unhandled %s [%s]", type(error).__name__, g.get("request_id"))
    return answer_http_error(
        Problem("internal-error", "The server failed to answer. The failure has been logged.")
    )


def init_app(app: Flask) -> None:
    """Register the two handlers. They catch what resources raise too (see `api.http.restful`)."""
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, answer_unforeseen)
