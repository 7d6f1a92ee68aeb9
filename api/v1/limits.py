"""`/limits/{strategy}`: three rate-limiting strategies side by side, with tiny quotas (98).

- `fixed-window` counts per window; two bursts around a boundary let twice the quota through.
- `moving-window` remembers every hit; never more than the quota in any window, at that cost.
- `sliding-window-counter` weighs the previous window's count by how much of it still overlaps.

Source: https://limits.readthedocs.io/en/stable/strategies.html
"""

from time import time
from typing import Any

from flask import current_app, g
from flask_restful import Resource
from limits import RateLimitItemPerSecond
from limits.strategies import (
    FixedWindowRateLimiter,
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)
from marshmallow import Schema, validate

from api.demonstrations import demonstrates
from api.extensions import limiter
from api.http.limits import Quota
from api.http.parsing import query
from api.http.problems import Problem
from api.schemas.fields import Whole

STRATEGIES: dict[str, type[RateLimiter]] = {
    "fixed-window": FixedWindowRateLimiter,
    "moving-window": MovingWindowRateLimiter,
    "sliding-window-counter": SlidingWindowCounterRateLimiter,
}
AMOUNT = 4
LONGEST_WINDOW = 60


class QuotaQuery(Schema):
    """How long the quota's window is, and how much of the quota one request uses up.

    Each window is a quota of its own: the storage counts by strategy, limit and caller.
    """

    window = Whole(load_default=6, validate=validate.Range(1, LONGEST_WINDOW))
    cost = Whole(load_default=1, validate=validate.Range(1, AMOUNT))


def _words(window: int) -> str:
    """Write the quota as people do: `limits` would write "4 per 6 second"."""
    return f"{AMOUNT} per {window} second{'s' if window > 1 else ''}"


def _represent(
    strategy: str, args: dict[str, int], remaining: int, resets_in: float
) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "limit": _words(args["window"]),
        "cost": args["cost"],
        "remaining": remaining,
        "resets_in": round(resets_in, 3),
    }


class StrategyLimit(Resource):
    """A tiny quota, counted by the strategy that the address names."""

    @demonstrates(98, test="tests/v1/test_limits.py::test_strategies_differ_at_the_window_boundary")
    @query(QuotaQuery)
    def get(self, args: dict[str, int], strategy: str) -> dict[str, Any]:
        """Count the request, by the caller's address, and say where the quota stands."""
        if strategy not in STRATEGIES:
            raise Problem(
                "not-found", f"No strategy {strategy!r}; known are {', '.join(STRATEGIES)}."
            )
        if not current_app.config["RATELIMIT_ENABLED"]:  # then there is no storage either
            return _represent(strategy, args, AMOUNT, 0.0)
        limit = RateLimitItemPerSecond(AMOUNT, args["window"])
        counter = STRATEGIES[strategy](limiter.limiter.storage)
        identity = (strategy, limiter._key_func())
        allowed = counter.hit(limit, *identity, cost=args["cost"])
        window = counter.get_window_stats(limit, *identity)
        g.quotas = [Quota(strategy, limit, window, breached=not allowed)]
        if not allowed:
            raise Problem(
                "too-many-requests", f"The limit is {_words(args['window'])} by {strategy}."
            )
        return _represent(strategy, args, window.remaining, max(0.0, window.reset_time - time()))
