"""What a question will look like, rendered by what renders the published ones.

The page's script asks here while somebody types. There is no second renderer in the browser that
could show something else, or let something through that this one escapes.
"""

from flask import render_template

from api.access.identity import requires
from api.access.questions import requires_edit
from api.accounts.permissions import Action
from api.bank.formats.schema import MAX_TEXT
from api.http.limits import previews
from api.http.problems import Problem
from api.site.desk.form import QuestionForm


@previews
@requires(Action.CREATE_DRAFT)
def preview() -> str:
    """Render what is typed as a piece of a page. Nothing is judged and nothing is kept."""
    return _rendered()


@previews
@requires_edit
def preview_question(number: int) -> str:  # noqa: ARG001  # the guard has used it
    """The same for who may edit this one question, and perhaps write no other."""
    return _rendered()


def _rendered() -> str:
    form = QuestionForm()
    if not form.check_csrf():
        raise Problem(
            "malformed-request", "The form's CSRF token is missing or wrong; load it again."
        )
    return render_template("desk/preview.html", preview=form.members(), most=MAX_TEXT)
