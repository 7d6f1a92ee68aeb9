"""Why a file is not taken: one exception for each answer that a caller can act upon (51, 88)."""

from enum import StrEnum
from typing import Any
from uuid import UUID


class Reason(StrEnum):
    """What is wrong with a file; the code that a client can switch on."""

    BAD_NAME = "bad_name"
    DOUBLE_EXTENSION = "double_extension"
    EMPTY = "empty"
    TYPE_MISMATCH = "type_mismatch"
    CONTENT_MISMATCH = "content_mismatch"
    SECOND_FORMAT = "second_format"
    UNREADABLE = "unreadable"
    TOO_COMPLEX = "too_complex"
    ENCRYPTED = "encrypted"
    ACTIVE_CONTENT = "active_content"


class FileRefusedError(ValueError):
    """The file is of a kind that is taken, and this one is not."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class FileKindError(ValueError):
    """The file's extension is not on the list of what is taken."""


class QuotaExceededError(RuntimeError):
    """The user has no room left for a file."""

    def __init__(self, used: int, allowed: int, needed: int) -> None:
        super().__init__(
            f"This file needs {needed} bytes; {used} of your {allowed} are used. Delete an attachment."
        )
        self.numbers: dict[str, Any] = {"used": used, "allowed": allowed, "needed": needed}


class AttachmentUnknownError(LookupError):
    """There is no attachment of that id."""

    def __init__(self, attachment_id: UUID) -> None:
        super().__init__(f"There is no attachment {attachment_id}.")


class AttachmentDamagedError(RuntimeError):
    """What is on the disk is not what was stored there."""
