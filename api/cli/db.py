"""`flask db`: Flask-Migrate's commands, which are Alembic's on this application's database (56, 84).

The extension is made here and not with the others: nothing but its commands asks it for anything, and
it imports Alembic, which a server needs only where migrations are missing (`api.database.upgrade`).
Source: https://flask-migrate.readthedocs.io/en/latest/
"""

from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import Migrate
from flask_migrate.cli import db as its_own

from api.extensions import db
from api.models.revisions import MIGRATIONS

migrate = Migrate(db=db, directory=str(MIGRATIONS), render_as_batch=True)


@click.group("db", commands=its_own.commands, params=its_own.params, help=its_own.help)
@with_appcontext
def db_cli(**options: Any) -> None:
    """Bind the extension, and go on as its own group does."""
    migrate.init_app(current_app)
    its_own.callback(**options)
