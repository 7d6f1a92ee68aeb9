"""`/health/live` and `/health/ready`: the checks run at once, each on its own."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.extensions import db
from api.models.revisions import MIGRATIONS
from api.v1 import health
from tests.conftest import MakeApp, Settings
from tests.v1.tools import sqlite_only, statements

LIVE, READY = "/api/v1/health/live", "/api/v1/health/ready"
CHECKS = ["database", "schema", "cache", "rate_limits", "files", "broker"]


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """An event to hang on that is set at the end whatever happens, so that no thread is left."""
    event = threading.Event()
    yield event
    event.set()


def replace(monkeypatch: pytest.MonkeyPatch, **checks: Callable[[], str]) -> None:
    for name, check in checks.items():
        monkeypatch.setitem(health.CHECKS, name, check)


def test_ready_reports_every_check(client: FlaskClient, backend: str) -> None:
    response = client.get(READY)
    told: Any = response.json
    assert response.status_code == 200
    assert told["status"] == "ok"
    assert {name: check["detail"] for name, check in told["checks"].items()} == {
        "database": backend,
        "schema": max(path.name[:4] for path in MIGRATIONS.glob("versions/0*.py")),
        "cache": "SimpleCache",
        "rate_limits": "ProcessStorage",
        "files": "writable",
        "broker": "filesystem",
    }
    assert {check["status"] for check in told["checks"].values()} == {"ok"}
    assert response.headers["Cache-Control"] == "no-store"


@sqlite_only
def test_ready_takes_as_long_as_the_slowest_check(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every check waits until all have begun: one after the other they would wait in vain.
    together = threading.Barrier(len(CHECKS))

    def meet() -> str:
        together.wait(timeout=10)
        return "met"

    replace(monkeypatch, **dict.fromkeys(CHECKS, meet))
    response = make_app(READINESS_TIMEOUT="20").test_client().get(READY)
    told: Any = response.json
    assert response.status_code == 200
    assert [check["detail"] for check in told["checks"].values()] == ["met"] * len(CHECKS)
    slowest = max(check["milliseconds"] for check in told["checks"].values())
    assert slowest <= told["milliseconds"]


@sqlite_only
def test_a_check_that_hangs_fails_alone_and_within_its_limit(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, released: threading.Event
) -> None:
    def hang() -> str:
        released.wait(30)
        return "too late"

    replace(monkeypatch, cache=hang)
    client = make_app(READINESS_TIMEOUT="0.5").test_client()
    started = time.monotonic()
    response = client.get(READY)
    assert time.monotonic() - started < 10
    told: Any = response.json
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.headers["Cache-Control"] == "no-store"
    assert told["checks"]["cache"]["status"] == "failed"
    assert told["checks"]["cache"]["detail"] == "no answer within 0.5 s"
    others = [told["checks"][name] for name in CHECKS if name != "cache"]
    assert [check["status"] for check in others] == ["ok"] * 5
    assert all(check["milliseconds"] < 500 for check in others)


def test_a_check_that_fails_is_named_and_its_reason_kept_from_the_client(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise ConnectionError("postgresql://user:secret@host/bank refused")

    replace(monkeypatch, cache=fail, rate_limits=fail)
    response = client.get(READY)
    problem: Any = response.json
    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
    assert problem["type"].endswith("/problems/service-unavailable")
    assert problem["detail"] == "Failed: cache, rate_limits."
    assert problem["checks"]["cache"]["detail"] == "ConnectionError"
    assert problem["checks"]["database"]["status"] == "ok"
    assert int(response.headers["Retry-After"]) >= 1
    assert "secret" not in response.get_data(as_text=True)


def test_a_database_behind_its_migrations_is_not_ready_but_live(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    response = client.get(READY)
    assert response.status_code == 503
    assert response.json["checks"]["schema"]["status"] == "failed"  # type: ignore[index]  # an object
    live = client.get(LIVE)
    assert live.status_code == 200
    assert live.json == {"status": "ok"}
    assert statements(live) == 0


@sqlite_only
def test_a_folder_that_cannot_be_written_to_is_named(
    client: FlaskClient, settings: Settings
) -> None:
    Path(settings["ATTACHMENTS_FOLDER"]).write_bytes(b"a file where a folder should be")
    response = client.get(READY)
    assert response.status_code == 503
    checks = response.json["checks"]  # type: ignore[index]  # an object
    failed = {name: check["detail"] for name, check in checks.items() if check["status"] != "ok"}
    assert failed == {"files": "FileExistsError"}


@sqlite_only
def test_asking_after_the_health_uses_up_no_quota(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="2 per minute").test_client()
    for _ in range(4):
        for address in (LIVE, READY):
            response = client.get(address)
            assert response.status_code == 200
            assert "RateLimit" not in response.headers
    assert client.get("/api/v1/problems").status_code == 200
