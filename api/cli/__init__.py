"""Commands beside Flask's own: `flask attachments`, `bank`, `config`, `job`, `realtime`, `serve`,
`user` and `worker`."""

from flask import Flask

from api.cli.attachments import attachments_cli
from api.cli.bank import bank_cli
from api.cli.config import config_cli
from api.cli.job import job_cli
from api.cli.realtime import realtime, watch
from api.cli.serve import serve
from api.cli.user import user_cli
from api.cli.worker import worker


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(attachments_cli)
    bank_cli.add_command(watch)
    app.cli.add_command(bank_cli)
    app.cli.add_command(config_cli)
    app.cli.add_command(job_cli)
    app.cli.add_command(realtime)
    app.cli.add_command(serve)
    app.cli.add_command(user_cli)
    app.cli.add_command(worker)
