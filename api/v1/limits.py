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
from limits import RateLimitItem, parse
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
#: As people write it: `limits` would write "4 per 6 second".
QUOTA = "4 per 6 seconds"
LIMIT: RateLimitItem = parse(QUOTA)


class CostQuery(Schema):
    """How much of the quota one request uses up."""

    cost = Whole(load_default=1, validate=validate.Range(1, LIMIT.amount))


def _represent(strategy: str, cost: int, remaining: int, resets_in: float) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "limit": QUOTA,
        "cost": cost,
        "remaining": remaining,
        "resets_in": round(resets_in, 3),
    }


class StrategyLimit(Resource):
    """A tiny quota, counted by the strategy that the address names."""

    @demonstrates(98, test="tests/v1/test_limits.py::test_strategies_differ_at_the_window_boundary")
    @query(CostQuery)
    def get(self, args: dict[str, Any], strategy: str) -> dict[str, Any]:
        """Count the request, by the caller's address, and say where the quota stands."""
        if strategy not in STRATEGIES:
            raise Problem(
                "not-found", f"No strategy {strategy!r}; known are {', '.join(STRATEGIES)}."
            )
        if not current_app.config["RATELIMIT_ENABLED"]:  # then there is no storage either
            return _represent(strategy, args["cost"], LIMIT.amount, 0.0)
        counter = STRATEGIES[strategy](limiter.limiter.storage)
        identity = (strategy, limiter._key_func())
        allowed = counter.hit(LIMIT, *identity, cost=args["cost"])
        window = counter.get_window_stats(LIMIT, *identity)
        g.quotas = [Quota(strategy, LIMIT, window, breached=not allowed)]
        if not allowed:
            raise Problem("too-many-requests", f"The limit is {QUOTA} by {strategy}.")
        return _represent(
            strategy, args["cost"], window.remaining, max(0.0, window.reset_time - time())
        )
