"""Is this file what it says? Four witnesses must agree, and then it is written anew (51, 88).

The extension, the declared media type and the first bytes are all chosen by the sender, so their
agreement proves little; their disagreement proves enough. What is stored is never the bytes that came.
Source: https://cheatsheetseries.owasp.org/cheatsheets/File_Upload_Cheat_Sheet.html
"""

import re
import threading
import zipfile
from dataclasses import dataclass
from io import BytesIO

import puremagic

from api.attachments import images, names, pdfs
from api.attachments.refusals import FileRefusedError, Reason
from api.demonstrations import demonstrates

#: What a client says that does not know: no claim, as against a false one.
_NO_CLAIM = frozenset({"", "application/octet-stream"})

#: A picture's own bytes hold one of these by chance once in ten thousand files of five megabytes.
_PAGE = re.compile(rb"<script|<html|<!doctype|<\?php", re.IGNORECASE)

#: Decoding takes far more memory than the file; so many at once in one process.
_slots = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A file that was judged, as it was written anew."""

    filename: str
    media_type: str
    data: bytes
    width: int | None = None
    height: int | None = None
    pages: int | None = None


@demonstrates(
    51,
    88,
    at="POST v1.attachments",
    test="tests/attachments/test_judging.py::test_name_declared_type_and_content_must_agree",
)
def accept(filename: str, declared: str | None, data: bytes, max_pixels: int) -> Accepted:
    """Judge a file and write it anew.

    :param filename: as the client sent it.
    :param declared: the media type that the client gave, without parameters; None if none.
    :param max_pixels: that a picture may have, its frames together.
    Raises FileRefusedError; FileKindError for an extension that is not taken.
    """
    wanted = names.KINDS[names.check(filename)]
    if declared and declared.lower() not in {wanted, *_NO_CLAIM}:
        raise FileRefusedError(
            Reason.TYPE_MISMATCH,
            f"The name says {wanted}, the part's Content-Type {declared[:80]!r}.",
        )
    _check_content(data, wanted)
    _check_alone(data, wanted)
    with _slots:
        if wanted in images.FORMATS:
            drawn = images.redraw(data, wanted, max_pixels)
            return Accepted(filename, wanted, drawn.data, width=drawn.width, height=drawn.height)
        rewritten = pdfs.rewrite(data)
        return Accepted(filename, wanted, rewritten.data, pages=rewritten.pages)


def _check_content(data: bytes, wanted: str) -> None:
    """Refuse content that does not begin as its type does."""
    if not data:
        raise FileRefusedError(Reason.EMPTY, "The file is empty.")
    try:
        found = puremagic.magic_string(data)
    except puremagic.PureError:
        found = []
    likely = [each.mime_type for each in found if each.confidence == found[0].confidence]
    if wanted not in likely:
        seen = next((each for each in likely if each), "nothing that is known")
        raise FileRefusedError(
            Reason.CONTENT_MISMATCH, f"The name says {wanted}, the content looks like {seen}."
        )


@demonstrates(
    88,
    at="POST v1.attachments",
    test="tests/attachments/test_judging.py::test_a_polyglot_is_refused",
)
def _check_alone(data: bytes, wanted: str) -> None:
    """Refuse a file that is a second thing beside what it begins as.

    Writing it anew would drop the second thing. But nobody makes such a file by accident, and who
    sends it should hear of it.
    """
    second = None
    if zipfile.is_zipfile(BytesIO(data)):  # its directory stands at the end: GIFAR, JAR, DOCX
        second = "a ZIP archive"
    elif wanted in images.FORMATS and b"%PDF-" in data[:1024]:  # where PDF readers look for it
        second = "a PDF"
    elif wanted in images.FORMATS and _PAGE.search(data):
        second = "a page with script"
    if second:
        raise FileRefusedError(Reason.SECOND_FORMAT, f"The file is {wanted} and {second} as well.")
