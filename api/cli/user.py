"""`flask user`: make accounts, see them, give and take roles, get an access token (53, 73, 99).

Shows a domain that serves two callers: these commands ask `api.accounts` for what `/api/v1` asks it
for, by the same rules, and add nothing but words. The first administrator is made here, as no
request could make one.
"""

from typing import Any

import click
from flask.cli import AppGroup
from marshmallow import ValidationError

from api.accounts import second_factor, tokens, users
from api.accounts.permissions import Role
from api.accounts.users import AccountError, LastAdministratorError, UserUnknownError
from api.cli.failures import told
from api.models import User
from api.schemas.accounts import RegistrationBody

DEVICE = "flask user token"
"""What a user reads in the list of their devices where a token came from this command."""

user_cli = AppGroup("user", help="Work on accounts: make them, list them, give and take roles.")


class Text(click.ParamType[str]):
    """Text that is UTF-8. Other bytes arrive as lone surrogates, which no database takes (PEP 383)."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it is."""
        if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
            self.fail("this is not UTF-8 text.", param, ctx)
        return str(value)


ROLE = click.Choice([role.value for role in Role])


@user_cli.command("create")
@click.argument("name", type=Text())
@click.password_option(
    type=Text(), help="Asked for, hidden and twice, unless given: a shell remembers what is typed."
)
@click.option("--email", type=Text(), help="An address to sign in with, too.")
@click.option(
    "--role",
    type=ROLE,
    default=Role.READER.value,
    show_default=True,
    help="What the account may do; each role includes the ones before it.",
)
def create(name: str, password: str, email: str | None, role: str) -> None:
    """Make the account NAME, by the rules that hold for a registration."""
    with told(AccountError):
        try:
            account = RegistrationBody().load(
                {"username": name, "password": password, "email": email}
            )
        except ValidationError as error:
            raise AccountError(**error.messages_dict) from error
        user = users.create(account["username"], account["password"], account["email"], Role(role))
    _tell(user)


@user_cli.command("list")
def list_() -> None:
    """List every account by name, with its roles, e-mail address and the day it was made."""
    with told():
        found = users.list_users()
    rows = [("NAME", "ROLES", "E-MAIL", "MADE ON", "")]
    rows += [
        (
            user.username,
            _roles(user),
            user.email or "-",
            f"{user.created_at:%Y-%m-%d}",
            "" if user.active else "inactive",
        )
        for user in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@user_cli.command("grant")
@click.argument("name", type=Text())
@click.argument("role", type=ROLE)
def grant(name: str, role: str) -> None:
    """Give the account NAME a role; it holds from the next request on."""
    with told(UserUnknownError):
        user = users.get(name)
        users.grant_role(user, Role(role))
        _tell(user)


@user_cli.command("revoke")
@click.argument("name", type=Text())
@click.argument("role", type=ROLE)
def revoke(name: str, role: str) -> None:
    """Take a role from the account NAME; it is gone from the next request on.

    The last administrator keeps theirs.
    """
    with told(UserUnknownError, LastAdministratorError):
        user = users.get(name)
        users.revoke_role(user, Role(role))
        _tell(user)


@user_cli.command("reset-second-factor")
@click.argument("name", type=Text())
def reset_second_factor(name: str) -> None:
    """Let the account NAME sign in with its password alone: for who lost phone and recovery codes.

    Make sure that it is they who ask: whoever else has the password gets in by this.
    """
    with told(UserUnknownError):
        user = users.get(name)
        second_factor.turn_off(user)
    click.echo(f"{user.username}: the second factor is off.")


@user_cli.command("token")
@click.argument("name", type=Text())
def token(name: str) -> None:
    """Print an access token of the account NAME, and nothing else.

    curl -H "Authorization: Bearer $(flask user token NAME)" http://127.0.0.1:5000/api/v1/me
    """
    with told(UserUnknownError):
        user = users.get(name)
        if not user.active:
            raise click.ClickException(f"The account {user.username} is not active.")
        pair = tokens.sign_in(user, address="", user_agent=DEVICE)
    click.echo(pair.access_token)


def _tell(user: User) -> None:
    click.echo(f"{user.username}: {_roles(user)}")


def _roles(user: User) -> str:
    """Write the roles from the least to the greatest."""
    held = {row.name for row in user.roles}
    return ", ".join(role.value for role in Role if role.value in held) or "no role"
