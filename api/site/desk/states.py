"""Optimistic locking for forms: which state a form was made from, and what changed since.

An ETag names a whole representation, and could only tell *that* somebody else saved. A form carries
one digest for each member instead, so that it can be told which members somebody else changed, which
the writer did, and which both: what the API's 412 leaves to its client, a page has to do itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext

from api.bank.editing import EDITABLE
from api.bank.formats.documents import QuestionDocument
from api.bank.storing import BankConflictError
from api.http.conditional import etag_of
from api.models import Question

#: What a form shows of a question: all that can be changed, and the number that a draft wishes for.
FIELDS = ("number", *EDITABLE)

Members = Mapping[str, Any]


class StaleError(BankConflictError):
    """What a form or a button was made from is no longer what stands."""

    def __init__(self, standing: Members) -> None:
        super().__init__(
            gettext(
                "It was changed since this page was made. Nothing was done; open the page again and "
                "decide from what you find."
            )
        )
        self.standing = standing


def members_of(question: Question) -> dict[str, Any]:
    """Return what a row says of a question, by member, as a body of the API would."""
    found = {name: getattr(question, name) for name in FIELDS}
    found["topics"] = [topic.slug for topic in question.topics]
    found["references"] = [{"title": r.title, "url": r.url} for r in question.references]
    return found


def members_in(document: QuestionDocument) -> dict[str, Any]:
    """Return what a document says of a question, in the form of `members_of`."""
    found = {name: getattr(document, name) for name in FIELDS}
    found["topics"] = list(document.topics)
    found["references"] = [{"title": r.title, "url": r.url} for r in document.references]
    return found


def _digests(members: Members) -> list[str]:
    return [
        etag_of(json.dumps(members.get(name) or None, sort_keys=True).encode())[:12]
        for name in FIELDS
    ]


def state_of(members: Members) -> str:
    """Name a state by a digest of each member, in the order of `FIELDS`."""
    return ".".join(_digests(members))


def require_state(seen: str | None, standing: Members) -> None:
    """Let a change through only from the state that stands. Raises StaleError."""
    if seen != state_of(standing):
        raise StaleError(standing)


def differing(first: Members, second: Members) -> list[str]:
    """Name the members in which two states differ; null, blank and empty are one."""
    return [name for name in FIELDS if (first.get(name) or None) != (second.get(name) or None)]


@dataclass(frozen=True, slots=True)
class Merge:
    """What was typed and what stands, put together.

    :ivar members: what the form shall hold: what was typed, and where the writer left a member as it
        was, what stands now.
    :ivar taken: the members that come from what stands.
    :ivar disputed: the members that both changed; `members` has what was typed.
    """

    members: dict[str, Any]
    taken: list[str] = field(default_factory=list)
    disputed: list[str] = field(default_factory=list)


def merge(seen: str | None, typed: Members, standing: Members) -> Merge:
    """Put what was typed upon what stands now, member by member.

    :param seen: the state that the form was made from. Of one that is no state nothing can be told:
        whatever differs counts as changed by both.
    """
    begun = (seen or "").split(".")
    if len(begun) != len(FIELDS):
        begun = [""] * len(FIELDS)
    mine, theirs = _digests(typed), _digests(standing)
    merged = Merge(dict(typed))
    for name, before, my, their in zip(FIELDS, begun, mine, theirs, strict=True):
        if their in {my, before}:
            continue
        if my == before:
            merged.members[name] = standing.get(name)
            merged.taken.append(name)
        else:
            merged.disputed.append(name)
    return merged
