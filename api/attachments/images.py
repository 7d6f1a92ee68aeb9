"""Pictures decoded and drawn anew: only pixels survive (88).

Pillow decodes one frame, a new image takes its pixels, and that one is encoded. EXIF (the place where
a photograph was taken among it), colour profiles, text chunks and whatever was appended are left
behind. What decoding may cost is bounded before anything is decoded.
Sources: https://pillow.readthedocs.io/en/stable/handbook/security.html and
https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.open
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps, ImageSequence

from api.attachments.refusals import FileRefusedError, Reason
from api.demonstrations import demonstrates

#: The one decoder that may look at a file, by the media type that was found in it.
FORMATS = {
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
}

MAX_FRAMES = 200
MAX_SCANS = 32
"""Of a progressive JPEG. Each scan passes over the whole picture, and a few bytes can ask for one."""

#: As fast as is sensible: a stranger chooses what is encoded, and noise takes the longest.
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 90, "optimize": True},
    "PNG": {"compress_level": 3},
    "WEBP": {"quality": 90, "method": 2},
    "GIF": {},
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as it was drawn anew."""

    data: bytes
    width: int
    height: int


@demonstrates(
    88,
    at="POST v1.attachments",
    test="tests/attachments/test_images.py::test_only_pixels_survive",
)
def redraw(data: bytes, media_type: str, max_pixels: int) -> Drawn:
    """Decode a picture and draw it anew in its own format.

    An animation (GIF, WebP) keeps its frames and their times. A JPEG is turned the way up that its
    EXIF says; PNG and JPEG keep their first picture if there are more.

    :param media_type: a key of `FORMATS`; no other decoder is tried.
    :param max_pixels: width × height, summed over the frames.
    Raises FileRefusedError.
    """
    if media_type == "image/jpeg" and data.count(b"\xff\xda") > MAX_SCANS:
        raise _too_complex(f"more than {MAX_SCANS} scans")
    try:
        with Image.open(BytesIO(data), formats=(FORMATS[media_type],)) as image:
            # Only the header has been read so far: a bomb is known before it unfolds.
            return _encode(image, FORMATS[media_type], max_pixels)
    except FileRefusedError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_complex(f"more than {max_pixels} pixels") from error
    except Exception as error:  # decoders of broken files raise nearly anything, struct.error too
        raise FileRefusedError(
            Reason.UNREADABLE, f"The file begins like {media_type} and cannot be decoded."
        ) from error


def _too_complex(what: str) -> FileRefusedError:
    return FileRefusedError(Reason.TOO_COMPLEX, f"The picture has {what}.")


def _encode(image: Image.Image, name: str, max_pixels: int) -> Drawn:
    animated = name in {"GIF", "WEBP"}
    frames: list[Image.Image] = []
    times: list[int] = []
    pixels = 0
    for frame in _frames(image, animated):
        pixels += frame.width * frame.height
        if pixels > max_pixels:
            raise _too_complex(f"more than {max_pixels} pixels")
        if len(frames) == MAX_FRAMES:
            raise _too_complex(f"more than {MAX_FRAMES} frames")
        frames.append(_pixels(frame, name))
        times.append(_milliseconds(frame.info.get("duration")))
    options = dict(_OPTIONS[name])
    if len(frames) > 1:
        options |= {
            "save_all": True,
            "append_images": frames[1:],
            "duration": times,
            "loop": _milliseconds(image.info.get("loop")),
        }
        if name == "GIF":
            options["disposal"] = 2  # each frame is whole: Pillow has laid it over those before
    output = BytesIO()
    frames[0].save(output, name, **options)
    return Drawn(output.getvalue(), frames[0].width, frames[0].height)


def _frames(image: Image.Image, animated: bool) -> Iterator[Image.Image]:
    if animated:
        yield from ImageSequence.Iterator(image)
    else:
        yield image


def _milliseconds(value: object) -> int:
    return min(max(int(value), 0), 65_535) if isinstance(value, int | float) else 0


def _pixels(frame: Image.Image, name: str) -> Image.Image:
    """Copy the pixels of a frame, and nothing else of it, into a new image that `name` can hold."""
    upright = ImageOps.exif_transpose(frame) if name == "JPEG" else frame
    if name == "JPEG":
        mode = "L" if upright.mode == "L" else "RGB"
    elif upright.has_transparency_data:
        mode = "RGBA"
    elif name == "PNG" and upright.mode in {"1", "L", "I;16"}:
        mode = upright.mode
    else:
        mode = "RGB"
    clean = Image.new(mode, upright.size)
    clean.paste(upright if upright.mode == mode else upright.convert(mode))
    if name == "GIF" and mode == "RGB":
        # By median cut: exact up to 256 colours, which the default for RGBA is not.
        return clean.convert("P", palette=Image.Palette.ADAPTIVE)
    return clean
