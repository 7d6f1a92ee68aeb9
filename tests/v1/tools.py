"""What the tests of the resources share: reading header fields, rows made on the spot, following."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from api.extensions import db
from api.models import Question, Topic

#: For what does not touch the database: one run is enough.
sqlite_only = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
#: For what only PostgreSQL does.
postgresql_only = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


def statements(response: TestResponse) -> int:
    """Return how many statements `Server-Timing` says that the request sent."""
    told = re.search(r'desc="(\d+) statements"', response.headers["Server-Timing"])
    assert told, response.headers["Server-Timing"]
    return int(told[1])


def link_field(response: TestResponse) -> dict[str, str]:
    """Return the addresses of the `Link` field by relation."""
    found = re.findall(r'<([^>]*)>; rel="([^"]*)"', ", ".join(response.headers.getlist("Link")))
    assert len({rel for _, rel in found}) == len(found), "a relation is given twice"
    return {rel: url for url, rel in found}


def parameters_refused(response: TestResponse) -> dict[str, dict[str, str]]:
    """Return the entries of a 422 by the parameter that each names."""
    assert response.status_code == 422, response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    return {entry["parameter"]: entry for entry in response.json["errors"]}  # type: ignore[index]  # a problem object


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait until the condition holds, and fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def settle(app: Flask) -> None:
    """Wait until the application knows the data's versions without asking the database."""
    freshness = app.extensions["freshness"]
    freshness.versions()
    wait_for(freshness.known)


def add_question(app: Flask, number: int, *, topics: tuple[str, ...] = (), **values: Any) -> None:
    """Store a question that no file of the bank has."""
    with app.app_context():
        found = db.session.scalars(select(Topic).where(Topic.slug.in_(topics))).all()
        assert len(found) == len(topics)
        texts = {"prompt": f"Question {number}?", "answer": "An answer.", **values}
        db.session.add(Question(number=number, topics=list(found), references=[], **texts))
        db.session.commit()


def remove_question(app: Flask, number: int) -> None:
    """Delete a stored question."""
    with app.app_context():
        question = db.session.scalars(select(Question).where(Question.number == number)).one()
        db.session.delete(db.session.get_one(Question, question.id, populate_existing=True))
        db.session.commit()


def every_question(client: FlaskClient) -> list[dict[str, Any]]:
    """Return all questions in the order of their numbers, as v1 lists them."""
    response = client.get("/api/v1/questions?per_page=100")
    assert response.status_code == 200
    items: list[dict[str, Any]] = response.json["items"]  # type: ignore[index]  # a collection
    assert [item["number"] for item in items] == list(range(51, 101))
    return items


def numbers(response: TestResponse) -> list[int]:
    """Return the numbers of the questions in a list, in its order."""
    assert response.status_code == 200, response.get_data(as_text=True)
    return [item["number"] for item in response.json["items"]]  # type: ignore[index]  # a collection


def strings(value: Any) -> Iterator[str]:
    """Walk every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
