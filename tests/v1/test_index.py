"""`/api/v1/`: the index, and every link of every resource wherever the application is mounted."""

from collections import deque
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.bank.catalogue import TECHNIQUES, TOPICS
from api.http.demonstrations import path_template
from api.http.problems import CATALOGUE
from api.v1.errors import CAUSES
from tests.accounts.tools import authorization
from tests.attachments.samples import picture
from tests.conftest import MakeApp
from tests.v1.tools import link_field, strings

#: Values for the variables of each route, such that a GET answers 200.
VALUES: dict[str, dict[str, str]] = {
    "v1.question": {"number": "71"},
    "v1.demonstrations": {"number": "71"},
    "v1.grants": {"number": "71"},
    "v1.grant": {"number": "71", "username": "ada"},
    "v1.revisions": {"number": "71"},
    "v1.revision": {"number": "71", "revision": "1"},
    "v1.restoration": {"number": "71", "revision": "1"},
    "v1.attachments": {"number": "71"},
    "v1.topic": {"slug": "rest"},
    "v1.problem": {"slug": "not-found"},
    "v1.limit": {"strategy": "moving-window"},
    "v1.loading": {"strategy": "selectin"},
    "v1.json": {"form": "dict"},
    "v1.scratch": {"key": "a-key"},
    "v1.practice_card": {"position": "1"},
    "v1.practice_reveal": {"position": "1"},
    "v1.practice_grade": {"position": "1"},
    "v1.sign_in": {"sid": "00000000-0000-4000-8000-000000000000"},
    "v1.user_role": {"username": "ada", "role": "reader"},
}
#: Its answers are errors on purpose.
ERRORS = "v1.error"


def resources(client: FlaskClient) -> list[dict[str, Any]]:
    response = client.get("/api/v1/")
    assert response.status_code == 200
    listed: list[dict[str, Any]] = response.json["resources"]  # type: ignore[index]  # an object
    return listed


def test_the_index_lists_every_route_of_every_version(app: Flask, client: FlaskClient) -> None:
    listed = resources(client)
    rules = {r.endpoint: r for r in app.url_map.iter_rules() if r.rule.startswith("/api/")}
    assert [entry["name"] for entry in listed] == sorted(rules, key=lambda name: rules[name].rule)
    for entry in listed:
        rule = rules[entry["name"]]
        assert entry["methods"] == sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        address = entry["template"] if rule.arguments else entry["href"]
        assert address == "http://localhost" + path_template(rule.rule)
        assert len(entry["description"]) > 10


def test_every_address_of_the_index_answers(app: Flask, client: FlaskClient) -> None:
    client.environ_base |= authorization(app)  # some answer to who is signed in only
    created = client.put(
        "/api/v1/scratch/a-key", json={"content": {}}, headers={"If-None-Match": "*"}
    )
    assert created.status_code == 201
    draft = client.post("/api/v1/drafts", json={"prompt": "Is it?", "answer": "It is."}).get_json()
    values = VALUES | {name: {"draft": draft["id"]} for name in ("v1.draft", "v1.publication")}
    assert client.post("/api/v1/practice/round", json={}).status_code == 201
    uploaded = client.post(
        "/api/v1/questions/71/attachments", data={"file": (BytesIO(picture()), "a.png")}
    )
    made = {"attachment": uploaded.get_json()["id"]}
    values |= {"v1.attachment": made, "v1.attachment_file": made}
    export = client.post("/api/v1/exports", json={}, headers={"Prefer": "wait=10"}).get_json()
    jobs = {"jid": export["id"]}
    for entry in resources(client):
        if entry["name"] == ERRORS:
            continue
        address = entry.get("href") or entry["template"].format(**values.get(entry["name"], jobs))
        if "GET" in entry["methods"]:
            assert client.get(address, buffered=True).status_code == 200, address
        else:
            allowed = client.options(address).headers["Allow"].split(", ")
            assert set(entry["methods"]) <= set(allowed)


def walk(get: Callable[[str], TestResponse], host: str, prefix: str) -> set[str]:
    """Follow every address of this host, from the index on, and return their paths.

    Fails where an answer names an address of this host outside the prefix, or one that does not
    answer.
    """
    root = host + prefix
    queue, seen = deque([f"{root}/api/v1/"]), set[str]()
    write_only: set[str] = set()
    while queue:
        address = queue.popleft()
        if address in seen:
            continue
        seen.add(address)
        response = get(address)
        if address.startswith(f"{root}/api/v1/errors/"):
            assert response.status_code in {404, 409, 413, 422, 500}, address
        elif address == f"{root}/api/v1/practice/round":
            assert response.status_code == 404  # nobody has started one
        else:
            assert response.status_code == (405 if address in write_only else 200), address
        if "json" not in response.content_type:
            continue
        body = response.get_json(force=True)
        if address == f"{root}/api/v1/":
            listed = [entry for entry in body["resources"] if "href" in entry]
            write_only = {e["href"] for e in listed if "GET" not in e["methods"]}
        if address.endswith("/openapi.json"):
            body = body["servers"]  # its examples are of another host
        for found in [*strings(body), *link_field(response).values()]:
            assert not found.startswith("http://localhost/"), f"{address} names {found}"
            if found == host or found.startswith(host + "/"):
                assert (found + "/").startswith(root + "/"), f"{address} leads out to {found}"
                if "{" not in found and found != root:
                    queue.append(found)
    return {address.removeprefix(root) for address in seen}


def check_walk(visited: set[str]) -> None:
    """Make sure that the walk came everywhere, and did not end at the index."""
    assert {f"/api/v1/questions/{number}" for number in range(51, 101)} <= visited
    assert {f"/api/v1/questions/{number}/demonstrations" for number in range(51, 101)} <= visited
    assert {f"/api/v1/errors/{cause}" for cause in CAUSES} <= visited
    assert {f"/api/v1/problems/{slug}" for slug in CATALOGUE} <= visited
    assert {f"/api/v1/topics/{slug}" for slug in TOPICS} <= visited
    assert {f"/api/v1/questions?technique={slug}" for slug in TECHNIQUES} <= visited
    assert {"/api/v2/questions", "/api/v1/questions?page=3"} <= visited
    assert any(place.startswith("/api/v2/questions?cursor=") for place in visited)


@pytest.fixture
def unlimited(make_app: MakeApp) -> Callable[..., FlaskClient]:
    """Make a client that may ask for all, as often as it likes."""

    def make(**changes: str) -> FlaskClient:
        app = make_app(RATELIMIT_ENABLED="false", **changes)
        client = app.test_client()
        client.environ_base |= authorization(app)
        return client

    return make


def test_every_link_follows_the_mount_prefix(unlimited: Callable[..., FlaskClient]) -> None:
    client = unlimited(MOUNT_ALIAS="/mounted")
    host = "http://bank.test"

    def get(address: str) -> TestResponse:
        return client.get(address.removeprefix(host), base_url=host)

    for prefix in ("", "/mounted"):
        check_walk(walk(get, host, prefix))


def test_every_link_follows_the_prefix_that_a_trusted_proxy_forwards(
    unlimited: Callable[..., FlaskClient],
) -> None:
    client = unlimited(TRUSTED_PROXIES="1")
    host, prefix = "https://bank.example.org", "/deep/prefix"
    headers = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "bank.example.org",
        "X-Forwarded-Prefix": "/deep/prefix",
    }

    def get(address: str) -> TestResponse:
        """Ask as the proxy does: it strips the prefix and says so in a header."""
        return client.get(address.removeprefix(host + prefix), headers=headers)

    check_walk(walk(get, host, prefix))


def test_a_forwarded_prefix_counts_for_nothing_without_a_trusted_proxy(
    client: FlaskClient,
) -> None:
    response = client.get(
        "/api/v1/", headers={"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil.example"}
    )
    assert "evil" not in response.get_data(as_text=True)
