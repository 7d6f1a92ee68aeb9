"""`/api/v2/questions`: cursors that lose and repeat nothing, a leaner form, the same rules."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.http.deprecation import DEPRECATED, SUNSET
from tests.conftest import MakeApp
from tests.v1.tools import (
    add_question,
    every_question,
    link_field,
    numbers,
    parameters_refused,
    postgresql_only,
    remove_question,
    settle,
    sqlite_only,
    statements,
)

V1, V2 = "/api/v1/questions", "/api/v2/questions"
KEYS = ["number", "prompt", "difficulty", "created_at", "updated_at"]
SORTS = [*KEYS, *(f"-{key}" for key in KEYS), "difficulty,-number", "-difficulty,prompt",
         "-updated_at,difficulty,-number"]  # fmt: skip


def walk(client: FlaskClient, **query: str | int) -> list[int]:
    """Follow `next` to the end; return the numbers in the order in which they came."""
    seen: list[int] = []
    response = client.get(V2, query_string=query)
    for _ in range(100):
        seen += numbers(response)
        links: dict[str, str] = response.json["links"]  # type: ignore[index]  # a collection
        assert link_field(response) == {rel: url for rel, url in links.items() if rel != "self"}
        if "next" not in links:
            return seen
        response = client.get(links["next"])
    raise AssertionError("the walk does not end")


def test_cursors_walk_the_whole_bank_once(client: FlaskClient) -> None:
    for sort in ("number", "-number", "difficulty,-number"):
        for limit in (1, 7, 25, 49, 50, 51):
            in_one = numbers(client.get(V2, query_string={"sort": sort, "limit": 100}))
            assert sorted(in_one) == list(range(51, 101))
            if limit > 1 or sort == "number":
                assert walk(client, sort=sort, limit=limit) == in_one


@pytest.mark.parametrize("sort", SORTS)
def test_a_walk_is_not_disturbed_by_what_is_stored_and_deleted_meanwhile(
    app: Flask, client: FlaskClient, sort: str
) -> None:
    # Questions without a difficulty, so that a NULL among the keys is walked over too.
    for number in (7, 8, 9):
        add_question(app, number)
    stayed = set(range(51, 101))
    seen: list[int] = []
    address: str | None = f"{V2}?sort={sort}&limit=6"
    step = 0
    while address:
        response = client.get(address)
        seen += numbers(response)
        address = response.json["links"].get("next")  # type: ignore[index]  # a collection
        # One before and one behind the place, in either direction; and the last one seen goes.
        add_question(app, 10 + step, prompt="A marmot?", difficulty="beginner")
        add_question(app, 1000 + step, prompt="Zebras?", difficulty="advanced")
        if step < 4:
            remove_question(app, seen[-1])
        step += 1
    assert len(seen) == len(set(seen)), "a question came twice"
    assert stayed <= set(seen), "a question was passed over"


def test_relevance_is_walked_in_both_directions(client: FlaskClient) -> None:
    for sort in ("-relevance", "relevance", "relevance,-number", "difficulty,-relevance"):
        in_one = numbers(client.get(V2, query_string={"q": "flask", "sort": sort, "limit": 100}))
        assert len(in_one) > 20
        assert walk(client, q="flask", sort=sort, limit=4) == in_one
    assert walk(client, q="flask", limit=3) == walk(client, q="flask", sort="-relevance", limit=100)


def test_a_slice_is_leaner_than_v1_has_it(client: FlaskClient) -> None:
    response = client.get(V2)
    body: Any = response.json
    assert body.keys() == {"items", "page", "links"}
    assert body["page"] == {"limit": 20}
    whole = {question["number"]: question for question in every_question(client)}
    for item in body["items"]:
        assert item.keys() == {"number", "prompt", "difficulty", "topics", "links"}
        original = whole[item["number"]]
        for name in ("number", "prompt", "difficulty", "topics"):
            assert item[name] == original[name]
        assert item["links"] == {"self": original["links"]["self"]}
    searched: Any = client.get(f"{V2}?q=flask").json
    assert all("<mark>" in str(item["highlights"]) for item in searched["items"])


FILTERS = [
    "", "topic=database", "topic=rest,security", "difficulty=advanced", "technique=caching",
    "number_from=60&number_to=70", "sort=-number", "sort=difficulty,-number", "sort=-prompt",
    "q=flask", "q=caching&sort=number", "topic=rest&difficulty=intermediate&sort=-updated_at,number",
    "q=flask&topic=rest&number_from=60", "topic=no-such-topic", 'q="unbalanced',
]  # fmt: skip
REFUSED = [
    "topic=REST", "difficulty=hard", "technique=x", "number_from=0", "number_from=9&number_to=8",
    "sort=colour", "sort=number,-number", "sort=relevance", "q=", "q=+", "number_to=x", "topic=",
]  # fmt: skip


def test_both_versions_answer_from_one_set_of_rules(client: FlaskClient) -> None:
    for query in FILTERS:
        by_page = numbers(client.get(f"{V1}?{query}&per_page=100"))
        assert numbers(client.get(f"{V2}?{query}&limit=100")) == by_page, query
    for query in REFUSED:
        refused = [parameters_refused(client.get(f"{path}?{query}")) for path in (V1, V2)]
        assert refused[0] == refused[1], query


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("page=1", "page"), ("per_page=5", "per_page"), ("fields=number", "fields"),
     ("include=demonstrations", "include"), ("limit=0", "limit"), ("limit=101", "limit"),
     ("limit=x", "limit"), ("cursor=", "cursor"), ("cursor=" + "a" * 1001, "cursor")],
)  # fmt: skip
@sqlite_only
def test_what_belongs_to_the_other_version_is_refused_by_name(
    client: FlaskClient, query: str, parameter: str
) -> None:
    assert parameters_refused(client.get(f"{V2}?{query}")).keys() == {parameter}


def cursor_of(client: FlaskClient, **query: str) -> str:
    response = client.get(V2, query_string={"limit": 5, **query})
    return str(response.json["links"]["next"]).split("cursor=")[1].split("&")[0]  # type: ignore[index]  # a collection


@sqlite_only
def test_a_cursor_that_we_did_not_hand_out_is_refused(
    make_app: MakeApp, client: FlaskClient
) -> None:
    cursor = cursor_of(client)
    payload, _, signature = cursor.rpartition(".")
    other_key = make_app(SECRET_KEY="another key, long enough for anything").test_client()
    forged = [
        "x", "....", "W10.x", payload, f"{payload}.", f".{signature}", f"{payload}.{signature[:-1]}",
        f"{payload[:-1]}.{signature}", f"{cursor}x", cursor_of(other_key), "%F0%9F%98%80", "Tm9uZQ",
    ]  # fmt: skip
    for each in forged:
        response = client.get(f"{V2}?cursor={each}")
        assert parameters_refused(response).keys() == {"cursor"}, each
        assert statements(response) == 0
    assert numbers(client.get(f"{V2}?cursor={cursor}&limit=1")) == [56]


@sqlite_only
def test_a_cursor_belongs_to_its_sort(client: FlaskClient) -> None:
    cursor = cursor_of(client, sort="-number")
    assert numbers(client.get(f"{V2}?sort=-number&cursor={cursor}&limit=1")) == [95]
    for query in ("", "sort=number", "sort=prompt", "sort=-number,prompt", "q=flask"):
        refused = parameters_refused(client.get(f"{V2}?{query}&cursor={cursor}"))
        assert "another sort" in refused["cursor"]["detail"]


def test_the_replaced_operation_tells_when_it_goes_and_what_follows(client: FlaskClient) -> None:
    assert DEPRECATED < SUNSET
    for _ in ("a miss", "a hit"):
        response = client.get(V1)
        deprecated = response.headers["Deprecation"]
        sunset = datetime.strptime(response.headers["Sunset"], "%a, %d %b %Y %H:%M:%S GMT")
        assert deprecated.startswith("@")
        assert (
            int(deprecated[1:]) == DEPRECATED.timestamp() < sunset.replace(tzinfo=UTC).timestamp()
        )
        assert sunset.replace(tzinfo=UTC) == SUNSET
        successor = link_field(response)["successor-version"]
        assert successor == "http://localhost/api/v2/questions"
    assert client.get(successor).status_code == 200
    refused = client.get(f"{V1}?page=0")
    assert refused.status_code == 422


@pytest.mark.parametrize(
    "address", [V2, f"{V1}/71", f"{V1}/71/demonstrations", "/api/v1/topics", "/api/v1/"]
)
@sqlite_only
def test_nothing_else_is_deprecated(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 200
    assert "Deprecation" not in response.headers
    assert "Sunset" not in response.headers
    assert "successor-version" not in link_field(response)


@pytest.mark.parametrize(
    ("query", "most"), [("", 3), ("limit=100&sort=-difficulty", 3), ("q=flask", 5)]
)
def test_a_slice_costs_few_statements_and_a_hit_none(
    app: Flask, client: FlaskClient, query: str, most: int
) -> None:
    settle(app)
    assert 0 < statements(client.get(f"{V2}?{query}")) <= most
    again = client.get(f"{V2}?{query}")
    assert statements(again) == 0
    assert again.headers["Cache-Status"] == "question-bank; hit"


@postgresql_only
def test_a_search_is_walked_undisturbed_where_ranks_do_not_depend_on_other_questions(
    app: Flask, client: FlaskClient
) -> None:
    expected = numbers(client.get(V2, query_string={"q": "flask", "limit": 100}))
    seen: list[int] = []
    address: str | None = f"{V2}?q=flask&limit=6"
    step = 0
    while address:
        response = client.get(address)
        seen += numbers(response)
        address = response.json["links"].get("next")  # type: ignore[index]  # a collection
        add_question(app, 1000 + step, prompt="Flask flask flask?", answer="Flask " * 40)
        step += 1
    assert [number for number in seen if number <= 100] == expected
