"""A file sent as the body, or as the one part of a form: refused by size before it is read (51).

Werkzeug compares `Content-Length` with the limit before anything is read. Where the server says that
it ends the stream by itself, it takes a body that was cut off for a complete one; so the bytes are
counted here. Without a length there is nothing to count against, and that is refused; a form ends in a
boundary of its own.
Source: https://flask.palletsprojects.com/en/stable/web/#flask.Request.max_content_length
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import IO

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from api.http.parsing import invalid
from api.http.problems import Problem

FORM = "multipart/form-data"
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in: its bytes can be taken once."""

    media_type: str | None
    """The body's own; None for a part of a form, of which browsers only guess it."""
    name: str | None
    """The name that a form gives it."""
    parts: Iterator[bytes]


def receive(limit: int, media_types: Collection[str]) -> Upload:
    """Begin to take the request's file.

    :param limit: bytes that the body may have.
    :param media_types: what the body may be besides a form with one file in it, named `file`.

    Raises Problem: 411 for a body of unknown size, 413 beyond the limit, 415 for another media type,
    422 for a form that holds anything else; and while the parts are taken 422 for an empty file, 400
    for one that was cut off.
    """
    request.max_content_length = limit
    if request.content_length is not None and request.content_length > limit:
        raise RequestEntityTooLarge
    if request.mimetype == FORM:
        return _of_form()
    if request.mimetype not in media_types:
        raise Problem(
            "unsupported-media-type",
            f"Content-Type is {request.mimetype or 'missing'}; send one of those that Accept lists.",
            headers={"Accept": ", ".join([*media_types, FORM])},
        )
    if request.content_length is None:
        raise Problem(
            "length-required",
            "Send Content-Length: without it, a cut-off file would look complete.",
        )
    return Upload(request.mimetype, None, _checked(_body(request.content_length)))


def _of_form() -> Upload:
    files = request.files
    stray = [*request.form, *(name for name in files if name != "file")]
    if stray or len(files.getlist("file")) != 1:
        detail = "Send a form with one file in it, named file; options go into the query."
        raise invalid([{"pointer": "#/file", "detail": detail, "code": "required"}])
    sent = files["file"]
    return Upload(None, _last_part(sent.filename or ""), _checked(_chunks(sent.stream)))


def _last_part(name: str) -> str | None:
    """Return a file's name without folders and control characters; it is data, never a path."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", last)[:200] or None


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _body(announced: int) -> Iterator[bytes]:
    size = 0
    for chunk in _chunks(request.stream):
        size += len(chunk)
        yield chunk
    if size < announced:
        raise Problem("malformed-request", f"The body ended after {size} of {announced} bytes.")


def _checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    empty = True
    for chunk in chunks:
        empty = False
        yield chunk
    if empty:
        detail = "The file is empty."
        raise invalid([{"pointer": "#", "detail": detail, "code": "required"}])
