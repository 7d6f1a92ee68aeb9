"""`/questions/random`: two parsers, one behaviour."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.v1.tools import add_question, every_question, parameters_refused, statements

REQPARSE = "/api/v1/questions/random"
WEBARGS = "/api/v1/questions/random/webargs"

#: Each names at most one question, so that chance does not come into it.
ACCEPTED = ["topic=marmots", "topic=marmots&difficulty=beginner", "topic=marmots,no-such-topic",
            "difficulty=beginner&topic=no-such-topic,marmots", "topic=marmots,marmots"]  # fmt: skip
NOTHING_FITS = ["topic=no-such-topic", "topic=marmots&difficulty=advanced"]
REFUSED = [
    "topic=", "topic=,", "topic=rest,", "topic=,rest", "topic=REST", "topic=re st", "topic=a--b",
    "topic=-a", "topic=a_b", "topic=caf%C3%A9", "topic=rest%0A", "topic=rest,NOT,rest,NEITHER",
    "difficulty=", "difficulty=hard", "difficulty=Beginner", "difficulty=beginner,advanced",
    "difficulty=%20beginner", "difficulty=beginner%0A", "difficulty=hard&topic=REST", "level=beginner",
    "level=", "topics=rest&level=hard", "difficulty=hard&topic=REST&level=1", "=", "=x", "topic",
    "difficulty", "topic=rest&topic=security", "topic=%00", "topic=%F0%9F%98%80", "q=flask",
]  # fmt: skip
MALFORMED = ["topic=%FF", "difficulty=%C3", "%FF=rest"]


@pytest.fixture
def marmots(app: Flask) -> None:
    from api.extensions import db
    from api.models import Topic

    with app.app_context():
        db.session.add(Topic(slug="marmots", name="Marmots", description=""))
        db.session.commit()
    add_question(app, 1, topics=("marmots",), difficulty="beginner")


def body(client: FlaskClient, address: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(address).json  # type: ignore[assignment]  # an object
    return {key: value for key, value in answer.items() if key not in {"request_id", "instance"}}


@pytest.mark.usefixtures("marmots")
def test_both_parsers_refuse_the_same_input_alike(client: FlaskClient) -> None:
    for queries, status in (
        (ACCEPTED, 200), (NOTHING_FITS, 404), (REFUSED, 422), (MALFORMED, 400),
    ):  # fmt: skip
        for query in queries:
            first, second = client.get(f"{REQPARSE}?{query}"), client.get(f"{WEBARGS}?{query}")
            assert (first.status_code, second.status_code) == (status, status), query
            assert first.content_type == second.content_type
            assert body(client, f"{REQPARSE}?{query}") == body(client, f"{WEBARGS}?{query}"), query
            if status == 200:
                assert first.json["number"] == 1  # type: ignore[index]  # a question
            if status in {400, 422}:
                assert statements(first) == statements(second) == 0


@pytest.mark.parametrize("address", [REQPARSE, WEBARGS])
def test_a_refusal_names_every_parameter_and_what_is_allowed(
    client: FlaskClient, address: str
) -> None:
    refused = parameters_refused(client.get(f"{address}?topic=REST&difficulty=hard&level=1"))
    assert refused.keys() == {"topic", "difficulty", "level"}
    assert refused["topic"]["code"] == "invalid"
    assert refused["difficulty"]["code"] == "not_allowed"
    assert "beginner, intermediate, advanced" in refused["difficulty"]["detail"]
    assert refused["level"]["code"] == "unknown"
    assert "difficulty, topic" in refused["level"]["detail"]


@pytest.mark.parametrize("address", [REQPARSE, WEBARGS])
def test_any_question_may_come_and_none_is_cached(client: FlaskClient, address: str) -> None:
    bank = {question["number"]: question for question in every_question(client)}
    drawn = set()
    for _ in range(40):  # all alike by chance: once in 10^66
        response = client.get(address)
        question: dict[str, Any] = response.json  # type: ignore[assignment]  # a question
        assert question == bank[question["number"]]
        assert response.headers["Content-Location"] == question["links"]["self"]
        assert response.headers["Cache-Control"] == "no-store"
        assert "Cache-Status" not in response.headers
        assert statements(response) <= 3
        drawn.add(question["number"])
    assert len(drawn) > 1


@pytest.mark.parametrize("address", [REQPARSE, WEBARGS])
def test_only_questions_that_fit_are_drawn(client: FlaskClient, address: str) -> None:
    for _ in range(15):
        question: Any = client.get(f"{address}?topic=rest,security&difficulty=advanced").json
        assert question["difficulty"] == "advanced"
        assert {"rest", "security"} & set(question["topics"])
