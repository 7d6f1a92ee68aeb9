"""A live server of the application's own making: `flask serve`, as `make run` starts it."""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from tests.realtime.tools import realtime

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30


def free_port() -> int:
    """Return a free port of four digits, so that lengths are those that a reader sees."""
    for port in random.sample(range(5001, 9999), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port of four digits")


#: What only a worker brings to an end, and how a block comes by the address of the real-time process.
BESIDE = ("/api/v1/imports", "/api/v1/exports", "/api/v1/jobs", ".realtime")


def needs_all(commands: Iterable[str]) -> bool:
    """Tell whether commands ask for more than the web server: for a worker or for real time."""
    return any(place in command for command in commands for place in BESIDE)


def _clean() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


@contextmanager
def _working(**environ: str) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "worker", "--pool", "threads"],
        cwd=ROOT,
        env={**_clean(), **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # what it may be at, nobody waits for


@contextmanager
def serving_all(**environ: str) -> Iterator[str]:
    """Run web server, worker and real time, as `make run` does; yields the web server's address."""
    settings = {**environ, "REALTIME_PORT": str(free_port())}
    with serving(**settings) as address, _working(**settings), realtime(settings):
        yield address


@contextmanager
def serving(**environ: str) -> Iterator[str]:
    """Run the server with settings from `environ` only; yields its address.

    Raises RuntimeError with the server's output if it does not come up.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryFile() as log,  # a pipe that nobody reads would fill up and stop the server
        subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "serve"],
            cwd=ROOT,
            env={**_clean(), "PORT": str(port), **environ},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_until_live(process, address, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_live(process: subprocess.Popen[bytes], address: str, log: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {_written(log)}")
        try:
            with urlopen(f"{address}/api/v1/health/live", timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    raise RuntimeError(f"the server did not come up: {_written(log)}")


def _written(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")
