"""Quotas: told in the standard's fields, enforced by address, and free of charge for preflights."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import config
from tests.conftest import MakeApp, Settings

PATH = "/api/v1/problems"

# A list of strings, each with integers as parameters (RFC 9651, sections 3.1 and 3.3.3).
MEMBER = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]*)"((?:;[a-z*][a-z0-9_.*-]*=-?\d{1,15})*)')


@pytest.fixture
def backend() -> str:
    """Quotas do not depend on the database: one will do."""
    return "sqlite"


@dataclass(frozen=True)
class Told:
    quota: int
    window: int
    remaining: int
    reset: int


def parse(field: str) -> dict[str, dict[str, int]]:
    """Parse a structured field strictly, so far as these two fields make use of them."""
    members = {}
    for member in re.split(r", (?=\")", field):
        found = MEMBER.fullmatch(member)
        assert found, field
        parameters = [p.split("=") for p in found[2].split(";") if p]
        assert found[1] not in members, f"two quotas of one name: {field}"
        members[found[1]] = {name: int(value) for name, value in parameters}
    return members


def told(response: TestResponse) -> dict[str, Told]:
    policies = parse(response.headers["RateLimit-Policy"])
    states = parse(response.headers["RateLimit"])
    assert policies.keys() == states.keys()
    return {
        name: Told(policy["q"], policy["w"], states[name]["r"], states[name]["t"])
        for name, policy in policies.items()
    }


def test_the_quota_is_told_and_then_enforced(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="3 per minute").test_client()
    for remaining in (2, 1, 0):
        response = client.get(PATH)
        assert response.status_code == 200
        assert "Retry-After" not in response.headers
        reads = told(response)["reads"]
        assert (reads.quota, reads.window, reads.remaining) == (3, 60, remaining)
        assert 1 <= reads.reset <= 60

    refused = client.get(PATH)

    assert refused.status_code == 429
    assert told(refused)["reads"].remaining == 0
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "3 per 1 minute" in refused.get_json()["detail"]
    assert client.head(PATH).status_code == 429  # HEAD reads as well


def test_each_address_has_a_quota_of_its_own(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="1 per minute").test_client()
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        first, second = (
            client.get(PATH, environ_base={"REMOTE_ADDR": address}).status_code for _ in range(2)
        )
        assert (first, second) == (200, 429)


def test_a_preflight_is_free(make_app: MakeApp) -> None:
    origin = "https://front.example.org"
    client = make_app(RATELIMIT_READS="1 per minute", CORS_ORIGINS=origin).test_client()
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    for _ in range(3):
        response = client.options(PATH, headers=preflight)
        assert response.status_code == 200
        assert "RateLimit" not in response.headers
    assert client.get(PATH).status_code == 200
    assert client.get(PATH).status_code == 429
    assert client.options(PATH, headers=preflight).status_code == 200


def test_changes_and_reads_have_separate_quotas(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="1 per minute", RATELIMIT_WRITES="2 per minute").test_client()
    path = "/api/v1/scratch/limits"
    created = client.put(path, json={"content": {}}, headers={"If-None-Match": "*"})
    assert told(created).keys() == {"writes"}
    assert told(client.get(path)).keys() == {"reads"}
    assert client.get(path).status_code == 429
    assert client.put(path, json={}).status_code == 422  # a refused change counts too
    refused = client.delete(path, headers={"If-Match": "*"})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1


def test_every_quota_that_was_counted_is_listed(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="9 per minute", RATELIMIT_SEARCH="2 per hour").test_client()
    assert told(client.get("/api/v1/questions")).keys() == {"reads"}
    for remaining in (1, 0):
        search = told(client.get("/api/v1/questions?q=flask"))
        assert search["searches"] == Told(2, 3600, remaining, search["searches"].reset)
        assert search["reads"].quota == 9
    refused = client.get("/api/v2/questions?q=flask")  # one quota over all versions
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 60
    assert told(refused).keys() == {"reads", "searches"}
    strategy = told(client.get("/api/v1/limits/moving-window"))
    assert strategy.keys() == {"reads", "moving-window"}


def test_two_limits_of_one_setting_are_two_quotas(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="2 per minute; 9 per hour").test_client()
    both = told(client.get(PATH))
    assert {name: (t.quota, t.remaining) for name, t in both.items()} == {
        "reads-60s": (2, 1),
        "reads-3600s": (9, 8),
    }
    client.get(PATH)
    refused = client.get(PATH)
    assert refused.status_code == 429
    assert told(refused)["reads-60s"].remaining == 0  # the name stays
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_health_checks_are_never_limited(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="1 per minute").test_client()
    for path in ("/api/v1/health/live", "/api/v1/health/ready") * 2:
        response = client.get(path)
        assert response.status_code == 200
        assert "RateLimit" not in response.headers


def forwarded(client: FlaskClient, address: str) -> int:
    return client.get(PATH, headers={"X-Forwarded-For": address}).status_code


def test_a_trusted_proxy_tells_the_address(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="1 per minute", TRUSTED_PROXIES="1").test_client()
    assert forwarded(client, "192.0.2.1") == 200
    assert forwarded(client, "192.0.2.2") == 200
    assert forwarded(client, "192.0.2.1") == 429
    # What a client claims stands left of what the proxy saw.
    assert forwarded(client, "203.0.113.9, 192.0.2.1") == 429


def test_without_a_proxy_nobody_buys_a_quota_by_a_header(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_READS="1 per minute", TRUSTED_PROXIES="0").test_client()
    assert forwarded(client, "192.0.2.1") == 200
    assert forwarded(client, "192.0.2.2") == 429


OFF = """
import api, config, json, os
client = api.create_app(config.load(os.environ, None)).test_client()
for _ in range(6):
    for path in ("/api/v1/problems", "/api/v1/limits/fixed-window", "/api/v1/health/ready"):
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert not {"RateLimit", "RateLimit-Policy"} & set(answer.headers.keys()), path
print(answer.get_json()["checks"]["rate_limits"]["detail"])
"""


def test_switched_off_nothing_is_counted_and_nothing_breaks(settings: Settings) -> None:
    # A process of its own: in this one an earlier application has given the limiter a storage.
    environment = {
        **os.environ,
        **settings,
        "RATELIMIT_ENABLED": "false",
        "RATELIMIT_READS": "1 per minute",
    }
    done = subprocess.run(
        [sys.executable, "-c", OFF],
        cwd=config.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "disabled\n"
