"""A file's name, judged as what it is: text from a stranger, kept for display alone (88).

The file is stored under a name of our own, so nothing here protects the server. It protects whoever
downloads the file: under that name it will lie in their folder.
Sources: https://cheatsheetseries.owasp.org/cheatsheets/File_Upload_Cheat_Sheet.html and
https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
"""

import re
import unicodedata
from collections.abc import Callable

from api.attachments.refusals import FileKindError, FileRefusedError, Reason
from api.demonstrations import demonstrates

#: What is taken: extension → media type. Nothing that a browser runs is among them; SVG would be.
KINDS = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "png": "image/png",
    "webp": "image/webp",
}

MAX_BYTES = 200
"""Of a name in UTF-8. File systems end at 255, and a browser may add " (1)" and ".part"."""

#: Some web servers run `shell.php.png`, and systems that hide the last extension show `bill.exe`.
_RUNNABLE = re.compile(
    r"aspx?|bat|cgi|cmd|dll|exe|hta|htaccess|[sx]?html?|jar|jspx?|lnk|m?js|msi|phar|php\d?|phtml|pl|"
    r"ps1|py|rb|scr|sh|svgz?|swf|vbs|wsf|xml",
    re.IGNORECASE,
)
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])( *\.|$)", re.IGNORECASE)

#: What a name may not be, and how that is told.
_FAULTS: tuple[tuple[str, Callable[[str], object]], ...] = (
    (
        f"is longer than {MAX_BYTES} bytes",
        lambda name: len(name.encode(errors="replace")) > MAX_BYTES,
    ),
    ("has a path in it; send the last part alone", re.compile(r"[/\\]").search),
    ("is not UTF-8", re.compile("[\ufffd\ud800-\udfff]").search),
    # Cc: NUL and line feeds. Cf: what is invisible or turns the direction, so that a name is read
    # backwards. Zl, Zp: lines in other clothes.
    (
        "has a character that cannot be seen",
        lambda name: {unicodedata.category(char) for char in name} & {"Cc", "Cf", "Zl", "Zp"},
    ),
    (
        'has one of < > : " | ? * in it, which not every system takes',
        re.compile(r'[<>:"|?*]').search,
    ),
    ("begins or ends with a dot or a space", lambda name: name != name.strip(" .")),
    ("is that of a device on Windows", _DEVICES.match),
)


@demonstrates(
    88,
    at="POST v1.attachments",
    test="tests/attachments/test_names.py::test_a_name_that_could_harm_is_refused",
)
def check(name: str) -> str:
    """Return the extension of a good name, in lower case.

    :param name: as the client sent it; it is refused rather than repaired, so that what is shown
        later is what was sent.
    Raises FileRefusedError, or FileKindError for an extension that is not taken.
    """
    fault = _fault(name)
    if fault:
        raise FileRefusedError(Reason.BAD_NAME, f"The file's name {fault}.")
    stem, _, extension = name.rpartition(".")
    extension = extension.lower()
    if not stem or extension not in KINDS:
        said = f".{extension}" if stem and extension.isalnum() else "no extension"
        raise FileKindError(f"The name has {said}; taken are {', '.join(sorted(KINDS))}.")
    inner = [part.strip() for part in stem.split(".")[1:]]
    if runnable := next((part for part in inner if _RUNNABLE.fullmatch(part)), None):
        raise FileRefusedError(
            Reason.DOUBLE_EXTENSION,
            f"The file's name has a second extension, .{runnable}, that some system would run.",
        )
    return extension


def _fault(name: str) -> str | None:
    """Say what is wrong with a name, as the end of a sentence, or None."""
    return next((said for said, holds in _FAULTS if holds(name)), None)
