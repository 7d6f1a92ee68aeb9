"""What a question will look like, rendered by what renders the published ones.

The page's script asks here while somebody types. There is no second renderer in the browser that
could show something else, or let something through that this one escapes.
"""

from flask import render_template

from api.access.identity import requires
from api.accounts.permissions import Action
from api.bank.formats.schema import MAX_TEXT
from api.http.limits import previews
from api.http.problems import Problem
from api.site.desk.form import QuestionForm


@previews
@requires(Action.USE_OWN_ACCOUNT)
def preview() -> str:
    """Render what is typed as a piece of a page. Nothing is judged and nothing is kept."""
    form = QuestionForm()
    if not form.check_csrf():
        raise Problem(
            "malformed-request", "The form's CSRF token is missing or wrong; load it again."
        )
    return render_template("desk/preview.html", preview=form.members(), most=MAX_TEXT)
