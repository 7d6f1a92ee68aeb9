"""`/preferences`: a cookie set, read and deleted; what is in it is judged; who may keep the answers."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import MakeApp
from tests.v1.tools import sqlite_only

ADDRESS = "/api/v1/preferences"
DEFAULTS = {"language": "auto", "theme": "system", "page_size": 20}

pytestmark = sqlite_only


def told(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.get_data(as_text=True)
    body: dict[str, Any] = response.get_json()
    body.pop("links")
    return body


def test_preferences_are_set_read_and_deleted(client: FlaskClient) -> None:
    assert told(client.get(ADDRESS)) == {**DEFAULTS, "saved": False, "ignored": []}
    first = told(client.patch(ADDRESS, json={"theme": "dark"}))
    assert first == {**DEFAULTS, "theme": "dark", "saved": True, "ignored": []}
    second = told(client.patch(ADDRESS, json={"page_size": 50, "language": "ar"}))
    assert told(client.get(ADDRESS)) == second
    assert (second["theme"], second["page_size"], second["language"]) == ("dark", 50, "ar")
    assert client.delete(ADDRESS).status_code == 204
    assert client.get_cookie("bank_preferences") is None
    assert told(client.get(ADDRESS))["saved"] is False


@pytest.mark.parametrize("prefix", ["", "/mounted"])
def test_the_cookie_has_its_attributes_in_every_environment(make_app: MakeApp, prefix: str) -> None:
    for scheme, name, secure in (
        ("http", "bank_preferences", False),
        ("https", "__Host-bank_preferences", True),
    ):
        client = make_app(PREFERRED_URL_SCHEME=scheme).test_client()
        answers = [
            client.patch(prefix + ADDRESS, json={}, base_url=f"{scheme}://localhost"),
            client.delete(prefix + ADDRESS, base_url=f"{scheme}://localhost"),
        ]
        for answer in answers:
            field = answer.headers["Set-Cookie"]
            assert field.startswith(f"{name}=")
            parts = set(field.split("; ")[1:])
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= parts
            assert ("Secure" in parts) == secure
        assert "Max-Age=31536000" in answers[0].headers["Set-Cookie"]
        assert "Max-Age=0" in answers[1].headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("written", "values", "ignored"),
    [
        ("language=de&theme=loud&page_size=30", {"language": "de", "page_size": 30}, ["theme"]),
        ("language=de", {"language": "de"}, []),
        ("page_size=0", {}, ["page_size"]),
        ("page_size=101", {}, ["page_size"]),
        ("page_size=٣", {}, ["page_size"]),
        ("page_size=" + "9" * 3000, {}, ["page_size"]),
        ("theme=dark&more=1", {"theme": "dark"}, []),
        ("", {}, ["language", "theme", "page_size"]),
        ("rubbish", {}, ["language", "theme", "page_size"]),
        ("&".join(["theme=dark"] * 50), {}, ["language", "theme", "page_size"]),
        ("theme=%00&language=%ff", {}, ["language", "theme"]),
    ],
)  # fmt: skip
def test_what_cannot_be_used_counts_as_not_chosen(
    client: FlaskClient, written: str, values: dict[str, Any], ignored: list[str]
) -> None:
    raw = written.encode("utf-8").decode("latin-1")
    bare = client.application.test_client(use_cookies=False)
    answer = bare.get(ADDRESS, headers={"Cookie": f"bank_preferences={raw}"})
    assert told(answer) == {**DEFAULTS, **values, "saved": bool(values), "ignored": ignored}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"language": "fr"}, "#/language"), ({"theme": None}, "#/theme"),
        ({"page_size": 0}, "#/page_size"), ({"page_size": "20"}, "#/page_size"),
        ({"page_size": 2**70}, "#/page_size"), ({"theme": "dark\0"}, "#/theme"),
        ({"colour": "red"}, "#/colour"), ([], "#"),
    ],
)  # fmt: skip
def test_a_faulty_preference_is_named_and_no_cookie_is_set(
    client: FlaskClient, body: Any, pointer: str
) -> None:
    data = json.dumps(body)
    answer: Any = client.patch(ADDRESS, data=data, content_type="application/json")
    assert answer.status_code == 422
    assert [entry["pointer"] for entry in answer.get_json()["errors"]] == [pointer]
    assert "Set-Cookie" not in answer.headers


def test_only_the_reader_may_keep_the_answer_and_a_change_gives_it_a_new_etag(
    client: FlaskClient,
) -> None:
    before = client.get(ADDRESS)
    assert before.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in before.headers["Vary"]
    again = client.get(ADDRESS, headers={"If-None-Match": before.headers["ETag"]})
    assert again.status_code == 304
    client.patch(ADDRESS, json={"theme": "light"})
    assert client.get(ADDRESS).headers["ETag"] != before.headers["ETag"]


def test_public_reads_do_not_depend_on_preferences(client: FlaskClient) -> None:
    plain = client.get("/api/v1/questions")
    client.patch(ADDRESS, json={"page_size": 1, "language": "de"})
    answer = client.get("/api/v1/questions")
    assert answer.get_data() == plain.get_data()
    assert answer.headers["ETag"] == plain.headers["ETag"]
    assert "Cookie" not in answer.headers["Vary"]
    assert "Set-Cookie" not in answer.headers
