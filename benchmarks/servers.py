"""Servers under test: started on cores of their own, waited for, measured, stopped."""

import os
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks" / "peers"
HOST = "bench.example"
"""Every server is told this name, so that links in the payloads are the same."""

SERVER_CORES = "0"
LOAD_CORES = "1"


class ServerFailedError(RuntimeError):
    """A server ended, or did not answer, before anything could be measured."""


@dataclass(frozen=True, slots=True)
class Server:
    """How to start a server. `{port}` in the command is replaced.

    :param package: the distribution whose version the results name.
    """

    name: str
    command: Sequence[str]
    folder: Path = PEERS
    environ: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/ready"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    server: Server
    port: int
    process: "subprocess.Popen[bytes]"
    seconds_to_answer: float

    def url(self, path: str) -> str:
        """Return the address of a path of this server's."""
        return f"http://127.0.0.1:{self.port}{path}"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def fetch(
    url: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """GET an address; returns status, headers and body, for an error status too."""
    request = urllib.request.Request(url, headers={"Host": HOST, **(headers or {})})  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
            return response.status, dict(response.headers.items()), response.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers.items()), error.read()


def _inherited() -> dict[str, str]:
    """Return the environment for servers: they keep their bytecode, as they do where they are deployed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def running(server: Server, cores: str = SERVER_CORES, patience: float = 60) -> Iterator[Running]:
    """Run a server on `cores` (as `taskset` names them) for the length of the block.

    Raises ServerFailedError with the end of what it printed.
    """
    port = free_port()
    command = ["taskset", "-c", cores, *(part.format(port=port) for part in server.command)]
    with tempfile.TemporaryFile() as log:
        started = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=server.folder,
            env={**_inherited(), "PORT": str(port), **server.environ},
            stdout=log,
            stderr=log,
            start_new_session=True,  # the whole family is stopped together
        )
        try:
            while True:
                try:
                    status, _, _ = fetch(f"http://127.0.0.1:{port}{server.ready}")
                    if status == 200:
                        break
                except OSError:
                    status = 0
                late = perf_counter() - started > patience
                if late or process.poll() is not None:
                    log.seek(0)
                    told = log.read()[-2000:].decode(errors="replace")
                    raise ServerFailedError(f"{server.name} (last status {status}): {told}")
                sleep(0.005)
            yield Running(server, port, process, perf_counter() - started)
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
            if sign == signal.SIGTERM:
                continue  # workers that outlived it
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def all_running(
    servers: Sequence[Server], cores: str = SERVER_CORES
) -> Iterator[dict[str, Running]]:
    """Run several servers at once, by name; idle ones cost nothing."""
    with ExitStack() as stack:
        yield {each.name: stack.enter_context(running(each, cores)) for each in servers}


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        each = waiting.pop()
        found.append(each)
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            waiting += [int(child) for child in task.read_text().split()]
    return found


def proportional_bytes(pid: int) -> int:
    """Return the proportional set size of one process: shared pages are divided among their users.

    Source: https://www.kernel.org/doc/html/latest/filesystems/proc.html (smaps_rollup)
    """
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ServerFailedError(f"the kernel tells no PSS of process {pid}")
