"""Pages for drafts: writing one, the list, publishing and throwing away (86)."""

from typing import Any
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import ValidationError

from api.access.drafts import reader, requires_draft
from api.access.identity import requires
from api.accounts.permissions import Action
from api.bank import drafts
from api.bank.drafts import Kept
from api.http.limits import writes
from api.http.parsing import pointer_errors
from api.schemas.questions import PageQuery
from api.sentences import said
from api.site.desk import editor
from api.site.desk.form import ButtonForm, QuestionForm
from api.site.desk.keeping import keeps_text
from api.site.desk.states import require_state, state_of

PER_PAGE = 20


def page_number() -> int:
    """Return the number of the page that is asked for. Raises NotFound for what is none."""
    try:
        number: int = PageQuery(only=["page"]).load({"page": request.args.get("page", "1")})["page"]
    except ValidationError:
        abort(404)
    return number


@requires_draft
def new_question() -> Any:
    """Show an empty form."""
    return editor.show(QuestionForm.of({}), heading=gettext("New question"))


@keeps_text
@writes
@requires_draft
def create_draft() -> Any:
    """Make a draft of what was typed. Whatever the form says, its author is who sent it."""

    def save(members: dict[str, Any]) -> str:
        made = drafts.create(members, reader())
        return url_for("site.edit_draft", draft=made.id)

    heading = gettext("New question")
    return editor.answer(QuestionForm(), save, None, lambda: None, heading=heading)


@requires_draft
def draft_list() -> str:
    """List your own drafts; an editor's list has everybody's."""
    page = page_number()
    found, total = drafts.find_page(reader(), page, PER_PAGE)
    return render_template(
        "desk/drafts.html", drafts=found, total=total, page=page, pages=-(-total // PER_PAGE)
    )


def _context(draft: Kept) -> dict[str, Any]:
    return {"heading": gettext("Draft"), "draft": draft, "state": state_of(draft.members)}


@requires_draft
def edit_draft(draft: UUID) -> Any:
    """Show a draft in the form."""
    kept = drafts.get(str(draft), reader())
    return editor.show(QuestionForm.of(kept.members), **_context(kept))


@keeps_text
@writes
@requires_draft
def save_draft(draft: UUID) -> Any:
    """Write a draft anew, if the form shows the state that stands."""
    kept, form = drafts.get(str(draft), reader()), QuestionForm()

    def save(members: dict[str, Any]) -> str:
        drafts.replace(
            kept.id, members, reader(), lambda now: require_state(form.seen.data, now.members)
        )
        return url_for("site.edit_draft", draft=kept.id)

    # Who changed a draft last is not kept: it was its author or an editor.
    return editor.answer(form, save, kept.members, lambda: None, **_context(kept))


@writes
@requires(Action.PUBLISH_QUESTION)
def publish_draft(draft: UUID) -> Any:
    """Publish the draft as the page showed it."""
    seen = ButtonForm.sent().seen.data
    try:
        question = drafts.publish(
            str(draft), reader(), lambda now: require_state(seen, now.members)
        )
    except ValidationError as error:  # it was written when other rules held
        faults = "; ".join(
            f"{each['pointer'].removeprefix('#/')} {said(each['detail'])}"
            for each in pointer_errors(error.messages)
        )
        flash(gettext("It cannot be published as it is: %(faults)s.", faults=faults), "error")
        return redirect(url_for("site.edit_draft", draft=draft), 303)
    flash(gettext("Question %(number)d is published.", number=question.number), "success")
    return redirect(url_for("site.revisions", number=question.number), 303)


@requires_draft
def confirm_draft_deletion(draft: UUID) -> str:
    """Ask before a draft is thrown away."""
    kept = drafts.get(str(draft), reader())
    return render_template(
        "desk/confirm.html",
        heading=gettext("Throw this draft away?"),
        prompt=kept.members["prompt"],
        consequence=gettext("A draft has no history: it is gone for good."),
        button=gettext("Throw it away"),
        for_good=True,
        back=url_for("site.edit_draft", draft=kept.id),
        state=state_of(kept.members),
    )


@writes
@requires_draft
def delete_draft(draft: UUID) -> Any:
    """Throw a draft away."""
    seen = ButtonForm.sent().seen.data
    drafts.remove(str(draft), reader(), lambda now: require_state(seen, now.members))
    flash(gettext("The draft is gone."), "success")
    return redirect(url_for("site.draft_list"), 303)
