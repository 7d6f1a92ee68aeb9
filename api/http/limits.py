"""Rate limits by Flask-Limiter, told in the standard's own fields (71).

`RateLimit-Policy` says what the quotas are, `RateLimit` what is left of each, `Retry-After` how
long to wait. Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import ceil
from time import time
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, WindowStats, parse_many
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from api.demonstrations import demonstrates
from api.extensions import limiter
from api.http import redis
from api.http.counting import ProcessStorage
from api.http.problems import Problem


def reading() -> bool:
    """Tell whether the request only reads."""
    return request.method in {"GET", "HEAD"}


def search_limit() -> str:
    """Return the quota of full-text searches."""
    return str(current_app.config["RATELIMIT_SEARCH"])


def rehearsal_limit() -> str:
    """Return the quota of the demonstrations that build a database of their own."""
    return str(current_app.config["RATELIMIT_REHEARSALS"])


def write_limit() -> str:
    """Return the quota of changes."""
    return str(current_app.config["RATELIMIT_WRITES"])


def upload_limit() -> str:
    """Return the quota of uploads, each of which is decoded and written anew."""
    return str(current_app.config["RATELIMIT_UPLOADS"])


def preview_limit() -> str:
    """Return the quota of previews, which a page asks for while somebody types."""
    return str(current_app.config["RATELIMIT_PREVIEWS"])


#: `@rehearsals` on a resource's method: these demonstrations are costly and share one quota.
rehearsals = limiter.shared_limit(rehearsal_limit, scope="rehearsals")
#: `@searches` counts only requests that search.
searches = limiter.shared_limit(
    search_limit, scope="searches", exempt_when=lambda: not request.args.get("q")
)
#: `@writes` counts every change, whichever the resource.
writes = limiter.shared_limit(write_limit, scope="writes")
#: `@uploads` counts every upload, refused ones too: they cost as much.
uploads = limiter.shared_limit(upload_limit, scope="uploads")
#: `@previews` counts what is rendered while somebody types, apart from what they then save.
previews = limiter.shared_limit(preview_limit, scope="previews")


#: `@sign_in_attempts` slows down who guesses passwords or tokens from one address.
sign_in_attempts = limiter.shared_limit(
    lambda: str(current_app.config["RATELIMIT_SIGN_INS"]),
    scope="sign-ins",
    key_func=get_remote_address,
)
#: `@mails` counts what makes this application write mails on a user's behalf.
mails = limiter.shared_limit(
    lambda: str(current_app.config["RATELIMIT_MAILS"]), scope="mails", exempt_when=reading
)


#: The setting behind each scope.
SETTINGS = {
    "reads": "RATELIMIT_READS",
    "searches": "RATELIMIT_SEARCH",
    "rehearsals": "RATELIMIT_REHEARSALS",
    "writes": "RATELIMIT_WRITES",
    "uploads": "RATELIMIT_UPLOADS",
    "previews": "RATELIMIT_PREVIEWS",
    "sign-ins": "RATELIMIT_SIGN_INS",
    "guesses": "RATELIMIT_GUESSES",
    "mails": "RATELIMIT_MAILS",
}


@cache
def _are_several(limits: str) -> bool:
    return len(parse_many(limits)) > 1


def quota_name(scope: str, limit: RateLimitItem, *, several: bool) -> str:
    """Name a quota: "10/second; 600/minute" makes two of one scope, each with its own name."""
    return f"{scope}-{limit.get_expiry()}s" if several else scope


def _name(scope: str, limit: RateLimitItem) -> str:
    several = _are_several(str(current_app.config[SETTINGS[scope]]))
    return quota_name(scope, limit, several=several)


@dataclass(frozen=True, slots=True)
class Quota:
    """Where one quota stands after this request."""

    name: str
    limit: RateLimitItem
    window: WindowStats
    breached: bool

    @property
    def seconds(self) -> int:
        """Whole seconds until the quota is (partly) restored, at least one."""
        return max(1, ceil(self.window.reset_time - time()))


@demonstrates(
    71,
    at="GET v1.questions",
    test="tests/http/test_limits.py::test_the_quota_is_told_and_then_enforced",
)
def tell_limits(response: Response) -> Response:
    """Write the rate-limit fields for every quota that this request counted against."""
    counted = {
        (item.request_args[-1], item.limit): item
        for item in [*g.get("limits_before_view", []), *limiter.current_limits]
    }
    quotas = [
        Quota(_name(scope, limit), limit, item.window, item.breached)
        for (scope, limit), item in counted.items()
    ]
    quotas += g.get("quotas", [])
    if quotas:
        response.headers["RateLimit-Policy"] = ", ".join(
            f'"{quota.name}";q={quota.limit.amount};w={quota.limit.get_expiry()}'
            for quota in quotas
        )
        response.headers["RateLimit"] = ", ".join(
            f'"{quota.name}";r={quota.window.remaining};t={quota.seconds}' for quota in quotas
        )
    waits = [quota.seconds for quota in quotas if quota.breached]
    if response.status_code == 429 and waits:
        response.headers["Retry-After"] = str(max(waits))
    return response


def _count(storage: Any, key: str, window: int, amount: int = 1) -> tuple[int, float]:
    """Count in a fixed window, as Flask-Limiter does, and return what that makes and when it ends."""
    if isinstance(storage, ProcessStorage):
        return storage.count(key, window, amount)
    return storage.incr(key, window, amount), storage.get_expiry(key)


class Reads:
    """The quota of reads, spent without Flask-Limiter: by a hit of `api.http.front`, which never meets
    it. Both count under the same keys of the same storage.
    """

    def __init__(self, app: Flask) -> None:
        """Read the quota of an application."""
        limits = str(app.config["RATELIMIT_READS"])
        found = sorted(parse_many(limits)) if app.config["RATELIMIT_ENABLED"] else []
        self._limits = []
        for limit in found:
            name = quota_name("reads", limit, several=len(found) > 1)
            before, _, after = limit.key_for("\n", "reads").partition("\n")
            self._limits.append((limit.amount, limit.get_expiry(), name, before, after))
        self._policy = (
            ", ".join(
                f'"{name}";q={amount};w={window}' for amount, window, name, *_ in self._limits
            )
            or None
        )

    def alone(self, response: Response) -> bool:
        """Tell whether a response was counted against this quota, and no other."""
        return response.headers.get("RateLimit-Policy") == self._policy

    def spend(self, address: str | None) -> tuple[tuple[str, str], ...] | None:
        """Count a read, and return the field that tells what is left.

        :param address: the reader's.

        None where Flask-Limiter must see to it: too many reads, or a storage that does not answer.
        Nothing is counted then.
        """
        if not self._limits:
            return ()
        storage = limiter.storage
        if (
            storage is not limiter.limiter.storage
        ):  # Redis is away; Flask-Limiter notices its return
            return None
        told = ""
        for place, (amount, window, name, before, after) in enumerate(self._limits):
            try:
                count, ends = _count(storage, f"{before}{address or '127.0.0.1'}{after}", window)
            except redis.failure():
                return None
            if count > amount:
                self.take_back(address, place + 1)
                return None
            left = f'"{name}";r={amount - count};t={int(ends - time()) + 1}'
            told = f"{told}, {left}" if told else left
        return (("RateLimit", told),)

    def take_back(self, address: str | None, counted: int | None = None) -> None:
        """Take back what was spent, for Flask-Limiter will count it.

        :param counted: of how many limits; None for all.
        """
        for _, window, _, before, after in self._limits[:counted]:
            key = f"{before}{address or '127.0.0.1'}{after}"
            _count(limiter.limiter.storage, key, window, -1)


def count_guess(whose: str, what: str = "passwords for this name") -> None:
    """Count a password or code that is about to be checked, before the check: of many at once no more get
    through than the quota has. Raises Problem (429) when it is used up.

    :param whose: who guesses whose password; the same for all who share the quota.
    :param what: what there were too many wrong ones of.
    """
    if not _spend(whose, 1):
        raise Problem(
            "too-many-requests",
            f"Too many wrong {what}. The limit is {current_app.config['RATELIMIT_GUESSES']}.",
        )


def forgive_guess(whose: str) -> None:
    """Take a guess back that was none: the password was right."""
    _spend(whose, -1)


def mail_may_go(recipient: str, kind: str) -> bool:
    """Count a mail against its recipient's quota of that kind; returns whether there was enough left.

    Not told in the fields of the answer: the quota is the recipient's, and whoever asks may be another.
    By kind, so that who has one of them used up holds no other back.
    """
    whose = f"{kind}:{sha256(recipient.encode(errors='surrogatepass')).hexdigest()}"
    return not any(quota.breached for quota in _charge("mails", whose, 1))


def _spend(whose: str, cost: int) -> bool:
    """Charge every quota of guesses, and have them told. Returns whether there was enough left."""
    quotas = _charge("guesses", whose, cost)
    others = [quota for quota in g.get("quotas", []) if not quota.name.startswith("guesses")]
    g.quotas = others + quotas
    return not any(quota.breached for quota in quotas)


def _charge(scope: str, whose: str, cost: int) -> list[Quota]:
    """Charge every quota of a scope that somebody has; returns where each stands."""
    if not current_app.config["RATELIMIT_ENABLED"]:
        return []
    quotas = []
    for limit in parse_many(str(current_app.config[SETTINGS[scope]])):
        key = (scope, whose)
        try:
            counter = limiter.limiter  # in this process, once Flask-Limiter found its Redis gone
            allowed = counter.hit(limit, *key, cost=cost)
            window = counter.get_window_stats(limit, *key)
        except redis.failure():  # it found nothing yet
            counter = _own_counter()
            allowed = counter.hit(limit, *key, cost=cost)
            window = counter.get_window_stats(limit, *key)
        quotas.append(Quota(_name(scope, limit), limit, window, breached=not allowed))
    return quotas


@cache
def _own_counter() -> RateLimiter:
    """Count in this process: a limit must not become an outage, nor be lifted by one."""
    return FixedWindowRateLimiter(ProcessStorage())


def remember_limits() -> None:
    """Keep the limits counted before the view: a decorated view's own replace them."""
    g.limits_before_view = limiter.current_limits


def init_app(app: Flask) -> None:
    """Tell the limits on every response. Flask-Limiter must have been bound before."""
    app.before_request(remember_limits)
    app.after_request(tell_limits)
