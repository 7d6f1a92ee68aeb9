"""`/loading/{strategy}`: what each way of loading a relationship costs."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.v1.tools import parameters_refused, statements


def load(client: FlaskClient, strategy: str, limit: int) -> dict[str, Any]:
    response = client.get(f"/api/v1/loading/{strategy}?limit={limit}")
    assert response.status_code == 200
    told: dict[str, Any] = response.json  # type: ignore[assignment]  # an object
    assert told["strategy"] == strategy
    assert told["questions"] == limit
    assert len(told["statements"]) == told["statement_count"] == statements(response)
    return told


def test_lazy_loading_costs_a_statement_per_row(client: FlaskClient) -> None:
    for limit in (1, 10, 50):
        assert load(client, "lazy", limit)["statement_count"] == 1 + limit
        assert load(client, "joined", limit)["statement_count"] == 1
        assert load(client, "selectin", limit)["statement_count"] == 2


def test_the_statements_shown_are_those_of_the_strategy(client: FlaskClient) -> None:
    assert "JOIN topics" in load(client, "joined", 3)["statements"][0]
    first, second = load(client, "selectin", 3)["statements"]
    assert "LIMIT" in first
    assert " IN (" in second
    first, *rest = load(client, "lazy", 3)["statements"]
    assert "topics" not in first
    assert len(set(rest)) == 1


def test_ten_questions_are_read_unless_told_otherwise(client: FlaskClient) -> None:
    assert client.get("/api/v1/loading/lazy").json["statement_count"] == 11  # type: ignore[index]  # an object


@pytest.mark.parametrize("limit", ["0", "51", "x"])
def test_the_number_of_questions_is_capped(client: FlaskClient, limit: str) -> None:
    assert "limit" in parameters_refused(client.get(f"/api/v1/loading/lazy?limit={limit}"))


def test_an_unknown_strategy_is_a_404_that_names_those_there_are(client: FlaskClient) -> None:
    response = client.get("/api/v1/loading/eager")
    assert response.status_code == 404
    assert "lazy, joined, selectin" in response.json["detail"]  # type: ignore[index]  # a problem object
