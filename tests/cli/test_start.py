"""`make run`: all processes together, ended by one Ctrl+C, and by the death of any."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

import api
import config
from api import database
from api.cli import worker
from tests.conftest import Settings, dispose
from tests.examples.server import ROOT, free_port
from tests.v1.tools import sqlite_only, wait_for

pytestmark = sqlite_only


@contextmanager
def started(settings: Settings, log: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Run `api/cli/start.py` in a new database; yields the process and the server's address."""
    port = free_port()
    environ = {
        "APP_ENV": "development",
        "PORT": str(port),
        "REALTIME_PORT": str(free_port()),
        "PATH": os.environ["PATH"],
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", ROOT / "api/cli/start.py"],
            env={**settings, **environ},
            stdout=output,
            stderr=output,
            cwd="/",  # it finds its files wherever it is started
        )
    try:
        yield process, f"http://127.0.0.1:{port}/api/v1"
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)
        print(log.read_text(encoding="utf-8"))


def call(address: str, body: object = None, token: str = "") -> Any:
    """Send a request, and return what is answered; None while nobody answers."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    data = None if body is None else json.dumps(body).encode()
    sent = {name: value for name, value in headers.items() if token or name != "Authorization"}
    try:
        with urlopen(Request(address, data, sent), timeout=20) as answer:
            return json.load(answer)
    except URLError as error:
        if hasattr(error, "code"):
            raise
        return None


def test_make_run_starts_all_processes_and_one_interrupt_ends_them(
    settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "start.log"
    fresh = {**settings, "DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite3'}"}
    with started(fresh, log) as (process, api):
        wait_for(lambda: call(f"{api}/health/live"), 60)
        demo = {"username": "editor", "password": "demo-editor-password"}
        token = call(f"{api}/sign-ins", demo)["access_token"]
        job = call(f"{api}/exports", {}, token)["links"]["self"]
        wait_for(lambda: call(job, token=token)["state"] == "succeeded", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert call(f"{api}/health/live") is None
    told = log.read_text(encoding="utf-8")
    assert "Working on jobs, 2 at a time" in told
    assert "Loaded 50 questions" in told
    assert "web stopped (rc=0)" in told
    assert "worker stopped (rc=0)" in told
    assert "realtime stopped (rc=0)" in told


def test_when_one_process_dies_all_end_and_it_is_told_which(
    settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "start.log"
    # Both refuse their configuration; the first to do so ends the other.
    with started({**settings, "THREADS": "0"}, log) as (process, _):
        assert process.wait(60) == 1
    told = log.read_text(encoding="utf-8")
    assert "stopped (rc=1)" in told
    assert "THREADS='0' is out of range" in told


@pytest.mark.parametrize("setting", ["PORT", "REALTIME_PORT"])
def test_a_port_that_is_taken_is_told_in_one_line(
    settings: Settings, tmp_path: Path, setting: str
) -> None:
    command = "serve" if setting == "PORT" else "realtime"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", command],
            cwd=ROOT,
            env={**settings, setting: str(port), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    host = setting.replace("PORT", "HOST")
    assert done.stderr == (
        f"Error: cannot listen on 127.0.0.1:{port}: it is taken by another program. "
        f"{setting} sets another port, {host} another address.\n"
    )


def test_a_worker_waits_for_the_tables_and_says_so(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = {**settings, "DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite3'}"}
    app = api.create_app(config.load(fresh, None))
    told: list[str] = []

    def tell(message: str, **_: Any) -> None:
        told.append(message)
        database.upgrade()

    monkeypatch.setattr(worker, "TELL_SECONDS", 0)
    monkeypatch.setattr("click.echo", tell)
    with app.app_context():
        worker._wait_for_schema()
    assert told == ["Waiting for the database to be upgraded (flask db upgrade)."]
    dispose(app)
