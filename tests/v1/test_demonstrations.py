"""`/questions/{number}/demonstrations`: what is said of the code is true of the code."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from api.accounts.permissions import Role
from api.http.demonstrations import path_template
from tests.accounts.tools import new_device
from tests.v1.tools import every_question, sqlite_only
from tests.v1.writing import make_question

ROOT = Path(__file__).resolve().parents[2]


def demonstrations(client: FlaskClient) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    found = [
        (question, item)
        for question in every_question(client)
        for item in client.get(f"/api/v1/questions/{question['number']}/demonstrations").json[
            "items"
        ]  # type: ignore[index]  # a collection
    ]
    assert len(found) > 30
    return found


@cache
def names_of_tests(path: Path) -> set[str]:
    """Return the names of the tests in a file, as pytest finds them."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, functions):
            names.add(node.name)
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            inner = (each.name for each in node.body if isinstance(each, functions))
            names |= {f"{node.name}::{name}" for name in inner}
    return {name for name in names if name.split("::")[-1].startswith("test_")}


@sqlite_only
def test_the_source_text_is_what_stands_on_those_lines_of_the_file(client: FlaskClient) -> None:
    for _, item in demonstrations(client):
        assert item.keys() == {"method", "path", "curl", "source", "test"}
        source = item["source"]
        assert source.keys() == {"path", "first_line", "last_line", "text"}
        lines = (ROOT / source["path"]).read_text(encoding="utf-8").splitlines(keepends=True)
        assert source["text"] == "".join(lines[source["first_line"] - 1 : source["last_line"]])
        assert source["text"].lstrip().startswith(("@", "class ", "def ", "async def "))
        # config.py imports nothing of the application, so it is marked from outside.
        assert "demonstrates" in source["text"] or source["path"] == "config.py"


@sqlite_only
def test_every_demonstration_names_a_test_that_exists(client: FlaskClient) -> None:
    missing = set()
    for _, item in demonstrations(client):
        path, _, name = item["test"].partition("::")
        if not (ROOT / path).is_file() or name not in names_of_tests(ROOT / path):
            missing.add(item["test"])
    assert not missing


@sqlite_only
def test_every_demonstration_stands_at_an_address_that_there_is(
    app: Flask, client: FlaskClient
) -> None:
    routes = {
        (method, path_template(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for question, item in demonstrations(client):
        assert (item["method"], item["path"]) in routes, question["number"]


@sqlite_only
def test_the_curl_of_a_demonstration_stands_in_the_questions_examples(client: FlaskClient) -> None:
    for question, item in demonstrations(client):
        if item["curl"] is not None:
            assert "curl" in item["curl"]
            assert item["curl"] in question["try_it"]


def test_a_question_without_a_demonstration_has_an_empty_list(
    app: Flask, client: FlaskClient
) -> None:
    number = make_question(client, new_device(app, "edith", Role.EDITOR))
    response = client.get(f"/api/v1/questions/{number}/demonstrations")
    assert response.status_code == 200
    assert response.json["items"] == []  # type: ignore[index]  # a collection
