"""`/admin`: the administrators' panel by Flask-Admin, over the real tables (70, 95).

Flask-Admin makes lists, forms, filters, actions in bulk and exports from the models. What it would do
by itself and this application does in one place is taken out of it: who may come in
(`access`), and every change, which goes through the domain (`api.bank.editing`, `api.accounts.users`,
…) and not straight to a table, so that revisions, events, authors, locks and the rule about the last
administrator hold here as they do at the API.
Sources: https://flask-admin.readthedocs.io/en/latest/introduction/ and
https://flask-admin.readthedocs.io/en/latest/advanced/
"""

from functools import cache

from flask import Flask
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_babel import lazy_gettext

from api.access.identity import requires
from api.accounts.permissions import Action
from api.models import Attachment, Draft, Job, Question, QuestionGrant, SignIn, Topic, User
from api.site.admin import accounts, bank, questions, work
from api.site.admin.access import Home, nonce
from api.site.admin.tables import TableView


def init_app(app: Flask) -> None:
    """Mount a new panel. The site's templates must be there before: some stand for the package's."""
    admin = Admin(
        app,
        name=lazy_gettext("Question bank"),
        index_view=Home(name=lazy_gettext("Overview")),
        theme=Bootstrap4Theme(base_template="admin/panel/base.html"),
        csp_nonce_generator=nonce,
    )
    for table in tables():
        admin.add_view(table)
    _guard(app)


@cache
def tables() -> tuple[TableView, ...]:
    """Make the panel's tables, once for all applications: what they hold comes from the models."""
    return tuple(
        view(model, name, endpoint=f"admin_{slug.replace('-', '_')}", url=slug)
        for view, model, slug, name in (
            (questions.QuestionView, Question, "questions", lazy_gettext("Questions")),
            (bank.TopicView, Topic, "topics", lazy_gettext("Topics")),
            (bank.DraftView, Draft, "drafts", lazy_gettext("Drafts")),
            (bank.GrantView, QuestionGrant, "grants", lazy_gettext("Grants")),
            (bank.AttachmentView, Attachment, "attachments", lazy_gettext("Attachments")),
            (accounts.UserView, User, "users", lazy_gettext("Users")),
            (accounts.SignInView, SignIn, "sign-ins", lazy_gettext("Sign-ins")),
            (work.JobView, Job, "jobs", lazy_gettext("Jobs")),
        )
    )


def _guard(app: Flask) -> None:
    """Put the application's own guard before every view too: a view of the package's that forgot to
    ask the lock would be open, and what asks for which permission stays known in one way.
    """
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("admin") and not endpoint.endswith(".static"):
            app.view_functions[endpoint] = requires(Action.MANAGE_USERS)(view)
