"""``flask config``: show the settings that hold, or say everything that is wrong with them.

Technique (questions 60 and 100): a command group of its own, whose commands take no application
context (``with_appcontext=False``) and read the settings afresh, so that an edit of ``.env`` can be
checked before the server is restarted. The `flask` command makes the application before it looks up
a command of it; where the application refuses its configuration, ``wsgi.py`` therefore says what
``flask config check`` would have said, with the same exit status, whichever command it was.

Source: https://flask.palletsprojects.com/en/stable/cli/#custom-commands
"""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

import config
from config import ConfigurationError, Shown

config_cli = AppGroup("config", help="Show and check the settings.")


@config_cli.command("show", with_appcontext=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people, or for other programs.",
)
def show(form: str) -> None:
    """Show every setting with its source, secrets redacted."""
    try:
        described = config.describe(config.load())
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if form == "json":
        click.echo(json.dumps(described, indent=2, ensure_ascii=False))
        return
    rows = [("SETTING", "VALUE", "SOURCE")]
    rows += [(item["name"], _written(item["value"]), item["source"]) for item in described]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, value, source in rows:
        click.echo(f"{name:{widths[0]}}  {value:{widths[1]}}  {source}")


@config_cli.command("check", with_appcontext=False)
def check() -> None:
    """Say "ok", or name every fault and exit with status 1."""
    try:
        config.load()
    except ConfigurationError as error:
        click.echo(str(error))
        raise SystemExit(1) from None
    click.echo("ok")


def _written(value: Shown) -> str:
    """Return a value as it is written in ``.env``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value) or "none"
    return "none" if value in (None, "") else str(value)
