"""Flask's JSON provider on orjson: RFC 3339 times in UTC, UUID and Decimal (87).

`jsonify`, returned dicts and lists, and the resources all go through it.
Source: https://flask.palletsprojects.com/en/stable/api/#flask.json.provider.JSONProvider
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from flask import current_app
from flask.json.provider import JSONProvider

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def encoded(value: Any) -> bytes:
    """Return the body of an answer: JSON, ending in a line feed for the sake of terminals.

    Raises orjson.JSONEncodeError (a TypeError) for what has no JSON form.
    """
    return orjson.dumps(value, _default, _OPTIONS | orjson.OPT_APPEND_NEWLINE)


def _default(value: Any) -> Any:
    """Represent what orjson does not know. Raises TypeError for what nobody knows."""
    match value:
        case Decimal():
            return str(value)
        case Mapping():
            return dict(value)
        case bytes() | bytearray() | memoryview():  # sequences of numbers, but nobody means that
            raise TypeError(f"{type(value).__name__} has no JSON form")
        case Sequence() | set() | frozenset():
            return list(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


class ORJSONProvider(JSONProvider):
    """The application's one way to and from JSON."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Serialise. Raises orjson.JSONEncodeError (a TypeError) for what has no JSON form."""
        return orjson.dumps(obj, _default, _OPTIONS).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse. Raises orjson.JSONDecodeError (a ValueError)."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Any:
        """Answer `application/json`."""
        body = encoded(self._prepare_response_obj(args, kwargs))
        return current_app.response_class(body, mimetype="application/json")
