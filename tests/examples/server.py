"""A live server of the application's own making: `flask serve`, as `make run` starts it."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "serve"],
        cwd=ROOT,
        env={**clean, "PORT": str(port), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            _wait_until_live(process, address)
            yield address
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _wait_until_live(process: "subprocess.Popen[str]", address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {process.communicate()[0]}")
        try:
            with urlopen(f"{address}/api/v1/health/live", timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    raise RuntimeError("the server did not come up")
