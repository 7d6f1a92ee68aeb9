"""Pages for the history of a question: its revisions, what each changed, and the way back."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext

from api.access.identity import signed_in
from api.access.questions import requires_edit
from api.bank import editing, history
from api.bank.formats.documents import QuestionDocument
from api.bank.questions import QuestionUnknownError
from api.bank.storing import Stored
from api.http.limits import writes
from api.site.desk import editor
from api.site.desk.drafts import PER_PAGE, page_number
from api.site.desk.form import ButtonForm
from api.site.desk.questions import standing
from api.site.desk.states import members_in, require_state, state_of


def _state(number: int) -> str:
    """Name the state that stands; one that is gone has none."""
    try:
        return state_of(standing(number))
    except QuestionUnknownError:
        return ""


def _members(document: QuestionDocument | None) -> dict[str, Any]:
    return members_in(document) if document else {}


@requires_edit
def revisions(number: int) -> str:
    """List a question's revisions, the newest first, each with the members that it changed."""
    page = page_number()
    found, total = history.find_page(number, page, PER_PAGE)
    before = [each.document for each in found[1:]]
    if found:  # what the last of the page changed is told by the one after it
        _, previous = history.get(number, found[-1].revision)
        before.append(previous.document if previous else None)
    changed = [history.changed(old, each.document) for each, old in zip(found, before, strict=True)]
    state = _state(number)
    return render_template(
        "desk/revisions.html",
        number=number,
        revisions=list(zip(found, changed, strict=True)),
        state=state,
        page=page,
        pages=-(-total // PER_PAGE),
    )


@requires_edit
def revision(number: int, revision: int) -> str:
    """Show what a revision changed, word by word, and the question as it left it."""
    found, before = history.get(number, revision)
    state = _state(number)
    return render_template(
        "desk/revision.html",
        number=number,
        revision=found,
        before=before,
        members=_members(found.document),
        changes=editor.changes(
            _members(before.document if before else None), _members(found.document)
        ),
        state=state,
        is_present=bool(state) and state == state_of(_members(found.document)),
        has_next=found.revision < history.find_page(number, 1, 1)[0][0].revision,
    )


@writes
@requires_edit
def restore_revision(number: int, revision: int) -> Any:
    """Make a revision's question the present one, which is a new revision."""
    seen = ButtonForm.sent().seen.data

    def check(_: Stored | None) -> None:
        try:
            there = standing(number)
        except QuestionUnknownError:
            return  # what is gone can have been changed by nobody
        require_state(seen, there)

    editing.restore(number, revision, signed_in().id, check)
    flash(
        gettext(
            "Question %(number)d is again as revision %(revision)d left it.",
            number=number,
            revision=revision,
        ),
        "success",
    )
    return redirect(url_for("site.revisions", number=number), 303)
