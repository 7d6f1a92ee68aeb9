"""Files under random names, in a folder that nothing serves (51).

A file appears whole or not at all: it is written beside the folder's shards, flushed to the disk, and
then moved, which is atomic within one file system. Only its owner may read it, and nobody may run it.
Source: https://cheatsheetseries.owasp.org/cheatsheets/File_Upload_Cheat_Sheet.html#file-storage-location
"""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from flask import current_app

from api.attachments.refusals import AttachmentDamagedError
from api.demonstrations import demonstrates

INCOMING = "incoming"
_STORED = re.compile(r"[0-9a-f]{32}")
_PIECE = 1024**2


def folder() -> Path:
    """Return the folder of the running application."""
    return Path(current_app.config["ATTACHMENTS_FOLDER"])


def path_of(stored_name: str) -> Path:
    """Return where a file lies. Raises ValueError for a name that is not one of ours."""
    if not _STORED.fullmatch(stored_name):
        raise ValueError("not a stored name")
    return folder() / stored_name[:2] / stored_name


def digest(data: bytes) -> str:
    """Return the checksum that is kept of a file."""
    return sha256(data).hexdigest()


@demonstrates(
    51,
    at="POST v1.attachments",
    test="tests/attachments/test_files.py::test_a_file_lies_under_a_random_name_for_its_owner_alone",
)
def write(data: bytes) -> str:
    """Store bytes durably; returns the random name under which they lie. Raises OSError."""
    name = token_hex(16)
    final = path_of(name)
    waiting = folder() / INCOMING / name
    for parent in (folder(), waiting.parent, final.parent):
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        waiting.rename(final)
    except BaseException:
        waiting.unlink(missing_ok=True)  # a full disk must not fill further
        raise
    _flush(final.parent)
    return name


def _flush(directory: Path) -> None:
    """Make a directory's entries as durable as its files."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(stored_name: str) -> None:
    """Remove a file; one that is not there is removed already."""
    path_of(stored_name).unlink(missing_ok=True)


def verified(stored_name: str, checksum: str) -> Path:
    """Return the path of a file whose bytes are those that were stored.

    :param checksum: SHA-256 in hexadecimal.
    Raises AttachmentDamagedError where it is missing or has changed.
    """
    path, found = path_of(stored_name), sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                found.update(piece)
    except OSError as error:
        raise AttachmentDamagedError(f"{stored_name} cannot be read: {error.strerror}") from error
    if found.hexdigest() != checksum:
        raise AttachmentDamagedError(f"{stored_name} is not what was stored")
    return path


def older_than(moment: datetime) -> Iterator[Path]:
    """Yield every file of ours, finished or not, that was last written before `moment`."""
    for path in folder().glob("*/*"):
        try:
            written = path.stat().st_mtime
        except FileNotFoundError:  # removed by somebody else in the meantime
            continue
        if _STORED.fullmatch(path.name) and written < moment.timestamp():
            yield path
