"""What of redis-py the rest asks for: how long to wait for Redis, and what it raises when it is away.

Its package takes long to import, and without `REDIS_URL` nothing needs it. So it is imported in functions;
an `except` clause evaluates what stands after it only when something was raised.
Source: https://docs.python.org/3/reference/compound_stmts.html#except-clause
"""

from typing import Any


def options() -> dict[str, Any]:
    """Return the options of a connection. One in `REDIS_URL` comes before one of these.

    What only speeds up or counts must answer soon or be done without. (The client's own defaults are
    ten retries of five seconds.)
    """
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_timeout": 0.5,
        "socket_connect_timeout": 0.5,
        "retry": Retry(NoBackoff(), 1),
    }


def failure() -> type[Exception]:
    """Return what every exception of redis-py is: `except redis.failure():`."""
    from redis.exceptions import RedisError

    return RedisError
