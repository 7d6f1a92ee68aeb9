"""Cached reads: told truly, like the uncached ones in every header, and never out of date."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from api.extensions import db
from api.http import freshness
from api.http.freshness import PostgresFreshness
from tests.conftest import MakeApp, Settings
from tests.http.helpers import (
    renamed,
    statements,
    target,
    threads,
    until,
    warm,
    write_elsewhere,
)

LIST = "/api/v1/questions?per_page=3&sort=-number"
ITEM = "/api/v1/questions/51"
SCRATCH = "/api/v1/scratch/caching"
MISS = "question-bank; fwd=uri-miss; stored"
HIT = "question-bank; hit"

PLENTY = "1000000 per minute"

on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Both databases, unless a test is marked with one of them."""
    return str(request.param)


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application that may be asked again and again until a condition holds."""
    return make_app(RATELIMIT_READS=PLENTY)


def status(client: FlaskClient, path: str, **headers: str) -> str:
    response = client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert response.status_code == 200, response.text
    return response.headers["Cache-Status"]


def prompt(client: FlaskClient, **headers: str) -> str:
    found: str = client.get(ITEM, headers=headers).get_json()["prompt"]
    return found


@pytest.mark.parametrize(
    "path",
    [
        LIST,
        ITEM,
        "/api/v1/topics",
        "/api/v1/techniques",
        "/api/v2/questions?limit=2",
        "/api/questions",
    ],
)
def test_a_miss_is_stored_and_the_next_read_is_a_hit(
    path: str, client: FlaskClient, backend: str
) -> None:
    miss = client.get(path)
    assert miss.headers["Cache-Status"] == MISS
    assert statements(miss) > 0

    hit = client.get(path)

    assert hit.headers["Cache-Status"] == HIT
    if backend == "sqlite":
        assert statements(hit) == 0
    assert hit.data == miss.data
    assert set(hit.headers.keys()) == set(miss.headers.keys())
    own = {"Cache-Status", "Date", "RateLimit", "Server-Timing", "X-Request-ID"}
    for name in set(miss.headers.keys()) - own:
        assert hit.headers.getlist(name) == miss.headers.getlist(name), name
    assert hit.headers["X-Request-ID"] != miss.headers["X-Request-ID"]
    assert ("Deprecation" in hit.headers) is (path in {LIST, "/api/questions"})


def test_hits_carry_headers_of_their_own_request(make_app: MakeApp) -> None:
    client = make_app(CORS_ORIGINS="https://a.example.org,https://b.example.org").test_client()
    client.get(LIST, headers={"Origin": "https://a.example.org", "X-Request-ID": "first"})
    hit = client.get(LIST, headers={"Origin": "https://b.example.org", "X-Request-ID": "second"})
    assert hit.headers["Cache-Status"] == HIT
    assert hit.headers["Access-Control-Allow-Origin"] == "https://b.example.org"
    assert hit.headers["X-Request-ID"] == "second"
    anonymous = client.get(LIST)
    assert anonymous.headers["Cache-Status"] == HIT
    assert "Access-Control-Allow-Origin" not in anonymous.headers


def test_on_either_database_a_hit_costs_no_statement(client: FlaskClient) -> None:
    assert statements(warm(client, LIST)) == 0


def test_no_cache_reads_past_the_cache_and_refreshes_it(client: FlaskClient) -> None:
    assert status(client, ITEM) == MISS
    refreshed = client.get(ITEM, headers={"Cache-Control": "no-cache"})
    assert refreshed.headers["Cache-Status"] == "question-bank; fwd=request; stored"
    assert statements(refreshed) > 0
    assert status(client, ITEM) == HIT


def test_switched_off_every_read_goes_to_the_database(make_app: MakeApp) -> None:
    client = make_app(CACHE_ENABLED="false").test_client()
    for _ in range(2):
        response = client.get(ITEM)
        assert response.headers["Cache-Status"] == "question-bank; fwd=bypass"
        assert statements(response) > 0


def test_a_refusal_is_never_stored(client: FlaskClient) -> None:
    for path, code in (("/api/v1/questions/1", 404), ("/api/v1/questions?page=0", 422)):
        for _ in range(2):
            response = client.get(path)
            assert response.status_code == code
            assert "Cache-Status" not in response.headers


def test_head_fills_the_cache_for_get_and_a_hit_can_be_a_304(client: FlaskClient) -> None:
    head = client.head(ITEM)
    assert head.headers["Cache-Status"] == MISS
    hit = client.get(ITEM)
    assert hit.headers["Cache-Status"] == HIT
    assert hit.get_json()["number"] == 51
    unchanged = client.get(ITEM, headers={"If-None-Match": head.headers["ETag"]})
    assert (unchanged.status_code, unchanged.headers["Cache-Status"]) == (304, HIT)


def test_a_write_invalidates_before_the_next_read(client: FlaskClient) -> None:
    created = client.put(SCRATCH, json={"content": {"n": 0}}, headers={"If-None-Match": "*"})
    etag = created.headers["ETag"]
    for n in range(1, 20):
        assert client.get(SCRATCH).get_json()["content"] == {"n": n - 1}
        assert status(client, SCRATCH) == HIT
        changed = client.put(SCRATCH, json={"content": {"n": n}}, headers={"If-Match": etag})
        etag = changed.headers["ETag"]
        read = client.get(SCRATCH)
        assert read.headers["Cache-Status"] == MISS
        assert read.get_json()["content"] == {"n": n}
        assert read.headers["ETag"] == etag
    client.delete(SCRATCH, headers={"If-Match": etag})
    assert client.get(SCRATCH).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        renamed("Changed?"),
        "UPDATE topics SET name = 'Changed' WHERE slug = 'uploads'",
        "DELETE FROM question_topics WHERE position = 1",
        "UPDATE question_references SET title = 'Changed'",
        "DELETE FROM questions WHERE number = 100",
    ],
)
def test_any_change_to_the_bank_by_any_program_is_seen(
    change: str, app: Flask, settings: Settings
) -> None:
    client = app.test_client()
    for path in (ITEM, "/api/v1/topics"):
        warm(client, path)
    write_elsewhere(settings, change)
    if settings["DATABASE_URL"].startswith("sqlite"):
        assert status(client, ITEM) == status(client, "/api/v1/topics") == MISS
    else:  # at most one notification late
        for path in (ITEM, "/api/v1/topics"):
            until(partial(lambda path: status(client, path) == MISS, path))


@on_sqlite
def test_on_sqlite_a_write_of_another_process_is_seen_at_once(
    client: FlaskClient, settings: Settings
) -> None:
    for n in range(5):
        warm(client, ITEM)
        write_elsewhere(settings, renamed(f"Version {n}?"))
        assert prompt(client) == f"Version {n}?"


@on_postgresql
def test_on_postgresql_a_write_of_another_process_is_seen_after_its_notification(
    client: FlaskClient, settings: Settings
) -> None:
    for n in range(3):
        warm(client, ITEM)
        write_elsewhere(settings, renamed(f"Version {n}?"))
        until(lambda n=n: prompt(client) == f"Version {n}?")  # type: ignore[misc]  # bound at once


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
@on_postgresql
def test_on_postgresql_a_reader_with_credentials_waits_for_no_notification(
    header: str,
    client: FlaskClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warm(client, ITEM)
    # The listener no longer learns anything: only those who ask can know.
    monkeypatch.setattr(PostgresFreshness, "_learn", lambda *_: None)
    write_elsewhere(settings, renamed("Changed?"))
    assert prompt(client) != "Changed?"  # a reader without credentials may be one behind
    if header == "Cookie":
        client.set_cookie("session", "x")  # the client drops a header of that name
    assert prompt(client, **{header: "x"}) == "Changed?"


def test_the_process_that_wrote_reads_its_write_at_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    warm(client, ITEM)
    monkeypatch.setattr(PostgresFreshness, "_learn", lambda *_: None)
    with app.app_context():
        db.session.execute(text(renamed("Changed?")))
        db.session.commit()
    assert prompt(client) == "Changed?"


def test_a_write_of_another_application_instance_is_seen(make_app: MakeApp) -> None:
    one, other = (make_app(RATELIMIT_READS=PLENTY).test_client() for _ in range(2))
    created = one.put(SCRATCH, json={"content": {"by": "one"}}, headers={"If-None-Match": "*"})
    warm(other, SCRATCH)
    one.put(SCRATCH, json={"content": {"by": 2}}, headers={"If-Match": created.headers["ETag"]})
    until(lambda: other.get(SCRATCH).get_json()["content"] == {"by": 2})
    assert one.get(SCRATCH).get_json()["content"] == {"by": 2}


def test_a_write_that_was_rolled_back_evicts_nothing(app: Flask) -> None:
    client = app.test_client()
    warm(client, ITEM)
    with app.app_context():
        db.session.execute(text(renamed("Never?")))
        db.session.rollback()
    assert status(client, ITEM) == HIT


def test_scratch_writes_do_not_evict_the_bank(client: FlaskClient) -> None:
    warm(client, LIST)
    client.put(SCRATCH, json={"content": {}}, headers={"If-None-Match": "*"})
    assert status(client, LIST) == HIT
    client.delete(SCRATCH, headers={"If-Match": "*"})
    assert status(client, LIST) == HIT


@on_postgresql
def test_a_process_that_wrote_soon_gets_free_hits_again(client: FlaskClient) -> None:
    warm(client, LIST)
    for n in range(10):
        client.put(f"{SCRATCH}-{n}", json={"content": {}}, headers={"If-None-Match": "*"})
        # Long before the listener would look again of its own accord.
        until(lambda: statements(client.get(LIST)) == 0, PostgresFreshness.PATIENCE_SECONDS / 2)


@contextmanager
def _records(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []
    with monkeypatch.context() as patch:
        patch.setattr(logging.getLogger("api.http.freshness"), "handle", records.append)
        yield records


def _listeners(connection: psycopg.Connection) -> list[int]:
    """The server processes behind the application's listening connections."""
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = %s",
        [freshness._QUERY],
    )
    return [pid for (pid,) in rows]


@on_postgresql
def test_while_the_listener_is_gone_every_read_asks_and_none_is_stale(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresFreshness, "RECONNECT_SECONDS", 600.0)
    warm(client, ITEM)
    with (
        _records(monkeypatch) as records,
        closing(psycopg.connect(target(settings)[1], autocommit=True)) as connection,
    ):
        for pid in until(lambda: _listeners(connection)):
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        until(lambda: records)
        for n in range(20):
            connection.execute(renamed(f"Version {n}?"))
            assert prompt(client) == f"Version {n}?"
            assert status(client, ITEM) == HIT
    assert "not listening" in records[0].getMessage()


@on_postgresql
def test_a_listener_that_was_cut_off_comes_back(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresFreshness, "RECONNECT_SECONDS", 0.01)
    warm(client, ITEM)
    with (
        _records(monkeypatch) as records,
        closing(psycopg.connect(target(settings)[1], autocommit=True)) as connection,
    ):
        for pid in until(lambda: _listeners(connection)):
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        until(lambda: records)
        assert statements(warm(client, ITEM)) == 0
        connection.execute(renamed("Changed?"))
        until(lambda: prompt(client) == "Changed?", PostgresFreshness.PATIENCE_SECONDS / 2)


@on_postgresql
def test_a_listener_on_a_line_gone_silent_is_not_believed_for_long(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresFreshness, "PATIENCE_SECONDS", 0.2)
    warm(client, ITEM)
    with closing(psycopg.connect(target(settings)[1], autocommit=True)) as connection:
        (pid,) = until(lambda: _listeners(connection))
        os.kill(pid, signal.SIGSTOP)  # neither notifies, nor answers, nor closes
        try:
            connection.execute(renamed("Changed?"))
            until(lambda: prompt(client) == "Changed?", 5)
            connection.execute(renamed("And again?"))
            assert prompt(client) == "And again?"
        finally:
            os.kill(pid, signal.SIGCONT)


@on_sqlite
def test_a_forged_host_does_not_get_into_the_links_of_others(client: FlaskClient) -> None:
    forged = client.get(LIST, base_url="http://evil.example")
    assert "evil.example" in forged.text
    for base_url in ("http://localhost", "https://localhost", "http://localhost:8080"):
        response = client.get(LIST, base_url=base_url)
        assert response.headers["Cache-Status"] == MISS
        assert response.get_json()["links"]["self"].startswith(f"{base_url}/api/")
        assert "evil.example" not in response.text + str(response.headers)


@on_sqlite
def test_entries_differ_by_prefix_and_query(make_app: MakeApp) -> None:
    client = make_app(MOUNT_ALIAS="/mounted").test_client()
    bodies = set()
    for path in (
        LIST,
        f"/mounted{LIST}",
        "/api/v1/questions?per_page=3",
        "/api/v1/questions?per_page=4",
        "/api/v1/questions?page=3",
    ):
        assert status(client, path) == MISS
        bodies.add(client.get(path).text)
    assert len(bodies) == 5


@on_sqlite
def test_the_order_of_parameters_makes_no_difference_to_what_is_stored(
    client: FlaskClient,
) -> None:
    assert status(client, "/api/v1/questions/51?fields=number&include=demonstrations") == MISS
    assert status(client, "/api/v1/questions/51?include=demonstrations&fields=number") == HIT


@on_sqlite
@pytest.mark.parametrize("separator", ["\n", "\0", "&", ",", '"', "', '", '", "'])
def test_no_value_can_pass_for_two_parameters(separator: str, client: FlaskClient) -> None:
    value = f"flask{separator}sort=number"
    one = client.get("/api/v1/questions", query_string={"q": value})
    two = client.get("/api/v1/questions", query_string={"q": "flask", "sort": "number"})
    assert two.headers["Cache-Status"] == MISS
    assert one.data != two.data


@on_sqlite
def test_versions_at_one_address_are_stored_apart(client: FlaskClient) -> None:
    media_type = "application/vnd.question-bank.{}+json"
    first, second = (
        client.get("/api/questions", headers={"Accept": media_type.format(version)})
        for version in ("v1", "v2")
    )
    assert first.headers["Cache-Status"] == second.headers["Cache-Status"] == MISS
    assert "answer" in first.get_json()["items"][0]
    assert "answer" not in second.get_json()["items"][0]
    assert first.headers["ETag"] != second.headers["ETag"]


@on_sqlite
def test_eight_readers_beside_a_writer_never_read_what_is_out_of_date(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_ENABLED="false", LOG_LEVEL="WARNING")
    app.test_client_class = FlaskClient  # two thousand answers: the contract has seen them
    writer = app.test_client()
    created = writer.put(SCRATCH, json={"content": {"n": 0}}, headers={"If-None-Match": "*"})
    written, done = [0], threading.Event()
    hits: list[int] = []

    def read() -> None:
        client, seen = app.test_client(), 0
        while not done.is_set():
            before = written[-1]
            response = client.get(SCRATCH)
            found = response.get_json()["content"]["n"]
            assert found >= before, "out of date"
            assert found >= seen, "back in time"
            seen = found
            hits.append(response.headers["Cache-Status"] == HIT)

    with threads(*[read] * 8):
        etag = created.headers["ETag"]
        try:
            for n in range(1, 201):
                changed = writer.put(
                    SCRATCH, json={"content": {"n": n}}, headers={"If-Match": etag}
                )
                assert changed.status_code == 200, changed.text
                etag = changed.headers["ETag"]
                written.append(n)
        finally:
            done.set()
    assert len(hits) > 200
    assert any(hits)
    assert not all(hits)
