"""Reads: hot, with the cache bypassed, with a token; and the proof that a hot one is fresh."""

import http.client
import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from time import monotonic

from benchmarks import contestants
from benchmarks.contestants import ITEM, LIST, QUERY, THROUGH_FLASK, WITHOUT_CACHE, Bank
from benchmarks.figures import Section, Spread, Target, in_turn, ratios
from benchmarks.load import CONNECTIONS, Measured, wrk
from benchmarks.servers import HOST, Running, all_running, fetch, running

OURS = "this API"


def _rates(found: Mapping[str, list[Measured]]) -> dict[str, list[float]]:
    return {name: [each.rate for each in runs] for name, runs in found.items()}


def _rows(found: Mapping[str, list[Measured]], ours: str) -> list[list[str]]:
    """Write each contestant's rate and how many times as fast as it the application is."""
    rates = _rates(found)
    return [
        [
            name,
            f"{Spread.of(own).middle:,.0f}",
            f"{Spread.of([run.p99 for run in found[name]]).middle * 1000:.1f} ms",
            "" if name == ours else str(ratios(rates[ours], own)),
        ]
        for name, own in rates.items()
    ]


COLUMNS = ("", "requests/s", "p99", "this API is … times as fast (min / median / max)")


def _load(server: Running, path: str, seconds: float, **headers: str) -> Callable[[], Measured]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def measure() -> Measured:
        found = wrk(server.url(path), seconds, named)
        if found.errors:
            raise AssertionError(f"{server.server.name} {path}: {found.errors} errors")
        return found

    return measure


def _bars(found: Mapping[str, list[Measured]]) -> dict[str, float]:
    return {name: Spread.of(own).middle for name, own in _rates(found).items()}


def hot(bank: Bank, rounds: int, seconds: float) -> Section:
    """Anonymous reads that are repeated: list, item, 304."""
    threads = contestants.threads()
    ours_by_default = f"{OURS}, {threads} threads"
    bare_by_default = f"bare WSGI, Granian, {threads} threads"
    servers = [
        bank.product(THREADS="1"),
        bank.granian("bare WSGI, Granian", "bare"),
        bank.gunicorn("bare WSGI, gunicorn", "bare", threads),
        contestants.renamed(bank.product(), ours_by_default),
        bank.granian(bare_by_default, "bare", threads),
        bank.gunicorn("usual Flask stack, Flask-Caching, gunicorn", "flask_usual"),
        bank.granian("usual Flask stack, Flask-Caching, Granian", "flask_usual", 8),
        bank.gunicorn("Flask-RESTX, Flask-Caching", "restx_peer"),
        bank.gunicorn("flask-smorest, Flask-Caching", "smorest_peer"),
        bank.gunicorn("Django REST Framework, cache_page", "drf_peer"),
        bank.uvicorn("FastAPI, fastapi-cache2, uvicorn", "fastapi_peer"),
        bank.uvicorn("Litestar, response cache, uvicorn", "litestar_peer"),
        bank.granian("Litestar, response cache, Granian", "litestar_peer", interface="asgi"),
    ]
    peers = [each.name for each in servers[5:]]
    bare = servers[1].name
    cached = f"/cached/questions{QUERY}"
    with all_running(servers) as up:
        addresses = {OURS: LIST, ours_by_default: LIST}
        addresses |= {each.name: "/list" for each in servers if each.name.startswith("bare")}
        addresses |= dict.fromkeys(peers, cached)
        contestants.ensure_same(up, addresses, (bank.folder / "list.json").read_bytes())
        item = {OURS: ITEM, bare: "/item"}
        contestants.ensure_same(up, item, (bank.folder / "item.json").read_bytes())
        etag = fetch(up[OURS].url(LIST))[1].get("etag", "")
        if fetch(up[OURS].url(LIST), {"If-None-Match": etag})[0] != 304:
            raise contestants.DifferentPayloadError("the ETag of a read brings no 304")
        found = in_turn(
            {name: _load(up[name], path, seconds) for name, path in addresses.items()}, rounds
        )
        more = in_turn(
            {
                "item": _load(up[OURS], ITEM, seconds),
                "item, bare": _load(up[bare], "/item", seconds),
                "304": _load(up[OURS], LIST, seconds, If_None_Match=etag),
                "304, bare": _load(up[bare], "/304", seconds),
            },
            rounds,
        )
    rates = _rates(found)
    best = max(peers, key=lambda name: Spread.of(rates[name]).middle)
    beside = _rates(more)
    rows = _rows(found, OURS)
    for what in ("item", "304"):
        own = Spread.of(beside[what]).middle
        share = ratios(beside[what], beside[f"{what}, bare"])
        rows.append([f"this API, {what}", f"{own:,.0f}", "", f"beside bare WSGI: {share}"])
    return Section(
        "hot",
        "Hot anonymous reads",
        f"A list of twenty questions, {len((bank.folder / 'list.json').read_bytes()):,} bytes, asked "
        f"for again and again; {CONNECTIONS} connections, one worker on one core. The application and "
        f"bare WSGI on Granian have one thread, and in rows that say so {threads}, as many as the "
        "application has unless told otherwise: where threads wait for others (PostgreSQL, a hash, a "
        "mail) they pay, and where one core is all there is they take turns.",
        COLUMNS,
        rows,
        [
            Target("list, beside bare WSGI", ratios(rates[OURS], rates[bare]), at_least=0.8),
            Target(
                f"list, beside bare WSGI, {threads} threads each",
                ratios(rates[ours_by_default], rates[bare_by_default]),
                0.8,
            ),
            Target("item, beside bare WSGI", ratios(beside["item"], beside["item, bare"]), 0.8),
            Target("304, beside bare WSGI", ratios(beside["304"], beside["304, bare"]), 0.8),
            Target(
                f"list, beside the best cached peer ({best})", ratios(rates[OURS], rates[best]), 3
            ),
        ],
        _bars(found),
    )


def bypassed(bank: Bank, rounds: int, seconds: float) -> Section:
    """The same list, read from the database each time."""
    through_flask = f"{OURS}, each read through Flask"
    servers = [
        bank.product(**WITHOUT_CACHE),
        contestants.renamed(bank.product(**THROUGH_FLASK), through_flask),
        bank.gunicorn("usual Flask stack, gunicorn", "flask_usual"),
        bank.granian("usual Flask stack, Granian", "flask_usual", 8),
        bank.gunicorn("Flask-RESTX", "restx_peer"),
        bank.gunicorn("flask-smorest", "smorest_peer"),
        bank.gunicorn("Django REST Framework", "drf_peer"),
        bank.uvicorn("FastAPI, uvicorn", "fastapi_peer"),
        bank.uvicorn("Litestar, uvicorn", "litestar_peer"),
        bank.uvicorn("Starlette, uvicorn", "starlette_peer"),
    ]
    simple = ("Flask-RESTX", "flask-smorest", "Django REST Framework")
    kinds = {**dict.fromkeys(simple, ("documented",)), "Starlette, uvicorn": ("ours",)}
    every = ("documented", "tuned", "ours")
    addresses = {OURS: (OURS, LIST), through_flask: (through_flask, LIST)}
    for server in servers[2:]:
        for kind in kinds.get(server.name, every):
            label = {"ours": "given our statement"}.get(kind, kind)
            addresses[f"{server.name}, {label}"] = (server.name, f"/{kind}/questions{QUERY}")
    expected = (bank.folder / "list.json").read_bytes()
    with all_running(servers) as up:
        for label, (name, path) in addresses.items():
            contestants.ensure_same({label: up[name]}, {label: path}, expected)
        found = in_turn(
            {label: _load(up[name], path, seconds) for label, (name, path) in addresses.items()},
            rounds,
        )
    rates = _rates(found)

    def best(kind: str, within: str = "") -> str:
        fitting = [name for name in rates if name.endswith(kind) and name.startswith(within)]
        return max(fitting, key=lambda name: Spread.of(rates[name]).middle)

    targets = []
    for kind, bound in (("documented", 5.0), ("tuned", 1.8)):
        name = best(f", {kind}")
        promise = f"beside the fastest {kind} peer ({name.removesuffix(', ' + kind)})"
        targets.append(Target(promise, ratios(rates[OURS], rates[name]), at_least=bound))
    name = best("given our statement", "Litestar")
    targets.append(Target(f"beside {name}", ratios(rates[OURS], rates[name]), at_least=1))
    return Section(
        "bypassed",
        "Reads with the cache bypassed",
        "The same list with `CACHE_ENABLED=off`, from the database each time; what the address asks for "
        "was understood the first time (`RESPONSE_CACHE_BYTES=0` has Flask do that, too, each time). "
        "*Documented*: as the "
        "peer's own pages write it. *Tuned*: Core select and orjson. *Given our statement*: one "
        "statement whose topics are a JSON column.",
        COLUMNS,
        _rows(found, OURS),
        targets,
        _bars(found),
    )


def bearer(bank: Bank, rounds: int, seconds: float) -> Section:
    """The list for a signed-in reader."""
    servers = [
        bank.product(bank.copy("bearer")),
        bank.uvicorn("FastAPI with PyJWT, uvicorn", "fastapi_peer"),
    ]
    theirs = servers[1].name
    path = f"/bearer/questions{QUERY}"
    with all_running(servers) as up:
        own = f"Bearer {contestants.access_token(up[OURS])}"
        other = f"Bearer {_peer_token()}"
        for name, address, token in ((OURS, LIST, own), (theirs, path, other)):
            status, _, body = fetch(up[name].url(address), {"Authorization": token})
            expected = json.loads((bank.folder / "list.json").read_bytes())
            if status != 200 or contestants.differing(expected, json.loads(body)):
                raise contestants.DifferentPayloadError(f"{name} answers {status}: {body[:300]!r}")
        found = in_turn(
            {
                OURS: _load(up[OURS], LIST, seconds, Authorization=own),
                theirs: _load(up[theirs], path, seconds, Authorization=other),
            },
            rounds,
        )
    rates = _rates(found)
    return Section(
        "bearer",
        "Reads with a token",
        "The list asked for with `Authorization: Bearer`. Both check the signature and look the user "
        "up; this API also checks, each time, that the device is still signed in.",
        COLUMNS,
        _rows(found, OURS),
        [Target("beside FastAPI with PyJWT", ratios(rates[OURS], rates[theirs]), at_least=3)],
        _bars(found),
    )


def _peer_token() -> str:
    """Sign a token as FastAPI's page on PyJWT does; by hand, as PyJWT is in the peers' environment."""
    import base64
    import hashlib
    import hmac

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    secret = b"benchmarks-only-" * 4  # peers/shape.py
    head = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(b'{"sub":"editor"}')
    return (head + b"." + part(hmac.digest(secret, head, hashlib.sha256))).decode()


def freshness(bank: Bank, rounds: int, seconds: float) -> Section:
    """Read hot answers beside a writer in another process, and look for one that is stale.

    What is written carries a rising count. A reader notes the count that was committed before it asks;
    an answer with a lower one is stale.
    """
    path = bank.copy("freshness")
    committed, stop = [0], threading.Event()
    reads, stale, worst = [0] * 4, [0] * 4, [""]

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            while not stop.wait(0.002):
                count = committed[0] + 1
                connection.execute(
                    "UPDATE questions SET prompt = ? WHERE number = 71", (f"count {count}",)
                )
                committed[0] = count

    def read(place: int, server: Running) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        while not stop.is_set():
            before = committed[0]
            connection.request("GET", f"{ITEM}?fields=prompt", headers={"Host": HOST})
            prompt = json.load(connection.getresponse())["prompt"]
            count = int(prompt.removeprefix("count ")) if prompt.startswith("count ") else 0
            reads[place] += 1
            if count < before:
                stale[place] += 1
                worst[0] = f"{count} after {before}"
        connection.close()

    with running(bank.product(path)) as server:
        threads = [threading.Thread(target=write)]
        threads += [threading.Thread(target=partial(read, place, server)) for place in range(4)]
        for each in threads:
            each.start()
        end = monotonic() + rounds * seconds
        while monotonic() < end:
            stop.wait(0.1)
            if not threads[0].is_alive():
                break
        stop.set()
        for each in threads:
            each.join()
    if not committed[0] or not sum(reads):
        raise AssertionError("nothing was written, or nothing read")
    share = sum(stale) / sum(reads)
    return Section(
        "freshness",
        "Freshness of hot reads",
        "Four readers of one question beside another process that changes it with plain SQL. An "
        "answer is stale if it shows less than what was committed before it was asked for.",
        ("commits", "reads", "stale answers"),
        [[f"{committed[0]:,}", f"{sum(reads):,}", f"{sum(stale)} {worst[0]}".strip()]],
        [Target("share of stale answers", Spread(share, share, share), at_most=0)],
    )
