"""Attachments: added within a quota, listed, found, removed, and what was left behind swept up (51).

The row is the truth, the file follows it. A file is there before its row is committed and until after
its row has gone; whatever happens in between leaves at most a file without a row, never a row without
a file, and `sweep_orphans` removes the former.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from flask import current_app
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from api.attachments import files
from api.attachments.judging import Accepted
from api.attachments.refusals import (
    AttachmentDamagedError,
    AttachmentUnknownError,
    QuotaExceededError,
)
from api.bank.questions import QuestionUnknownError
from api.bank.storing import BankBusyError, chunks, is_busy
from api.demonstrations import demonstrates
from api.extensions import db
from api.models import Attachment, Question, User
from api.models.types import now

GRACE = timedelta(hours=1)
"""How old a file without a row must be to have been left behind: no request takes that long."""


@dataclass(frozen=True, slots=True)
class Found:
    """Attachments of one page, and how many there are."""

    attachments: Sequence[Attachment]
    total: int


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes that a user's attachments take and may take."""

    used: int
    allowed: int


@demonstrates(
    51,
    at="POST v1.attachments",
    test="tests/attachments/test_store.py::test_two_uploads_at_once_cannot_exceed_the_quota",
)
def add(question: Question, uploader: User, accepted: Accepted) -> Attachment:
    """Store an accepted file with a question.

    Raises QuotaExceededError; QuestionUnknownError where the question has gone in the meantime;
    BankBusyError where another writer does not end.
    """
    number, question_id, user_id = question.number, question.id, uploader.id
    stored_name = files.write(accepted.data)
    try:
        _take_turn(user_id)
        quota = quota_of(user_id)
        if quota.used + len(accepted.data) > quota.allowed:
            raise QuotaExceededError(quota.used, quota.allowed, len(accepted.data))
        attachment = Attachment(
            question_id=question_id,
            uploader_id=user_id,
            filename=accepted.filename,
            media_type=accepted.media_type,
            size=len(accepted.data),
            sha256=files.digest(accepted.data),
            width=accepted.width,
            height=accepted.height,
            pages=accepted.pages,
            stored_name=stored_name,
        )
        db.session.add(attachment)
        db.session.commit()
    except QuotaExceededError:
        _undo(stored_name)
        raise
    except IntegrityError as error:  # of the foreign keys: the question is gone, or the user
        _undo(stored_name)
        raise QuestionUnknownError(number) from error
    except OperationalError as error:
        # The connection may have broken during the commit, and then nobody knows whether there is a
        # row. So the file stays, and the sweep finds out.
        db.session.rollback()
        if not is_busy(error):
            raise
        raise BankBusyError(
            "another program is writing to the bank; nothing was changed, try again"
        ) from error
    return attachment


def _undo(stored_name: str) -> None:
    db.session.rollback()
    files.remove(stored_name)


def _take_turn(user_id: int) -> None:
    """Let no other upload of this user in until the transaction ends.

    Two uploads that each saw room for one would otherwise both be stored. An update that changes
    nothing locks the user's row on PostgreSQL and takes the writer's lock on SQLite, which knows no
    `SELECT … FOR UPDATE`.
    """
    turn = update(User).where(User.id == user_id)
    db.session.execute(turn.values(active=User.active))


def quota_of(user_id: int) -> Quota:
    """Return what a user's attachments take and may take."""
    total = select(func.coalesce(func.sum(Attachment.size), 0))
    used = db.session.scalar(total.where(Attachment.uploader_id == user_id)) or 0
    return Quota(int(used), int(current_app.config["ATTACHMENTS_QUOTA"]))


def get(attachment_id: UUID) -> Attachment:
    """Return the attachment of that id. Raises AttachmentUnknownError."""
    found = db.session.scalar(select(Attachment).where(Attachment.id == str(attachment_id)))
    if found is None:
        raise AttachmentUnknownError(attachment_id)
    return found


def of_question(question: Question, page: int, per_page: int) -> Found:
    """Return one page of a question's attachments, in the order of their upload."""
    return _page(Attachment.question_id == question.id, page, per_page)


def of_user(user: User, page: int, per_page: int) -> Found:
    """Return one page of what a user has uploaded, in the order of the upload."""
    return _page(Attachment.uploader_id == user.id, page, per_page)


def _page(where: ColumnElement[bool], page: int, per_page: int) -> Found:
    total = db.session.scalar(select(func.count()).select_from(Attachment).where(where)) or 0
    rows = select(Attachment).where(where).order_by(Attachment.created_at, Attachment.id)
    part = rows.limit(per_page).offset((page - 1) * per_page)
    return Found(db.session.scalars(part).all() if total else [], total)


def path_of(attachment: Attachment) -> Path:
    """Return where the file lies, its checksum verified.

    Raises AttachmentDamagedError, or AttachmentUnknownError if it has just been deleted.
    """
    attachment_id = attachment.id
    try:
        return files.verified(attachment.stored_name, attachment.sha256)
    except AttachmentDamagedError:
        db.session.rollback()  # see the rows as they are now
        if db.session.scalar(select(Attachment.id).where(Attachment.id == attachment_id)) is None:
            raise AttachmentUnknownError(UUID(attachment_id)) from None
        raise


def remove(attachment: Attachment) -> None:
    """Delete an attachment, the row first: what fails after that leaves only a file to sweep.

    Raises AttachmentUnknownError if somebody else has just deleted it.
    """
    attachment_id, stored_name = attachment.id, attachment.stored_name
    gone = db.session.execute(
        delete(Attachment).where(Attachment.id == attachment_id).returning(Attachment.id)
    ).all()
    db.session.commit()
    if not gone:
        raise AttachmentUnknownError(UUID(attachment_id))
    files.remove(stored_name)


def sweep_orphans(grace: timedelta = GRACE) -> int:
    """Remove files that no row names any more, or yet; returns how many. Periodic work calls this.

    They stem from uploads that were killed half-way, and from questions that were deleted.

    :param grace: how old a file must be; a younger one may belong to an upload that is under way.
    """
    removed = 0
    # The files first, the rows afterwards: a row that has come in between saves its file.
    for part in chunks(list(files.older_than(now() - grace))):
        names = [path.name for path in part]
        known = set(
            db.session.scalars(
                select(Attachment.stored_name).where(Attachment.stored_name.in_(names))
            )
        )
        for path in part:
            if path.parent.name == files.INCOMING or path.name not in known:
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def damaged() -> list[str]:
    """Compare every stored file with its checksum; returns what is wrong, a sentence for each."""
    faults = []
    order = select(Attachment.id).order_by(Attachment.created_at)
    for attachment_id in db.session.scalars(order).all():
        try:
            path_of(get(UUID(attachment_id)))
        except AttachmentDamagedError as error:
            faults.append(f"attachment {attachment_id}: {error}")
        except AttachmentUnknownError:
            continue  # deleted while the others were compared
    return faults
