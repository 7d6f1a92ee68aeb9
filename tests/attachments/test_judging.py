"""Name, declared type and content against each other; files that are two things at once."""

from io import BytesIO

import pytest
from PIL import Image

from api.attachments.judging import accept
from api.attachments.refusals import FileKindError, FileRefusedError, Reason
from tests.attachments.samples import archive, chunk, document, picture, png_with

PIXELS = 1_000_000
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PAGE = b"<!doctype html><script>alert(1)</script>"


def refused(name: str, declared: str | None, data: bytes) -> FileRefusedError:
    with pytest.raises(FileRefusedError) as caught:
        accept(name, declared, data, PIXELS)
    return caught.value


@pytest.mark.parametrize(
    ("name", "declared", "data"),
    [
        ("a.png", "image/png", picture("PNG")),
        ("a.jpg", "image/jpeg", picture("JPEG")),
        ("a.jpeg", "IMAGE/JPEG", picture("JPEG")),
        ("a.gif", "image/gif", picture("GIF")),
        ("a.webp", "image/webp", picture("WEBP")),
        ("a.webp", "image/webp", picture("WEBP", lossless=True)),
        ("a.pdf", "application/pdf", document()),
        ("a.png", None, picture("PNG")),
        ("a.png", "application/octet-stream", picture("PNG")),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_what_agrees_is_taken(name: str, declared: str | None, data: bytes) -> None:
    accepted = accept(name, declared, data, PIXELS)
    assert accepted.filename == name
    assert accepted.data
    if name.endswith(".pdf"):
        assert (accepted.pages, accepted.width) == (1, None)
    else:
        assert (accepted.pages, accepted.width, accepted.height) == (None, 8, 4)


@pytest.mark.parametrize(
    ("name", "declared", "data", "reason"),
    [
        ("a.png", "image/jpeg", picture("PNG"), Reason.TYPE_MISMATCH),
        ("a.png", "text/html", picture("PNG"), Reason.TYPE_MISMATCH),
        ("a.png", "image/svg+xml", picture("PNG"), Reason.TYPE_MISMATCH),
        ("a.png", "image/png", picture("JPEG"), Reason.CONTENT_MISMATCH),
        ("a.jpg", "image/jpeg", picture("PNG"), Reason.CONTENT_MISMATCH),
        ("a.pdf", "application/pdf", picture("PNG"), Reason.CONTENT_MISMATCH),
        ("a.png", "image/png", document(), Reason.CONTENT_MISMATCH),
        ("a.png", "image/png", SVG, Reason.CONTENT_MISMATCH),
        ("a.png", "image/png", PAGE, Reason.CONTENT_MISMATCH),
        ("a.png", "image/png", b"MZ" + bytes(99), Reason.CONTENT_MISMATCH),
        ("a.png", "image/png", b"hello", Reason.CONTENT_MISMATCH),
        ("a.png", "image/png", b" " + picture("PNG"), Reason.CONTENT_MISMATCH),
        ("a.pdf", "application/pdf", b"GIF89a" + document(), Reason.CONTENT_MISMATCH),
        ("a.pdf", "application/pdf", b"\n" + document(), Reason.CONTENT_MISMATCH),
        ("a.webp", "image/webp", b"RIFF\0\0\0\0WEBPVP8 ", Reason.UNREADABLE),
        ("a.png", "image/png", b"\x89PNG\r\n\x1a\n", Reason.UNREADABLE),
        ("a.gif", "image/gif", b"GIF89a", Reason.UNREADABLE),
        ("a.png", "image/png", b"", Reason.EMPTY),
    ],
)
def test_name_declared_type_and_content_must_agree(
    name: str, declared: str, data: bytes, reason: Reason
) -> None:
    error = refused(name, declared, data)
    assert error.reason is reason, str(error)


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.xhtml", "a.exe", "a.zip", "a"])
def test_what_a_browser_or_a_system_would_run_is_no_kind_that_is_taken(name: str) -> None:
    with pytest.raises(FileKindError):
        accept(name, None, SVG, PIXELS)


def jpeg_with_comment(text: bytes) -> bytes:
    output = BytesIO()
    Image.new("RGB", (4, 4)).save(output, "JPEG", comment=text)
    return output.getvalue()


def exif_with(text: str) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = text
    return exif


@pytest.mark.parametrize(
    ("name", "data", "second"),
    [
        ("gifar.gif", picture("GIF") + archive(), "ZIP"),
        ("a.png", picture("PNG") + archive("word/document.xml"), "ZIP"),
        ("a.jpg", picture("JPEG") + archive() + b"", "ZIP"),
        ("a.pdf", document() + archive(), "ZIP"),
        ("a.jpg", jpeg_with_comment(document()), "PDF"),
        ("a.png", png_with(chunk(b"tEXt", b"Comment\0" + document())), "PDF"),
        ("a.png", png_with(chunk(b"tEXt", b"Comment\0" + PAGE)), "page"),
        ("a.jpg", picture("JPEG", exif=exif_with("<script>alert(1)</script>")), "page"),
        ("a.gif", picture("GIF", comment=b"<?php system($_GET[0]); ?>"), "page"),
        ("a.webp", picture("WEBP") + PAGE, "page"),
        ("a.png", picture("PNG") + b"<ScRiPt>alert(1)</script>", "page"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_polyglot_is_refused(name: str, data: bytes, second: str) -> None:
    error = refused(name, None, data)
    assert error.reason is Reason.SECOND_FORMAT
    assert second in str(error)


def test_what_is_appended_and_is_nothing_is_dropped() -> None:
    accepted = accept("a.png", None, picture("PNG") + b"APPENDED" * 9, PIXELS)
    assert b"APPENDED" not in accepted.data


def test_a_made_up_type_is_told_in_a_bounded_and_visible_form() -> None:
    told = str(refused("a.png", "x" * 5000 + "\x1b[2J", picture()))
    assert len(told) < 200
    assert told.isprintable()
