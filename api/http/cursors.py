"""Opaque cursors: a position in an order, signed, so that only what we handed out is taken (78)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from api.http.parsing import invalid, parameter_errors

_STALE = "Not a cursor of this list; follow the `next` link, or leave it out to start again."


def _serializer() -> URLSafeSerializer:
    config = current_app.config
    keys = [*config["SECRET_KEY_FALLBACKS"], config["SECRET_KEY"]]
    return URLSafeSerializer(keys, salt="cursor")


def write_cursor(order: Sequence[str], position: Sequence[Any]) -> str:
    """Write a position in an order as one opaque word."""
    plain = [{"t": v.isoformat()} if isinstance(v, datetime) else v for v in position]
    written: str | bytes = _serializer().dumps([list(order), plain])
    return written if isinstance(written, str) else written.decode()


def read_cursor(order: Sequence[str], cursor: str) -> list[Any]:
    """Read a position back. Raises Problem (422) for a forged one or one of another order."""
    try:
        told, plain = _serializer().loads(cursor)
    except (BadSignature, ValueError) as error:
        raise invalid(parameter_errors({"cursor": [_STALE]})) from error
    if told != list(order):
        message = "Belongs to another sort; start again without it."
        raise invalid(parameter_errors({"cursor": [message]}))
    return [datetime.fromisoformat(v["t"]) if isinstance(v, dict) else v for v in plain]
