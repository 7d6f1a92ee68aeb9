"""The namespace of questions: pages, filters, masks (89)."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.v1.tools import add_question, sqlite_only


def test_a_page_is_filtered_and_marshalled(client: FlaskClient) -> None:
    told: Any = client.get("/restx/questions?topic=admin&difficulty=beginner").get_json()
    assert told["total_items"] == 1
    (item,) = told["items"]
    assert item == {
        "number": 70,
        "prompt": item["prompt"],
        "difficulty": "beginner",
        "topics": ["admin", "extensions"],
        "uri": "http://localhost/restx/questions/70",
    }
    second: Any = client.get("/restx/questions?page=2&per_page=30").get_json()
    assert [each["number"] for each in second["items"]] == list(range(81, 101))


@sqlite_only
def test_it_answers_what_the_api_answers(client: FlaskClient) -> None:
    here: Any = client.get("/restx/questions/70").get_json()
    there: Any = client.get("/api/v1/questions/70").get_json()
    for name in ("number", "prompt", "answer", "in_practice", "difficulty", "references"):
        assert here[name] == there[name]


@sqlite_only
def test_what_a_question_lacks_is_left_out(app: Flask, client: FlaskClient) -> None:
    add_question(app, 700)
    told: Any = client.get("/restx/questions/700").get_json()
    assert "difficulty" not in told
    assert "in_practice" not in told


@sqlite_only
def test_a_client_chooses_fields_by_a_mask(client: FlaskClient) -> None:
    mask = {"X-Fields": "number,references{url}"}
    told: Any = client.get("/restx/questions/70", headers=mask).get_json()
    assert told.keys() == {"number", "references"}
    assert all(each.keys() == {"url"} for each in told["references"])
    whole = client.get("/restx/questions/70")
    assert whole.headers["ETag"] != client.get("/restx/questions/70", headers=mask).headers["ETag"]


@pytest.mark.parametrize("mask", ["{", "a}", "a{b}{c}", "number{x}", " ", ",", "{" * 500])
@sqlite_only
def test_a_mask_that_cannot_be_read_is_refused_by_name(client: FlaskClient, mask: str) -> None:
    answer = client.get("/restx/questions/70", headers={"X-Fields": mask})
    told: Any = answer.get_json()
    assert answer.status_code == 422
    assert told["errors"][0]["header"] == "X-Fields"


@sqlite_only
def test_a_list_that_has_not_changed_is_not_sent_again(client: FlaskClient) -> None:
    tag = client.get("/restx/questions").headers["ETag"]
    assert client.get("/restx/questions", headers={"If-None-Match": tag}).status_code == 304
