"""Who is measured: the application as `flask serve` runs it, and the peers."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.servers import HOST, PEERS, ROOT, Running, Server, fetch, running

PRODUCT = Path(os.environ.get("BENCH_PRODUCT", ROOT))
"""The application's tree; another one can be measured by the same harness."""

PYTHON = str(ROOT / ".venv" / "bin" / "python")
PEER_BIN = ROOT / ".venv-bench" / "bin"
FIELDS = "number,prompt,technique,topics,difficulty,created_at,updated_at,links"
LIST = f"/api/v1/questions?fields={FIELDS}"
ITEM = "/api/v1/questions/71"
QUERY = f"?fields={FIELDS}"
EDITOR = ("editor", "demo-editor-password")
NO_LIMIT = "1000000000 per minute"
WITHOUT_CACHE = {"CACHE_ENABLED": "off"}
THROUGH_FLASK = {**WITHOUT_CACHE, "RESPONSE_CACHE_BYTES": "0"}


class DifferentPayloadError(AssertionError):
    """Two contestants do not answer the same: their times could not be compared."""


def product(database: str, folder: Path, **settings: str) -> Server:
    """Return the application on a database's URL, with all its features on.

    :param folder: for whatever it writes beside the database.
    """
    names = ("ASSETS_FOLDER", "ATTACHMENTS_FOLDER", "JOBS_FOLDER", "MAIL_OUTBOX", "SESSION_FOLDER")
    environ = {name: str(folder / name.lower()) for name in names}
    limits = ("READS", "SEARCH", "WRITES", "SIGN_INS")
    environ |= {f"RATELIMIT_{name}": NO_LIMIT for name in limits}  # on, and never reached
    return Server(
        "this API",
        (PYTHON, "-P", "-m", "flask", "--app", "wsgi", "serve"),
        folder=PRODUCT,
        environ={
            "APP_ENV": "development",
            "FLASK_SKIP_DOTENV": "1",
            "PYTHONPATH": str(PRODUCT),
            "DATABASE_URL": database,
            **environ,
            **settings,
        },
        ready="/api/v1/health/live",
    )


def threads() -> int:
    """Return how many threads the application serves with unless told otherwise."""
    told = subprocess.run(
        [PYTHON, "-c", "import config; print(config.Development.THREADS)"],
        cwd=PRODUCT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(PRODUCT)},
    )
    return int(told.stdout)


@dataclass(frozen=True, slots=True)
class Bank:
    """A folder with the database of the run, and the payloads that the application answers."""

    folder: Path

    @property
    def path(self) -> Path:
        """The SQLite file with the bank's fifty questions."""
        return self.folder / "bank.sqlite3"

    def copy(self, name: str) -> Path:
        """Return a copy of the database for a server that writes."""
        path = self.folder / f"{name}.sqlite3"
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=WAL")
        return path

    def product(self, path: Path | None = None, /, **settings: str) -> Server:
        """Return the application on the database, or on a copy."""
        return product(f"sqlite:///{path or self.path}", self.folder, **settings)

    def peer(self, name: str, command: Sequence[str], path: Path | None = None) -> Server:
        """Return a peer on the database, or on a copy."""
        environ = {
            "PEER_DATABASE": str(path or self.path),
            "PEER_PAYLOADS": str(self.folder),
            "PYTHONPATH": str(PEERS),
        }
        return Server(name, command, environ=environ)

    def gunicorn(self, name: str, module: str, count: int = 4, path: Path | None = None) -> Server:
        """Return a WSGI peer on gunicorn with threads."""
        command = [str(PEER_BIN / "gunicorn"), f"{module}:app", "-k", "gthread"]
        command += ["--threads", str(count), "-b", "127.0.0.1:{port}", "--log-level", "warning"]
        return self.peer(name, command, path)

    def granian(self, name: str, module: str, count: int = 1, interface: str = "wsgi") -> Server:
        """Return a peer on Granian; `count` blocking threads where it is WSGI."""
        command = [str(PEER_BIN / "granian"), "--interface", interface, "--host", "127.0.0.1"]
        command += ["--port", "{port}", "--no-ws", "--log-level", "warning"]
        if interface == "wsgi":
            command += ["--blocking-threads", str(count)]
        return self.peer(name, [*command, f"{module}:app"])

    def uvicorn(self, name: str, module: str, path: Path | None = None) -> Server:
        """Return an ASGI peer on uvicorn, whose access log is off."""
        command = [str(PEER_BIN / "uvicorn"), f"{module}:app", "--port", "{port}"]
        return self.peer(name, [*command, "--no-access-log", "--log-level", "warning"], path)


@contextmanager
def bank() -> Iterator[Bank]:
    """Make the database of the run by the application itself, and note what it answers."""
    if not PEER_BIN.exists():
        sys.exit("The peers' environment is missing: `make bench` makes it (.venv-bench).")
    with TemporaryDirectory(prefix="bench-") as name:
        made = Bank(Path(name))
        with running(made.product()) as server:
            for what, path in (("list", LIST), ("item", ITEM)):
                status, _, body = fetch(server.url(path))
                if status != 200:
                    raise DifferentPayloadError(f"{path} answers {status}")
                (made.folder / f"{what}.json").write_bytes(body)
        copy = made.copy("settled")  # nothing is left in a write-ahead log
        shutil.move(copy, made.path)
        yield made


def normal(body: bytes) -> object:
    """Return a payload in a form that does not depend on the order of keys."""
    return json.loads(body)


def ensure_same(servers: dict[str, Running], addresses: dict[str, str], expected: bytes) -> None:
    """Hold every contestant to the same answer before anything is timed.

    Raises DifferentPayloadError, which names the contestant and the first member that differs.
    """
    for name, path in addresses.items():
        status, _, body = fetch(servers[name].url(path))
        if status != 200:
            raise DifferentPayloadError(f"{name} answers {status}: {body[:300]!r}")
        if difference := differing(normal(expected), normal(body)):
            raise DifferentPayloadError(f"{name}: {difference}")


def differing(expected: object, found: object, where: str = "") -> str | None:
    """Name the first place in which two JSON values differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() | found.keys():
            if key not in expected or key not in found:
                return f"{where}/{key} is in one of them only"
            if told := differing(expected[key], found[key], f"{where}/{key}"):
                return told
        return None
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return next((t for i, (a, b) in pairs if (t := differing(a, b, f"{where}/{i}"))), None)
    return None if expected == found else f"{where} is {found!r} and should be {expected!r}"


def renamed(server: Server, name: str) -> Server:
    """Return the same server under another name."""
    return replace(server, name=name)


def access_token(server: Running) -> str:
    """Sign the demo editor in; returns the token."""
    import urllib.request

    username, password = EDITOR
    body = json.dumps({"username": username, "password": password}).encode()
    headers = {"Content-Type": "application/json", "Host": HOST}
    request = urllib.request.Request(server.url("/api/v1/sign-ins"), body, headers)  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
        return str(json.load(response)["access_token"])
