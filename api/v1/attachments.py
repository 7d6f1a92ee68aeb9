"""`/attachments`: files of a question, taken with suspicion and handed out as downloads (51, 88)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response, current_app, request, send_file, url_for
from flask_restful import Resource

from api.access.identity import forbid, may, requires, signed_in, signed_in_id
from api.accounts.permissions import Action
from api.attachments import judging, store
from api.bank import questions
from api.demonstrations import demonstrates
from api.http.conditional import etag_of, require_match
from api.http.idempotency import idempotent
from api.http.limits import uploads, writes
from api.http.pagination import collection, link_header, numbered_links
from api.http.parsing import query
from api.http.responses import no_content
from api.http.restful import output_json
from api.http.uploads import Incoming, takes_file
from api.models import Attachment
from api.schemas.attachments import AttachmentListQuery, represent_attachment


def _page(found: store.Found, args: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Represent one page of attachments; return it with its `Link` field."""
    links = numbered_links(args["page"], args["per_page"], found.total)
    about = {
        "number": args["page"],
        "per_page": args["per_page"],
        "total_items": found.total,
        "total_pages": -(-found.total // args["per_page"]),
    }
    items: Sequence[Any] = [represent_attachment(each) for each in found.attachments]
    return collection(items, about, links), {"Link": link_header(links)}


class AttachmentList(Resource):
    """The attachments of a question."""

    @query(AttachmentListQuery)
    def get(self, args: dict[str, Any], number: int) -> Any:
        """List them, page by page, in the order of their upload."""
        found = store.of_question(questions.get(number), args["page"], args["per_page"])
        body, headers = _page(found, args)
        return body, 200, headers

    @demonstrates(
        51,
        test="tests/v1/test_attachments.py::test_a_picture_is_taken_and_comes_back_as_a_download",
    )
    @uploads
    @requires(Action.CREATE_ATTACHMENT)
    @takes_file("ATTACHMENT_BYTES")
    @idempotent
    def post(self, incoming: Incoming, number: int) -> Any:
        """Upload a file: judged, written anew, stored under a random name."""
        question = questions.get(number)
        sent, pixels = incoming.receive(), current_app.config["ATTACHMENT_PIXELS"]
        accepted = judging.accept(sent.filename or "", sent.media_type, sent.read(), pixels)
        attachment = store.add(question, signed_in(), accepted)
        where = url_for("v1.attachment", attachment=attachment.id, _external=True)
        response = output_json(represent_attachment(attachment), 201, {"Location": where})
        response.set_etag(etag_of(response.get_data()))
        return response


class AttachmentItem(Resource):
    """What is known of one attachment."""

    def get(self, attachment: UUID) -> dict[str, Any]:
        """Answer name, type, size, checksum and links."""
        return represent_attachment(store.get(attachment))

    @writes
    @requires(Action.USE_OWN_ACCOUNT)
    def delete(self, attachment: UUID) -> Response:
        """Delete an attachment of your own, or anybody's with the permission for that."""
        found = store.get(attachment)
        _require_deletable(found)
        require_match(etag_of(output_json(represent_attachment(found), 200).get_data()))
        store.remove(found)
        return no_content()


def _require_deletable(attachment: Attachment) -> None:
    """Let its uploader delete an attachment, and those who may delete any. Raises Problem (403)."""
    if attachment.uploader_id != signed_in_id() and not may(Action.DELETE_ATTACHMENT):
        raise forbid(Action.DELETE_ATTACHMENT)


class AttachmentFile(Resource):
    """The file itself."""

    @demonstrates(
        51,
        test="tests/v1/test_attachments.py::test_a_picture_is_taken_and_comes_back_as_a_download",
    )
    def get(self, attachment: UUID) -> Response:
        """Send the file so that a browser saves it and never shows or runs it; in parts, if asked.

        The media type is the one that was decided on the way in. The policy is for browsers that
        show the file nevertheless: then it may do nothing at all, in an origin of its own.
        Sources: RFC 6266 (Content-Disposition), RFC 9110, section 14 (ranges).
        """
        found = store.get(attachment)
        response = send_file(
            store.path_of(found),
            mimetype=found.media_type,
            as_attachment=True,
            download_name=found.filename,
            conditional=_asks_for_one_range(),
            etag=found.sha256[:24],
            last_modified=found.created_at,
        )
        response.accept_ranges = "bytes"
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return response


def _asks_for_one_range() -> bool:
    """Tell whether Werkzeug may look at `Range`: it answers 416 to several ranges, to other units and
    to what is no range at all, where RFC 9110 (section 14.2) has the whole file sent.
    """
    asked = request.range
    if asked is None:
        return "Range" not in request.headers
    return asked.units == "bytes" and len(asked.ranges) == 1


class OwnAttachments(Resource):
    """What you have uploaded, and how much room is left."""

    @query(AttachmentListQuery)
    @requires(Action.USE_OWN_ACCOUNT)
    def get(self, args: dict[str, Any]) -> Any:
        """List it, page by page, in the order of its upload."""
        user = signed_in()
        body, headers = _page(store.of_user(user, args["page"], args["per_page"]), args)
        quota = store.quota_of(user.id)
        return {**body, "quota": {"used": quota.used, "allowed": quota.allowed}}, 200, headers
