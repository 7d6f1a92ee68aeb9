"""`/limits/{strategy}`: three strategies side by side, at the boundary where they differ."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.v1.tools import parameters_refused, sqlite_only

pytestmark = sqlite_only

STRATEGIES = ["fixed-window", "moving-window", "sliding-window-counter"]
WINDOW = 2
#: What a client gets who says nothing of a window.
DEFAULT = 6


def sleep_until(moment: float) -> None:
    """Sleep until the clock that the limits go by has passed the moment."""
    while (left := moment - time.time()) > 0:
        time.sleep(left)


def burst(client: FlaskClient, requests: int) -> dict[str, int]:
    """Send so many requests by each strategy, and return how many of them each let through."""
    allowed = dict.fromkeys(STRATEGIES, 0)
    for _ in range(requests):
        for strategy in STRATEGIES:
            response = client.get(f"/api/v1/limits/{strategy}?window={WINDOW}")
            assert response.status_code in {200, 429}
            allowed[strategy] += response.status_code == 200
    return allowed


def around_a_boundary(client: FlaskClient) -> list[dict[str, int]] | None:
    """Send bursts early and late in a window, and early and in the middle of the next.

    Returns what each burst was allowed, or None where this machine stood still in between, so
    that a burst did not fall into the part of the window that it was meant for.
    """
    boundary = (time.time() // WINDOW + 1) * WINDOW
    results = []
    for requests, start, end in (
        (1, 0.0, 0.3),  # the fixed window begins with its first request
        (3, 1.2, 1.9),
        (4, 2.3, 2.9),  # it is over; three of the four requests are not two seconds old
        (1, 3.0, 3.15),
    ):
        sleep_until(boundary + start)
        results.append(burst(client, requests))
        if time.time() > boundary + end:
            return None
    return results


def test_strategies_differ_at_the_window_boundary(client: FlaskClient) -> None:
    for attempt in range(5):
        # Each attempt is a caller of its own, so that it starts with nothing counted.
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{attempt + 1}"
        results = around_a_boundary(client)
        if results:
            break
    assert results, "the machine is too busy to tell"
    first, late, next_window, middle = results
    assert first == dict.fromkeys(STRATEGIES, 1)
    assert late == dict.fromkeys(STRATEGIES, 3)
    # Seven requests within 1.7 seconds, against a limit of four in two.
    assert next_window["fixed-window"] == 4
    assert next_window["moving-window"] == 1
    assert next_window["sliding-window-counter"] == 1
    # The counter has forgotten half of the old window; the moving window has not forgotten one.
    assert middle == {"fixed-window": 0, "moving-window": 0, "sliding-window-counter": 1}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_says_what_is_left_and_then_refuses(client: FlaskClient, strategy: str) -> None:
    for left in (3, 2, 1, 0):
        response = client.get(f"/api/v1/limits/{strategy}")
        told: Any = response.json
        assert response.status_code == 200
        assert told.keys() == {"strategy", "limit", "cost", "remaining", "resets_in"}
        assert (told["strategy"], told["limit"], told["cost"]) == (strategy, "4 per 6 seconds", 1)
        assert 0 <= told["resets_in"] <= 2 * DEFAULT
        policy, state = response.headers["RateLimit-Policy"], response.headers["RateLimit"]
        assert policy == f'"reads";q=600;w=60, "{strategy}";q=4;w={DEFAULT}'
        if strategy != "sliding-window-counter":  # it forgets little by little, also meanwhile
            assert told["remaining"] == left
            assert f'"{strategy}";r={left};t=' in state
    refused = client.get(f"/api/v1/limits/{strategy}")
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 2 * DEFAULT
    assert f'"{strategy}";r=0;t={refused.headers["Retry-After"]}' in refused.headers["RateLimit"]
    assert strategy in refused.json["detail"]  # type: ignore[index]  # a problem object


def test_strategies_and_callers_are_counted_apart(client: FlaskClient) -> None:
    for _ in range(4):
        assert client.get("/api/v1/limits/moving-window").status_code == 200
    assert client.get("/api/v1/limits/moving-window").status_code == 429
    assert client.get("/api/v1/limits/fixed-window").status_code == 200
    other = client.get("/api/v1/limits/moving-window", environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert other.status_code == 200


def test_the_quota_comes_back_after_retry_after(client: FlaskClient) -> None:
    address = "/api/v1/limits/moving-window?window=1&cost=4"
    assert client.get(address).status_code == 200
    sleep_until(time.time() + 1.05)
    assert client.get(address).status_code == 200


def test_each_window_is_a_quota_of_its_own_and_is_told(client: FlaskClient) -> None:
    for window, words in ((1, "4 per 1 second"), (60, "4 per 60 seconds")):
        address = f"/api/v1/limits/fixed-window?cost=4&window={window}"
        response = client.get(address)
        told: Any = response.json
        assert (told["limit"], told["remaining"]) == (words, 0)
        assert f'"fixed-window";q=4;w={window}' in response.headers["RateLimit-Policy"]
    refused: Any = client.get(address)
    assert refused.status_code == 429
    assert refused.json["detail"] == "The limit is 4 per 60 seconds by fixed-window."
    assert client.get("/api/v1/limits/fixed-window").status_code == 200


@pytest.mark.parametrize("window", ["0", "61", "-1", "x", "1.5", ""])
def test_a_window_out_of_range_is_refused_by_name(client: FlaskClient, window: str) -> None:
    refused = parameters_refused(client.get(f"/api/v1/limits/fixed-window?window={window}"))
    assert refused.keys() == {"window"}


@pytest.mark.parametrize("strategy", ["fixed-window", "moving-window"])
def test_a_request_may_cost_more_than_one(client: FlaskClient, strategy: str) -> None:
    address = f"/api/v1/limits/{strategy}"
    told: Any = client.get(f"{address}?cost=3").json
    assert (told["cost"], told["remaining"]) == (3, 1)
    assert client.get(f"{address}?cost=2").status_code == 429
    if strategy == "moving-window":  # what was refused was not counted
        assert client.get(f"{address}?cost=1").status_code == 200
    assert client.get(address).status_code == 429


@pytest.mark.parametrize("cost", ["0", "5", "-1", "x", "1.5", ""])
def test_a_cost_beyond_the_quota_is_refused_and_not_counted(client: FlaskClient, cost: str) -> None:
    refused = parameters_refused(client.get(f"/api/v1/limits/fixed-window?cost={cost}"))
    assert refused.keys() == {"cost"}
    assert client.get("/api/v1/limits/fixed-window").json["remaining"] == 3  # type: ignore[index]  # an object


def test_an_unknown_strategy_is_a_404_that_names_those_there_are(client: FlaskClient) -> None:
    response = client.get("/api/v1/limits/token-bucket")
    assert response.status_code == 404
    assert ", ".join(STRATEGIES) in response.json["detail"]  # type: ignore[index]  # a problem object
