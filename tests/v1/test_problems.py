"""`/problems` and `/errors`: what the error types mean, and every cause on demand."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from api.http.problems import CATALOGUE
from api.v1.errors import CAUSES
from tests.v1.tools import sqlite_only, statements

pytestmark = sqlite_only


def test_every_problem_type_is_explained_in_the_list_and_at_its_own_address(
    client: FlaskClient,
) -> None:
    listed: Any = client.get("/api/v1/problems").json
    assert [item["slug"] for item in listed["items"]] == list(CATALOGUE)
    statuses = [item["status"] for item in listed["items"]]
    assert statuses == sorted(statuses)
    for item in listed["items"]:
        assert item.keys() == {"slug", "status", "title", "meaning", "remedy", "links"}
        assert all(item[name].endswith(".") for name in ("meaning", "remedy"))
        alone = client.get(item["links"]["self"])
        assert alone.json == item
        assert statements(alone) == 0


def test_the_type_of_an_error_leads_to_its_explanation(client: FlaskClient) -> None:
    problem: Any = client.get("/api/v1/questions?page=0").json
    explained: Any = client.get(problem["type"]).json
    assert explained["status"] == problem["status"] == 422
    assert explained["title"] == problem["title"]


@pytest.mark.parametrize("address", ["/api/v1/problems/no-such", "/api/v1/errors/no-such"])
def test_an_unknown_name_is_itself_a_problem(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert "no-such" in response.json["detail"]  # type: ignore[index]  # a problem object


#: What each cause must be answered by: status, slug of the type, and a part of the detail.
EXPECTED = {
    "abort": (404, "not-found", "Asked for."),
    "restful-abort": (409, "conflict", "Asked for."),
    "domain": (404, "not-found", "There is no question 0."),
    "validation": (422, "invalid-parameters", "#/nummer"),
    "too-large": (413, "content-too-large", "larger than"),
    "unforeseen": (500, "internal-error", "failed"),
}


def test_every_cause_is_listed_and_answers_as_a_problem(client: FlaskClient) -> None:
    listed: Any = client.get("/api/v1/errors").json
    assert [item["cause"] for item in listed["items"]] == list(CAUSES) == list(EXPECTED)
    for item in listed["items"]:
        assert item.keys() == {"cause", "description", "links"}
        status, slug, detail = EXPECTED[item["cause"]]
        response = client.get(item["links"]["self"])
        problem: Any = response.json
        assert response.status_code == problem["status"] == status
        assert response.content_type == "application/problem+json"
        assert problem["type"] == f"http://localhost/api/v1/problems/{slug}"
        assert detail in problem["detail"]
        assert problem["request_id"] == response.headers["X-Request-ID"]
        assert "secret" not in response.get_data(as_text=True)
