"""Accounts as they come in and go out. A password never goes out; a role never comes in."""

from operator import itemgetter
from typing import Any

from flask_principal import Identity
from marshmallow import Schema, fields, validate

from api.accounts import users
from api.http.languages import N_
from api.models import SignIn, User

USERNAME = validate.Regexp(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?\Z",
    error=N_(
        "Must be 1 to 60 letters, digits, dots, hyphens or underscores, no punctuation at the ends."
    ),
)
PASSWORD = validate.Length(1, 1000)


class RegistrationBody(Schema):
    """A new account. There is no field for a role: everybody starts as a reader."""

    username = fields.String(required=True, validate=USERNAME)
    email = fields.Email(load_default=None, allow_none=True, validate=validate.Length(max=254))
    password = fields.String(required=True, validate=PASSWORD)


class SignInBody(Schema):
    """Name or e-mail address, and the password; the code, where the account has a second factor."""

    username = fields.String(required=True, validate=validate.Length(1, 254))
    password = fields.String(required=True, validate=PASSWORD)
    code = fields.String(load_default=None, validate=validate.Length(6, 40))
    delivery = fields.String(load_default="body", validate=validate.OneOf(["body", "cookies"]))


class RefreshBody(Schema):
    """The refresh token; left out by browsers, which send it as a cookie."""

    refresh_token = fields.String(load_default=None, validate=validate.Length(1, 4000))


class ProfileBody(Schema):
    """What a user may change of their own account."""

    email = fields.Email(allow_none=True, validate=validate.Length(max=254))


class PasswordBody(Schema):
    """The password as it is and as it shall be."""

    current_password = fields.String(required=True, validate=PASSWORD)
    new_password = fields.String(required=True, validate=PASSWORD)


def represent_user(user: User) -> dict[str, Any]:
    """Represent an account to its owner."""
    return {
        "username": user.username,
        "email": user.email,
        "pending_email": user.pending_email,
        "roles": sorted(row.name for row in user.roles),
        "permissions": sorted(action.value for action in users.actions(user)),
        "created_at": user.created_at,
        "password_changed_at": user.password_changed_at,
    }


def represent_identity(identity: Identity, door: str | None) -> dict[str, Any]:
    """Represent a caller as Flask-Principal knows them."""
    needs = ({"method": need.method, "value": str(need.value)} for need in identity.provides)
    return {
        "id": identity.id,
        "door": door,
        "needs": sorted(needs, key=itemgetter("method", "value")),
    }


def represent_device(device: SignIn, current: str | None) -> dict[str, Any]:
    """Represent a signed-in device to its owner."""
    return {
        "id": device.id,
        "current": device.id == current,
        "door": device.door,
        "address": device.address,
        "user_agent": device.user_agent,
        "created_at": device.created_at,
        "last_used_at": device.rotated_at,
        "expires_at": device.expires_at,
    }
