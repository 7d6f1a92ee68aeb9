"""The files of jobs: what was uploaded for an import, what an export wrote (88).

They stand outside every folder that is served, under random names that tell nothing, each with the
digest of what it held when it was complete.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from flask import current_app

#: Until a file is complete it has this ending; no row ever names such a file.
PART = ".part"


class FileLostError(RuntimeError):
    """A job's file is gone, or is not what it was."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A complete file: its name in the folder, bytes, and SHA-256 in hexadecimal digits."""

    name: str
    size: int
    digest: str

    @property
    def columns(self) -> dict[str, str | int]:
        """The values of a job's row that name it."""
        return {"file_name": self.name, "file_size": self.size, "file_digest": self.digest}


def folder() -> Path:
    """Return the folder, made if need be."""
    path = Path(current_app.config["JOBS_FOLDER"]) / "files"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def store(parts: Iterable[bytes]) -> StoredFile:
    """Write a file of `parts`; whatever ends it half way leaves nothing behind."""
    name, size, digest = uuid4().hex, 0, sha256()
    whole = folder() / name
    partial = whole.with_suffix(PART)
    try:
        with partial.open("xb") as stream:
            for part in parts:
                stream.write(part)
                digest.update(part)
                size += len(part)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(whole)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return StoredFile(name, size, digest.hexdigest())


def read(name: str, digest: str) -> bytes:
    """Return what a file holds. Raises FileLostError."""
    try:
        data = (folder() / name).read_bytes()
    except FileNotFoundError as error:
        raise FileLostError("The uploaded file is no longer there; upload it again.") from error
    if sha256(data).hexdigest() != digest:
        raise FileLostError("The uploaded file has changed since it came; upload it again.")
    return data


def path_of(name: str) -> Path | None:
    """Return where a file stands, or None where it is no longer there."""
    path = folder() / name
    return path if path.is_file() else None


def remove(name: str | None) -> None:
    """Remove a file, if there is one."""
    if name is not None:
        (folder() / name).unlink(missing_ok=True)
