"""A live server of the application's own making: `flask serve`, as `make run` starts it."""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

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


@contextmanager
def serving(**environ: str) -> Iterator[str]:
    """Run the server with settings from `environ` only; yields its address.

    Raises RuntimeError with the server's output if it does not come up.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (
        tempfile.TemporaryFile() as log,  # a pipe that nobody reads would fill up and stop the server
        subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "serve"],
            cwd=ROOT,
            env={**clean, "PORT": str(port), **environ},
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
