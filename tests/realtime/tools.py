"""What the tests of real time share: the process itself, and clients of it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import IO, Any
from urllib.error import URLError
from urllib.request import urlopen

import config
from api.realtime.client import Client
from tests.v1.tools import wait_for

#: Seconds for which anything is waited for; it takes a fraction of one where the machine is idle.
PATIENCE = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Realtime:
    """`flask realtime` as `make run` starts it, on a port that it keeps."""

    def __init__(self, settings: Mapping[str, str], log: IO[bytes]) -> None:
        self.port = int(settings.get("REALTIME_PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {**settings, "REALTIME_PORT": str(self.port)}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = log

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "realtime"],
            cwd=config.ROOT,
            env={**os.environ, **self.environ},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that it can be killed with its worker
        )
        wait_for(self.answers, PATIENCE)

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the process ended"
        try:
            with urlopen(f"{self.url}/api/v1/health/live", timeout=PATIENCE):
                return True
        except (URLError, ConnectionError, TimeoutError):
            return False

    def kill(self) -> None:
        """End it and its worker with SIGKILL: nothing can be said or saved."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """End it by a signal; returns its exit status and what it has said."""
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(PATIENCE)
        self._log.seek(0)
        return status, self._log.read().decode()


@contextmanager
def realtime(settings: Mapping[str, str]) -> Iterator[Realtime]:
    with tempfile.TemporaryFile() as log:  # a pipe that nobody reads would fill up
        process = Realtime(settings, log)
        try:
            process.start()
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


@dataclass
class Ear:
    """A connected client that keeps what it hears."""

    client: Client
    heard: Queue[dict[str, Any]] = field(default_factory=Queue)
    ended: Queue[dict[str, Any]] = field(default_factory=Queue)

    def call(self, event: str, data: Any = None) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.call(event, data, timeout=PATIENCE)
        return answer

    def join(self, *rooms: str, after: int | None = None) -> dict[str, Any]:
        wanted: dict[str, Any] = {"rooms": list(rooms)}
        return self.call("join", wanted if after is None else {**wanted, "after": after})

    def next(self) -> dict[str, Any]:
        """Return the next event, for which it waits."""
        return self.heard.get(timeout=PATIENCE)

    def is_silent(self) -> bool:
        """Tell whether everything that was heard has been asked for."""
        return self.heard.empty()


@contextmanager
def listening(
    url: str, auth: Any = None, transports: Sequence[str] = ("websocket",), **headers: str
) -> Iterator[Ear]:
    """A client of the process, connected."""
    ear = Ear(Client(reconnection=False, handle_sigint=False))
    ear.client.on("event", ear.heard.put)
    ear.client.on("ended", ear.ended.put)
    ear.client.connect(
        url, auth=auth, transports=list(transports), headers=headers, wait_timeout=PATIENCE
    )
    try:
        yield ear
    finally:
        ear.client.disconnect()


def refusal_of(url: str, auth: Any = None, **headers: str) -> dict[str, Any]:
    """Connect, in vain; return the problem object."""
    client = Client(reconnection=False, handle_sigint=False)
    said: Queue[Any] = Queue()
    client.on("connect_error", said.put)
    with contextlib.suppress(Exception):
        client.connect(
            url, auth=auth, transports=["websocket"], headers=headers, wait_timeout=PATIENCE
        )
    assert not client.connected
    client.disconnect()
    told = said.get(timeout=PATIENCE)
    problem: dict[str, Any] = told["data"]
    assert told["message"] == problem["title"]
    return problem
