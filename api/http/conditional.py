"""Conditional requests: an ETag on every read, 304, and preconditions on changes.

Source: https://www.rfc-editor.org/rfc/rfc9110#section-13
"""

from hashlib import blake2b

from flask import Flask, Response, request
from werkzeug.http import parse_etags, quote_etag

from api.http.problems import Problem


def etag_of(body: bytes) -> str:
    """Name a representation by its bytes, without quotes."""
    return blake2b(body, digest_size=12).hexdigest()


def tag_and_compare(response: Response) -> Response:
    """Give a successful read its ETag, and answer 304 if the client already has it."""
    if request.method in {"GET", "HEAD"} and response.status_code == 200:
        if not response.is_streamed and not response.direct_passthrough:
            if "ETag" not in response.headers:
                response.set_etag(etag_of(response.get_data()))
            response.headers.setdefault("Cache-Control", "no-cache")
        response.make_conditional(request)
    return response


def require_match(current: str | None) -> None:
    """Let a change through only if it was made from the state that stands now.

    :param current: the ETag (unquoted) of what is there, or None where nothing is.
    Raises Problem: 428 without a precondition, 412 where it does not hold (RFC 6585, 9110).
    """
    if_match, if_none_match = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if if_match is None and if_none_match is None:
        wanted = "If-Match" if current is not None else "If-None-Match"
        raise Problem(
            "precondition-required",
            "Send If-Match with the ETag that you read, or If-None-Match: * to create.",
            errors=[{"header": wanted, "detail": "Missing.", "code": "required"}],
        )
    if if_match is not None and not holds(if_match, current, there=current is not None):
        now = f"The current ETag is {quote_etag(current)}." if current else "Nothing is there."
        raise _failed("If-Match", now)
    if if_none_match is not None:
        tags = parse_etags(if_none_match)
        if current is not None and (tags.star_tag or tags.contains_weak(current)):
            raise _failed("If-None-Match", f"The current ETag is {quote_etag(current)}.")


def holds(if_match: str, current: str | None, *, there: bool) -> bool:
    """Tell whether an `If-Match` holds: one of its ETags, or `*` where anything is there.

    :param current: the ETag (unquoted) to compare with, strongly; None for one that none equals.
    """
    tags = parse_etags(if_match)
    return there and (tags.star_tag or (current is not None and tags.contains(current)))


def _failed(header: str, detail: str) -> Problem:
    return Problem(
        "precondition-failed",
        f"{header} does not hold. {detail}",
        errors=[{"header": header, "detail": detail, "code": "stale"}],
    )


def init_app(app: Flask) -> None:
    """Tag and compare after every request."""
    app.after_request(tag_and_compare)
