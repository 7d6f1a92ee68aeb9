"""Who else may edit a question: given and taken on its editing page (86)."""

from typing import Any

from flask import flash, redirect, url_for
from flask_babel import gettext

from api.access.identity import requires, signed_in
from api.accounts import users
from api.accounts.permissions import Action
from api.bank import grants
from api.http.limits import writes
from api.site.desk import editor
from api.site.desk.form import ButtonForm, GrantForm, QuestionForm
from api.site.desk.questions import context_of, standing


@writes
@requires(Action.GRANT_QUESTION)
def give_grant(number: int) -> Any:
    """Give a user, by name, the right to edit one question."""
    form: Any = GrantForm.sent()
    name = (form.username.data or "").strip()
    there = standing(number)
    user = users.find(name) if name and "@" not in name else None
    if user is None:
        form.username.errors = [gettext("There is no user of this name.")]
        context = {
            **context_of(number),
            "grant_form": form,
            "action": url_for("site.edit_question", number=number),
        }
        return editor.show(QuestionForm.of(there), 422, **context)
    name = user.username
    grants.give(number, user, signed_in())
    flash(gettext("%(name)s may edit this question now.", name=name), "success")
    return redirect(url_for("site.edit_question", number=number, _anchor="grants"), 303)


@writes
@requires(Action.GRANT_QUESTION)
def take_grant(number: int, username: str) -> Any:
    """Take the right again; it is gone from the user's next request on."""
    ButtonForm.sent()
    grants.take(number, users.get(username))
    flash(gettext("%(name)s may no longer edit this question.", name=username), "success")
    return redirect(url_for("site.edit_question", number=number, _anchor="grants"), 303)
