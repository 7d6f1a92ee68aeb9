"""`/api/v1/questions` and `/api/v1/questions/{number}`: members, pages, filters, sorting, refusals."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.v1.tools import (
    add_question,
    every_question,
    link_field,
    numbers,
    parameters_refused,
    settle,
    sqlite_only,
    statements,
)

LIST = "/api/v1/questions"
LEVELS = ["beginner", "intermediate", "advanced"]
PROMISED = {
    "number", "prompt", "answer", "in_practice", "references", "topics", "difficulty",
    "created_at", "updated_at", "links",
}  # fmt: skip
MEMBERS = PROMISED | {"try_it", "technique"}


def get(client: FlaskClient, **query: str | int) -> list[int]:
    return numbers(client.get(LIST, query_string={"per_page": 100, **query}))


# --- Members -------------------------------------------------------------------------------------


def test_a_list_has_every_member_of_its_questions_unless_told_otherwise(
    client: FlaskClient,
) -> None:
    for item in every_question(client):
        assert item.keys() == MEMBERS
        assert item["difficulty"] in LEVELS
        assert item["topics"]
        assert item["references"]


def test_one_question_has_every_promised_member(client: FlaskClient) -> None:
    response = client.get(f"{LIST}/71")
    question: dict[str, Any] = response.json  # type: ignore[assignment]  # an object
    assert response.status_code == 200
    assert question.keys() == MEMBERS
    assert question["number"] == 71
    assert question["prompt"].endswith("?")
    assert len(question["answer"]) > 200
    assert len(question["in_practice"]) > 100
    assert question["technique"] == "rate-limiting"
    assert question["difficulty"] in LEVELS
    assert all(isinstance(slug, str) for slug in question["topics"])
    assert question["topics"]
    for reference in question["references"]:
        assert reference.keys() == {"title", "url"}
        assert reference["url"].startswith("https://")
    for moment in (question["created_at"], question["updated_at"]):
        assert moment.endswith("Z")
        assert datetime.fromisoformat(moment).utcoffset() == timedelta(0)
    assert question["links"] == {
        "self": "http://localhost/api/v1/questions/71",
        "demonstrations": "http://localhost/api/v1/questions/71/demonstrations",
        "attachments": "http://localhost/api/v1/questions/71/attachments",
        "prev": "http://localhost/api/v1/questions/70",
        "next": "http://localhost/api/v1/questions/72",
    }


def test_topics_and_references_keep_the_order_of_the_file(client: FlaskClient) -> None:
    question: dict[str, Any] = client.get(f"{LIST}/78").json  # type: ignore[assignment]  # an object
    assert question["topics"] == ["rest", "database"]
    assert [r["url"].split("/")[2] for r in question["references"]] == [
        "flask-sqlalchemy.palletsprojects.com",
        "www.postgresql.org",
        "www.rfc-editor.org",
    ]


def test_every_question_can_be_read_as_the_list_has_it(client: FlaskClient) -> None:
    for listed in every_question(client):
        item: dict[str, Any] = client.get(f"{LIST}/{listed['number']}").json  # type: ignore[assignment]  # an object
        for rel in ("prev", "next"):
            item["links"].pop(rel, None)
        assert item == listed


def test_neighbours_are_linked_and_left_out_at_the_ends(app: Flask, client: FlaskClient) -> None:
    def neighbours(number: int) -> dict[str, str]:
        response = client.get(f"{LIST}/{number}")
        links: dict[str, str] = response.json["links"]  # type: ignore[index]  # an object
        told = {rel: url for rel, url in links.items() if rel in {"prev", "next"}}
        assert link_field(response) == told
        return {rel: url.removeprefix(f"http://localhost{LIST}/") for rel, url in told.items()}

    assert neighbours(51) == {"next": "52"}
    assert neighbours(75) == {"prev": "74", "next": "76"}
    assert neighbours(100) == {"prev": "99"}
    add_question(app, 2_147_483_647)
    assert neighbours(100) == {"prev": "99", "next": "2147483647"}
    assert neighbours(2_147_483_647) == {"prev": "100"}


def test_a_number_without_a_question_is_a_404_problem(client: FlaskClient) -> None:
    for number in (
        "0", "50", "101", "2147483647", "2147483648", "9223372036854775807",
        "9223372036854775808", "9" * 40, "-1", "1.0", "abc", "७१", "+71", "%2071", "0x47",
    ):  # fmt: skip
        for address in (f"{LIST}/{number}", f"{LIST}/{number}/demonstrations"):
            response = client.get(address)
            assert response.status_code == 404, address
            assert response.content_type == "application/problem+json"
            assert response.json["type"].endswith("/problems/not-found")  # type: ignore[index]  # an object


def test_fields_chooses_the_members(client: FlaskClient) -> None:
    response = client.get(LIST, query_string={"fields": "number,prompt", "per_page": 3})
    assert [item.keys() for item in response.json["items"]] == [{"number", "prompt"}] * 3  # type: ignore[index]  # a collection
    for name in sorted(MEMBERS):
        item: dict[str, Any] = client.get(f"{LIST}/51", query_string={"fields": name}).json  # type: ignore[assignment]  # an object
        assert item.keys() == {name}


def test_neighbours_stay_in_the_link_field_when_the_member_is_not_wanted(
    client: FlaskClient,
) -> None:
    response = client.get(f"{LIST}/75?fields=number")
    assert response.json == {"number": 75}
    assert link_field(response).keys() == {"prev", "next"}


def test_include_brings_the_demonstrations_along(client: FlaskClient) -> None:
    alone: Any = client.get(f"{LIST}/98/demonstrations").json
    assert alone["items"]
    item: Any = client.get(f"{LIST}/98?include=demonstrations&fields=number").json
    assert item == {"number": 98, "demonstrations": alone["items"]}
    listed: Any = client.get(f"{LIST}?include=demonstrations&number_from=98&number_to=98").json
    assert listed["items"][0].keys() == MEMBERS | {"demonstrations"}
    assert listed["items"][0]["demonstrations"] == alone["items"]
    assert alone["links"] == {
        "self": f"http://localhost{LIST}/98/demonstrations",
        "question": f"http://localhost{LIST}/98",
    }


# --- Pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "per_page", "expected"),
    [
        (1, 20, {"first": 1, "next": 2, "last": 3}),
        (2, 20, {"first": 1, "prev": 1, "next": 3, "last": 3}),
        (3, 20, {"first": 1, "prev": 2, "last": 3}),
        (1, 50, {"first": 1, "last": 1}),
        (1, 49, {"first": 1, "next": 2, "last": 2}),
        (4, 20, {"first": 1, "prev": 3, "last": 3}),
        (100_000, 100, {"first": 1, "prev": 1, "last": 1}),
    ],
)
def test_pages_link_their_neighbours(
    client: FlaskClient, page: int, per_page: int, expected: dict[str, int]
) -> None:
    response = client.get(LIST, query_string={"page": page, "per_page": per_page, "sort": "number"})
    body: dict[str, Any] = response.json  # type: ignore[assignment]  # a collection
    links: dict[str, str] = body["links"]
    assert links.pop("self") == (
        f"http://localhost{LIST}?page={page}&per_page={per_page}&sort=number"
    )
    assert links == {
        rel: f"http://localhost{LIST}?page={to}&per_page={per_page}&sort=number"
        for rel, to in expected.items()
    }
    field = link_field(response)
    assert field.pop("successor-version") == "http://localhost/api/v2/questions"
    assert field == links
    assert body["page"] == {
        "number": page,
        "per_page": per_page,
        "total_items": 50,
        "total_pages": -(-50 // per_page),
    }
    first = 51 + (page - 1) * per_page
    assert numbers(response) == list(range(first, min(first + per_page, 101)))


def test_following_next_reads_every_question_once(client: FlaskClient) -> None:
    seen: list[int] = []
    address: str | None = f"{LIST}?per_page=7"
    while address:
        response = client.get(address)
        seen += numbers(response)
        address = link_field(response).get("next")
    assert seen == list(range(51, 101))


def test_an_empty_list_is_one_page_without_neighbours(client: FlaskClient) -> None:
    body: Any = client.get(LIST, query_string={"topic": "no-such-topic"}).json
    assert body["items"] == []
    assert body["page"] == {"number": 1, "per_page": 20, "total_items": 0, "total_pages": 0}
    assert body["links"].keys() == {"self", "first", "last"}


# --- Filters and sorting -------------------------------------------------------------------------

FILTERS: dict[str, Any] = {
    "topic=database": lambda q: "database" in q["topics"],
    "topic=database,rest": lambda q: {"database", "rest"} & set(q["topics"]),
    "difficulty=advanced": lambda q: q["difficulty"] == "advanced",
    "difficulty=beginner,advanced": lambda q: q["difficulty"] in {"beginner", "advanced"},
    "technique=pagination": lambda q: q["technique"] == "pagination",
    "technique=caching,rate-limiting": lambda q: q["technique"] in {"caching", "rate-limiting"},
    "number_from=60": lambda q: q["number"] >= 60,
    "number_to=60": lambda q: q["number"] <= 60,
    "number_from=60&number_to=60": lambda q: q["number"] == 60,
    "topic=no-such-topic": lambda _: False,
    "topic=rest&difficulty=intermediate&number_from=61&number_to=90": lambda q: (
        "rest" in q["topics"] and q["difficulty"] == "intermediate" and 61 <= q["number"] <= 90
    ),
    "technique=pagination&difficulty=beginner,intermediate&topic=rest": lambda q: (
        q["technique"] == "pagination"
        and q["difficulty"] in {"beginner", "intermediate"}
        and "rest" in q["topics"]
    ),
    "technique=pagination&topic=uploads": lambda _: False,
}


def test_filters_choose_what_they_say_alone_and_together(client: FlaskClient) -> None:
    bank = every_question(client)
    for query, fits in FILTERS.items():
        expected = [q["number"] for q in bank if fits(q)]
        assert bool(expected) == ("no-such" not in query and "uploads" not in query), query
        response = client.get(f"{LIST}?{query}&per_page=100")
        assert numbers(response) == expected, query
        assert response.json["page"]["total_items"] == len(expected)  # type: ignore[index]  # a collection


def test_a_question_under_two_of_the_topics_asked_for_is_listed_once(client: FlaskClient) -> None:
    found = get(client, topic="rest,database")
    assert 78 in found
    assert len(found) == len(set(found))


def test_filters_search_and_sorting_combine(client: FlaskClient) -> None:
    bank = {q["number"]: q for q in every_question(client)}
    searched = set(get(client, q="flask"))
    expected = [n for n in searched if "rest" in bank[n]["topics"] and 55 <= n <= 95]
    expected.sort(key=lambda n: (-LEVELS.index(bank[n]["difficulty"]), -n))
    assert 1 < len(expected) < len(searched)
    query: dict[str, str | int] = {
        "q": "flask",
        "topic": "rest",
        "number_from": 55,
        "number_to": 95,
    }
    assert get(client, **query, sort="-difficulty,-number") == expected
    pages = [
        client.get(
            LIST, query_string={**query, "sort": "-difficulty,-number", "page": n, "per_page": 2}
        )
        for n in range(1, len(expected) // 2 + 2)
    ]
    assert [n for page in pages for n in numbers(page)] == expected


@pytest.mark.parametrize(
    "sort",
    ["number", "-number", "difficulty", "-difficulty", "difficulty,-number", "-difficulty,number",
     "created_at", "-created_at", "updated_at,difficulty", "-updated_at,-number",
     "difficulty,-created_at,number", "prompt", "-prompt", "difficulty,prompt,-number,created_at,updated_at"],
)  # fmt: skip
def test_sorting_goes_by_every_key_and_its_direction(client: FlaskClient, sort: str) -> None:
    bank = every_question(client)
    by_prompt = {n: place for place, n in enumerate(get(client, sort="prompt"))}
    value: dict[str, Any] = {
        "number": lambda q: q["number"],
        "difficulty": lambda q: LEVELS.index(q["difficulty"]),
        "created_at": lambda q: datetime.fromisoformat(q["created_at"]),
        "updated_at": lambda q: datetime.fromisoformat(q["updated_at"]),
        "prompt": lambda q: by_prompt[q["number"]],
    }
    # Python's sort is stable, so the last key comes first; at the very end the number decides.
    for key in reversed([*sort.split(","), "number"]):
        bank.sort(key=value[key.removeprefix("-")], reverse=key.startswith("-"))
    assert get(client, sort=sort) == [q["number"] for q in bank]


def test_prompts_are_sorted_as_words(client: FlaskClient) -> None:
    bank = {q["number"]: q for q in every_question(client)}
    first_words = [bank[n]["prompt"].split()[0].lower() for n in get(client, sort="prompt")]
    assert first_words == sorted(first_words)


def test_equal_keys_keep_one_order_over_all_pages(client: FlaskClient) -> None:
    for sort in ("difficulty", "-difficulty"):
        pages = [
            numbers(client.get(LIST, query_string={"sort": sort, "per_page": 6, "page": page}))
            for page in range(1, 10)
        ]
        assert [n for page in pages for n in page] == get(client, sort=sort)


def test_questions_without_a_difficulty_come_last(app: Flask, client: FlaskClient) -> None:
    add_question(app, 7)
    assert get(client, sort="difficulty")[-1] == 7
    assert get(client, sort="-difficulty")[0] == 7
    assert 7 not in get(client, difficulty=",".join(LEVELS))
    item: Any = client.get(f"{LIST}/7").json
    assert item["difficulty"] is None
    assert item["in_practice"] is None
    assert item["topics"] == item["references"] == []


def test_counts_and_numbered_pages_end_where_counting_stops(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.bank.questions.COUNTED", 30)
    body: dict[str, Any] = client.get(LIST, query_string={"page": 2}).json  # type: ignore[assignment]  # a collection
    assert body["page"] == {"number": 2, "per_page": 20, "total_items": 30, "total_pages": 2}
    assert [item["number"] for item in body["items"]] == list(range(71, 91))
    assert "next" not in body["links"]
    beyond = client.get(LIST, query_string={"page": 3})
    assert (numbers(beyond), beyond.json["page"]["total_items"]) == ([], 30)  # type: ignore[index]  # a collection
    few = client.get(LIST, query_string={"number_to": 79})
    assert few.json["page"]["total_items"] == 29  # type: ignore[index]  # a collection


# --- Refusals ------------------------------------------------------------------------------------

REFUSED: list[tuple[str, str, str, str]] = [
    ("page=0", "page", "out_of_range", "1"),
    ("page=100001", "page", "out_of_range", "100000"),
    ("page=-1", "page", "out_of_range", "1"),
    ("page=x", "page", "invalid", "integer"),
    ("page=1.5", "page", "invalid", "integer"),
    ("page=1_0", "page", "invalid", "integer"),
    ("page=%D9%A1", "page", "invalid", "integer"),
    ("page=", "page", "invalid", "integer"),
    ("page=99999999999999999999", "page", "invalid", "integer"),
    ("page=9223372036854775808", "page", "out_of_range", "100000"),
    ("per_page=0", "per_page", "out_of_range", "1"),
    ("per_page=101", "per_page", "out_of_range", "100"),
    ("number_from=0", "number_from", "out_of_range", "1"),
    ("number_to=2147483648", "number_to", "out_of_range", "2147483647"),
    ("number_from=9&number_to=8", "number_to", "out_of_range", "number_from"),
    ("difficulty=hard", "difficulty", "not_allowed", "beginner, intermediate, advanced"),
    ("difficulty=beginner,hard", "difficulty", "not_allowed", "Item 2"),
    ("difficulty=", "difficulty", "not_allowed", "beginner, intermediate, advanced"),
    ("technique=juggling", "technique", "not_allowed", "/techniques"),
    ("topic=Not+A+Slug", "topic", "invalid", "lower-case"),
    ("topic=rest,", "topic", "invalid", "Item 2"),
    ("topic=" + "a" * 61, "topic", "out_of_range", "60"),
    ("sort=colour", "sort", "not_allowed", "number, prompt, difficulty"),
    ("sort=--number", "sort", "not_allowed", "number, prompt, difficulty"),
    ("sort=number,", "sort", "not_allowed", "number, prompt, difficulty"),
    ("sort=number,-number", "sort", "duplicate", "twice"),
    ("sort=relevance", "sort", "invalid", "give q"),
    ("sort=number,prompt,difficulty,created_at,updated_at,relevance&q=x", "sort", "out_of_range", "5"),
    ("q=", "q", "out_of_range", "1"),
    ("q=+", "q", "invalid", "word"),
    ("q=" + "a" * 201, "q", "out_of_range", "200"),
    ("fields=number,secret", "fields", "not_allowed", "prompt"),
    ("fields=", "fields", "not_allowed", "prompt"),
    ("fields=edited_at", "fields", "not_allowed", "updated_at"),
    ("include=answers", "include", "not_allowed", "demonstrations"),
    ("topics=rest", "topics", "unknown", "topic"),
    ("cursor=x", "cursor", "unknown", "page, per_page"),
    ("page=1&page=2", "page", "duplicate", "once"),
]  # fmt: skip


@sqlite_only
@pytest.mark.parametrize(("query", "parameter", "code", "allowed"), REFUSED)
def test_a_bad_parameter_is_refused_by_name_with_what_is_allowed(
    client: FlaskClient, query: str, parameter: str, code: str, allowed: str
) -> None:
    response = client.get(f"{LIST}?{query}")
    refused = parameters_refused(response)
    assert refused.keys() == {parameter}
    assert refused[parameter]["code"] == code
    assert allowed in refused[parameter]["detail"]
    assert parameter in response.json["detail"]  # type: ignore[index]  # a problem object
    assert statements(response) == 0


def test_every_bad_parameter_is_named_at_once(client: FlaskClient) -> None:
    response = client.get(f"{LIST}?page=0&per_page=x&sort=colour&colour=red&difficulty=hard")
    assert parameters_refused(response).keys() == {
        "page", "per_page", "sort", "colour", "difficulty",
    }  # fmt: skip


@sqlite_only
@pytest.mark.parametrize("path", [f"{LIST}/71/demonstrations", "/api/v1/topics", "/api/v1/"])
def test_an_address_without_parameters_refuses_any(client: FlaskClient, path: str) -> None:
    refused = parameters_refused(client.get(f"{path}?fields=number"))
    assert refused["fields"]["code"] == "unknown"
    assert "takes none" in refused["fields"]["detail"]


# --- Cost ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "most"),
    [
        (LIST, 1),
        (f"{LIST}?per_page=100", 1),
        (f"{LIST}?topic=rest&difficulty=advanced&sort=-difficulty&include=demonstrations", 1),
        (f"{LIST}?q=flask&per_page=100", 3),
        (f"{LIST}?topic=no-such-topic", 1),
        (f"{LIST}?page=1000", 2),
        (f"{LIST}/71", 1),
        (f"{LIST}/71/demonstrations", 1),
    ],
)
def test_the_number_of_statements_does_not_grow_with_the_rows(
    app: Flask, client: FlaskClient, address: str, most: int
) -> None:
    settle(app)
    first, second = client.get(address), client.get(address)
    assert 0 < statements(first) <= most
    assert "hit" not in first.headers["Cache-Status"]
    assert second.headers["Cache-Status"] == "question-bank; hit"
    assert statements(second) == 0
    assert second.get_data() == first.get_data()
