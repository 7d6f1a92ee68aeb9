"""Commands beside Flask's own: `flask bank …`, `flask config …`, `flask serve`."""

from flask import Flask

from api.cli.bank import bank_cli
from api.cli.config import config_cli
from api.cli.serve import serve


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(bank_cli)
    app.cli.add_command(config_cli)
    app.cli.add_command(serve)
