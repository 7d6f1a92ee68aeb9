"""`flask serve`: bring the database up to date, fill an empty bank, and serve with Granian."""

import click
from flask import current_app
from flask.cli import with_appcontext
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

import config
from api import database
from api.accounts import demo
from api.accounts.permissions import Role
from api.bank import loading
from api.cli.failures import told
from api.cli.ports import authority, ensure_free
from api.extensions import db


@click.command("serve")
@with_appcontext
def serve() -> None:
    """Serve the API and the site, as HOST, PORT, WORKERS and THREADS say."""
    settings: config.Settings = current_app.extensions["settings"]
    ensure_free(settings.HOST, settings.PORT, "PORT")
    if settings.DATABASE_AUTO_UPGRADE:
        with told(RuntimeError):  # how a migration says what stops it
            database.upgrade()
        report = loading.load()
        if report.created:
            click.echo(f"Loaded {len(report.created)} questions into the bank.")
        if settings.APP_ENV == "development":
            demo.create_missing()
            names = ", ".join(role.value for role in Role)
            click.echo(f"Demo accounts: {names}, made with the password demo-<name>-password.")
    server = Granian(
        "wsgi:app",
        address=settings.HOST,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        workers=settings.WORKERS,
        blocking_threads=settings.THREADS,
        log_access=False,  # `api.http.hooks` logs each request, with its id
        log_level=LogLevels.warning,
        websockets=False,
    )
    # Granian forks its workers: a connection that is open by then would be all of theirs at once.
    # Source: https://docs.sqlalchemy.org/en/21/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork
    db.session.remove()
    db.engine.dispose()
    where = f"http://{authority(settings.HOST, settings.PORT)}"
    server.on_startup(lambda: click.echo(f"Serving on {where} (Ctrl+C stops)."))
    server.serve()
