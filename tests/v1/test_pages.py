"""`/pages/cost`: what a deep page costs by OFFSET and by keyset."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.v1.tools import parameters_refused, sqlite_only

pytestmark = sqlite_only


def cost(client: FlaskClient, page: int) -> dict[str, int]:
    response = client.get(f"/api/v1/pages/cost?page={page}&per_page=20")
    assert response.status_code == 200
    told: dict[str, Any] = response.json  # type: ignore[assignment]  # an object
    assert (told["page"], told["per_page"], told["rows"]) == (page, 20, 10_000)
    assert "OFFSET" in told["statements"]["offset"]
    assert "OFFSET" not in told["statements"]["keyset"]
    steps: dict[str, int] = told["steps"]
    return steps


def test_a_deep_page_costs_more_by_offset_only(client: FlaskClient) -> None:
    first, middle, last = cost(client, 1), cost(client, 250), cost(client, 500)
    assert last["offset"] > 1.8 * middle["offset"]
    assert middle["offset"] > 20 * first["offset"]
    # The same few instructions wherever the page is, to the grain that is measured.
    assert max(step["keyset"] for step in (first, middle, last)) <= first["keyset"] + 20
    assert first["keyset"] > 0


def test_the_cost_is_the_same_at_every_call(client: FlaskClient) -> None:
    assert cost(client, 300) == cost(client, 300)


@pytest.mark.parametrize(
    ("query", "parameter", "allowed"),
    [
        ("page=501", "page", "between 1 and 500"),
        ("page=101&per_page=100", "page", "between 1 and 100"),
        ("page=0", "page", "10000"),
        ("per_page=101", "per_page", "100"),
        ("depth=1", "depth", "page, per_page"),
    ],
)
def test_a_page_beyond_the_rows_is_refused(
    client: FlaskClient, query: str, parameter: str, allowed: str
) -> None:
    refused = parameters_refused(client.get(f"/api/v1/pages/cost?{query}"))
    assert refused.keys() == {parameter}
    assert allowed in refused[parameter]["detail"]


def test_measuring_counts_against_the_quota_of_rehearsals(client: FlaskClient) -> None:
    for _ in range(10):
        cost(client, 1)
    response = client.get("/api/v1/pages/cost")
    assert response.status_code == 429
    assert '"rehearsals";r=0' in response.headers["RateLimit"]
    assert int(response.headers["Retry-After"]) >= 1
