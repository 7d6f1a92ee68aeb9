"""Changing one stored question, under the bank's one writer's lock.

A change is a JSON Merge Patch over the question as it stands; the result is judged by the schema that
judges imported files, so that one set of rules holds whichever way a question comes in.
Source: https://www.rfc-editor.org/rfc/rfc7396
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError

from api.bank import storing
from api.bank.catalogue import TECHNIQUES
from api.bank.formats.documents import QuestionDocument
from api.bank.formats.schema import QuestionSchema
from api.bank.questions import QuestionUnknownError
from api.models.types import now

#: What of a question can be changed. Its number is its address, and the times are the bank's own.
EDITABLE = (
    "prompt", "answer", "in_practice", "try_it", "technique", "topics", "difficulty", "references",
)  # fmt: skip


def patch(number: int, changes: Mapping[str, Any], check: Callable[[], None]) -> None:
    """Apply a merge patch to a question.

    :param changes: new values by member; null removes a member that may be absent.
    :param check: called once the lock is held, before anything changes; it raises to refuse.
    Raises QuestionUnknownError, marshmallow.ValidationError, storing.BankWriteError.
    """
    with storing.writing() as connection:
        stored = storing.read_by_number(connection, [number]).get(number)
        if stored is None:
            raise QuestionUnknownError(number)
        check()
        document = _patched(stored.document, changes)
        moment = now()
        changed = dataclasses.replace(
            document, created_at=stored.document.created_at, updated_at=moment
        )
        entry = storing.Entry(document=changed, file_digest=stored.file_digest, edited_at=moment)
        storing.replace(connection, [entry])


def _patched(document: QuestionDocument, changes: Mapping[str, Any]) -> QuestionDocument:
    members: dict[str, Any] = {"number": document.number}
    for name in EDITABLE:
        value = changes.get(name, getattr(document, name))
        if name in changes or value not in (None, ()):
            members[name] = value
    if "references" not in changes:
        members["references"] = [dataclasses.asdict(each) for each in document.references]
    if "topics" not in changes:
        members["topics"] = list(document.topics)
    values = QuestionSchema().load({k: v for k, v in members.items() if v is not None})
    required = [name for name in ("prompt", "answer") if changes.get(name, "") is None]
    if required:
        raise ValidationError({name: ["Must be given; it cannot be removed."] for name in required})
    if values["technique"] is not None and values["technique"] not in TECHNIQUES:
        raise ValidationError({"technique": ["Must be one of the slugs listed at /techniques."]})
    values["topics"] = tuple(values["topics"] or ())
    values["references"] = tuple(values["references"] or ())
    return QuestionDocument(**values)
