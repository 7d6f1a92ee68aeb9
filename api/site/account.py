"""Pages for who is signed in: the account with its devices, and what only some roles see (69, 77).

They ask for permissions by the decorator that the API's resources use. Who is not signed in is sent
to the sign-in page and comes back; a client that asks for no page gets problem details.
"""

from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from api.access import site_sessions
from api.access.identity import current_device, requires, signed_in
from api.accounts import second_factor, tokens, users
from api.accounts.permissions import Action
from api.bank import history, questions
from api.bank.questions import Criteria
from api.demonstrations import demonstrates
from api.http.problems import Problem
from api.mail import outbox as mails
from api.site import registration

#: The deleted questions that a page lists: the last ones.
MOST_DELETED = 100


@demonstrates(69, test="tests/site/test_door.py::test_sign_in_see_the_account_and_sign_out")
@requires(Action.USE_OWN_ACCOUNT)
def account() -> str:
    """Your profile, what you may do, and where you are signed in."""
    user = signed_in()
    return render_template(
        "account/account.html",
        user=user,
        actions=sorted(action.value for action in users.actions(user)),
        devices=tokens.devices(user),
        current=current_device(),
        has_second_factor=second_factor.is_on(user),
        recovery_codes=len(user.mf_recovery_codes or []),
    )


@requires(Action.USE_OWN_ACCOUNT)
def sign_out_device(sid: UUID) -> BaseResponse:
    """Sign one of your devices out."""
    check_csrf()
    device = tokens.get_own(signed_in(), str(sid))
    if device.id == current_device():
        site_sessions.end()
        return redirect(url_for("site.home"))
    tokens.revoke(device)
    flash(gettext("The device is signed out."), "success")
    return redirect(url_for("site.account"))


@requires(Action.USE_OWN_ACCOUNT)
def sign_out_everywhere() -> BaseResponse:
    """Sign all your devices out, this one as well."""
    check_csrf()
    tokens.revoke_all(signed_in())
    site_sessions.end()
    return redirect(url_for("site.home"))


def check_csrf() -> None:
    """Refuse a form that does not come from a page of this session. Raises Problem (400)."""
    if not FlaskForm().validate_on_submit():
        raise Problem(
            "malformed-request", "The form's CSRF token is missing or wrong; load it again."
        )


@demonstrates(69, test="tests/site/test_door.py::test_a_page_and_its_menu_entry_are_for_a_role")
@requires(Action.EDIT_QUESTION)
def editing() -> str:
    """What was changed here since it was loaded, and what was deleted: for editors."""
    found = questions.find_page(Criteria(), 1, 1000).questions
    changed = [question for question in found if question.edited_at is not None]
    return render_template(
        "account/editing.html",
        changed=changed,
        total=len(found),
        deleted=history.find_deleted(MOST_DELETED),
    )


@demonstrates(
    99,
    test="tests/site/test_mail.py::test_a_registration_is_confirmed_by_the_button_behind_the_link",
)
def outbox() -> Response | str | dict[str, list[dict[str, str]]]:
    """The mails in the folder, newest first: where they are not sent, and never in production."""
    forms = ["application/json", "text/html"]
    # Who sends no `Accept` takes anything; Werkzeug takes it for nothing.
    best = request.accept_mimetypes.best_match(forms) if request.accept_mimetypes else forms[0]
    if best is None:
        abort(406)
    found = list(mails())
    if best == "application/json":
        return {"items": found}
    return render_template("account/outbox.html", mails=found)


def add_routes(blueprint: Blueprint) -> None:
    """Add the pages to the site."""
    blueprint.add_url_rule("/account", view_func=account)
    blueprint.add_url_rule(
        "/account/devices/<uuid:sid>/sign-out", view_func=sign_out_device, methods=["POST"]
    )
    blueprint.add_url_rule(
        "/account/address", view_func=registration.change_address, methods=["GET", "POST"]
    )
    blueprint.add_url_rule(
        "/account/sign-out-everywhere", view_func=sign_out_everywhere, methods=["POST"]
    )
    blueprint.add_url_rule("/editing", view_func=editing)
