"""What Flask-RESTX documents is what it answers; and it takes nothing over (89).

`/restx` is no part of `openapi.yaml`: it is held to the Swagger file that it writes.
"""

import re
from functools import partial
from typing import Any

import flask_restx
import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_restx import schemas

from api.http.demonstrations import path_template
from tests.conftest import MakeApp
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only

EXAMPLES = {
    "/questions": "/questions?per_page=100",
    "/questions/{number}": "/questions/70",
    "/topics": "/topics",
}


def description(client: FlaskClient) -> dict[str, Any]:
    """Read the Swagger file."""
    answer = client.get("/restx/swagger.json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.get_json()
    return told


def test_the_description_and_the_routes_name_each_other(app: Flask, client: FlaskClient) -> None:
    told = description(client)
    schemas.validate(told)
    routed = {
        (method.lower(), path_template(rule.rule).removeprefix("/restx"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/restx/")
        if hasattr(app.view_functions[rule.endpoint], "view_class")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    documented = {
        (method, path)
        for path, node in told["paths"].items()
        for method in node
        if method != "parameters"
    }
    assert documented == routed - {("get", "/swagger.json")}


def test_every_answer_is_as_the_description_says(client: FlaskClient) -> None:
    told = description(client)
    assert told["paths"].keys() == EXAMPLES.keys()
    for path, example in EXAMPLES.items():
        operation = told["paths"][path]["get"]
        schema = operation["responses"]["200"]["schema"]
        validator = jsonschema_rs.Draft4Validator({**schema, "definitions": told["definitions"]})
        answer = client.get("/restx" + example)
        assert validator.is_valid(answer.get_json()), path
        assert answer.headers["ETag"]
        assert "X-Fields" in answer.headers["Vary"]
        assert operation["summary"]


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/questions/5", 404, None),
        ("/questions/99999999999", 404, None),
        ("/questions/x", 404, None),
        ("/nothing", 404, None),
        ("/questions?page=0", 422, "invalid"),
        ("/questions?page=99999999999999999999", 422, "invalid"),
        ("/questions?per_page=x", 422, "invalid"),
        ("/questions?difficulty=hard", 422, "invalid"),
        ("/questions?colour=red", 422, "unknown"),
        ("/questions?page=1&page=2", 422, "duplicate"),
        ("/questions?topic=%00", 422, "invalid"),
        ("/questions?topic=%ff", 400, None),
        ("/questions/70?page=1", 422, "unknown"),
        ("/topics?page=1", 422, "unknown"),
    ],
)
def test_errors_are_the_applications_problems(
    make_app: MakeApp, path: str, status: int, code: str | None, debug: str
) -> None:
    app = make_app()
    app.debug = bool(debug)
    answer = app.test_client().get("/restx" + path)
    told: Any = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert code is None or [each["code"] for each in told["errors"]] == [code]


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    answer = client.post("/restx/questions", json={})
    assert answer.status_code == 405
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_an_unforeseen_error_is_a_problem_that_tells_nothing(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("inside")

    monkeypatch.setitem(app.view_functions, "restx.topics", fail)
    answer = app.test_client().get("/restx/topics")
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "inside" not in answer.text


def test_the_rest_of_the_application_keeps_its_error_handling(app: Flask) -> None:
    """The parent class puts itself in front of both, for all addresses."""
    plain = Flask(__name__)
    flask_restx.Api(plain)
    assert isinstance(plain.handle_exception, partial)
    for handler in (app.handle_exception, app.handle_user_exception):
        assert not isinstance(handler, partial)


def test_the_page_loads_nothing_from_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/restx/", headers={"Accept": "text/html"})
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.findall(r"<script>|<style|\sstyle=|\son\w+=", answer.text)
    links = re.findall(r'<a href="([^"]+)"', answer.text)
    named = re.findall(r'(?:src|href|data-description)="([^"]+)"', answer.text)
    assert len(named) > len(links)
    for address in named:
        assert re.match(r"/(?!/)", address)
        with client.get(address) as file:
            assert file.status_code == 200


def test_the_description_names_the_address_that_it_was_asked_at(client: FlaskClient) -> None:
    alias = client.application.config["MOUNT_ALIAS"]
    assert description(client)["basePath"] == "/restx"
    told: Any = client.get(f"{alias}/restx/swagger.json").get_json()
    assert told["basePath"] == f"{alias}/restx"
    assert description(client)["basePath"] == "/restx"
