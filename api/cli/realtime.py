"""`flask realtime`: the process that pushes live changes; `flask bank watch`: one that gets them (93)."""

import json
import signal
import sys
import threading
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

import config
from api import database
from api.cli.ports import ensure_free
from api.events import MAX_POSITION
from api.extensions import db
from api.http.realtime import own_url
from api.realtime.client import RefusedError, Watcher
from api.realtime.rooms import FORMS, ROOM


@click.command("realtime")
@with_appcontext
def realtime() -> None:
    """Push live changes by Socket.IO, as REALTIME_HOST and REALTIME_PORT say."""
    # Imported here: gunicorn runs on POSIX alone, and the other commands need not.
    from api.realtime.server import RealtimeServer

    settings: config.Settings = current_app.extensions["settings"]
    ensure_free(settings.REALTIME_HOST, settings.REALTIME_PORT, "REALTIME_PORT")
    if settings.DATABASE_AUTO_UPGRADE:
        database.upgrade()
    db.engine.dispose()  # a connection must not be shared with the worker that gunicorn forks
    click.echo(f"Real time on {own_url(settings)} (Ctrl+C stops).")
    RealtimeServer(current_app._get_current_object()).run()  # type: ignore[attr-defined]  # the proxy's own


class Room(click.ParamType[str]):
    """The name of a room."""

    name = "ROOM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it is."""
        if not ROOM.match(str(value)):
            self.fail(f"{value!r} is no room; there are {FORMS}.", param, ctx)
        return str(value)


@click.command("watch")
@click.option(
    "--room",
    "rooms",
    multiple=True,
    type=Room(),
    default=("bank",),
    show_default=True,
    help=f"What to watch; may be repeated: {FORMS}.",
)
@click.option(
    "--after",
    type=click.IntRange(0, MAX_POSITION),
    help="The id of the last event that you have seen; without it, only what is new.",
)
@click.option("--count", type=click.IntRange(1), help="End after so many events.")
@click.option("--url", help="The real-time process, if it is not the one that the settings name.")
@click.option("--token", envvar="BANK_TOKEN", help="An access token, for rooms that need one.")
@with_appcontext
def watch(
    rooms: tuple[str, ...], after: int | None, count: int | None, url: str | None, token: str | None
) -> None:
    """Print events as they happen, one JSON object to a line. Ctrl+C ends.

    A broken connection is taken up again where it broke: no event is missed, none printed twice.
    """
    settings: config.Settings = current_app.extensions["settings"]
    stopped = threading.Event()
    left = count

    def show(event: dict[str, Any]) -> None:
        nonlocal left
        if stopped.is_set():
            return
        click.echo(json.dumps(event, ensure_ascii=False))
        if left is not None:
            left -= 1
            if left == 0:
                stopped.set()

    def note(words: str) -> None:
        click.echo(words, err=True)

    watcher = Watcher(
        url or own_url(settings), rooms, show, note, after=after, token=token, stopped=stopped
    )
    before = signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        watcher.run()
    except RefusedError as error:
        raise click.ClickException(str(error)) from error
    finally:
        signal.signal(signal.SIGINT, before)
    sys.exit(0)
