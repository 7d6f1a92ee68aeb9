"""Load by wrk, pinned apart from the server, and what it prints read back.

Source: https://github.com/wg/wrk
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.servers import HOST, LOAD_CORES

CONNECTIONS = 16

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)\s*$", re.MULTILINE)
_SOCKET = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_STATUS = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


class LoadError(RuntimeError):
    """There is no figure, or none that counts."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What wrk found: requests a second, latencies in seconds, answers that were none."""

    rate: float
    p50: float
    p99: float
    errors: int


def read_report(text: str) -> Measured:
    """Read what `wrk --latency` printed. Raises LoadError where it holds no figures."""
    rate = _RATE.search(text)
    latency = {share: float(n) * _SECONDS[unit] for share, n, unit in _LATENCY.findall(text)}
    if rate is None or latency.keys() != {"50", "99"}:
        raise LoadError(f"wrk printed no figures: {text[-500:]}")
    errors = 0
    for found in (_SOCKET.search(text), _STATUS.search(text)):
        errors += sum(map(int, found.groups())) if found else 0
    return Measured(float(rate[1]), latency["50"], latency["99"], errors)


def wrk(
    url: str,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    connections: int = CONNECTIONS,
    cores: str = LOAD_CORES,
) -> Measured:
    """Ask for one address as often as the server answers. Raises LoadError without wrk."""
    if shutil.which("wrk") is None:
        raise LoadError("wrk is not installed: apt-get install wrk, or brew install wrk")
    command = ["taskset", "-c", cores, "wrk", "--latency", "-t1", f"-c{connections}"]
    command += [f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    for name, value in {"Host": HOST, **(headers or {})}.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadError(done.stderr or done.stdout)
    return read_report(done.stdout)


def wrk_version() -> str:
    """Return wrk's version as it tells it."""
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return told.split("[", 1)[0].strip() or "wrk"
