"""The JSON provider: what it writes, and what it refuses clearly."""

from collections import OrderedDict, deque
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, jsonify

from api.http.json import ORJSONProvider


class Level(StrEnum):
    LOW = "low"


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask(__name__)
    app.json = ORJSONProvider(app)
    return app


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2026, 11, 22, 12, tzinfo=UTC), '"2026-11-22T12:00:00Z"'),
        (datetime(2026, 11, 22, 12, 0, 0, 5, UTC), '"2026-11-22T12:00:00.000005Z"'),
        (datetime(2026, 11, 22, 12), '"2026-11-22T12:00:00Z"'),  # naive is UTC
        (date(2026, 11, 22), '"2026-11-22"'),
        (UUID("12345678-1234-5678-1234-567812345678"), '"12345678-1234-5678-1234-567812345678"'),
        (Decimal("9.90"), '"9.90"'),
        (Level.LOW, '"low"'),
        ("ü</script>\N{SNOWMAN}", '"ü</script>☃"'),
        ((1, 2), "[1,2]"),
        (deque([1, 2]), "[1,2]"),
        (frozenset({1}), "[1]"),
        (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
        (MappingProxyType({"b": Decimal(1)}), '{"b":"1"}'),
        (2**63 - 1, "9223372036854775807"),
        (None, "null"),
    ],
)
def test_values_that_the_standard_library_refuses_are_written(
    value: Any, written: str, app: Flask
) -> None:
    assert app.json.dumps(value) == written


def test_a_time_of_another_zone_keeps_its_moment(app: Flask) -> None:
    there = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert datetime.fromisoformat(app.json.loads(app.json.dumps(there))) == there


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), "object"),
        (b"bytes", "bytes"),
        (bytearray(b"bytes"), "bytearray"),
        (memoryview(b"bytes"), "memoryview"),
        (1j, "complex"),
        ({"inside": [{object()}]}, "object"),
        ({1: "a"}, "key must be str"),
        (2**64, "64-bit"),
        ("\ud800", "UTF-8"),
    ],
)
def test_anything_else_is_a_type_error_that_names_it(value: Any, named: str, app: Flask) -> None:
    with pytest.raises(TypeError, match=named):
        app.json.dumps(value)


def test_jsonify_and_returned_values_go_through_the_provider(app: Flask) -> None:
    with app.test_request_context():
        response = jsonify(a=Decimal(1))
        assert response.data == app.make_response({"a": Decimal(1)}).data == b'{"a":"1"}\n'
        assert response.mimetype == "application/json"
