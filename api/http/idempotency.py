"""`Idempotency-Key`: a POST that creates can be sent again, and creates once.

A client whose connection broke does not know whether its request was carried out. It names the request
with a key of its own making and sends it again: the same key and request get the answer that is kept.

Nothing is doubled and nothing is lost without a word, whenever a process dies:

1. A row claims the key, with a lease, and is committed before the work begins. Of two requests at once
   the second gets a 409.
2. The transaction that the work commits sets the row's state to `applied` too, and only while the lease is
   its own. So the work and the mark stand or fall together, and a request that was taken for dead, and
   whose key another has claimed since, cannot commit any more.
3. The answer is known only after that commit, and is kept by a second transaction; unless the view knew it
   before (`answered`): then it is kept with the mark.

Death before the commit leaves a lease that ends: the next attempt does the work. Death between the two
transactions leaves `applied` without an answer: the next attempt is told so (409) and nothing is done
twice. The mark covers what is committed by `db.session`, the way of every write of this application.

Kept are answers of requests that did something: a refusal (4xx) and a failure (5xx) free the key, so that
the request can be mended or tried again under it. Never kept are cookies, and answers that are marked
`no-store`. The request itself is kept as an HMAC: it may hold a password, and a plain hash can be guessed.
Sources: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ and
https://docs.stripe.com/api/idempotent_requests
"""

import hmac
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, wraps
from hashlib import sha256
from typing import Any
from uuid import uuid4

from flask import Response, current_app, g, has_request_context, request
from flask_restful.utils import unpack
from sqlalchemy import Connection, Insert, Row, and_, bindparam, delete, event, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.database import insert_or, turn
from api.extensions import db
from api.http.problems import Problem
from api.http.restful import output_json
from api.http.uploads import Incoming
from api.models import IdempotencyKey, KeyState
from api.models.types import now

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
#: What says that an answer is a kept one. The draft names no field; this is the name that Stripe made known.
REPLAYED = "Idempotent-Replayed"

MAXIMUM_LENGTH = 255
#: A request on another condition is another request: what was done on the first must not pass for it.
CONDITIONS = ("If-Match", "If-None-Match")
#: How long a request may run before it is taken for dead. Longer than any timeout in front of it.
LEASE = timedelta(seconds=60)
#: Each so many claims one of them sweeps expired keys away in passing, at most so many.
SWEPT_EACH, SWEPT_AT_MOST = 100, 1000
ATTEMPTS = 5

_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
#: A string of RFC 9651, section 3.3.3, which is the form that the draft prescribes.
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')

#: What is kept of an answer's header; the rest is made anew for each answer.
_KEPT_HEADERS = frozenset(
    {
        "cache-control",
        "content-location",
        "content-type",
        "etag",
        "last-modified",
        "link",
        "location",
        "preference-applied",
        "retry-after",
    }
)


class LeaseLostError(RuntimeError):
    """The request took so long that its key was claimed by another attempt; nothing was committed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of a key."""

    id: int
    lease: str

    @property
    def own(self) -> dict[str, Any]:
        """The parameters by which a statement finds the row of this claim."""
        return {"own": self.id, "held": self.lease}


def idempotent(view: Callable[..., Any]) -> Any:
    """Let a POST be repeated under an `Idempotency-Key`: its effect once, its answer as often as asked.

    Stand below what guards the view (limits, `requires`) and above what reads its body: a replay is
    counted, and needs the permission that it needs today. Under a key the body is read before the view:
    into memory, or as `@takes_file` above has it, onto the disk.

    Raises Problem: 400 for a malformed key, or none where one is required; 409 while the first attempt
    runs, or when its answer was lost; 422 for a key that was used for another request.
    """

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        key = _key()
        if key is None:
            return view(*args, **kwargs)
        found = _claim(key)
        if not isinstance(found, Claim):
            return _replay(found)
        g.idempotency_claim = found
        try:
            response = _responded(view(*args, **kwargs))
        except BaseException as error:
            _give_up(found)
            if isinstance(error, LeaseLostError):
                raise _in_flight() from error
            raise
        if _is_kept(response):
            _keep(found, response)
        else:
            _give_up(found)
        return response

    guarded: Any = wrapper
    guarded.idempotent = True  # read by the tests of the contract
    return guarded


_OWN = and_(IdempotencyKey.id == bindparam("own"), IdempotencyKey.lease == bindparam("held"))
"""The row of a claim, and that only while the claim holds."""


@cache
def _inserting(dialect: str) -> Insert:
    claiming: Insert = (
        insert_or(dialect, IdempotencyKey).on_conflict_do_nothing().returning(IdempotencyKey.id)
    )
    return claiming


_FIND = select(*IdempotencyKey.__table__.columns).where(
    IdempotencyKey.scope == bindparam("scope"), IdempotencyKey.key == bindparam("key")
)
_MARK = update(IdempotencyKey).where(_OWN).values(state=KeyState.APPLIED.value)
_KEEP = (
    update(IdempotencyKey)
    .where(_OWN)
    .values({name: bindparam(name) for name in ("state", "status", "headers", "body")})
)


@contextmanager
def _transaction() -> Iterator[Connection]:
    """Begin a transaction beside the session's: what the request has loaded there stays loaded."""
    with turn(db.engine), db.engine.begin() as connection:
        yield connection


def sweep(limit: int | None = None) -> int:
    """Delete expired keys with their answers, in a transaction of its own; returns how many.

    :param limit: how many at most; None for all. Needs an application context, and no request.
    """
    expired = (
        select(IdempotencyKey.id)
        .where(IdempotencyKey.expires_at <= now())
        .order_by(IdempotencyKey.id)
        .limit(limit)
        .with_for_update(
            skip_locked=True
        )  # two sweepers do not wait for each other; SQLite has one
    )
    with _transaction() as connection:
        return connection.execute(
            delete(IdempotencyKey).where(IdempotencyKey.id.in_(expired))
        ).rowcount


def _key() -> str | None:
    """Return the request's key; None without one. Raises Problem (400)."""
    sent = request.headers.get(HEADER)
    if sent is None:
        if current_app.config["IDEMPOTENCY_KEY_REQUIRED"]:
            detail = "Missing; name the request with a key of your own, a UUID say."
            raise Problem(
                "malformed-request",
                f"{HEADER}: {detail}",
                errors=[{"header": HEADER, "detail": detail, "code": "required"}],
            )
        return None
    quoted = _QUOTED.fullmatch(sent)
    key = re.sub(r'\\(["\\])', r"\1", quoted[1]) if quoted else sent
    if not quoted and (sent.startswith('"') or not _PLAIN.fullmatch(sent)):
        raise _malformed("Must be printable ASCII, plain or in double quotes, and not empty.")
    if not 1 <= len(key) <= MAXIMUM_LENGTH:
        raise _malformed(f"Must be 1 to {MAXIMUM_LENGTH} characters.")
    return key


def _malformed(detail: str) -> Problem:
    return Problem(
        "malformed-request",
        f"{HEADER}: {detail}",
        errors=[{"header": HEADER, "detail": detail, "code": "invalid"}],
    )


def _claim(key: str) -> Claim | Row[Any]:
    """Claim a key for this request, or return the row whose answer is kept. Raises Problem (409, 422)."""
    whose = str(
        current_app.extensions["rate_limit_key"]()
    )  # "user:…", or the address before sign-in
    user_id = int(whose.removeprefix("user:")) if whose.startswith("user:") else None
    scope = sha256("\n".join((whose, request.method, request.path)).encode()).hexdigest()
    digests = _digests()
    for _ in range(ATTEMPTS):
        claim = _insert(scope, key, user_id, digests[0])
        if claim is not None:
            return claim
        with db.engine.connect() as connection:
            row = connection.execute(_FIND, {"scope": scope, "key": key}).first()
        if row is None:  # given up in the meantime
            continue
        if row.expires_at <= now():
            sweep()
            continue
        if row.digest not in digests:
            raise _reused()
        if row.state == KeyState.DONE:
            return row
        if row.lease_expires_at > now():
            raise _in_flight()
        if row.state == KeyState.APPLIED:
            raise _lost()
        claim = _take_over(row)
        if claim is not None:
            return claim
    raise _in_flight()


def _insert(scope: str, key: str, user_id: int | None, digest: str) -> Claim | None:
    """Claim a key that nobody has; None if somebody has."""
    moment, lease = now(), str(uuid4())
    values = {
        "scope": scope,
        "key": key,
        "user_id": user_id,
        "digest": digest,
        "lease": lease,
        "lease_expires_at": moment + LEASE,
        "expires_at": moment + timedelta(hours=current_app.config["IDEMPOTENCY_HOURS"]),
    }
    with _transaction() as connection:
        claimed = connection.scalar(_inserting(connection.dialect.name), values)
    if claimed is None:
        return None
    if claimed % SWEPT_EACH == 0:
        sweep(SWEPT_AT_MOST)
    return Claim(claimed, lease)


def _take_over(row: Row[Any]) -> Claim | None:
    """Claim the key of a request that died; None if another attempt was faster."""
    claim = Claim(row.id, str(uuid4()))
    taking = (
        update(IdempotencyKey)
        .where(_OWN, IdempotencyKey.state == KeyState.IN_FLIGHT)
        .values(lease=claim.lease, lease_expires_at=now() + LEASE)
    )
    with _transaction() as connection:
        taken = connection.execute(taking, {"own": row.id, "held": row.lease}).rowcount
    return claim if taken else None


@event.listens_for(db.session, "before_commit")
def _mark(session: Session) -> None:
    """Set the state in the very transaction that commits the work. Raises LeaseLostError."""
    claim: Claim | None = g.get("idempotency_claim") if has_request_context() else None
    if claim is None or session.in_nested_transaction():
        return
    response = g.idempotency_kept = g.pop("idempotency_answer", None)
    marking, values = (_MARK, {}) if response is None else (_KEEP, _kept(response))
    if not session.connection().execute(marking, claim.own | values).rowcount:
        raise LeaseLostError("The key of this request was claimed by another attempt.")


def answered(response: Response) -> Response:
    """Have an answer that is known before the work is committed kept with it, by one transaction.

    To be called inside the transaction; the view returns the response, unchanged.
    """
    if _is_kept(response):
        g.idempotency_answer = response
    return response


def _give_up(claim: Claim) -> None:
    """Free the key of a request that did nothing; of one that did something say that it has ended."""
    g.idempotency_claim = None
    undone = delete(IdempotencyKey).where(_OWN, IdempotencyKey.state == KeyState.IN_FLIGHT)
    ended = update(IdempotencyKey).where(_OWN).values(lease_expires_at=now())
    try:
        db.session.rollback()
        with _transaction() as connection:
            if not connection.execute(undone, claim.own).rowcount:
                connection.execute(ended, claim.own)
    except SQLAlchemyError:  # what went wrong first is what the caller should hear; the lease ends
        log.exception("an idempotency key was not freed")


def _keep(claim: Claim, response: Response) -> None:
    """Keep the answer. Where that fails the answer is given none the less: the work is done."""
    g.idempotency_claim = None
    if g.get("idempotency_kept") is response:
        return
    try:
        with _transaction() as connection:
            connection.execute(_KEEP, claim.own | _kept(response))
    except SQLAlchemyError:
        log.exception("an answer was not kept under its idempotency key")


def _is_kept(response: Response) -> bool:
    return response.status_code < 400 and not response.cache_control.no_store


def _kept(response: Response) -> dict[str, Any]:
    """Return what is kept of an answer."""
    return {
        "state": KeyState.DONE.value,
        "status": response.status_code,
        "headers": [[k, value] for k, value in response.headers if k.lower() in _KEPT_HEADERS],
        "body": response.get_data(),
    }


def _responded(result: Any) -> Response:
    """Turn what a resource's method returns into its response, as Flask-RESTful would."""
    if isinstance(result, Response):
        return result
    data, status, headers = unpack(result)
    return output_json(data, status, headers)


def _replay(row: Row[Any]) -> Response:
    response = current_app.response_class(row.body or b"", status=row.status)
    del response.headers["Content-Type"]
    for name, value in row.headers or []:
        response.headers.add(name, value)
    response.headers[REPLAYED] = "true"
    return response


def _digests() -> list[str]:
    """Return the request's HMAC by the present key, and by the former ones, which signed earlier rows."""
    config = current_app.config
    conditions = [request.headers.get(name, "").encode() for name in CONDITIONS]
    parts = [request.query_string, request.mimetype.encode(), *conditions, *_body()]
    # Each part by its length: otherwise bytes could move from one to the next.
    message = b"".join(len(part).to_bytes(8) + part for part in parts)
    keys: list[str] = [config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]]
    return [hmac.new(f"idempotency:{key}".encode(), message, sha256).hexdigest() for key in keys]


def _body() -> list[bytes]:
    """Return what the request carries, of a file its hash.

    Of a form the file counts, and not its boundary, which changes with each attempt.
    """
    incoming: Incoming | None = g.get("incoming")
    if incoming is None:
        return [request.get_data(cache=True)]
    upload, digest = incoming.receive(), sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    sent = (upload.filename or "", upload.media_type or "")
    return [*(each.encode(errors="surrogatepass") for each in sent), digest.digest()]


def _reused() -> Problem:
    detail = "Was used for another request; a key names one request."
    return Problem(
        "invalid-parameters",
        f"Not accepted: {HEADER}.",
        errors=[{"header": HEADER, "detail": detail, "code": "reused"}],
    )


def _in_flight() -> Problem:
    return Problem(
        "idempotency-conflict",
        "The first request of this key is still running.",
        errors=[{"header": HEADER, "detail": "Still running.", "code": "in_flight"}],
        headers={"Retry-After": "1"},
    )


def _lost() -> Problem:
    return Problem(
        "idempotency-conflict",
        "The first request of this key was carried out, and its answer was lost. It is not done again.",
        errors=[{"header": HEADER, "detail": "The answer was lost.", "code": "answer_lost"}],
    )
