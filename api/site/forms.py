"""The forms of the site's door: Flask-Security's, asking the domain that the API asks (69, 99).

Only the fields declared here are read: a `roles` or `active` that is sent along reaches nothing.
Source: https://flask-security.readthedocs.io/en/stable/customizing.html#forms
"""

from types import SimpleNamespace
from typing import Any

from flask import render_template, request
from flask_babel import gettext
from flask_security import (
    ForgotPasswordForm,
    LoginForm,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    TwoFactorVerifyCodeForm,
    VerifyForm,
)
from flask_security.forms import (
    EmailValidation,
    Form,
    NewPasswordFormMixin,
    PasswordConfirmFormMixin,
)
from flask_wtf import FlaskForm
from marshmallow import ValidationError as Refused
from wtforms import EmailField, PasswordField, RadioField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from api.access import admission, guesses
from api.accounts.users import AccountError
from api.demonstrations import demonstrates
from api.http.languages import N_
from api.schemas.accounts import USERNAME
from api.sentences import said

#: The same for an unknown name, a wrong password and a deactivated account.
WRONG = N_("Name and password do not match.")
UNCONFIRMED = N_(
    "Confirm your e-mail address first: follow the link in the mail that was sent to you."
)


def render(template: str, **context: Any) -> Any:
    """Render a page of the door with the status that says how the forms on it fared."""
    status = 200
    if request.method == "POST":
        faulty = [form for form in context.values() if isinstance(form, FlaskForm) and form.errors]
        if faulty:
            status = 400 if any("csrf_token" in form.errors for form in faulty) else 422
    return render_template(template, **context), status


def _errors(field: Any) -> list[str]:
    """Return a field's errors to add to: WTForms begins with a tuple."""
    field.errors = list(field.errors)
    errors: list[str] = field.errors
    return errors


@demonstrates(
    69,
    at="POST security.login",
    test="tests/site/test_door.py::test_sign_in_see_the_account_and_sign_out",
)
class SignInForm(LoginForm):
    """Name or e-mail address, and password, checked by the function that the API calls."""

    username = StringField(
        "Username or e-mail address",
        [InputRequired(), Length(max=254)],
        render_kw={"autocomplete": "username"},
    )
    password = PasswordField(
        "Password",
        [InputRequired(), Length(max=1000)],
        render_kw={"autocomplete": "current-password"},
    )
    # The view asks a field of this name for errors to hide; one field takes either here.
    email = SimpleNamespace(errors=())
    remember = None  # a cookie that signs in by itself could not be revoked

    def validate(self, **kwargs: Any) -> bool:
        """Let in whom the API lets in, under the same limit of guesses."""
        if not Form.validate(self, **kwargs):
            return False
        found = guesses.authenticate(self.username.data, self.password.data)
        if found is None or found.must_confirm:
            self.form_errors.append(gettext(WRONG if found is None else UNCONFIRMED))
            return False
        self.user: Any = found
        return True


class AgainForm(VerifyForm):
    """The password once more, for what must not be done in a session that was left open."""

    password = PasswordField(
        "Password",
        [InputRequired(), Length(max=1000)],
        render_kw={"autocomplete": "current-password"},
    )

    def validate(self, **kwargs: Any) -> bool:
        """Compare it by the function that the API calls."""
        if not Form.validate(self, **kwargs):
            return False
        user: Any = self.user
        if guesses.authenticate(user.username, self.password.data) is None:
            _errors(self.password).append(gettext("Is not the password of this account."))
            return False
        return True


def _username(_form: Any, field: Any) -> None:
    try:
        USERNAME(field.data)
    except Refused as error:
        raise ValidationError(said(str(error))) from error


def tell_faults(form: Any, error: AccountError) -> None:
    """Put what the domain refuses beside the fields that it is about."""
    for name, faults in error.faults.items():
        _errors(getattr(form, name)).extend(map(said, faults))


class RegistrationForm(NewPasswordFormMixin, PasswordConfirmFormMixin, Form):
    """A new account, judged by `api.accounts.registration`, which the API asks too.

    Flask-Security's own form looks for the address among the accounts.
    """

    username = StringField(
        "Username", [InputRequired(), _username], render_kw={"autocomplete": "username"}
    )
    email = EmailField(
        "E-mail address",
        [InputRequired(), EmailValidation(verify=True)],
        render_kw={"autocomplete": "email"},
    )


class AddressForm(AgainForm):
    """Another e-mail address, for which the password is given once more."""

    email = EmailField(
        "E-mail address",
        [InputRequired(), EmailValidation(verify=True)],
        render_kw={"autocomplete": "email"},
    )


class LinkForm(Form):
    """The address to send a link of confirmation to again."""

    email = EmailField(
        "E-mail address",
        [InputRequired(), EmailValidation(verify=True)],
        render_kw={"autocomplete": "email"},
    )


class RecoveryForm(ForgotPasswordForm):
    """The address to send a link to; one that is not confirmed belongs to nobody yet."""

    def validate(self, **kwargs: Any) -> bool:
        """Take the address of any active account."""
        if not Form.validate(self, **kwargs):
            return False
        user: Any = self.user
        if not user.is_active:
            _errors(self.email).append(gettext("This account is not active."))
            return False
        return True


class SecondFactorForm(TwoFactorSetupForm):
    """Turn the second factor on, or off. (Flask-Security's choices are tuples, which WTForms warns of.)"""

    setup = RadioField(
        "Second factor",
        choices=[
            SelectChoice("authenticator", "Set up an authenticator app"),
            SelectChoice("disable", "Turn it off"),
        ],
        validate_choice=False,
    )


class HelpForm(TwoFactorRescueForm):
    """Not shown; Flask-Security makes one beside the form for the code, of tuples as above."""

    help_setup = RadioField("Help", choices=[SelectChoice("help", "Help")])


class CodeForm(TwoFactorVerifyCodeForm):
    """A code of the authenticator; at a sign-in a recovery code will do as well."""

    def validate(self, **kwargs: Any) -> bool:
        """Check the code, counting wrong ones by user as the API does."""
        if self.is_setup:
            return bool(super().validate(**kwargs))
        if not Form.validate(self, **kwargs):
            return False
        user: Any = self.user
        if not admission.passes(user, str(self.code.data)):
            _errors(self.code).append(gettext("This code is wrong, or was used before."))
            return False
        return True
