"""`flask attachments`: look after the folder of uploaded files."""

import click
from flask.cli import AppGroup

from api.attachments import store

attachments_cli = AppGroup("attachments", help="Look after the files of attachments.")


@attachments_cli.command("sweep")
def sweep() -> None:
    """Remove files that were left behind: by a process that was killed, or with a deleted question."""
    count = store.sweep_orphans()
    click.echo("Removed 1 file." if count == 1 else f"Removed {count} files.")


@attachments_cli.command("check")
def check() -> None:
    """Compare every file with its checksum; fail if one is missing or has changed."""
    faults = store.damaged()
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise SystemExit(1)
    click.echo("Every file is as it was stored.")
