"""Files for the tests, good and hostile, made by the programs that make such files."""

import struct
import zipfile
import zlib
from io import BytesIO
from typing import Any

import pikepdf
from PIL import Image


def picture(name: str = "PNG", size: tuple[int, int] = (8, 4), **options: Any) -> bytes:
    """Return a picture in which no two pixels of a row are alike."""
    image = Image.new("RGB", size)
    image.putdata(
        [(x * 30 % 256, y * 60 % 256, 90) for y in range(size[1]) for x in range(size[0])]
    )
    output = BytesIO()
    image.save(output, name, **options)
    return output.getvalue()


def animation(name: str, frames: int, size: tuple[int, int] = (6, 6)) -> bytes:
    """Return a moving picture, each frame in a colour of its own."""
    images = [Image.new("RGB", size, (n * 37 % 256, n * 91 % 256, n % 256)) for n in range(frames)]
    output = BytesIO()
    images[0].save(output, name, save_all=True, append_images=images[1:], duration=70, loop=0)
    return output.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(*chunks: bytes) -> bytes:
    """Return a PNG with more chunks behind its header."""
    whole = picture()
    return whole[:33] + b"".join(chunks) + whole[33:]


def png_bomb(width: int, height: int) -> bytes:
    """Return a PNG of few bytes that unfolds to width × height pixels."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + (width + 7) // 8)) for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        + chunk(b"IDAT", rows + packer.flush())
        + chunk(b"IEND", b"")
    )


def archive(member: str = "Main.class") -> bytes:
    """Return a ZIP archive."""
    output = BytesIO()
    with zipfile.ZipFile(output, "w") as file:
        file.writestr(member, "cafe babe")
    return output.getvalue()


def document(pages: int = 1, **options: Any) -> bytes:
    """Return a PDF."""
    return with_pdf(lambda _: None, pages, **options)


def with_pdf(change: Any, pages: int = 1, **options: Any) -> bytes:
    """Return a PDF that `change` has had in its hands."""
    with pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page(page_size=(200, 100))
        change(pdf)
        output = BytesIO()
        pdf.save(output, **options)
        return output.getvalue()
