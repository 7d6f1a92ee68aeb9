"""One file out of a multipart body, refused by its length before a byte of it is read (51).

Werkzeug's `request.files` reads a broken body as an empty form, and keeps what comes for as long as the
request lives. Here a broken body is a 400, and a part over 500 KB lies in a file without a name, which
the system takes back even from a process that is killed.
Sources: https://werkzeug.palletsprojects.com/en/stable/request_data/ and
https://www.rfc-editor.org/rfc/rfc7578
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser, default_stream_factory
from werkzeug.wsgi import get_input_stream

from api.demonstrations import demonstrates
from api.http.parsing import invalid, pointer
from api.http.problems import Problem

PART = "file"
MAX_PARTS = 10
MAX_TEXT_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent; every word of it is the sender's."""

    filename: str
    media_type: str | None
    data: bytes


@demonstrates(
    51,
    at="POST v1.attachments",
    test="tests/attachments/test_live.py::test_too_large_a_body_is_refused_before_it_is_sent",
)
@contextmanager
def received_file(limit: int) -> Iterator[Upload]:
    """Read the body as a form with one file, in the part `file`, and nothing else.

    :param limit: bytes that the body may have, in place of MAX_CONTENT_LENGTH.
    Raises Problem: 415 for another content type, 413 for a body over the limit (a declared length
    before anything is read, an undeclared one at the limit), 400 for a broken or cut-off body, 422 for
    a form with other parts.
    """
    if request.mimetype != "multipart/form-data":
        raise Problem(
            "unsupported-media-type",
            f"Content-Type is {request.mimetype or 'missing'}; send multipart/form-data.",
            headers={"Accept": "multipart/form-data"},
        )
    request.max_content_length = limit  # what the refusal tells
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    with ExitStack() as spools:  # closed after a broken body too
        form, files = _parse(limit, spools)
        file = _only_file(form, files)
        media_type = file.mimetype if file.headers.get("Content-Type") else None
        yield Upload(file.filename or "", media_type, file.stream.read())


def _parse(
    limit: int, spools: ExitStack
) -> tuple[list[tuple[str, str]], list[tuple[str, FileStorage]]]:
    """Return the form's texts and files in their order; `spools` closes what the files lie in."""

    def spool(
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return spools.enter_context(
            default_stream_factory(total_content_length, content_type, filename, content_length)
        )

    parser = FormDataParser(
        stream_factory=spool,
        max_form_memory_size=2 * MAX_TEXT_BYTES,  # Werkzeug counts the piece that it reads with it
        max_form_parts=MAX_PARTS,
        silent=False,
    )
    try:
        # One more byte than allowed: Werkzeug's stream refuses at its end, not beyond it.
        stream = get_input_stream(request.environ, max_content_length=limit + 1)
        _, form, files = parser.parse(
            stream, request.mimetype, request.content_length, dict(request.mimetype_params)
        )
    except RequestEntityTooLarge as error:
        raise Problem(
            "content-too-large",
            f"The body may have {limit} bytes and {MAX_PARTS} parts, a text in it {MAX_TEXT_BYTES} bytes.",
        ) from error
    except (ValueError, LookupError) as error:
        raise Problem(
            "malformed-request", "The multipart body is broken or ends before its last boundary."
        ) from error
    return list(form.items(multi=True)), list(files.items(multi=True))


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
