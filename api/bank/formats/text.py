"""From bytes to text, and words for messages.

Shows: the encodings that files really come in. UTF-8 with or without a byte order mark, and the
UTF-16 (or 32) with a mark that spreadsheets save as "Unicode text". Everything else is refused
with its line instead of being guessed at: a wrong guess looks right until somebody reads it.
"""

import codecs

from api.bank.formats.documents import line_ends

# UTF-32's little-endian mark begins with UTF-16's, so it is asked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class UndecodableError(ValueError):
    """The bytes are no text in the encoding that they claim. `line` is the first bad line."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def decode(data: bytes) -> str:
    """Return the text of a file, without a byte order mark, every line end as LF.

    Args:
        data: the whole file.

    Raises:
        UndecodableError: with the line of the first byte that cannot be decoded.
    """
    mark, encoding = next(
        ((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8")
    )
    body = data[len(mark) :]
    try:
        return line_ends(body.decode(encoding))
    except UnicodeDecodeError as error:
        before = line_ends(body[: error.start].decode(encoding, errors="replace"))
        name = encoding.upper().removesuffix("-LE").removesuffix("-BE")
        raise UndecodableError(
            before.count("\n") + 1,
            f"the byte 0x{body[error.start]:02X} is not {name}; save the file as UTF-8",
        ) from error


def quoted(value: object) -> str:
    """The value as a message may show it: shortened, and with nothing that acts on a terminal."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:56]}…{shown[-1]}"


def listed(names: list[str] | tuple[str, ...], last: str = "and") -> str:
    """The names as prose: `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


class Lines:
    """Turns rising positions in a text into line numbers, in one pass over the text."""

    def __init__(self, text: str, position: int = 0, line: int = 1) -> None:
        """Start counting at `position`, which stands on `line`."""
        self._text = text
        self._position = position
        self._line = line

    def at(self, position: int) -> int:
        """The line, from 1, of a position not smaller than the last one asked for."""
        self._line += self._text.count("\n", self._position, position)
        self._position = position
        return self._line
