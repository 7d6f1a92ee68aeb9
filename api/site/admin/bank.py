"""What else belongs to the bank: topics, drafts, grants and attachments (70)."""

from collections.abc import Sequence
from typing import Any

from flask_admin.actions import action
from flask_admin.contrib.sqla.filters import FilterEqual
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import joinedload
from wtforms import Form, IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from api.access.identity import signed_in
from api.accounts import users
from api.attachments.names import KINDS
from api.bank import drafts, grants, topics
from api.bank.drafts import Reader
from api.bank.editing import EDITABLE
from api.bank.formats.schema import MAX_NUMBER
from api.models import Attachment, Draft, QuestionGrant
from api.site.admin.tables import TableView


class TopicView(TableView):
    """Topics: made when a question first names one; their words can be changed."""

    can_edit = True
    column_list = ("slug", "name", "description")
    column_default_sort = "slug"
    column_searchable_list = ("slug", "name", "description")
    column_filters = ("slug", "name")
    form_columns = ("name", "description")

    def update_model(self, form: Form, model: Any) -> bool:
        """Change a topic's words. Returns whether that was done."""
        slug, name, description = model.slug, form.name.data, form.description.data or ""
        return self.attempt(lambda: topics.describe(slug, name, description))


def _member(name: str) -> Any:
    return lambda _view, _context, row, _name: row.document.get(name)


class DraftView(TableView):
    """Drafts: read, published, thrown away. What they say is their authors' business to change."""

    can_delete = True
    loads = (joinedload(Draft.author),)
    column_list = ("author.username", "number", "prompt", "created_at", "updated_at")
    column_details_list = ("author.username", "number", *EDITABLE, "created_at", "updated_at")
    column_labels = {"author.username": lazy_gettext("Author")}  # noqa: RUF012  # Flask-Admin reads it off the class
    column_default_sort = ("updated_at", True)
    column_sortable_list = ("author.username", "created_at", "updated_at")
    column_searchable_list = ("author.username",)
    column_filters = ("author.username",)
    column_formatters = {name: _member(name) for name in ("number", *EDITABLE)}  # noqa: RUF012  # Flask-Admin reads it so

    def delete_model(self, model: Draft) -> bool:
        """Throw a draft away. Returns whether it is gone."""
        reader, draft = _reader(), model.id
        return self.attempt(lambda: drafts.remove(draft, reader, _unchecked))

    @action("delete", lazy_gettext("Delete"), lazy_gettext("Throw the selected drafts away?"))
    def action_delete(self, ids: Sequence[str]) -> None:
        """Throw the ticked drafts away."""
        reader = _reader()
        self.in_bulk(
            ids, lambda row: drafts.remove(row.id, reader, _unchecked), gettext("{} deleted.")
        )

    @action(
        "publish",
        lazy_gettext("Publish"),
        lazy_gettext("Publish the selected drafts as they are now?"),
    )
    def publish(self, ids: Sequence[str]) -> None:
        """Make the ticked drafts questions of the bank, their authors' own."""
        reader = _reader()
        self.in_bulk(
            ids, lambda row: drafts.publish(row.id, reader, _unchecked), gettext("{} published.")
        )


def _reader() -> Reader:
    return Reader(user_id=signed_in().id, reviews=True)


def _unchecked(_draft: Any) -> None:
    """Take a draft as it stands."""


class GrantView(TableView):
    """Rights to edit one question: given and taken."""

    can_create = can_delete = True
    loads = (
        joinedload(QuestionGrant.question),
        joinedload(QuestionGrant.user),
        joinedload(QuestionGrant.granted_by),
    )
    column_list = (
        "question.number", "question.prompt", "user.username", "granted_by.username", "granted_at",
    )  # fmt: skip
    column_labels = {  # noqa: RUF012  # Flask-Admin reads it off the class
        "question.number": lazy_gettext("Number"),
        "question.prompt": lazy_gettext("Prompt"),
        "user.username": lazy_gettext("User"),
        "granted_by.username": lazy_gettext("Granted by"),
    }
    column_default_sort = ("granted_at", True)
    column_sortable_list = ("question.number", "user.username", "granted_at")
    column_searchable_list = ("user.username", "question.prompt")
    column_filters = ("user.username", "question.number")
    form_columns = ("number", "username")
    form_extra_fields = {  # noqa: RUF012  # Flask-Admin reads it so
        "number": IntegerField(
            lazy_gettext("Question"), [InputRequired(), NumberRange(1, MAX_NUMBER)]
        ),
        "username": StringField(lazy_gettext("User"), [InputRequired(), Length(max=60)]),
    }

    def create_model(self, form: Form) -> bool:
        """Give the right. Returns whether the user has it."""
        giver, number, name = signed_in(), form.number.data, form.username.data
        return self.attempt(lambda: grants.give(number, users.get(name), giver))

    def delete_model(self, model: QuestionGrant) -> bool:
        """Take the right. Returns whether it is gone."""
        return self.attempt(lambda: grants.take(model.question.number, model.user))

    @action("delete", lazy_gettext("Take back"), lazy_gettext("Take the selected rights back?"))
    def action_delete(self, ids: Sequence[str]) -> None:
        """Take the ticked rights."""
        self.in_bulk(
            ids, lambda row: grants.take(row.question.number, row.user), gettext("{} taken.")
        )


class AttachmentView(TableView):
    """Attachments: only looked at; their files follow their rows, and only the API removes both."""

    loads = (joinedload(Attachment.question), joinedload(Attachment.uploader))
    column_list = (
        "question.number", "filename", "media_type", "size", "uploader.username", "created_at",
    )  # fmt: skip
    column_details_list = (*column_list, "sha256", "width", "height", "pages")
    column_labels = {  # noqa: RUF012  # Flask-Admin reads it so
        "question.number": lazy_gettext("Question"),
        "uploader.username": lazy_gettext("Uploaded by"),
        "sha256": "SHA-256",
        "size": lazy_gettext("Bytes"),
    }
    column_default_sort = ("created_at", True)
    column_sortable_list = ("question.number", "filename", "media_type", "size", "created_at")
    column_searchable_list = ("filename",)
    column_filters = (
        "question.number",
        "size",
        FilterEqual(
            Attachment.media_type, lazy_gettext("Type"), [(kind, kind) for kind in KINDS.values()]
        ),
    )
