"""Attachments as they go out, and the query strings that ask for them (51)."""

from typing import Any

from flask import url_for
from marshmallow import Schema, validate

from api.models import Attachment
from api.schemas.fields import Whole
from api.schemas.questions import MAX_PER_PAGE


class AttachmentListQuery(Schema):
    """A page of attachments."""

    page = Whole(load_default=1, validate=validate.Range(1, 100_000))
    per_page = Whole(load_default=20, validate=validate.Range(1, MAX_PER_PAGE))


def represent_attachment(attachment: Attachment) -> dict[str, Any]:
    """Represent an attachment. Who uploaded it and where it lies is nobody's business."""
    links = {
        "self": url_for("v1.attachment", attachment=attachment.id, _external=True),
        "file": url_for("v1.attachment_file", attachment=attachment.id, _external=True),
        "question": url_for("v1.question", number=attachment.question.number, _external=True),
    }
    known = {
        "id": attachment.id,
        "filename": attachment.filename,
        "media_type": attachment.media_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
        "width": attachment.width,
        "height": attachment.height,
        "pages": attachment.pages,
        "created_at": attachment.created_at,
        "links": links,
    }
    optional = ("width", "height", "pages")
    return {k: v for k, v in known.items() if v is not None or k not in optional}
