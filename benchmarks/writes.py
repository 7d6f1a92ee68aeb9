"""Writes: questions created and changed by signed-in editors, each committed on its own."""

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

from benchmarks import contestants
from benchmarks.contestants import Bank
from benchmarks.figures import Section, Spread, Target, in_turn, ratios
from benchmarks.load import CONNECTIONS
from benchmarks.reads import OURS, _peer_token
from benchmarks.servers import HOST, LOAD_CORES, Running, all_running

Headers = dict[str, str]


class Connection:
    """One connection that is kept, as wrk keeps its own; wrk itself cannot follow an ETag."""

    def __init__(self, server: Running, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self._headers = {
            "Host": HOST,
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Headers
    ) -> tuple[int, str, bytes]:
        """Send a request; returns status, ETag and body."""
        data = json.dumps(body).encode() if body is not None else None
        self._connection.request(method, path, data, self._headers | headers)
        response = self._connection.getresponse()
        return response.status, response.headers.get("ETag", ""), response.read()


def _together(work: Callable[[int, Callable[[], bool]], int], seconds: float) -> float:
    """Do the work on all connections at once; returns how often a second it was done."""
    end = 0.0
    counts = [0] * CONNECTIONS
    faults: list[BaseException] = []
    ready = threading.Barrier(CONNECTIONS + 1)

    def run(place: int) -> None:
        ready.wait()
        try:
            counts[place] = work(place, lambda: monotonic() < end)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(CONNECTIONS)]
    for each in threads:
        each.start()
    started = monotonic()
    end = started + seconds
    ready.wait()
    for each in threads:
        each.join()
    if faults:
        raise faults[0]
    return sum(counts) / (monotonic() - started)


def _create(server: Running, token: str, path: str, seconds: float) -> float:
    def work(place: int, going_on: Callable[[], bool]) -> int:
        connection, count = Connection(server, token), 0
        while going_on():
            body = {
                "prompt": f"What does connection {place} ask as its question {count}?",
                "answer": "It asks how fast a question is made. " * 8,
                "difficulty": "beginner",
            }
            status, _, answer = connection.send(
                "POST", path, body, {"Idempotency-Key": uuid4().hex}
            )
            if status != 201:
                raise AssertionError(
                    f"{server.server.name}: POST answers {status} {answer[:300]!r}"
                )
            count += 1
        return count

    return _together(work, seconds)


def _change(server: Running, token: str, path: str, seconds: float) -> float:
    def work(place: int, going_on: Callable[[], bool]) -> int:
        connection, count = Connection(server, token), 0
        own = f"{path}/{51 + place}"
        _, etag, _ = connection.send("GET", own, None, {})
        while going_on():
            body = {"answer": f"Answer {count}. " + "It is told at some length. " * 8}
            named = {"If-Match": etag} if etag else {}
            status, etag, answer = connection.send("PATCH", own, body, named)
            if status != 200:
                raise AssertionError(
                    f"{server.server.name}: PATCH answers {status} {answer[:300]!r}"
                )
            count += 1
        return count

    return _together(work, seconds)


def writes(bank: Bank, rounds: int, seconds: float) -> Section:
    """Create and patch, beside FastAPI's way to do both with SQLAlchemy."""
    own, other = bank.copy("writes-own"), bank.copy("writes-other")
    servers = [
        bank.product(own),
        bank.uvicorn("FastAPI, uvicorn", "fastapi_peer", other),
    ]
    theirs = servers[1].name
    with all_running(servers) as up:
        mine, peer = contestants.access_token(up[OURS]), _peer_token()
        sides = {
            OURS: (up[OURS], mine, "/api/v1/questions"),
            theirs: (up[theirs], peer, "/documented/questions"),
        }
        found = {
            what: in_turn(
                {name: partial(do, *side, seconds) for name, side in sides.items()}, rounds
            )
            for what, do in (("create", _create), ("patch", _change))
        }
    rows = [
        [what, name, f"{Spread.of(rates).middle:,.0f}"]
        for what, sides_found in found.items()
        for name, rates in sides_found.items()
    ]
    return Section(
        "writes",
        "Writes",
        f"{CONNECTIONS} signed-in connections; each write is a transaction of its own on the same "
        "schema, WAL and `synchronous=NORMAL` on both sides. This API also checks permission, "
        "`Idempotency-Key` and `If-Match`, records a revision and an event, and answers with the "
        f"new ETag. The load is a Python client on core {LOAD_CORES}.",
        ("", "", "writes/s"),
        rows,
        [
            Target(f"{what}, beside FastAPI", ratios(runs[OURS], runs[theirs]), at_least=1)
            for what, runs in found.items()
        ],
    )
