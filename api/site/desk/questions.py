"""Pages for published questions: editing, deleting, making one a draft again (73, 86)."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext

from api.access.drafts import reader
from api.access.identity import may, requires, signed_in
from api.access.questions import requires_edit
from api.accounts.permissions import Action
from api.bank import drafts, editing, grants, history, questions
from api.demonstrations import demonstrates
from api.http.limits import writes
from api.site.desk import editor
from api.site.desk.form import ButtonForm, GrantForm, QuestionForm
from api.site.desk.keeping import keeps_text
from api.site.desk.states import Members, members_of, require_state, state_of


def standing(number: int) -> Members:
    """Return the question that stands. Raises QuestionUnknownError."""
    return members_of(questions.get(number))


def context_of(number: int) -> dict[str, Any]:
    """Return what the editing page of a question shows beside the form."""
    shown: dict[str, Any] = {
        "heading": gettext("Edit question %(number)d", number=number),
        "question": number,
    }
    if may(Action.GRANT_QUESTION):
        shown |= {
            "author": grants.author_of(number),
            "grants": grants.list_grants(number),
            "grant_form": GrantForm(formdata=None),
        }
    return shown


@requires_edit
def edit_question(number: int) -> Any:
    """Show a question in the form."""
    return editor.show(QuestionForm.of(standing(number)), **context_of(number))


@demonstrates(
    86,
    test="tests/site/test_desk.py::test_who_was_granted_the_right_edits_on_the_page_and_another_does_not",
)
@keeps_text
@writes
@requires_edit
def save_question(number: int) -> Any:
    """Write a question anew, if the form shows the state that stands."""
    form, there = QuestionForm(), standing(number)
    form.number.data = str(number)
    user_id = signed_in().id

    def save(members: dict[str, Any]) -> str:
        given = {name: members[name] for name in editing.EDITABLE}
        editing.replace(
            number, given, user_id, lambda _: require_state(form.seen.data, standing(number))
        )
        return url_for("site.edit_question", number=number)

    def who() -> str | None:
        return history.find_page(number, 1, 1)[0][0].author

    return editor.answer(form, save, there, who, **context_of(number))


@requires(Action.DELETE_QUESTION)
def confirm_deletion(number: int) -> str:
    """Ask before a question is deleted."""
    there = standing(number)
    return render_template(
        "desk/confirm.html",
        heading=gettext("Delete question %(number)d?", number=number),
        prompt=there["prompt"],
        consequence=gettext(
            "Nobody will find it any more. Its revisions stay, and it can be brought back from them; "
            "its attachments and the rights that were given on it cannot."
        ),
        button=gettext("Delete it"),
        for_good=True,
        back=url_for("site.edit_question", number=number),
        state=state_of(there),
    )


@writes
@requires(Action.DELETE_QUESTION)
def delete_question(number: int) -> Any:
    """Delete a question, and lead to where it can be brought back."""
    seen = ButtonForm.sent().seen.data
    editing.delete(number, signed_in().id, lambda _: require_state(seen, standing(number)))
    flash(gettext("Question %(number)d is deleted.", number=number), "success")
    return redirect(url_for("site.revisions", number=number), 303)


@requires(Action.PUBLISH_QUESTION)
def confirm_withdrawal(number: int) -> str:
    """Ask before a question is taken out of the bank."""
    there = standing(number)
    return render_template(
        "desk/confirm.html",
        heading=gettext("Make question %(number)d a draft again?", number=number),
        prompt=there["prompt"],
        consequence=gettext(
            "Nobody but its author and editors will see it until it is published again. It keeps its "
            "number and its revisions; its attachments and the rights that were given on it go."
        ),
        button=gettext("Make it a draft"),
        back=url_for("site.edit_question", number=number),
        state=state_of(there),
    )


@writes
@requires(Action.PUBLISH_QUESTION)
def withdraw_question(number: int) -> Any:
    """Take a question out of the bank and make it a draft."""
    seen = ButtonForm.sent().seen.data
    kept = drafts.withdraw(number, reader(), lambda _: require_state(seen, standing(number)))
    flash(gettext("Question %(number)d is a draft again.", number=number), "success")
    return redirect(url_for("site.edit_draft", draft=kept.id), 303)
