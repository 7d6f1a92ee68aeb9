"""`flask worker`: do jobs, and sweep, until told to stop (85, 92)."""

import signal
import time
import warnings
from contextlib import suppress
from typing import Any

import click
from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import worker_process_init
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from api.extensions import db
from api.jobs.application import HASTE, QUEUE
from api.models import revisions

#: Seconds between two looks at a database that is not up to date yet.
LOOK_SECONDS = 0.2

#: Seconds after which it is told what is being waited for.
TELL_SECONDS = 3.0


@click.command(
    "worker", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]}
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def worker(options: tuple[str, ...]) -> None:
    """Do jobs in JOB_WORKERS processes. OPTIONS go to `celery worker` as they are.

    Celery beat runs inside: any number of workers may sweep, as a sweep does nothing twice.
    """
    _wait_for_schema()
    celery: Celery = current_app.extensions["celery"]
    # A request must not wait for a broker; a worker does nothing else.
    for name in HASTE:
        celery.conf.broker_transport_options.pop(name, None)
    engine = db.engine

    def begin(**_: Any) -> None:
        """Begin a process of the pool: two may not speak on one connection.

        And what asks the whole group to end, as a terminal or `make run` does, asks the parent,
        which lets its processes finish what they do. Alone they would be replaced at once.
        """
        engine.dispose(close=False)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    worker_process_init.connect(begin, weak=False)
    # It warns root of pickled messages, which run as code; here none but JSON is taken.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    count = current_app.config["JOB_WORKERS"]
    click.echo(f"Working on jobs, {count} at a time (Ctrl+C stops).")
    celery.worker_main(
        [
            "--quiet", "worker", "--beat", "--queues", QUEUE, "--concurrency", str(count),
            "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat",
            *options,
        ]
    )  # fmt: skip


def _wait_for_schema() -> None:
    """Wait until the database is at the newest revision: whoever serves may be upgrading it."""
    started, told = time.monotonic(), False
    while True:
        with suppress(SQLAlchemyError):
            state = revisions.state(db.engine)
            if state.is_current:
                return
        if not told and time.monotonic() - started > TELL_SECONDS:
            told = True
            click.echo("Waiting for the database to be upgraded (flask db upgrade).", err=True)
        time.sleep(LOOK_SECONDS)
