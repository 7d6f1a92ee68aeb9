"""Conditional requests: a validator on every read, 304 without the body, no lost update."""

import re
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from werkzeug.http import parse_date, parse_etags
from werkzeug.test import TestResponse

from tests.access.test_matrix import PROTECTED
from tests.accounts.tools import authorization
from tests.attachments.samples import picture
from tests.conftest import MakeApp
from tests.http.helpers import at_once
from tests.v1.writing import BODY

SCRATCH = "/api/v1/scratch/conditional"

#: Values for the variables of each route that has some, such that it answers 200.
VALUES: dict[str, dict[str, Any]] = {
    "v1.question": {"number": 51},
    "v1.demonstrations": {"number": 51},
    "v1.topic": {"slug": "uploads"},
    "v1.problem": {"slug": "not-found"},
    "v1.limit": {"strategy": "fixed-window"},
    "v1.loading": {"strategy": "selectin"},
    "v1.scratch": {"key": "conditional"},
    "v1.practice_card": {"position": 1},
    "v1.json": {"form": "dict"},
    "v1.grants": {"number": 51},
    "v1.revisions": {"number": 51},
    "v1.revision": {"number": 51, "revision": 1},
    "v1.attachments": {"number": 51},
    "restx.question": {"number": 51},
    "site.operation": {"operation_id": "listQuestions"},
    "site.question": {"number": 51},
}
#: These fail on purpose or do not read.
NEVER_200 = {"v1.error", "site.page_that_is_not_there", "v1.configuration_check"}
#: Forms and the panel's pages: each holds a token of its own, and no cache keeps one
#: (tests/site/test_door.py, tests/site/test_admin.py).
FORMS = ("security.", "admin.", "admin_")
#: Files that browsers keep for a time without asking (tests/site/test_assets.py).
STATIC = {"restx.static", "restx_doc.static", "site.asset", "site.icon"}
#: Pages for who is signed in at the site; a token opens none.
PAGES = {
    re.sub(r"<\w+(?:\([^)]*\))?:", "<", path)
    for path in (name.partition(" ")[2] for name in PROTECTED)
    if not path.startswith("/api")
}
#: Their content differs from call to call.
VOLATILE = {"v1.random", "v1.random_webargs", "v1.limit", "v1.ready"}

BOTH = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """One database will do, except where a test is marked with `BOTH`."""
    return str(getattr(request, "param", "sqlite"))


class Reader(NamedTuple):
    """A client that may read all, as often as it likes, and the address of every read, by endpoint."""

    client: FlaskClient
    addresses: dict[str, str]

    def get(self, path: str, **more: Any) -> TestResponse:
        """Read."""
        return self.client.get(path, buffered=True, **more)


def addresses(app: Flask, made: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The address of every route that a GET reads, by endpoint.

    :param made: values for variables whose objects a test made.
    """
    values = VALUES | made
    with app.test_request_context():
        return {
            rule.endpoint: url_for(rule.endpoint, **values.get(rule.endpoint, {}))
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ())
            and rule.endpoint not in NEVER_200 | STATIC
            and re.sub(r"<\w+(?:\([^)]*\))?:", "<", rule.rule) not in PAGES
            and not rule.endpoint.startswith(FORMS)
        }


@pytest.fixture
def reader(make_app: MakeApp) -> Reader:
    """A reader with something of each kind to read."""
    plenty = "100000 per minute"
    app = make_app(RATELIMIT_READS=plenty, RATELIMIT_REHEARSALS=plenty)
    client = app.test_client()
    client.environ_base |= authorization(app)
    client.put(SCRATCH, json={"content": {}}, headers={"If-None-Match": "*"})
    client.post("/api/v1/practice/round", json={"size": 1})
    question = "/api/v1/questions/51"
    current = client.get(question).headers["ETag"]
    client.patch(question, json={"difficulty": "advanced"}, headers={"If-Match": current})
    image = (BytesIO(picture()), "dot.png", "image/png")
    attachment: Any = client.post(f"{question}/attachments", data={"file": image}).get_json()
    draft: Any = client.post("/api/v1/drafts", json=BODY).get_json()
    job: Any = client.post("/api/v1/exports", json={}, headers={"Prefer": "wait=20"}).get_json()
    made = {
        "v1.attachment": {"attachment": attachment["id"]},
        "v1.attachment_file": {"attachment": attachment["id"]},
        "v1.draft": {"draft": draft["id"]},
        "v1.job": {"jid": job["id"]},
        "v1.job_file": {"jid": job["id"]},
    }
    return Reader(client, addresses(app, made))


def test_every_read_has_an_etag_and_a_304(reader: Reader) -> None:
    for endpoint, path in reader.addresses.items():
        first = reader.get(path)
        assert first.status_code == 200, (endpoint, first.text)
        etag = first.headers["ETag"]
        assert etag.endswith('"')
        assert etag.startswith(('"', 'W/"'))
        assert first.headers["Cache-Control"] in {"no-cache", "private, no-cache", "no-store"}

        unchanged = reader.get(path, headers={"If-None-Match": "*"})
        if endpoint not in VOLATILE:
            assert reader.get(path).headers["ETag"] == etag, endpoint
            weak = etag if etag.startswith("W/") else f"W/{etag}"
            for matching in (etag, weak, f'"other", {etag}, "more"'):
                unchanged = reader.get(path, headers={"If-None-Match": matching})
                assert unchanged.status_code == 304, (endpoint, matching)
                assert unchanged.headers["ETag"] == etag
                for name in ("Content-Location", "Vary", "Cache-Control", "Expires", "Link"):
                    assert unchanged.headers.get(name) == first.headers.get(name), (endpoint, name)
            for other in ('"other"', f'"{etag.strip("W/").strip(chr(34))}0"'):
                response = reader.get(path, headers={"If-None-Match": other})
                assert response.status_code == 200, (endpoint, other)
                assert response.data == first.data
        # RFC 9110, section 15.4.5: what a 304 must carry.
        assert unchanged.status_code == 304, endpoint
        assert unchanged.data == b""
        assert parse_date(unchanged.headers["Date"])
        assert parse_etags(unchanged.headers["ETag"])
        assert "Content-Length" not in unchanged.headers


def test_head_has_the_headers_of_get(reader: Reader) -> None:
    own = {"Date", "RateLimit", "Server-Timing", "X-Request-ID"}
    for endpoint, path in reader.addresses.items():
        reader.get(path)
        get, head = reader.get(path), reader.client.head(path, buffered=True)
        assert head.status_code == 200, endpoint
        assert head.data == b""
        assert set(head.headers.keys()) == set(get.headers.keys()), endpoint
        if endpoint not in VOLATILE:
            for name in set(get.headers.keys()) - own:
                assert head.headers.getlist(name) == get.headers.getlist(name), (endpoint, name)


def test_different_representations_have_different_etags(reader: Reader) -> None:
    paths = ["51", "52", "51?fields=number", "51?include=demonstrations"]
    etags = {reader.get(f"/api/v1/questions/{path}").headers["ETag"] for path in paths}
    assert len(etags) == len(paths)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/questions/1", "/nothing"])
def test_an_error_is_no_representation(path: str, client: FlaskClient) -> None:
    response = client.get(path, headers={"If-None-Match": "*"})
    assert response.status_code == 404
    assert "ETag" not in response.headers


class Document:
    """The scratch document of these tests."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def put(self, n: int, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.put(SCRATCH, json={"content": {"n": n}}, headers=named)
        return response.status_code

    def delete(self, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.delete(SCRATCH, headers=named).status_code

    @property
    def etag(self) -> str:
        return self.client.get(SCRATCH).headers["ETag"]

    @property
    def n(self) -> int | None:
        response = self.client.get(SCRATCH)
        found: int | None = (
            response.get_json()["content"]["n"] if response.status_code == 200 else None
        )
        return found


@BOTH
def test_what_is_not_there_is_created_only_by_if_none_match(client: FlaskClient) -> None:
    document = Document(client)
    assert document.put(1) == 428
    assert document.put(1, If_Match="*") == 412
    assert document.put(1, If_Match='"0"') == 412
    assert document.delete(If_Match="*") == 404
    assert document.n is None
    assert document.put(1, If_None_Match="*") == 201
    assert document.n == 1


@BOTH
def test_what_is_there_changes_only_by_its_current_etag(client: FlaskClient) -> None:
    document = Document(client)
    document.put(1, If_None_Match="*")
    first = document.etag
    assert document.put(2) == 428
    assert document.delete() == 428
    assert document.put(2, If_None_Match="*") == 412
    assert document.put(2, If_None_Match=first) == 412
    assert document.put(2, If_None_Match=f"W/{first}") == 412  # weak comparison here
    assert document.put(2, If_Match='"0"') == 412
    assert document.put(2, If_Match=f"W/{first}") == 412  # strong comparison there
    assert document.put(2, If_Match=first.strip('"') + "0") == 412
    assert document.delete(If_Match='"0"') == 412
    assert (document.n, document.etag) == (1, first)

    assert document.put(2, If_Match=first) == 200
    assert document.put(3, If_Match=first) == 412  # it was used up by the change
    assert document.put(3, If_Match=f'"0", {document.etag}') == 200
    assert document.put(4, If_Match="*") == 200
    assert document.n == 4
    assert document.delete(If_Match=first) == 412
    assert document.delete(If_Match=document.etag) == 204
    assert document.n is None


@BOTH
def test_the_etag_in_the_answer_to_a_change_is_the_next_precondition(client: FlaskClient) -> None:
    created = client.put(SCRATCH, json={"content": {}}, headers={"If-None-Match": "*"})
    etag = created.headers["ETag"]
    for n in range(3):
        changed = client.put(SCRATCH, json={"content": {"n": n}}, headers={"If-Match": etag})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != etag
        etag = changed.headers["ETag"]
        assert client.get(SCRATCH).headers["ETag"] == etag


@BOTH
def test_writing_the_same_content_again_makes_a_new_etag(client: FlaskClient) -> None:
    document = Document(client)
    document.put(1, If_None_Match="*")
    first = document.etag
    assert document.put(1, If_Match=first) == 200
    assert document.put(1, If_Match=first) == 412


@BOTH
def test_of_writers_at_once_one_alone_gets_through(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_ENABLED="false")
    for _ in range(5):
        created = at_once(lambda n: Document(app.test_client()).put(n, If_None_Match="*"))
        assert sorted(created) == [201] + [412] * 7
        etag = Document(app.test_client()).etag
        changed = at_once(lambda n: Document(app.test_client()).put(n, If_Match=etag))  # noqa: B023  # called at once
        assert sorted(changed) == [200] + [412] * 7
        etag = Document(app.test_client()).etag
        deleted = at_once(lambda _: Document(app.test_client()).delete(If_Match=etag))  # noqa: B023  # called at once
        assert deleted.count(204) == 1
        assert set(deleted) <= {204, 404, 412}
