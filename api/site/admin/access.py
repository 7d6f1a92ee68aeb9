"""The panel's lock, and the policy of its pages (70).

Flask-Admin has no sign-in: before each request it asks the view, and by default every view says yes,
the index too. The lock here asks the one identity that the rest of the application asks. Nobody is
sent to the sign-in page and comes back; somebody who may not gets a 403, as a page.
"""

from secrets import token_urlsafe
from typing import Any

from flask import Response, g
from flask_admin import AdminIndexView, expose
from flask_admin.base import Admin, BaseView
from flask_babel import gettext
from sqlalchemy import func, select
from werkzeug.wrappers import Response as BaseResponse

from api.access.identity import forbid, may, signed_in
from api.accounts.permissions import Action
from api.bank.topics import list_topics
from api.demonstrations import demonstrates
from api.extensions import db
from api.models import Draft, Job, Question, SignIn, User

TESTS = "tests/site/test_admin.py"

#: What the package's pages need, and no more: its scripts by nonce, its style sheets, pictures and
#: fonts from here. What it writes as inline handlers, templates of ours do without.
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def nonce() -> str:
    """Return the word that lets this one page's scripts run."""
    if "admin_nonce" not in g:
        g.admin_nonce = token_urlsafe(16)
    return str(g.admin_nonce)


def finish(response: Response) -> Response:
    """Give a page of the panel its policy, and let nothing be kept that was made for one reader.

    A refusal is a page of the site, whose scripts know no nonce: it keeps the site's policy.
    """
    if response.mimetype == "text/html" and "admin_nonce" in g:
        response.headers["Content-Security-Policy"] = POLICY.format(nonce=nonce())
    if may(Action.MANAGE_USERS):
        response.headers["Cache-Control"] = "no-store"
    return response


@demonstrates(
    70, at="GET admin.index", test=f"{TESTS}::test_only_an_administrator_comes_in_anywhere"
)
class Guarded(BaseView):
    """A view that only administrators see; Flask-Admin asks it before each request and for the menu."""

    def is_accessible(self) -> bool:
        """Tell whether the caller may come in."""
        return may(Action.MANAGE_USERS)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> BaseResponse:
        """Refuse. Raises Problem: 401 for nobody, which becomes a way to sign in; else 403."""
        signed_in()
        raise forbid(Action.MANAGE_USERS)

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the view. The parent takes a TypeError within it for another calling convention."""
        return fn(self, *args, **kwargs)

    def create_blueprint(self, admin: Admin) -> Any:
        """Put the policy on everything below the view's address but the package's files."""
        blueprint = super().create_blueprint(admin)
        blueprint.after_request(_finish_pages)
        return blueprint

    def render(self, template: str, **kwargs: Any) -> str:
        """Render a page. Its forms bring tokens of their own, not the ones that other pages have."""
        return str(super().render(template, **{"csrf_token": None, **kwargs}))


def _finish_pages(response: Response) -> Response:
    return response if response.direct_passthrough else finish(response)


class Home(Guarded, AdminIndexView):
    """The panel's first page: how much there is of everything."""

    @expose("/")
    @demonstrates(70, test=f"{TESTS}::test_the_overview_counts_the_tables")
    def index(self) -> str:
        """Count the tables."""
        signed_in_devices = select(func.count(SignIn.id)).where(SignIn.revoked_at.is_(None))
        counts = (
            (
                "admin_questions",
                gettext("Questions"),
                db.session.scalar(select(func.count(Question.id))),
            ),
            ("admin_topics", gettext("Topics"), len(list_topics())),
            ("admin_drafts", gettext("Drafts"), db.session.scalar(select(func.count(Draft.id)))),
            ("admin_users", gettext("Users"), db.session.scalar(select(func.count(User.id)))),
            ("admin_sign_ins", gettext("Sign-ins"), db.session.scalar(signed_in_devices)),
            ("admin_jobs", gettext("Jobs"), db.session.scalar(select(func.count(Job.id)))),
        )
        return self.render("admin/index.html", counts=counts)
