"""A file sent as the body, or as the one part of a form: refused by its length before a byte is read (51).

Werkzeug's `request.files` reads a broken form as an empty one, and keeps what comes for as long as the
request lives. Where the server says that it ends the stream by itself, Werkzeug takes a body that was cut
off for a complete one, and one that just reaches the limit for one beyond it. Here a broken body is a 400,
the bytes are counted, and a body of unknown size, which could not be, is refused unless it is a form,
which ends in a boundary of its own. A file over 500 KB lies on the disk without a name, where the
system takes it back even from a process that is killed.
Sources: https://werkzeug.palletsprojects.com/en/stable/request_data/,
https://flask.palletsprojects.com/en/stable/web/#flask.Request.max_content_length and
https://www.rfc-editor.org/rfc/rfc7578
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import wraps
from typing import IO, Any

from flask import current_app, g, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser, default_stream_factory
from werkzeug.wsgi import get_input_stream

from api.demonstrations import demonstrates
from api.http.parsing import invalid, pointer
from api.http.problems import Problem

FORM = "multipart/form-data"
PART = "file"
MAX_PARTS = 10
MAX_TEXT_BYTES = 65_536
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent; every word of it is the sender's."""

    filename: str | None
    """The name that a form gives it; None for a body, which has none."""
    media_type: str | None
    """The body's own, or what the form says of the part, if anything."""
    stream: IO[bytes]
    """What it holds; gone when the view has returned."""

    @property
    def name(self) -> str | None:
        """The file's name without folders and control characters; it is data, never a path."""
        last = re.split(r"[/\\]", self.filename or "")[-1]
        return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", last)[:200] or None

    def chunks(self) -> Iterator[bytes]:
        """Give all that it holds, piece by piece; from the beginning, as often as asked."""
        self.stream.seek(0)
        while chunk := self.stream.read(CHUNK):
            yield chunk

    def read(self) -> bytes:
        """Return all that it holds."""
        return b"".join(self.chunks())


class Incoming:
    """A request's file before it is read: a view can refuse the request first."""

    def __init__(self, limit: int, media_types: Collection[str], spools: ExitStack) -> None:
        self._limit = limit
        self._media_types = media_types
        self._spools = spools
        self._upload: Upload | None = None

    @demonstrates(
        51,
        at="POST v1.attachments",
        test="tests/attachments/test_live.py::test_too_large_a_body_is_refused_before_it_is_sent",
    )
    def receive(self) -> Upload:
        """Read the request's body, the first time; return the file.

        Raises Problem: 415 for another content type, 411 for a file of unknown size, 413 for a body
        over the limit (a declared length
        before anything is read, an undeclared one at the limit), 400 for a broken or cut-off body, 422
        for a form with other parts.
        """
        if self._upload is None:
            self._check_head()
            self._upload = self._of_form() if request.mimetype == FORM else self._of_body()
        return self._upload

    def _check_head(self) -> None:
        accepted = [*self._media_types, FORM]
        if request.mimetype not in accepted:
            told = accepted[0] if len(accepted) == 1 else "one of those that Accept lists"
            raise Problem(
                "unsupported-media-type",
                f"Content-Type is {request.mimetype or 'missing'}; send {told}.",
                headers={"Accept": ", ".join(accepted)},
            )
        request.max_content_length = self._limit  # what the refusal tells
        if (request.content_length or 0) > self._limit:
            raise RequestEntityTooLarge
        if request.content_length is None and request.mimetype != FORM:
            raise Problem(
                "length-required",
                "Send Content-Length: without it, a cut-off file would look complete.",
            )

    def _stream(self) -> IO[bytes]:
        """Return the body, a byte more than allowed: Werkzeug refuses at a stream's end, not beyond it."""
        return get_input_stream(request.environ, max_content_length=self._limit + 1)

    def _spool(
        self,
        total_content_length: int | None = None,
        content_type: str | None = None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return self._spools.enter_context(
            default_stream_factory(total_content_length, content_type, filename, content_length)
        )

    def _of_body(self) -> Upload:
        announced, size, file = request.content_length, 0, self._spool()
        stream = self._stream()
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > self._limit:
                raise RequestEntityTooLarge
            file.write(chunk)
        if size < (announced or 0):
            raise Problem("malformed-request", f"The body ended after {size} of {announced} bytes.")
        return Upload(None, request.mimetype, file)

    def _of_form(self) -> Upload:
        form, files = self._parse()
        file = _only_file(form, files)
        media_type = file.mimetype if file.headers.get("Content-Type") else None
        return Upload(file.filename or "", media_type, file.stream)

    def _parse(self) -> tuple[list[tuple[str, str]], list[tuple[str, FileStorage]]]:
        """Return the form's texts and files in their order."""
        parser = FormDataParser(
            stream_factory=self._spool,
            # Werkzeug counts the piece that it has just read with it.
            max_form_memory_size=2 * MAX_TEXT_BYTES,
            max_form_parts=MAX_PARTS,
            silent=False,
        )
        try:
            _, form, files = parser.parse(
                self._stream(),
                request.mimetype,
                request.content_length,
                dict(request.mimetype_params),
            )
        except RequestEntityTooLarge as error:
            raise Problem(
                "content-too-large",
                f"The body may have {self._limit} bytes and {MAX_PARTS} parts,"
                f" a text in it {MAX_TEXT_BYTES} bytes.",
            ) from error
        except (ValueError, LookupError) as error:
            detail = "The multipart body is broken or ends before its last boundary."
            raise Problem("malformed-request", detail) from error
        return list(form.items(multi=True)), list(files.items(multi=True))


def takes_file(limit: str, media_types: Collection[str] = ()) -> Callable[[Any], Any]:
    """Pass a view the request's file, as `Incoming`, as the first argument; close it at the end.

    Stand above `@idempotent`, which reads the file before the view does where a key asks for that.

    :param limit: the setting that says how many bytes the body may have, in place of
        MAX_CONTENT_LENGTH.
    :param media_types: what the body may be besides a form with one file, in the part `file`.
    """

    def decorate(view: Callable[..., Any]) -> Any:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with ExitStack() as spools:  # closed after a broken body too
                g.incoming = Incoming(current_app.config[limit], media_types, spools)
                return view(*args, g.incoming, **kwargs)

        return wrapper

    return decorate


def _only_file(form: list[tuple[str, str]], files: list[tuple[str, FileStorage]]) -> FileStorage:
    """Return the one file of the form. Raises Problem (422) naming every part that is wrong."""
    ours = [file for name, file in files if name == PART]
    as_text = any(name == PART for name, _ in form)
    errors: list[dict[str, Any]] = []
    if as_text and not ours:
        errors.append(_error(PART, "Missing data: the part has no filename.", "required"))
    elif not ours or (len(ours) == 1 and not ours[0].filename):
        errors.append(_error(PART, "Missing data: send one file in the part `file`.", "required"))
    elif len(ours) > 1 or as_text:
        errors.append(_error(PART, "Given more than once; send one file.", "duplicate"))
    strays = {str(name) for name, _ in [*form, *files]} - {PART}
    errors += [_error(name, "Unknown field; known is file.", "unknown") for name in sorted(strays)]
    if errors:
        raise invalid(errors)
    return ours[0]


def _error(name: str, detail: str, code: str) -> dict[str, Any]:
    return {"pointer": pointer([name]), "detail": detail, "code": code}
