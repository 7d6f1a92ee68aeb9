"""Command groups whose commands are imported when they are called for.

A server starts through the same `flask` command as everything else: what other commands need, a client
of Socket.IO or progress bars, is no part of its start.
Source: https://click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands
"""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

import click
from flask.cli import AppGroup


class LateGroup(AppGroup):
    """A group that knows some of its commands by name alone.

    :param late: where each of them is, by its name: `"package.module:attribute"`.
    """

    def __init__(self, *args: Any, late: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._late = late

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, imported or not."""
        return sorted({*super().list_commands(ctx), *self._late})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now if it was not before; None where there is none of the name."""
        if cmd_name in self._late and cmd_name not in self.commands:
            self.add_command(resolve_name(self._late[cmd_name]), cmd_name)
        return super().get_command(ctx, cmd_name)
