"""Commands beside Flask's own: `flask attachments`, `bank`, `config`, `db`, `job`, `realtime`, `serve`,
`user` and `worker`."""

from flask import Flask

from api.cli.late import LateGroup

COMMANDS = {
    "attachments": "api.cli.attachments:attachments_cli",
    "bank": "api.cli.bank:bank_cli",
    "config": "api.cli.config:config_cli",
    "db": "api.cli.db:db_cli",
    "job": "api.cli.job:job_cli",
    "realtime": "api.cli.realtime:realtime",
    "serve": "api.cli.serve:serve",
    "user": "api.cli.user:user_cli",
    "worker": "api.cli.worker:worker",
}


def init_app(app: Flask) -> None:
    """Register the commands, each to be imported when it is called for."""
    app.cli = LateGroup(app.name, commands=app.cli.commands, late=COMMANDS)
