"""Cursors: only what was handed out is taken, for the order that it belongs to."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer

from api.http.cursors import read_cursor, write_cursor
from api.http.problems import Problem

ORDER = ("-updated_at", "prompt", "number")
POSITION = [datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC), "Wie heißt's? \N{SNOWMAN}", 51]


def application(key: str, *fallbacks: str) -> Flask:
    app = Flask(__name__)
    app.config |= {"SECRET_KEY": key, "SECRET_KEY_FALLBACKS": list(fallbacks)}
    return app


@pytest.fixture(autouse=True)
def context() -> Iterator[None]:
    with application("current").app_context():
        yield


def refused(order: tuple[str, ...], cursor: str) -> Any:
    with pytest.raises(Problem) as caught:
        read_cursor(order, cursor)
    assert caught.value.code == 422
    (error,) = caught.value.errors
    assert error["parameter"] == "cursor"
    return error["detail"]


def test_a_position_comes_back_with_its_types() -> None:
    assert read_cursor(ORDER, write_cursor(ORDER, POSITION)) == POSITION


def test_a_cursor_can_stand_in_an_address_as_it_is() -> None:
    cursor = write_cursor(ORDER, POSITION)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize("place", range(0, 60, 7))
def test_a_changed_cursor_is_refused(place: int) -> None:
    cursor = write_cursor(ORDER, POSITION)
    changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
    assert "follow the `next` link" in refused(ORDER, changed)


@pytest.mark.parametrize("cursor", ["", ".", "x", "é", "51", "....", "e30", "\0", "\ud800"])
def test_what_never_was_a_cursor_is_refused(cursor: str) -> None:
    refused(ORDER, cursor)


def test_a_cursor_signed_by_somebody_else_is_refused() -> None:
    for key, salt in (("other", "cursor"), ("current", "session")):
        forged = URLSafeSerializer(key, salt=salt).dumps([list(ORDER), [1, "a", 51]])
        refused(ORDER, str(forged))


@pytest.mark.parametrize(
    "order", [("number",), ("prompt", "number"), ("updated_at", "prompt", "number")]
)
def test_a_cursor_of_another_order_is_refused(order: tuple[str, ...]) -> None:
    assert "another sort" in refused(order, write_cursor(ORDER, POSITION))


def test_a_cursor_survives_a_change_of_the_key_as_long_as_the_old_one_is_kept() -> None:
    cursor = write_cursor(ORDER, POSITION)
    with application("next", "older", "current").app_context():
        assert read_cursor(ORDER, cursor) == POSITION
        signed_by_next = write_cursor(ORDER, POSITION)
    with application("next").app_context():
        refused(ORDER, cursor)
        assert read_cursor(ORDER, signed_by_next) == POSITION
