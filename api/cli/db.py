"""`flask db`: Flask-Migrate's commands, which are Alembic's on this application's database (56, 84).

The extension is made here and not with the others: nothing but its commands asks it for anything, and
it imports Alembic, which a server needs only where migrations are missing (`api.database.upgrade`).
Source: https://flask-migrate.readthedocs.io/en/latest/
"""

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import Migrate
from flask_migrate.cli import db as commands

from api.extensions import db

migrate = Migrate(db=db, directory="migrations", render_as_batch=True)


@click.group("db", commands=commands.commands, help=commands.help)
@with_appcontext
def db_cli() -> None:
    """Bind the extension before any of its commands runs."""
    migrate.init_app(current_app)
