"""`/events`: the outbox by plain HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from api import events
from api.bank import editing
from api.models import Event
from api.models.types import now
from tests.accounts.tools import an_editor
from tests.conftest import MakeApp
from tests.test_events import note, transaction
from tests.v1.tools import link_field, parameters_refused, sqlite_only

FEED = "/api/v1/events"


def change(app: Flask, *numbers: int) -> None:
    with app.app_context():
        for number in numbers:
            editing.patch(number, {"difficulty": "advanced"}, an_editor(app), lambda _: None)


def followed(client: FlaskClient, address: str) -> tuple[list[dict[str, Any]], str]:
    """Read the feed until there is nothing more; return the events and where to go on."""
    items: list[dict[str, Any]] = []
    while True:
        response = client.get(address)
        assert response.status_code == 200, response.text
        body: Any = response.json
        address = body["links"]["next"]
        assert link_field(response)["next"] == address
        if not body["items"]:
            return items, address
        items += body["items"]


def test_the_feed_tells_every_change_once(app: Flask, client: FlaskClient) -> None:
    (loaded,), address = followed(client, FEED)
    assert loaded["kind"] == "question.created"
    change(app, 51, 52, 53, 54, 55)
    items, address = followed(client, f"{address}&limit=2")
    assert [item["questions"] for item in items] == [[51], [52], [53], [54], [55]]
    assert [item["id"] for item in items] == [2, 3, 4, 5, 6]
    assert followed(client, address) == ([], address)
    change(app, 51)
    ((item,), _) = followed(client, address)
    assert item["questions"] == [51]


def test_what_is_private_is_passed_over_and_not_read_again(app: Flask, client: FlaskClient) -> None:
    for _ in range(3):
        note(app, "job.progress", job="0b7f6f0e-4a4b-4d5e-9c55-3f1a9a0c9d11")
    change(app, 51)
    note(app, "job.succeeded", job="0b7f6f0e-4a4b-4d5e-9c55-3f1a9a0c9d11")
    body: Any = client.get(f"{FEED}?after=1").json
    assert [item["id"] for item in body["items"]] == [5]
    assert body["page"] == {"limit": 50, "after": 1, "newest": 6}
    assert body["links"]["next"].endswith("?after=6")


@sqlite_only
def test_a_feed_without_news_is_not_modified(app: Flask, client: FlaskClient) -> None:
    address = f"{FEED}?after=1"
    tag = client.get(address).headers["ETag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    change(app, 51)
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 200


def test_who_asks_for_what_was_trimmed_is_told_where_to_go_on(
    app: Flask, client: FlaskClient
) -> None:
    change(app, 51, 52)
    with transaction(app) as connection:
        connection.execute(
            update(Event).where(Event.position <= 2).values(at=now() - timedelta(days=8))
        )
        assert events.sweep(connection, timedelta(days=7)) == 2
    response = client.get(f"{FEED}?after=1")
    problem: Any = response.json
    assert response.status_code == 410
    assert problem["type"].endswith("/problems/events-gone")
    assert (problem["start"], problem["newest"]) == (2, 3)
    assert "Events up to 2 have been trimmed" in problem["detail"]
    assert followed(client, problem["links"]["next"])[0] == []
    assert [item["id"] for item in followed(client, f"{FEED}?after=2")[0]] == [3]
    assert [item["id"] for item in followed(client, FEED)[0]] == [3]


@sqlite_only
def test_a_position_that_was_never_reached_is_no_place_to_go_on(client: FlaskClient) -> None:
    for after in (2, 2**63 - 1):
        response = client.get(f"{FEED}?after={after}")
        assert response.status_code == 410
        assert "The last event is 1" in response.json["detail"]  # type: ignore[index]  # a problem


@sqlite_only
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("after", "-1"),
        ("after", "9223372036854775808"),
        ("after", "1.5"),
        ("after", ""),
        ("after", "٣"),
        ("limit", "0"),
        ("limit", "101"),
        ("room", "bank"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_by_name(
    client: FlaskClient, name: str, value: str
) -> None:
    assert parameters_refused(client.get(FEED, query_string={name: value})).keys() == {name}


@sqlite_only
def test_clients_are_told_where_events_are_pushed(make_app: MakeApp) -> None:
    def told(client: FlaskClient, **request: Any) -> str:
        url: str = client.get(FEED, **request).json["realtime"]["url"]  # type: ignore[index]  # a feed
        return url

    client = make_app(REALTIME_PORT="5055").test_client()
    assert told(client) == "http://localhost:5055"
    assert told(client, base_url="http://192.0.2.1:8000") == "http://192.0.2.1:5055"
    assert told(client, base_url="http://[2001:db8::1]:8000") == "http://[2001:db8::1]:5055"
    client = make_app(REALTIME_URL="https://live.example.org").test_client()
    assert told(client) == "https://live.example.org"


@sqlite_only
def test_the_feed_reads_a_page_with_few_statements(app: Flask, client: FlaskClient) -> None:
    change(app, *range(51, 61))
    told = client.get(FEED).headers["Server-Timing"]
    assert 'desc="2 statements"' in told
