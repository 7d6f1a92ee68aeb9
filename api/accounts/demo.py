"""Demo accounts, one for each role, so that a reader can try every permission at once (73).

Their passwords are printed in the source code. They are made in development only, and elsewhere
`api.accounts.passwords` takes such a password for wrong: a database that moves from a developer's
machine to production opens no door there.
"""

from flask import current_app

from api.accounts import users
from api.accounts.passwords import demo_password, demo_passwords_hold
from api.accounts.permissions import Role


class DemoAccountsRefusedError(RuntimeError):
    """Demo accounts were asked for where they must not be."""


def create_missing() -> list[str]:
    """Make an account for each role that has none by its name; returns the names of the new ones.

    An account that is there stays as it is. Raises DemoAccountsRefusedError outside development.
    """
    if not demo_passwords_hold():
        where = current_app.config["APP_ENV"]
        raise DemoAccountsRefusedError(f"Demo accounts are for development, and this is {where}.")
    made = []
    for role in Role:
        if users.find(role.value) is None:
            users.create(role.value, demo_password(role), role=role)
            made.append(role.value)
    return made
