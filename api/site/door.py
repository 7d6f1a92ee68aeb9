"""The site's door by Flask-Security: its views at our addresses, with our forms and templates (69, 99).

Flask-Security brings views for sign-in, registration, confirmation, recovery, a second factor and
freshness; for two of them `api.site.registration` has its own. What it would do by itself and this
application does in one place for both doors is taken out of it: passwords (`api.accounts.passwords`),
the identity (`api.access.identity`: a second Principal would load another one after ours), the user
behind a session (`api.access.site_sessions`), mail (`api.mail`), and its JSON and token interfaces, which
would be a third door.
Sources: https://flask-security.readthedocs.io/en/stable/configuration.html and
https://flask-security.readthedocs.io/en/stable/customizing.html
"""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import unquote

from flask import Flask, abort, flash, g, redirect, request, session, url_for
from flask import Response as FlaskResponse
from flask_babel import gettext
from flask_login import user_logged_out
from flask_login.utils import _user_context_processor
from flask_principal import identity_changed, identity_loaded
from flask_security import (
    MailUtil,
    PasswordUtil,
    Security,
    SQLAlchemyUserDatastore,
    current_user,
    password_changed,
    password_reset,
    tf_disabled,
    user_authenticated,
)
from flask_security.core import _on_identity_loaded
from flask_security.utils import is_user_authenticated
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from api import mail
from api.access import bearer, identity, site_sessions
from api.accounts import passwords, second_factor, tokens, users
from api.accounts.permissions import Action
from api.demonstrations import demonstrates
from api.extensions import db, principal
from api.http import languages
from api.http.errors import answer_http_error, wants_page
from api.http.hooks import in_api
from api.http.languages import N_, TRANSLATIONS
from api.http.limits import sign_in_attempts
from api.http.problems import Problem
from api.models import RoleRow, User
from api.models.types import now
from api.sentences import said
from api.site import forms, registration

BLUEPRINT = "security"
#: Views of Flask-Security that this site has no use for: it mails no codes, has one second factor, and
#: takes a recovery code in the field for the code.
CLOSED = {"two_factor_rescue", "tf_select", "mf_recovery"}
#: Views at which somebody could guess, or have mail sent to others.
COUNTED = (
    "login", "verify", "register", "send_confirmation", "forgot_password", "reset_password",
    "change_password", "two_factor_token_validation", "two_factor_setup_validate",
)  # fmt: skip
#: Views for who is signed in; they ask for the permission as every other view does.
GUARDED = (
    "verify", "change_password", "mf_recovery_codes", "two_factor_setup", "two_factor_setup_validate",
)  # fmt: skip
#: Where forms are sent to, by the beginning of the blueprint's name: the panel has one for each table.
FORMS = {BLUEPRINT, "site", "admin"}
#: A path of this site: one slash, then nothing that a browser reads as a slash or throws away.
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")

SETTINGS: dict[str, Any] = {
    # What it says is looked up in its own catalogues, then in ours, which hold what is said below.
    "I18N_DIRNAME": ["builtin", str(TRANSLATIONS)],
    "I18N_DOMAIN": "flask_security;messages",
    "BLUEPRINT_NAME": BLUEPRINT,
    "STATIC_FOLDER": None,
    "CLI_USERS_NAME": None,  # `flask user` knows both doors
    "CLI_ROLES_NAME": None,
    "LOGIN_URL": "/sign-in",
    "LOGOUT_URL": "/sign-out",
    "LOGOUT_METHODS": ["POST"],  # a link would sign out whoever's browser follows it
    "LOGOUT_CSRF": True,
    "VERIFY_URL": "/verify",
    "LOGIN_USER_TEMPLATE": "account/sign_in.html",
    "LOGOUT_USER_TEMPLATE": "account/sign_out.html",
    "VERIFY_TEMPLATE": "account/verify.html",
    "CACHE_CONTROL": {"no-store": None},  # by itself `no-store=True`, which no cache knows
    "API_ENABLED_METHODS": ["session"],
    "POST_LOGIN_VIEW": "site.account",
    "POST_LOGOUT_VIEW": "site.home",
    "POST_VERIFY_VIEW": "site.account",
    # One answer whether or not an address has an account.
    "RETURN_GENERIC_RESPONSES": True,
    "MSG_GENERIC_AUTHN_FAILED": (forms.WRONG, "error"),
    "MSG_PASSWORD_RESET_REQUEST": (
        N_("If %(email)s belongs to an account, a link is on its way there."),
        "info",
    ),
    "MSG_UNAUTHENTICATED": (N_("Sign in to see this page."), "error"),
    "MSG_REAUTHENTICATION_REQUIRED": (N_("Give your password again for this."), "info"),
    "MSG_REAUTHENTICATION_SUCCESSFUL": (N_("Thank you."), "success"),
    "REGISTERABLE": True,
    "REGISTER_URL": "/register",
    "REGISTER_USER_TEMPLATE": "account/register.html",
    "CONFIRMABLE": True,
    "CONFIRM_URL": "/confirm",
    "RECOVERABLE": True,
    "RESET_URL": "/recover",
    "RESET_PASSWORD_WITHIN": timedelta(hours=1),
    "FORGOT_PASSWORD_TEMPLATE": "account/recover.html",
    "RESET_PASSWORD_TEMPLATE": "account/reset.html",
    "POST_RESET_VIEW": "security.login",
    "SEND_PASSWORD_RESET_NOTICE_EMAIL": False,  # the domain tells it, whichever the door
    "CHANGEABLE": True,
    "CHANGE_URL": "/account/password",
    "CHANGE_PASSWORD_TEMPLATE": "account/password.html",
    "POST_CHANGE_VIEW": "site.account",
    "SEND_PASSWORD_CHANGE_EMAIL": False,
    "EMAIL_HTML": False,
    "EMAIL_PLAINTEXT": False,  # see `Mails`
    # The domain of an address is not looked up in the DNS while somebody waits.
    "EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
    "TWO_FACTOR": True,
    "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    "TWO_FACTOR_AUTHENTICATOR_VALIDITY": second_factor.WINDOW,
    "TWO_FACTOR_RESCUE_EMAIL": False,  # a mailbox that can reset the password is no second factor
    "TWO_FACTOR_SETUP_URL": "/account/two-factor",
    "TWO_FACTOR_TOKEN_VALIDATION_URL": "/sign-in/code",
    "TWO_FACTOR_RESCUE_URL": "/sign-in/help",
    "TWO_FACTOR_SELECT_URL": "/sign-in/factor",
    "TWO_FACTOR_SETUP_TEMPLATE": "account/two_factor.html",
    "TWO_FACTOR_VERIFY_CODE_TEMPLATE": "account/code.html",
    "TWO_FACTOR_POST_SETUP_VIEW": "site.account",
    "MULTI_FACTOR_RECOVERY_CODES": True,
    "MULTI_FACTOR_RECOVERY_CODES_N": 8,
    "MULTI_FACTOR_RECOVERY_CODES_URL": "/account/recovery-codes",
    "MULTI_FACTOR_RECOVERY_URL": "/sign-in/recovery-code",
    "MULTI_FACTOR_RECOVERY_CODES_TEMPLATE": "account/recovery_codes.html",
    "TOTP_ISSUER": second_factor.ISSUER,
    # A second grace period on top of the freshness would make minutes an hour.
    "FRESHNESS_GRACE_PERIOD": timedelta(0),
    "PASSWORD_HASH": "bcrypt",
    "PASSWORD_SINGLE_HASH": {"bcrypt"},
    # The addresses within signed links; the passwords are hashed elsewhere.
    "HASHING_SCHEMES": ["hex_sha256"],
    "DATETIME_FACTORY": now,
    "USER_IDENTITY_ATTRIBUTES": [
        {"username": {"mapper": str}},
        {"email": {"mapper": str.lower, "case_insensitive": True}},
    ],
}


class Hashes:
    """What Flask-Security asks of a password context, answered by `api.accounts.passwords`."""

    def hash(self, password: str, **_: Any) -> str:
        """Return the hash by the factor of the settings."""
        return passwords.hashed(password)

    def verify(self, password: str, stored: str) -> bool:
        """Tell whether the password is the one behind the hash."""
        return passwords.matches(stored, password)

    def identify(self, stored: str) -> str:
        """Name the scheme."""
        return "bcrypt"

    def needs_update(self, stored: str) -> bool:
        """Tell whether the factor has risen since."""
        return passwords.needs_rehash(stored)


class Policy(PasswordUtil):
    """The password policy of the API's door; nothing is normalised, or hashes would differ."""

    def normalize(self, password: str) -> str:
        """Return the password as it is."""
        return password

    def validate(
        self, password: str, is_register: bool, **kwargs: Any
    ) -> tuple[list[str] | None, str]:
        """Return every reason why it is refused, and the password."""
        user: Any = kwargs["user"]
        faults = passwords.faults_of(password, user.username, user.email)
        return [said(fault) for fault in faults] or None, password


class Accounts(SQLAlchemyUserDatastore):
    """Flask-Security's datastore over the accounts that the API has."""

    def tf_set(
        self,
        user: Any,
        primary_method: str,
        totp_secret: str | None = None,
        phone: str | None = None,
    ) -> None:
        """Keep what was set up. A sign-in calls this too, with what was there before it."""
        if is_user_authenticated(current_user):
            super().tf_set(user, primary_method, totp_secret, phone)


class Mails(MailUtil):
    """Sends what is left for Flask-Security to say by `api.mail`, which all other mail takes too."""

    def send_mail(  # noqa: PLR0917  # Flask-Security's signature
        self,
        template: str,
        subject: str,
        recipient: Any,
        sender: Any,
        body: str | None,
        html: str | None,
        **kwargs: Any,
    ) -> None:
        """Send the link that sets a new password: every other mail of Flask-Security's is off."""
        user: User = kwargs["user"]
        context = {"username": user.username, "link": kwargs["reset_link"]}
        mail.send("recover", recipient, user.language, "recovery", **context)


# --- What happens at the door, told to the rest of the application ---


def _signed_in(_app: Flask, user: User, authn_via: list[str] | None = None, **_: Any) -> None:
    users.write_in(user, languages.current().language)
    if authn_via == ["change"]:
        identity.sign_in_anew(user)
    else:
        identity.signed_in_as(user, site_sessions.begin(user))


def _signed_out(_app: Flask, **_: Any) -> None:
    site_sessions.end()
    identity.signed_out()


def _password_changed(_app: Flask, user: User, **_: Any) -> None:
    users.password_changed(user)


def _password_reset(_app: Flask, user: User, **_: Any) -> None:
    users.password_changed(user)
    tokens.revoke_all(user)


def _second_factor_off(_app: Flask, user: User, **_: Any) -> None:
    second_factor.turn_off(user)


def _user_of_session(_uniquifier: str) -> User | None:
    """Load the user for Flask-Login: whom the session's device belongs to, or nobody."""
    user = identity.caller()
    if user is not None:
        g.fs_authn_via, g.fs_paa = "session", session.get("fs_paa", 0)
    return user


# --- Requests and answers ---


def safe_next(target: str) -> bool:
    """Tell whether one may be sent to an address after signing in: a path below this application.

    This origin may stand before it, as Flask-Security writes it between password and code. Browsers
    take a backslash for a slash and throw control characters away, so what merely looks like a path
    can lead to another host. Source: https://url.spec.whatwg.org/#url-parsing
    """
    root = request.script_root + "/"
    target = (
        "/" + target.removeprefix(request.host_url)
        if target.startswith(request.host_url)
        else target
    )
    return all(
        _PATH.fullmatch(form) and form.startswith(root) for form in (target, unquote(target))
    )


def guard() -> None:
    """Refuse what the views of the door would fail on. Raises Problem."""
    if (request.blueprint or "").partition("_")[0] not in FORMS:
        return
    if request.method == "POST" and request.mimetype not in {
        "",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }:
        raise Problem("unsupported-media-type", f"A form is expected, not {request.mimetype}.")
    for name, value in [*request.args.items(multi=True), *request.form.items(multi=True)]:
        if "\0" in name + value:
            raise Problem("malformed-request", "The form holds a NUL character.")
    if request.blueprint != BLUEPRINT:
        return
    if (request.endpoint or "").partition(".")[2] in CLOSED:
        abort(404)
    for target in [*request.args.getlist("next"), *request.form.getlist("next")]:
        if target and not safe_next(target):
            raise Problem("malformed-request", "`next` is no address of this site.")


def ask_to_sign_in(error: Problem) -> Response:
    """Send a browser that nobody is signed in with to the sign-in page, and from there back to the page
    that it asked for, or whose form it sent; answer others as ever.
    """
    if error.code == 401 and wants_page():
        ended, back = site_sessions.has_ended(), _page_to_return_to()
        if _is_read() or (_goes_there() and (back or ended)):
            if ended:
                site_sessions.forget()
                flash(_told_of_the_end(), "info")
            return redirect(url_for("security.login", next=back), 302 if _is_read() else 303)
    return answer_http_error(error)


def _is_read() -> bool:
    return request.method in {"GET", "HEAD"}


def _goes_there() -> bool:
    """Tell whether the browser will show the answer as its page. A script of a page would follow a redirect
    and take the sign-in page for its answer. (Browsers of before 2023 do not tell.)

    Source: https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header
    """
    return request.headers.get("Sec-Fetch-Dest", "document") == "document"


def _told_of_the_end() -> str:
    if _is_read():
        told = gettext(
            "Your session has ended, here or from another device. Sign in to go on where you were."
        )
    else:
        told = gettext(
            "Your session has ended, here or from another device. Sign in and send the form once more:"
            " nothing was done, and what you had typed in it is not kept."
        )
    return str(told)


def _page_to_return_to() -> str | None:
    """Return the page that was asked for, or the one whose form was sent, as the browser tells it."""
    if _is_read():
        query = f"?{request.query_string.decode(errors='replace')}" if request.query_string else ""
        target = request.script_root + request.path + query
    else:
        target = request.referrer or ""
        if not target.startswith(request.host_url):
            return None
        target = "/" + target.removeprefix(request.host_url).partition("#")[0]
    return target if safe_next(target) else None


def _unauthenticated(*_: Any, **__: Any) -> Any:
    raise bearer.refusal("token-missing", "Sign in on the site to see this page.", None)


def viewer() -> User | None:
    """Return who is looking, as far as it was found out before whatever went wrong did."""
    try:
        return identity.caller() if identity.door() else None
    except SQLAlchemyError:  # which is what went wrong
        return None


def tell_viewer() -> dict[str, Any]:
    """Tell templates who is looking."""
    return {
        "viewer": viewer(),
        "may": lambda name: identity.door() is not None and identity.may(Action(name)),
        "csrf_token": site_sessions.csrf_token,
    }


def keep_private(response: FlaskResponse) -> FlaskResponse:
    """Let no shared cache keep a page that was made for somebody, nor show one made for nobody to
    who is signed in: every page's menu goes by the session, and says so.
    """
    if response.mimetype == "text/html" and not in_api():
        response.vary.add("Cookie")
        if identity.door() is not None:
            response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def _counted(view: Callable[..., Any]) -> Callable[..., Any]:
    """Count what is sent to a view against the quota that sign-ins at the API have."""
    limited = sign_in_attempts(view)

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return (limited if request.method == "POST" else view)(*args, **kwargs)

    return wrapper


def init_app(app: Flask) -> None:
    """Bind Flask-Security, and take out of it what is done elsewhere."""
    fresh = timedelta(seconds=app.config["FRESH_SECONDS"])
    app.config |= {f"SECURITY_{name}": value for name, value in SETTINGS.items()}
    app.config |= {
        "SECURITY_FRESHNESS": fresh,
        "SECURITY_EMAIL_SENDER": app.config["MAIL_SENDER"],
        # Flask-Login's check of address and user agent: a device says more.
        "SESSION_PROTECTION": None,
    }
    with app.app_context():
        app.config["SECURITY_TOTP_SECRETS"] = second_factor.secrets()
    json = app.json
    security = Security(
        app,
        Accounts(db, User, RoleRow),  # type: ignore[arg-type]  # see `api.models.account`
        login_form=forms.SignInForm,
        verify_form=forms.AgainForm,
        forgot_password_form=forms.RecoveryForm,
        two_factor_setup_form=forms.SecondFactorForm,
        two_factor_verify_code_form=forms.CodeForm,
        two_factor_rescue_form=forms.HelpForm,
        password_util_cls=Policy,
        mail_util_cls=Mails,
        totp_cls=second_factor.OneTimeCodes,
        mf_recovery_codes_util_cls=second_factor.RecoveryCodes,
        render_template=forms.render,
    )
    app.json = json  # Flask-Security puts Flask's own provider in its place
    security.pwd_context = Hashes()
    security.want_json(lambda _request: False)
    security.unauthn_handler(_unauthenticated)
    _leave_identity_alone(app, security)
    views = app.view_functions
    for name, view in registration.VIEWS.items():
        views[f"{BLUEPRINT}.{name}"] = view
    for name in COUNTED:
        views[f"{BLUEPRINT}.{name}"] = _counted(views[f"{BLUEPRINT}.{name}"])
    for name in GUARDED:
        guarded = identity.requires(Action.USE_OWN_ACCOUNT)(views[f"{BLUEPRINT}.{name}"])
        views[f"{BLUEPRINT}.{name}"] = guarded
    for signal, receiver in (
        (user_authenticated, _signed_in),
        (user_logged_out, _signed_out),
        (password_changed, _password_changed),
        (password_reset, _password_reset),
        (tf_disabled, _second_factor_off),
    ):
        signal.connect(receiver, app)
    app.before_request(guard)
    app.after_request(keep_private)
    app.context_processor(tell_viewer)
    app.register_error_handler(Problem, ask_to_sign_in)


@demonstrates(
    77,
    at="GET v1.identity",
    test="tests/access/test_sessions.py::test_an_answer_that_no_session_shaped_does_not_vary_by_cookie",
)
def _leave_identity_alone(app: Flask, security: Security) -> None:
    """Leave one Principal, one loader of users, and no look at the session where none was sent."""
    theirs, manager = security.principal, security.login_manager
    before, after = app.before_request_funcs[None], app.after_request_funcs[None]
    before.remove(theirs._on_before_request)
    identity_changed.disconnect(theirs._on_identity_changed, app)
    identity_loaded.disconnect(_on_identity_loaded, app)
    security.principal = principal
    manager.user_loader(_user_of_session)
    manager.request_loader(None)  # Flask-Security's tokens, in a header, the query or a body
    # These look at the session of every request and of every page.
    after.remove(manager._update_remember_cookie)
    app.template_context_processors[None].remove(_user_context_processor)
