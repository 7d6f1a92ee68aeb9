"""`/scratch/{key}`: verbs as methods, preconditions, and what keeps a public corner small."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from api.bank import scratch
from api.extensions import db
from api.models import ScratchDocument
from api.v1.scratch import MAX_BYTES
from tests.conftest import MakeApp
from tests.v1.tools import sqlite_only, statements, wait_for

NEW = {"If-None-Match": "*"}


def address(key: str) -> str:
    return f"/api/v1/scratch/{key}"


def put(client: FlaskClient, key: str, content: Any, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()} or NEW
    return client.put(address(key), json={"content": content}, headers=named)


def created(client: FlaskClient, key: str, content: Any = None) -> TestResponse:
    response = put(client, key, content or {})
    assert response.status_code == 201, response.get_data(as_text=True)
    return response


def stored(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(ScratchDocument)) or 0


# --- Verbs ---------------------------------------------------------------------------------------


def test_each_verb_is_a_method_and_the_rest_are_405(client: FlaskClient) -> None:
    response = created(client, "verbs", {"a": [1, None, "x"]})
    document: Any = response.json
    assert document.keys() == {
        "key", "content", "created_at", "updated_at", "expires_at", "links",
    }  # fmt: skip
    assert document["content"] == {"a": [1, None, "x"]}
    assert document["links"]["self"] == response.headers["Location"]
    assert response.headers["Location"] == "http://localhost/api/v1/scratch/verbs"
    read = client.get(address("verbs"))
    assert read.json == document
    assert read.headers["ETag"] == response.headers["ETag"]

    replaced = put(client, "verbs", {"b": 2}, If_Match=read.headers["ETag"])
    assert replaced.status_code == 200
    assert "Location" not in replaced.headers
    assert replaced.headers["ETag"] != read.headers["ETag"]
    changed: Any = client.get(address("verbs")).json
    assert changed == replaced.json
    assert changed["content"] == {"b": 2}
    assert changed["created_at"] == document["created_at"]
    assert changed["updated_at"] > document["updated_at"]

    gone = client.delete(address("verbs"), headers={"If-Match": replaced.headers["ETag"]})
    assert (gone.status_code, gone.get_data()) == (204, b"")
    assert client.get(address("verbs")).status_code == 404

    for verb in ("POST", "PATCH"):
        refused = client.open(address("verbs"), method=verb, json={"content": {}}, headers=NEW)
        assert refused.status_code == 405
        assert refused.content_type == "application/problem+json"
        allow = {method.strip() for method in refused.headers["Allow"].split(",")}
        assert allow == {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}


def test_head_is_a_get_without_its_body(client: FlaskClient) -> None:
    created(client, "a-key", {"a": 1})
    read, head = client.get(address("a-key")), client.head(address("a-key"))
    assert head.status_code == 200
    assert head.get_data() == b""
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == read.headers[name]
    assert client.head(address("no-such")).status_code == 404


def test_options_names_the_verbs_and_changes_nothing(app: Flask, client: FlaskClient) -> None:
    response = client.options(address("a-key"))
    assert response.status_code == 200
    allow = {method.strip() for method in response.headers["Allow"].split(",")}
    assert allow == {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}
    assert stored(app) == 0


@sqlite_only
def test_only_changes_count_against_the_quota_of_writes(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_WRITES="2 per minute").test_client()
    etag = created(client, "a-key").headers["ETag"]
    for _ in range(4):
        assert client.get(address("a-key")).status_code == 200
    assert client.delete(address("a-key"), headers={"If-Match": etag}).status_code == 204
    refused = put(client, "another", {})
    assert refused.status_code == 429
    assert '"writes";r=0' in refused.headers["RateLimit"]
    assert client.delete(address("a-key")).status_code == 429
    assert client.get(address("a-key")).status_code == 404


# --- Preconditions -------------------------------------------------------------------------------


def header_refused(response: TestResponse, status: int) -> str:
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    (entry,) = response.json["errors"]  # type: ignore[index]  # a problem object
    return str(entry["header"])


def test_a_change_without_a_precondition_is_428(app: Flask, client: FlaskClient) -> None:
    body = {"content": {"b": 2}}
    assert header_refused(client.put(address("k"), json=body), 428) == "If-None-Match"
    assert stored(app) == 0
    created(client, "k", {"a": 1})
    assert header_refused(client.put(address("k"), json=body), 428) == "If-Match"
    assert header_refused(client.delete(address("k")), 428) == "If-Match"
    assert client.get(address("k")).json["content"] == {"a": 1}  # type: ignore[index]  # an object


def test_a_change_from_another_state_is_412(app: Flask, client: FlaskClient) -> None:
    assert header_refused(put(client, "k", {}, If_Match='"x"'), 412) == "If-Match"
    assert header_refused(put(client, "k", {}, If_Match="*"), 412) == "If-Match"
    assert stored(app) == 0
    old = created(client, "k", {"a": 1}).headers["ETag"]
    now = put(client, "k", {"a": 2}, If_Match=old).headers["ETag"]
    assert header_refused(put(client, "k", {"a": 3}, If_Match=old), 412) == "If-Match"
    assert header_refused(put(client, "k", {"a": 3}), 412) == "If-None-Match"
    assert header_refused(put(client, "k", {"a": 3}, If_None_Match=now), 412) == "If-None-Match"
    weak = f"W/{now}"  # never good enough for a change: RFC 9110, section 13.1.1
    assert header_refused(put(client, "k", {"a": 3}, If_Match=weak), 412) == "If-Match"
    response = client.delete(address("k"), headers={"If-Match": old})
    assert header_refused(response, 412) == "If-Match"
    assert client.get(address("k")).json["content"] == {"a": 2}  # type: ignore[index]  # an object
    assert put(client, "k", {"a": 3}, If_Match=f'"other", {now}').status_code == 200
    assert put(client, "k", {"a": 4}, If_Match="*").status_code == 200


def test_writing_the_same_again_is_a_new_state(client: FlaskClient) -> None:
    etag = created(client, "k", {"a": 1}).headers["ETag"]
    again = put(client, "k", {"a": 1}, If_Match=etag)
    assert again.headers["ETag"] != etag
    assert put(client, "k", {"a": 1}, If_Match=etag).status_code == 412


def test_what_is_not_there_can_be_neither_read_nor_deleted(client: FlaskClient) -> None:
    assert client.get(address("no-such")).status_code == 404
    assert client.delete(address("no-such"), headers={"If-Match": "*"}).status_code == 404
    assert client.delete(address("no-such")).status_code == 404


def at_once(app: Flask, count: int, content: Any, headers: dict[str, str]) -> list[int]:
    """PUT from so many threads in the same moment; return the statuses in order."""
    together = threading.Barrier(count)

    def write(number: int) -> int:
        client = app.test_client()
        together.wait(timeout=10)
        body = {"content": {**content, "writer": number}}
        return client.put(address("shared"), json=body, headers=headers).status_code

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(write, range(count)))


def test_of_many_who_create_at_once_one_does(app: Flask, client: FlaskClient) -> None:
    assert at_once(app, 8, {}, NEW) == [201] + [412] * 7


def test_of_many_who_change_one_state_at_once_one_does(app: Flask, client: FlaskClient) -> None:
    etag = created(client, "shared").headers["ETag"]
    assert at_once(app, 8, {}, {"If-Match": etag}) == [200] + [412] * 7


# --- Content -------------------------------------------------------------------------------------

CONTENTS: list[Any] = [
    {},
    {"": ""},
    {"text": "Grüße 日本語 😀 \u202e \x7f \x01 \\ \" ' </script>", "ключ": "значение", "a/b~c": 1},
    {"combined": "e\u0301", "composed": "\u00e9"},
    {"numbers": [0, -1, 2**63 - 1, -(2**63), 1.5, -0.25, 1e-7, 2.5e-300]},
    {"deep": {"er": {"est": [[[[{"x": None}]]]]}}, "flags": [True, False, None]},
    {"order": 1, "is": 2, "kept": 3, "a": 4},
]


@pytest.mark.parametrize("content", CONTENTS)
def test_what_is_put_is_what_is_read(client: FlaskClient, content: Any) -> None:
    assert created(client, "k", content).json["content"] == content  # type: ignore[index]  # an object
    read: Any = client.get(address("k")).json
    assert read["content"] == content
    assert list(read["content"]) == list(content)


@pytest.mark.parametrize(
    "raw",
    [
        '{"content": {"n": 1e400}}', '{"content": {"n": [-1e999]}}', '{"content": {"n": NaN}}',
        '{"content": {"n": 9223372036854775808}}', '{"content": {"n": 1' + "0" * 5000 + "}}",
        '{"content": {"s": "\\u0000"}}', '{"content": {"\\u0000": 1}}',
        '{"content": {"s": "\\ud800"}}', '{"content": {"a": 1, "a": 2}}', '{"content": []}',
        '{"content": "x"}', '{"content": null}', "{}", "[]", "null", '{"content": {}, "more": 1}',
        '{"content": ' + '{"a":' * 40 + "1" + "}" * 41,
    ],
)  # fmt: skip
def test_what_no_database_keeps_is_refused(app: Flask, client: FlaskClient, raw: str) -> None:
    response = client.put(address("k"), data=raw, content_type="application/json", headers=NEW)
    assert response.status_code in {400, 422}
    assert response.content_type == "application/problem+json"
    assert stored(app) == 0


@pytest.mark.parametrize("letter", ["a", "é", "😀", '"'])
def test_content_is_measured_in_bytes_of_json(client: FlaskClient, letter: str) -> None:
    size = len(letter.encode()) + (letter == '"')  # a quote is escaped
    room = MAX_BYTES - len('{"s":""}')
    fits = letter * (room // size) + "x" * (room % size)
    assert put(client, "fits", {"s": fits}).status_code == 201
    refused = put(client, "does-not", {"s": fits + "x"})
    assert refused.status_code == 413
    assert str(MAX_BYTES) in refused.json["detail"]  # type: ignore[index]  # a problem object
    assert client.get(address("does-not")).status_code == 404


# --- Lifetime and room ---------------------------------------------------------------------------


def test_a_document_says_when_it_goes(client: FlaskClient) -> None:
    document: Any = created(client, "k").json
    updated, expires = (
        datetime.fromisoformat(document[name]) for name in ("updated_at", "expires_at")
    )
    assert expires - updated == timedelta(hours=24)
    assert abs(datetime.now(UTC) - updated) < timedelta(minutes=1)


def test_an_expired_document_is_gone_and_its_key_free(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = created(client, "old").headers["ETag"]
    created(client, "older")
    later = datetime.now(UTC) + scratch.LIFETIME + timedelta(seconds=1)
    monkeypatch.setattr(scratch, "now", lambda: later)
    assert client.get(address("old")).status_code == 404
    assert client.delete(address("old"), headers={"If-Match": etag}).status_code == 404
    assert put(client, "old", {}, If_Match=etag).status_code == 412
    assert put(client, "old", {"again": True}).status_code == 201
    assert stored(app) == 1  # a change sweeps out what has expired
    assert client.get(address("old")).json["content"] == {"again": True}  # type: ignore[index]  # an object


def test_a_cached_document_goes_when_it_expires(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "LIFETIME", timedelta(seconds=1.5))
    created(client, "brief")
    assert client.get(address("brief")).status_code == 200
    wait_for(lambda: client.get(address("brief")).status_code == 404, seconds=5)


def test_the_oldest_make_room_for_the_newest(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "CAPACITY", 3)
    etags = {key: created(client, key).headers["ETag"] for key in ("a", "b", "c")}
    assert put(client, "a", {"kept": True}, If_Match=etags["a"]).status_code == 200
    assert stored(app) == 3  # replacing takes no room
    created(client, "d")
    created(client, "e")
    assert stored(app) == 3
    found = [key for key in "abcde" if client.get(address(key)).status_code == 200]
    assert found == ["a", "d", "e"]


@pytest.mark.parametrize("key", ["A", "a_b", "a--b", "-a", "a" * 61, "%00", "a%20b", "é"])
def test_a_malformed_key_is_a_404_for_every_verb(client: FlaskClient, key: str) -> None:
    for verb in ("GET", "PUT", "DELETE"):
        response = client.open(address(key), method=verb, json={"content": {}}, headers=NEW)
        assert response.status_code in {400, 404}
        assert statements(response) == 0
