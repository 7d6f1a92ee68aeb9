"""Pictures drawn anew: pixels survive, and nothing else does, at a bounded cost."""

import tracemalloc
import zlib
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageSequence, PngImagePlugin

from api.attachments import images
from api.attachments.images import FORMATS, MAX_FRAMES, MAX_SCANS, redraw
from api.attachments.refusals import FileRefusedError, Reason
from tests.attachments.samples import animation, chunk, picture, png_bomb, png_with

PIXELS = 1_000_000
SECRET = b"48.8584N-2.2945E"
KINDS = pytest.mark.parametrize(("media_type", "name"), FORMATS.items())


def refused(data: bytes, media_type: str, pixels: int = PIXELS) -> FileRefusedError:
    with pytest.raises(FileRefusedError) as caught:
        redraw(data, media_type, pixels)
    return caught.value


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def metadata(name: str) -> dict[str, Any]:
    """What a picture of that format can carry beside its pixels."""
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + SECRET
    if name == "GIF":
        return {"comment": SECRET}
    if name == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET.decode())
        return {"exif": exif, "icc_profile": profile, "pnginfo": text}
    more = {"comment": SECRET} if name == "JPEG" else {"xmp": SECRET}
    return {"exif": exif, "icc_profile": profile, **more}


@KINDS
def test_only_pixels_survive(media_type: str, name: str) -> None:
    sent = picture(name, **metadata(name)) + SECRET
    assert sent.count(SECRET) >= 2
    drawn = redraw(sent, media_type, PIXELS)
    assert SECRET not in drawn.data
    image = opened(drawn.data)
    assert image.format == name
    assert not image.getexif()
    carried = {"icc_profile", "exif", "comment", "xmp", "Comment", "photoshop", "text"}
    assert not carried & set(image.info)
    assert (drawn.width, drawn.height) == image.size == (8, 4)
    before, after = opened(sent).convert("RGB"), image.convert("RGB")
    if name in {"PNG", "GIF"}:
        assert after.tobytes() == before.tobytes()
    else:  # lossy formats come close
        pairs = zip(after.tobytes(), before.tobytes(), strict=True)
        assert sum(abs(one - other) for one, other in pairs) / (8 * 4 * 3) < 16


@KINDS
def test_drawing_is_repeatable(media_type: str, name: str) -> None:
    once = redraw(picture(name), media_type, PIXELS).data
    assert redraw(picture(name), media_type, PIXELS).data == once


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_keeps_its_pixels(mode: str) -> None:
    image = Image.linear_gradient("L").resize((16, 16)).convert("RGBA")
    image.putalpha(Image.radial_gradient("L").resize((16, 16)))
    converted = Image.new("I;16", (16, 16), 40_000) if mode == "I;16" else image.convert(mode)
    output = BytesIO()
    converted.save(output, "PNG")
    drawn = opened(redraw(output.getvalue(), "image/png", PIXELS).data)
    if mode == "I;16":
        assert drawn.getpixel((3, 3)) == 40_000
    else:
        assert drawn.convert("RGBA").tobytes() == converted.convert("RGBA").tobytes()


def test_a_transparent_palette_stays_transparent() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    output = BytesIO()
    image.save(output, "GIF", transparency=0)
    drawn = opened(redraw(output.getvalue(), "image/gif", PIXELS).data)
    assert drawn.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]  # four bands


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_a_jpeg_for_print_or_in_grey_is_taken(mode: str) -> None:
    output = BytesIO()
    Image.new(mode, (5, 5)).save(output, "JPEG")
    assert opened(redraw(output.getvalue(), "image/jpeg", PIXELS).data).mode in {"RGB", "L"}


def test_a_photograph_is_turned_the_way_up_that_its_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    drawn = redraw(picture("JPEG", (8, 4), exif=exif), "image/jpeg", PIXELS)
    assert (drawn.width, drawn.height) == (4, 8)


@pytest.mark.parametrize(("media_type", "name"), [("image/gif", "GIF"), ("image/webp", "WEBP")])
def test_an_animation_keeps_its_frames_and_times(media_type: str, name: str) -> None:
    image = opened(redraw(animation(name, 5), media_type, PIXELS).data)
    frames = list(ImageSequence.Iterator(image))
    assert len(frames) == 5
    image.seek(1)
    image.load()
    assert image.info["duration"] == 70
    assert image.info["loop"] == 0


@pytest.mark.parametrize(("media_type", "name"), [("image/gif", "GIF"), ("image/webp", "WEBP")])
def test_too_many_frames_are_refused(media_type: str, name: str) -> None:
    error = refused(animation(name, MAX_FRAMES + 1, (2, 2)), media_type)
    assert error.reason is Reason.TOO_COMPLEX
    assert "frames" in str(error)


def test_the_pixels_of_all_frames_count() -> None:
    moving = animation("GIF", 5, (10, 10))
    assert redraw(moving, "image/gif", 500).data
    assert refused(moving, "image/gif", 499).reason is Reason.TOO_COMPLEX


@pytest.mark.parametrize("side", [1_001, 20_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_unfolds(side: int) -> None:
    bomb = png_bomb(side, side) if side < 60_000 else png_bomb(side, 1).replace(
        chunk(b"IHDR", (side).to_bytes(4) + (1).to_bytes(4) + b"\1\0\0\0\0"),
        chunk(b"IHDR", (side).to_bytes(4) * 2 + b"\1\0\0\0\0"),
    )  # fmt: skip
    assert len(bomb) < 100_000
    tracemalloc.start()
    error = refused(bomb, "image/png")
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()
    assert error.reason is Reason.TOO_COMPLEX
    assert str(PIXELS) in str(error)


def test_a_picture_of_exactly_the_limit_is_taken() -> None:
    assert redraw(picture(size=(10, 10)), "image/png", 100).width == 10
    assert refused(picture(size=(10, 10)), "image/png", 99).reason is Reason.TOO_COMPLEX


def test_a_bomb_in_a_text_chunk_is_refused() -> None:
    packed = zlib.compress(bytes(80_000_000), 9)
    bomb = png_with(chunk(b"zTXt", b"Comment\0\0" + packed))
    assert refused(bomb, "image/png").reason is Reason.UNREADABLE


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    progressive = picture("JPEG", (16, 16), progressive=True)
    start = progressive.index(b"\xff\xda")
    scan = progressive[start : progressive.index(b"\xff", start + 2)]
    bomb = progressive[:start] + scan * 1000 + progressive[start:]
    error = refused(bomb, "image/jpeg")
    assert (error.reason, str(MAX_SCANS) in str(error)) == (Reason.TOO_COMPLEX, True)


@KINDS
def test_a_truncated_picture_is_refused(media_type: str, name: str) -> None:
    whole = picture(name, (64, 64))
    for kept in (12, len(whole) // 2, len(whole) - len(whole) // 4):
        assert refused(whole[:kept], media_type).reason is Reason.UNREADABLE


@KINDS
def test_no_other_decoder_is_tried(media_type: str, name: str) -> None:
    output = BytesIO()
    Image.new("RGB", (4, 4)).save(output, "TIFF")
    assert refused(output.getvalue(), media_type).reason is Reason.UNREADABLE
    for other in set(FORMATS.values()) - {name}:
        assert refused(picture(other), media_type).reason is Reason.UNREADABLE


@KINDS
def test_a_damaged_byte_never_escapes_as_anything_but_a_refusal(media_type: str, name: str) -> None:
    whole = picture(name, (16, 16), **metadata(name))
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        broken = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        with suppress(FileRefusedError):
            redraw(broken, media_type, PIXELS)


def test_times_that_make_no_sense_do_no_harm() -> None:
    assert [images._milliseconds(value) for value in (None, -5, 10**9, 33.4, "x")] == [
        0,
        0,
        65_535,
        33,
        0,
    ]
