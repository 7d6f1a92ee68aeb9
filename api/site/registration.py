"""Registering, and confirming an address, at Flask-Security's addresses by views of our own (69, 99).

Flask-Security makes no account for an address that is taken, so that a sign-in which says "confirm it
first" tells, and it confirms by GET, for any program that looks at a mail before its reader does. Here
`api.accounts` decides, as it does for the API, and a link opens a page with a button.
Source: https://flask-security.readthedocs.io/en/stable/customizing.html#views
"""

from typing import Any

from flask import flash, redirect, url_for
from flask_babel import gettext
from flask_security.decorators import anonymous_user_required
from flask_wtf import FlaskForm

from api.access.identity import requires, signed_in
from api.accounts import addresses, registration
from api.accounts.addresses import AddressTakenError, LinkError
from api.accounts.permissions import Action
from api.accounts.users import AccountError
from api.demonstrations import demonstrates
from api.http import languages
from api.http.limits import mails
from api.site import forms


@demonstrates(
    99,
    at="POST security.register",
    test="tests/accounts/test_addresses.py::test_no_answer_at_the_site_tells_whether_an_address_is_taken",
)
@anonymous_user_required
def register() -> Any:
    """Make an account that opens by the link in the mail."""
    form = forms.RegistrationForm()
    if form.validate_on_submit():
        try:
            registration.register(
                form.username.data,
                form.password.data,
                form.email.data,
                language=languages.current().language,
                must_confirm=True,
            )
        except AccountError as error:
            forms.tell_faults(form, error)
        else:
            flash(
                gettext(
                    "Thank you. A mail is on its way to %(email)s: follow its link to open the account.",
                    email=form.email.data,
                ),
                "success",
            )
            return redirect(url_for("security.login"))
    return forms.render("account/register.html", register_user_form=form)


def send_again() -> Any:
    """Send the link of confirmation again, to whoever waits for one."""
    form = forms.LinkForm()
    if form.validate_on_submit():
        addresses.send_again(form.email.data)
        flash(
            gettext(
                "If %(email)s is to be confirmed, a link is on its way there.",
                email=form.email.data,
            ),
            "info",
        )
    return forms.render("account/confirm.html", send_confirmation_form=form)


@demonstrates(
    99,
    at="POST security.confirm_email",
    test="tests/site/test_mail.py::test_a_registration_is_confirmed_by_the_button_behind_the_link",
)
def confirm(token: str) -> Any:
    """Ask whether the address is the reader's, who says so by the button: programs follow links, too."""
    form = FlaskForm()
    try:
        user = addresses.waiting(token)
        if form.validate_on_submit():
            addresses.confirm(token)
            flash(gettext("Your address is confirmed."), "success")
            return redirect(url_for("security.login"))
    except LinkError:
        said = gettext("This link was used before, is too old, or the address was given up since.")
    except AddressTakenError:
        said = gettext("This address was confirmed for another account, and belongs to that one.")
    else:
        return forms.render("account/confirm_address.html", form=form, user=user, token=token)
    flash(said, "error")
    return redirect(url_for("security.send_confirmation"))


@mails
@requires(Action.USE_OWN_ACCOUNT)
def change_address() -> Any:
    """Give another e-mail address, and the password once more."""
    user: Any = signed_in()  # for Flask-Security's own class, see `api.models.account`
    form = forms.AddressForm(user=user)
    if form.validate_on_submit():
        try:
            addresses.change(user, form.email.data)
        except AccountError as error:
            forms.tell_faults(form, error)
        else:
            flash(
                gettext(
                    "A mail is on its way to %(email)s: the address is yours when you follow its link.",
                    email=form.email.data,
                ),
                "success",
            )
            return redirect(url_for("site.account"))
    return forms.render("account/address.html", form=form, user=user)


#: Instead of Flask-Security's views of these names.
VIEWS: dict[str, Any] = {
    "register": register,
    "send_confirmation": send_again,
    "confirm_email": confirm,
}
