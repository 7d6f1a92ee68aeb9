"""The panel's users and their signed-in devices (70, 95).

No hash and no secret is shown, searched, exported or in a form: every list of columns is written out.
Roles and the right to sign in are changed by `api.accounts.users`, which keeps the last administrator.
"""

from collections.abc import Sequence
from typing import Any

from flask_admin.actions import action
from flask_admin.contrib.sqla.filters import FilterEmpty, FilterEqual
from flask_admin.form import Select2Widget
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import joinedload, selectinload
from wtforms import BooleanField, Form, SelectMultipleField
from wtforms.fields import SelectChoice

from api.accounts import second_factor, tokens, users
from api.accounts.permissions import Role
from api.demonstrations import demonstrates
from api.models import SignIn, User
from api.site import words
from api.site.admin.tables import TESTS, TableView


def role_name(value: Any) -> str:
    """Return a role's name: of a row, or as a form sends it."""
    return str(getattr(value, "name", value))


class UserView(TableView):
    """Users: who they are and what they may; never what they sign in with."""

    can_edit = can_delete = True
    loads = (selectinload(User.roles),)

    column_list = (
        "username", "email", "pending_email", "roles", "active", "confirmed_at", "second_factor",
        "created_at",
    )  # fmt: skip
    column_default_sort = "username"
    column_sortable_list = ("username", "email", "active", "created_at")
    column_searchable_list = ("username", "email", "pending_email")
    column_filters: tuple[Any, ...] = (
        "username",
        "email",
        "pending_email",
        "active",
        FilterEmpty(User.confirmed_at, lazy_gettext("Confirmed at")),
    )
    column_formatters = {  # noqa: RUF012  # Flask-Admin reads it off the class
        "roles": lambda _view, _context, row, _name: ", ".join(role.name for role in row.roles),
        "second_factor": lambda _view, _context, row, _name: second_factor.is_on(row),
    }

    form_columns = ("active", "roles")
    form_extra_fields = {  # noqa: RUF012  # Flask-Admin reads it so
        "active": BooleanField(lazy_gettext("May sign in")),
        "roles": SelectMultipleField(
            lazy_gettext("Roles"),
            choices=[SelectChoice(role.value, words.ROLES[role.value]) for role in Role],
            coerce=role_name,
            widget=Select2Widget(multiple=True),
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        by_role = FilterEqual(
            "roles.name",
            lazy_gettext("Role"),
            [(role.value, words.ROLES[role.value]) for role in Role],
        )
        self.column_filters = (*type(self).column_filters, by_role)
        super().__init__(*args, **kwargs)

    @demonstrates(
        70,
        at="POST admin_users.edit_view",
        test=f"{TESTS}::test_the_last_administrator_keeps_the_role",
    )
    def update_model(self, form: Form, model: User) -> bool:
        """Give and take roles, and let the user in or not. Returns whether all of it was done."""
        wanted = {Role(name) for name in form.roles.data}
        there = {Role(row.name) for row in model.roles}
        active, was_active = form.active.data, model.active

        def change() -> None:
            for role in wanted - there:
                users.grant_role(model, role)
            if active != was_active:
                users.set_active(model, active)
            for role in there - wanted:
                users.revoke_role(model, role)

        return self.attempt(change)

    def delete_model(self, model: User) -> bool:
        """Delete an account, as its owner could. Returns whether it is gone."""
        return self.attempt(lambda: users.delete(model))

    @action(
        "delete",
        lazy_gettext("Delete"),
        lazy_gettext("Delete the selected accounts? What they wrote in the bank stays."),
    )
    def action_delete(self, ids: Sequence[str]) -> None:
        """Delete the ticked accounts."""
        self.in_bulk(ids, users.delete, gettext("{} deleted."))

    @action(
        "sign_out",
        lazy_gettext("Sign out everywhere"),
        lazy_gettext("Sign out every device of the selected users?"),
    )
    def sign_out(self, ids: Sequence[str]) -> None:
        """Sign out every device of the ticked users."""
        self.in_bulk(ids, tokens.revoke_all, gettext("{} signed out everywhere."))


class SignInView(TableView):
    """Signed-in devices, at either door; no token and no id of one."""

    loads = (joinedload(SignIn.user),)

    column_list = (
        "user.username", "door", "address", "user_agent",
        "created_at", "rotated_at", "expires_at", "revoked_at",
    )  # fmt: skip
    column_labels = {"user.username": lazy_gettext("User"), "rotated_at": lazy_gettext("Last used")}  # noqa: RUF012  # Flask-Admin reads it so
    column_default_sort = ("created_at", True)
    column_sortable_list = (
        "user.username", "door", "address", "created_at", "rotated_at", "expires_at",
    )  # fmt: skip
    column_searchable_list = ("user.username", "address", "user_agent")
    column_filters = (
        "user.username",
        "address",
        FilterEqual(SignIn.door, lazy_gettext("Door"), [("api", "api"), ("site", "site")]),
        FilterEmpty(SignIn.revoked_at, lazy_gettext("Signed out")),
    )

    @demonstrates(
        95,
        at="POST admin_sign_ins.action_view",
        test=f"{TESTS}::test_a_revoked_device_is_signed_out_at_once",
    )
    @action("revoke", lazy_gettext("Sign out"), lazy_gettext("Sign out the selected devices?"))
    def revoke(self, ids: Sequence[str]) -> None:
        """Sign the ticked devices out."""
        self.in_bulk(ids, tokens.revoke, gettext("{} signed out."))
