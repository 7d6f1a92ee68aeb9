"""`/techniques`: technique → questions → endpoints."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from api.bank.catalogue import TECHNIQUES
from api.http.demonstrations import path_template
from tests.v1.tools import every_question, numbers, settle, statements


def techniques(client: FlaskClient) -> list[dict[str, Any]]:
    response = client.get("/api/v1/techniques")
    assert response.status_code == 200
    items: list[dict[str, Any]] = response.json["items"]  # type: ignore[index]  # a collection
    return items


def test_every_technique_is_listed_with_its_questions(client: FlaskClient) -> None:
    bank = every_question(client)
    items = techniques(client)
    assert [item["slug"] for item in items] == list(TECHNIQUES)
    for item in items:
        assert item.keys() == {"slug", "name", "description", "questions", "links"}
        assert item["name"] == TECHNIQUES[item["slug"]].name
        assert [(q["number"], q["prompt"]) for q in item["questions"]] == [
            (q["number"], q["prompt"]) for q in bank if q["technique"] == item["slug"]
        ]
        assert item["questions"], item["slug"]


def test_the_link_of_a_technique_lists_its_questions(client: FlaskClient) -> None:
    for item in techniques(client):
        found = numbers(client.get(item["links"]["questions"]))
        assert found == [question["number"] for question in item["questions"]]


def test_every_endpoint_named_exists_and_is_a_demonstration(
    app: Flask, client: FlaskClient
) -> None:
    routes = {
        (method, path_template(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    named = 0
    for item in techniques(client):
        for question in item["questions"]:
            told = [(e["method"], e["path"]) for e in question["endpoints"]]
            shown: Any = client.get(f"{question['links']['self']}/demonstrations").json
            assert told == list(dict.fromkeys((d["method"], d["path"]) for d in shown["items"]))
            assert set(told) <= routes
            named += len(told)
    assert named > 25


def test_the_list_costs_one_statement(app: Flask, client: FlaskClient) -> None:
    settle(app)
    assert statements(client.get("/api/v1/techniques")) == 1
    assert statements(client.get("/api/v1/techniques")) == 0
