"""`/topics`: shaped by `marshal_with`, found by a converter."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.bank import topics
from api.bank.catalogue import TOPICS
from api.v1.topics import TopicSchema
from tests.v1.tools import add_question, every_question, settle, sqlite_only, statements

LIST = "/api/v1/topics"


def listed(client: FlaskClient) -> list[dict[str, Any]]:
    response = client.get(LIST)
    assert response.status_code == 200
    items: list[dict[str, Any]] = response.json["items"]  # type: ignore[index]  # a collection
    return items


def test_marshal_with_and_marshmallow_agree(app: Flask, client: FlaskClient) -> None:
    response = client.get(LIST)
    with app.test_request_context(LIST):
        values = [
            {
                "slug": topic.slug,
                "name": topic.name,
                "description": topic.description,
                "question_count": count,
            }
            for topic, count in topics.list_topics()
        ]
        by_marshmallow = {"items": TopicSchema(many=True).dump(values)}
    assert len(values) == len(TOPICS)
    assert response.json == by_marshmallow
    # Not only equal as values: the same members in the same order.
    assert response.get_data(as_text=True).rstrip("\n") == app.json.dumps(by_marshmallow)


def test_every_topic_is_listed_with_its_number_of_questions(client: FlaskClient) -> None:
    bank = every_question(client)
    items = listed(client)
    assert [item["slug"] for item in items] == sorted(TOPICS)
    for item in items:
        assert item.keys() == {"slug", "name", "description", "question_count", "links"}
        assert item["name"] == TOPICS[item["slug"]].name
        assert item["question_count"] == sum(item["slug"] in q["topics"] for q in bank) > 0


def test_a_topic_nests_its_questions(client: FlaskClient) -> None:
    bank = every_question(client)
    for item in listed(client):
        topic: Any = client.get(item["links"]["self"]).json
        questions = topic.pop("questions")
        assert topic == item
        assert questions == [
            {
                "number": question["number"],
                "prompt": question["prompt"],
                "links": {"self": question["links"]["self"]},
            }
            for question in bank
            if item["slug"] in question["topics"]
        ]


def test_a_topic_follows_what_is_stored(app: Flask, client: FlaskClient) -> None:
    def count() -> tuple[int, int]:
        topic: Any = client.get(f"{LIST}/rest").json
        (entry,) = (item for item in listed(client) if item["slug"] == "rest")
        assert len(topic["questions"]) == topic["question_count"]
        return topic["question_count"], entry["question_count"]

    before, _ = count()
    add_question(app, 1, topics=("rest",))
    assert count() == (before + 1, before + 1)


@pytest.mark.parametrize(
    "slug",
    ["REST", "Rest", "rest_api", "rest--api", "-rest", "rest-", "rest.", "r%20est", "rest%0A",
     "caf%C3%A9", "%D9%A3", "a" * 61, "a-" * 30 + "a", "%00", "..", "rest/x", "rest/", "r,s", "*"],
)  # fmt: skip
def test_a_malformed_slug_is_a_404_before_any_statement(
    app: Flask, client: FlaskClient, slug: str
) -> None:
    settle(app)
    response = client.get(f"{LIST}/{slug}")
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert response.json["detail"].startswith("There is nothing at")  # type: ignore[index]  # a problem object
    assert statements(response) == 0


@pytest.mark.parametrize("slug", ["a", "0", "no-such-topic", "a" * 60, "1-2-3"])
def test_a_well_formed_slug_without_a_topic_is_a_404_that_asked(
    client: FlaskClient, slug: str
) -> None:
    response = client.get(f"{LIST}/{slug}")
    assert response.status_code == 404
    assert response.json["detail"] == f"There is no topic {slug!r}."  # type: ignore[index]  # a problem object
    assert statements(response) > 0


@sqlite_only
def test_topics_cost_one_statement_and_a_topic_two(client: FlaskClient) -> None:
    assert statements(client.get(LIST)) == 1
    assert statements(client.get(f"{LIST}/rest")) == 2
    assert statements(client.get(f"{LIST}/rest")) == 0
