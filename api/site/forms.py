"""The forms of the site's door: Flask-Security's, asking the domain that the API asks (69, 99).

Only the fields declared here are read: a `roles` or `active` that is sent along reaches nothing.
Source: https://flask-security.readthedocs.io/en/stable/customizing.html#forms
"""

from types import SimpleNamespace
from typing import Any

from flask_babel import gettext
from flask_security import (
    ForgotPasswordForm,
    LoginForm,
    RegisterFormV2,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    TwoFactorVerifyCodeForm,
    VerifyForm,
)
from flask_security.forms import Form
from marshmallow import ValidationError as Refused
from wtforms import PasswordField, RadioField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from api.access import admission, guesses
from api.accounts import users
from api.demonstrations import demonstrates
from api.http.languages import N_
from api.schemas.accounts import USERNAME

#: The same for an unknown name, a wrong password and a deactivated account.
WRONG = N_("Name and password do not match.")
UNCONFIRMED = N_(
    "Confirm your e-mail address first: follow the link in the mail that was sent to you."
)


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
        if found is None or users.awaits_confirmation(found):
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


def _username(form: Any, field: Any) -> None:
    try:
        USERNAME(field.data)
    except Refused as error:
        raise ValidationError(gettext(str(error))) from error
    form.existing_username_user = users.find(field.data)
    if form.existing_username_user is not None:
        raise ValidationError(gettext("This name is taken."))


class RegistrationForm(RegisterFormV2):
    """A new account. Everybody starts as a reader, and confirms the address first."""

    username = StringField(
        "Username", [InputRequired(), _username], render_kw={"autocomplete": "username"}
    )


class RecoveryForm(ForgotPasswordForm):
    """The address to send a link to. An unconfirmed one will do: following the link confirms it."""

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
