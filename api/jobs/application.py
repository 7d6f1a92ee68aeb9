"""The Celery application: tasks run inside an application context (85).

This is the pattern of Flask's documentation; no Flask-Celery package is needed. What differs from
Celery's defaults follows from one decision: a message is a doorbell, and everything that counts
stands in the database. So no result is kept, messages are JSON (pickle would run what it is sent),
a lost one does no harm, and publishing may fail but never wait.
Source: https://flask.palletsprojects.com/en/stable/patterns/celery/
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from celery.local import Proxy
from flask import Flask

from api.demonstrations import demonstrates
from api.jobs import sweeping

if TYPE_CHECKING:
    from celery import Celery

QUEUE = "question-bank-jobs"

#: What keeps a request from waiting for Redis: half a second for an answer, and one new connection at
#: once where the old one broke. (Kombu by itself sleeps between, for six seconds in all.) A worker,
#: which does nothing but wait, goes without.
HASTE = {
    "socket_timeout": 0.5,
    "socket_connect_timeout": 0.5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
}


@demonstrates(
    85,
    at="POST v1.exports",
    test="tests/jobs/test_application.py::test_a_task_has_the_applications_configuration_and_database",
)
def celery_init_app(app: Flask) -> "Celery":
    """Make the Celery application that belongs to a Flask application."""
    from celery import Celery, Task  # Kombu and all: see `init_app`

    from api.jobs import tasks

    class FlaskTask(Task):
        """A task that finds `current_app` and `db.session` as a view does."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery(app.name, task_cls=FlaskTask, include=[tasks.__name__])
    celery.conf.update(app.config["CELERY"])
    celery.set_default()
    app.extensions["celery"] = celery
    return celery


def _folder_broker(folder: Path) -> dict[str, Any]:
    """Return what makes Celery use files in a folder as its broker."""
    for name in ("messages", "taken", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "broker_url": "filesystem://localhost",
        "broker_transport": "api.jobs.mailbox:Transport",
        "broker_transport_options": {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            # Messages are moved here as they are taken, not into a folder that all users share.
            "store_processed": True,
            "processed_folder": str(folder / "taken"),
            "polling_interval": 0.1,
        },
    }


def _redis_broker(url: str) -> dict[str, Any]:
    """Return what makes Celery use the Redis at `url` as its broker.

    Kombu reads neither redis-py's options in an address nor its spelling of sockets, and without
    further word it trusts any certificate.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    database = options.get("db", parts.path.strip("/") if parts.scheme != "unix" else "") or "0"
    found: dict[str, Any] = {
        "broker_url": f"{parts.scheme}://{parts.netloc}/{database}",
        "broker_transport_options": {
            "global_keyprefix": "question-bank:",
            **HASTE,
        },
    }
    if parts.scheme == "unix":
        database_option = urlencode({"virtual_host": database})
        found["broker_url"] = f"redis+socket://{parts.netloc}{parts.path}?{database_option}"
    if parts.scheme == "rediss":
        given = {name: value for name, value in options.items() if name.startswith("ssl_")}
        found["broker_use_ssl"] = {"ssl_cert_reqs": "required", **given}
    return found


def init_app(app: Flask, sweeps: Mapping[str, Callable[[], int]]) -> None:
    """Bind Celery, by Redis where there is one, else by files on this machine.

    :param sweeps: periodic work of other rooms, by name, as `sweeping.register` takes it.
    """
    sweeping.register(sweeps)
    redis: str | None = app.config["REDIS_URL"]
    app.config["CELERY"] = {
        **(_redis_broker(redis) if redis else _folder_broker(Path(app.config["JOBS_FOLDER"]))),
        "task_default_queue": QUEUE,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_enable_remote_control": False,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "broker_connection_retry_on_startup": True,
        "beat_scheduler": "celery.beat:Scheduler",  # its state in memory: every sweep may come twice
        "beat_schedule": sweeping.schedule(app),
        "beat_max_loop_interval": app.config["JOB_SWEEP_SECONDS"],
        "enable_utc": True,
    }
    app.extensions["celery"] = Proxy(_once(partial(celery_init_app, app)))


def _once(make: "Callable[[], Celery]") -> "Callable[[], Celery]":
    """Put the making off to the first use: most requests have nothing to do with jobs, and Celery is a
    long part of a start. Threads that come at once get the same one.
    """
    made, turn = cache(make), Lock()

    def first() -> "Celery":
        with turn:
            return made()

    return first
