"""The panel's questions: search, filters, references as child rows, changes in bulk (95).

The form is Flask-Admin's, made from the model. What it would then do, put the fields into the row and
commit, is replaced: the fields become a change that `api.bank.editing` judges, makes under the bank's
lock and writes into the question's history, with the administrator as its author.
"""

from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import Any

from flask import flash, request
from flask_admin.actions import action
from flask_admin.contrib.sqla.filters import FilterEmpty, FilterEqual
from flask_admin.contrib.sqla.form import InlineModelConverter
from flask_admin.form import Select2Widget
from flask_babel import format_decimal, gettext, lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from wtforms import Form, HiddenField, SelectField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import StopValidation

from api.access.identity import signed_in
from api.bank import editing, questions
from api.bank.catalogue import TECHNIQUES
from api.bank.editing import EDITABLE
from api.bank.formats.schema import MAX_NUMBER
from api.bank.storing import Stored
from api.demonstrations import demonstrates
from api.extensions import db
from api.models import Question, Reference, Topic
from api.site import words
from api.site.admin.tables import TESTS, TableView
from api.site.desk.states import members_of, require_state, state_of

BLOCKS = {"answer": 24, "in_practice": 12, "try_it": 16, "prompt": 3}


def topic_choices() -> list[SelectChoice]:
    """Return the topics that a form offers."""
    return [
        SelectChoice(slug) for slug in db.session.scalars(select(Topic.slug).order_by(Topic.slug))
    ]


def slug_of(value: Any) -> str:
    """Return a topic's slug: of a row, or as a form sends it."""
    return str(getattr(value, "slug", value))


def one_of(label: str, choices: Mapping[str, str]) -> SelectField:
    """Make a field for one of some values, or none.

    The fields that Flask-Admin 2.2 makes for choices hand WTForms 3.3 tuples, which that warns of.
    """
    options = [SelectChoice("", lazy_gettext("none")), *starmap(SelectChoice, choices.items())]
    return SelectField(label, choices=options, widget=Select2Widget())


def in_range(_form: Any, field: Any) -> None:
    """Refuse a number that no question can have before anything asks the database for it."""
    if field.data is not None and not 1 <= field.data <= MAX_NUMBER:
        raise StopValidation(
            gettext("Must be from 1 to %(most)s.", most=format_decimal(MAX_NUMBER))
        )


class Children(InlineModelConverter):
    """References as child rows, although they have no relationship back to their question."""

    def _calculate_mapping_key_pair(self, model: Any, info: Any) -> dict[str, str]:
        return {"references": "question_id"}


class QuestionView(TableView):
    """Questions, with everything that one can do to them."""

    can_create = can_edit = can_delete = True
    loads = (selectinload(Question.topics), selectinload(Question.references))

    column_list = (
        "number", "prompt", "topics", "difficulty", "technique", "updated_at", "edited_at",
    )  # fmt: skip
    column_details_list = (*EDITABLE[:5], "number", "difficulty", "created_at", "updated_at")
    column_default_sort = "number"
    column_sortable_list = ("number", "prompt", "difficulty", "technique", "updated_at")
    column_searchable_list = ("prompt", "answer")
    column_filters: tuple[Any, ...] = (
        "number",
        "prompt",
        FilterEqual(
            Question.difficulty, lazy_gettext("Difficulty"), list(words.DIFFICULTIES.items())
        ),
        FilterEqual(
            Question.technique,
            lazy_gettext("Technique"),
            [(slug, each.name) for slug, each in TECHNIQUES.items()],
        ),
        FilterEmpty(Question.edited_at, lazy_gettext("Edited here")),
    )
    column_formatters = {  # noqa: RUF012  # Flask-Admin reads it off the class
        "topics": lambda _view, _context, row, _name: ", ".join(t.slug for t in row.topics),
    }

    form_columns = ("number", *EDITABLE, "seen")
    form_extra_fields = {  # noqa: RUF012  # Flask-Admin reads it so
        "seen": HiddenField(),
        "topics": SelectMultipleField(
            lazy_gettext("Topics"),
            choices=topic_choices,
            coerce=slug_of,
            widget=Select2Widget(multiple=True),
        ),
        "difficulty": one_of(lazy_gettext("Difficulty"), words.DIFFICULTIES),
        "technique": one_of(
            lazy_gettext("Technique"), {slug: each.name for slug, each in TECHNIQUES.items()}
        ),
    }
    form_args = {  # noqa: RUF012  # Flask-Admin reads it so
        "number": {"validators": [in_range]},
    }
    form_widget_args = {name: {"rows": rows} for name, rows in BLOCKS.items()}  # noqa: RUF012  # Flask-Admin reads it so
    inline_models = (
        (
            Reference,
            {
                "form_label": lazy_gettext("References"),
                "form_columns": ["id", "title", "url"],
                "form_args": {
                    "title": {"label": lazy_gettext("Title")},
                    "url": {"label": lazy_gettext("Url")},
                },
            },
        ),
    )
    inline_model_form_converter = Children

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A filter that is bound by a path belongs to one view of one application.
        by_topic = FilterEqual("topics.slug", lazy_gettext("Topic"))
        self.column_filters = (*type(self).column_filters, by_topic)
        super().__init__(*args, **kwargs)

    # --- Forms ---

    def create_form(self, obj: Any = None) -> Form:
        """Make the form for a new question."""
        form = super().create_form(obj)
        del form.seen
        return form

    def edit_form(self, obj: Question) -> Form:
        """Make the form for a question: its number is its address and stays."""
        form = super().edit_form(obj)
        del form.number
        if request.method == "GET":
            form.seen.data = state_of(members_of(obj))
        return form

    @demonstrates(
        95,
        at="POST admin_questions.create_view",
        test=f"{TESTS}::test_a_question_is_made_edited_and_deleted_with_its_history",
    )
    def create_model(self, form: Form) -> bool:
        """Put a new question into the bank. Returns whether it is there."""
        author, values = signed_in().id, members(form)
        return self.attempt(
            lambda: editing.create(values, form.number.data, author, lambda made: made)
        )

    @demonstrates(
        95,
        at="POST admin_questions.edit_view",
        test=f"{TESTS}::test_references_are_edited_as_child_rows",
    )
    def update_model(self, form: Form, model: Question) -> bool:
        """Change what the form changed, if it shows the state that stands. Returns whether it did."""
        author, number, seen = signed_in().id, model.number, form.seen.data
        there, wanted = members_of(model), members(form)
        kept = [slug for slug in there["topics"] if slug in wanted["topics"]]
        wanted["topics"] = kept + [slug for slug in wanted["topics"] if slug not in kept]
        changes = {name: wanted[name] for name in EDITABLE if wanted[name] != there[name]}

        def check(_: Stored) -> None:
            require_state(seen, members_of(questions.get(number)))

        if not changes:
            flash(gettext("You changed nothing."), "info")
            return True
        return self.attempt(lambda: editing.patch(number, changes, author, check))

    def delete_model(self, model: Question) -> bool:
        """Delete a question; its history stays. Returns whether it is gone."""
        author, number = signed_in().id, model.number
        return self.attempt(lambda: editing.delete(number, author, _unchecked))

    # --- In bulk ---

    @action(
        "delete",
        lazy_gettext("Delete"),
        lazy_gettext("Delete the selected questions? Their history stays."),
    )
    def action_delete(self, ids: Sequence[str]) -> None:
        """Delete the ticked questions."""
        author = signed_in().id
        self.in_bulk(
            ids, lambda row: editing.delete(row.number, author, _unchecked), gettext("{} deleted.")
        )

    @action("beginner", lazy_gettext("Set difficulty: beginner"))
    def set_beginner(self, ids: Sequence[str]) -> None:
        """Call the ticked questions ones for beginners."""
        self._set_difficulty(ids, "beginner")

    @action("intermediate", lazy_gettext("Set difficulty: intermediate"))
    def set_intermediate(self, ids: Sequence[str]) -> None:
        """Call the ticked questions intermediate."""
        self._set_difficulty(ids, "intermediate")

    @action("advanced", lazy_gettext("Set difficulty: advanced"))
    def set_advanced(self, ids: Sequence[str]) -> None:
        """Call the ticked questions advanced."""
        self._set_difficulty(ids, "advanced")

    @demonstrates(
        95,
        at="POST admin_questions.action_view",
        test=f"{TESTS}::test_an_action_changes_what_was_ticked_by_the_domain",
    )
    def _set_difficulty(self, ids: Sequence[str], difficulty: str) -> None:
        author, changes = signed_in().id, {"difficulty": difficulty}
        self.in_bulk(
            ids,
            lambda row: editing.patch(row.number, changes, author, _unchecked),
            gettext("{} set to %(difficulty)s.", difficulty=words.difficulty(difficulty)),
        )


def _unchecked(_: Stored) -> None:
    """Change what was ticked whatever its state: the list shows too little to compare."""


def members(form: Form) -> dict[str, Any]:
    """Return what a form says of a question, in the form of `members_of`."""
    found: dict[str, Any] = {}
    for name in EDITABLE:
        value = getattr(form, name).data
        found[name] = value.replace("\r\n", "\n") or None if isinstance(value, str) else value
    found["references"] = [
        {"title": entry.form.title.data or "", "url": entry.form.url.data or ""}
        for entry in form.references.entries
        if not form.references.should_delete(entry)
    ]
    return found
