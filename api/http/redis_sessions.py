"""Sessions in Redis, taught what those in files are taught (82).

A module of its own: it is imported where `REDIS_URL` is set, and redis-py nowhere else.
Source: https://flask-session.readthedocs.io/en/latest/config.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Flask
from flask_session.base import ServerSideSession
from flask_session.redis import RedisSessionInterface
from redis import Redis
from redis.exceptions import RedisError

from api.demonstrations import demonstrates
from api.http.cookies import Cookie
from api.http.session_storage import ServerSide, TaggedJSON, unavailable


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise unavailable() from error


@demonstrates(
    82,
    at="POST v1.practice_round",
    test="tests/http/test_sessions.py::test_redis_shares_sessions_and_forgets_them_by_itself",
)
class RedisSessions(ServerSide, RedisSessionInterface):
    """Sessions in Redis, for all processes of all machines; it forgets them by itself."""

    client: Redis

    def __init__(self, app: Flask, cookie: Cookie, client: Redis) -> None:
        prefix = f"question-bank:{cookie.base}:"
        super().__init__(app, client=client, key_prefix=prefix, permanent=False)
        self.cookie = cookie
        self.serializer = TaggedJSON()

    def _retrieve_session_data(self, store_id: str) -> dict[str, Any] | None:
        with _answering():
            data: dict[str, Any] | None = super()._retrieve_session_data(store_id)
            return data

    def _upsert_session(self, _: timedelta, session: ServerSideSession, store_id: str) -> None:
        data = self.serializer.encode(session)
        with _answering():
            self.client.set(store_id, data, ex=self.cookie.lifetime, xx=not session.new)

    def _delete_session(self, store_id: str) -> None:
        with _answering():
            super()._delete_session(store_id)
