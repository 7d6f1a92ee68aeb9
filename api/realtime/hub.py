"""Who watches what, and the tail of the outbox that serves them (93).

Every event reaches every connection in one of its rooms exactly once and in order, whatever happens in
between. Three things make it so. Positions rise in the order of the commits (see the migration that
makes `events`). One lock covers both the tail's step and a join, so that a replay ends where the live
events begin. And nothing is remembered here: a client that comes back, to this process or to another,
names the position up to which it has seen everything.

The doorbell is the one that cached reads have (`api.http.freshness`): `PRAGMA data_version` on SQLite,
LISTEN on PostgreSQL with the database asked wherever the line is down.
"""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, Protocol

from engineio.exceptions import SocketIsClosedError
from flask import Flask
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from api import events
from api.access import bearer
from api.accounts import tokens
from api.extensions import db
from api.http.caching import freshness
from api.http.problems import Problem
from api.realtime.problems import refusal

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05
"""How often the tail asks whether there is something new; on both databases that costs no query."""
PAGE = 500
"""Events per query."""
REPLAY_MOST = 10_000
"""Events that a join may be behind; who is further behind does better to read the bank again."""
ROOMS_MOST = 100
"""Rooms that one connection may be in."""
CALLS_MOST, CALLS_SECONDS = 60, 60.0
"""Messages that one connection may send in so many seconds: a replay is work."""
CHECK_SECONDS = 1.0
"""How often it is asked whether those who signed in still are."""
RETRY_SECONDS = 1.0


class Sockets(Protocol):
    """As much of a Socket.IO server as the hub needs."""

    def emit(self, event: str, data: Any, *, to: str) -> None:
        """Queue an event for one connection."""
        ...

    def disconnect(self, sid: str) -> None:
        """End a connection, after what is queued for it."""
        ...

    def environ(self, sid: str) -> dict[str, Any] | None:
        """Return the WSGI environment of a connection's handshake."""
        ...


@dataclass(slots=True)
class Connection:
    """One client, its rooms, and who it is: nobody, or a signed-in device until a moment."""

    sid: str
    user_id: int | None = None
    sign_in: str | None = None
    expires_at: float | None = None
    rooms: dict[str, int] = field(default_factory=dict)
    """By room the position after which its events have been delivered."""
    calls: deque[float] = field(default_factory=lambda: deque(maxlen=CALLS_MOST))

    def has_seen(self, rooms: frozenset[str], position: int) -> bool:
        """Tell whether an event of these rooms has been delivered."""
        return any(position > self.rooms[room] for room in rooms & self.rooms.keys())


@dataclass(frozen=True, slots=True)
class Joined:
    """What a join came to."""

    rooms: list[str]
    position: int
    replayed: int
    start: int
    reset: bool


class Hub:
    """The connections of this process and the thread that feeds them."""

    def __init__(self, app: Flask, sockets: Sockets) -> None:
        self._app = app
        self._sockets = sockets
        self._lock = threading.RLock()  # a failing send ends a connection from within a step
        self._connections: dict[str, Connection] = {}
        self._members: dict[str, set[str]] = {}
        self._position: int | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    # --- Connections ---

    def admit(self, connection: Connection) -> None:
        """Take a connection in."""
        with self._lock:
            self._connections[connection.sid] = connection

    def forget(self, sid: str) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self.leave(sid, None)
            self._connections.pop(sid, None)

    def connection(self, sid: str) -> Connection:
        """Return a connection and count a call of it. Raises Problem (429) for too many."""
        connection = self._connections[sid]
        calls, moment = connection.calls, monotonic()
        if len(calls) == CALLS_MOST and moment - calls[0] < CALLS_SECONDS:
            raise Problem(
                "too-many-requests",
                f"A connection may send {CALLS_MOST} messages in {CALLS_SECONDS:.0f} seconds.",
            )
        calls.append(moment)
        return connection

    def join(self, sid: str, rooms: Sequence[str], after: int | None) -> Joined:
        """Put a connection into rooms, and deliver what happened in them after a position.

        :param after: None for nothing of the past. If the outbox no longer tells all that happened
            since, nothing is replayed, and the answer says `reset`.
        Raises Problem (422) where that makes too many rooms.
        """
        with self._lock:
            connection = self._connections[sid]
            if len(connection.rooms.keys() | set(rooms)) > ROOMS_MOST:
                raise Problem(
                    "invalid-parameters", f"A connection may be in {ROOMS_MOST} rooms; leave some."
                )
            position = self._step()  # up to here everybody has everything
            with db.engine.connect() as database:
                reach = events.reach(database)
            reset = after is not None and not (
                reach.covers(after) and position - after <= REPLAY_MOST
            )
            start = position if after is None or reset else min(after, position)
            replayed = 0
            wanted = frozenset(rooms)
            for row in self._read(start, position):
                of = events.rooms_of(row)
                if of & wanted and not connection.has_seen(of, row.position):
                    self._send(sid, "event", events.represent(row))
                    replayed += 1
            for room in rooms:
                connection.rooms[room] = min(start, connection.rooms.get(room, start))
                self._members.setdefault(room, set()).add(sid)
            return Joined(sorted(connection.rooms), position, replayed, reach.start, reset)

    def leave(self, sid: str, rooms: Sequence[str] | None) -> list[str]:
        """Take a connection out of rooms, or of all with None; return those that it is in still."""
        with self._lock:
            connection = self._connections.get(sid)
            if connection is None:
                return []
            for room in list(connection.rooms) if rooms is None else rooms:
                connection.rooms.pop(room, None)
                members = self._members.get(room, set())
                members.discard(sid)
                if not members:
                    self._members.pop(room, None)
            return sorted(connection.rooms)

    # --- The tail ---

    def start(self, alive: Callable[[], bool] = lambda: True) -> None:
        """Start the tail; it ends with `stop`, or soon after `alive` says no."""
        self._thread = threading.Thread(
            target=self._tail, args=(alive,), name="outbox-tail", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the tail and every connection."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _tail(self, alive: Callable[[], bool]) -> None:
        seen: int | None = None
        checked = monotonic()
        with self._app.app_context():
            while alive() and not self._stop.wait(POLL_SECONDS):
                try:
                    version = freshness().versions().get("events")
                    if version != seen:
                        with self._lock:
                            self._step()
                        seen = version
                    if monotonic() - checked >= CHECK_SECONDS:
                        checked = monotonic()
                        self._end_those_signed_out()
                except (SQLAlchemyError, sqlite3.Error) as error:
                    log.warning("the outbox cannot be read: %s", type(error).__name__)
                    self._stop.wait(RETRY_SECONDS)
                except Exception:
                    log.exception("the tail of the outbox stumbled")
                    self._stop.wait(RETRY_SECONDS)
            for connection in list(self._connections.values()):
                self._sockets.disconnect(connection.sid)

    def _step(self) -> int:
        """Deliver what is new; returns the position reached. The lock must be held.

        The first step delivers nothing: nobody can be in a room yet.
        """
        if self._position is None:
            with db.engine.connect() as database:
                self._position = events.reach(database).newest
        for row in self._read(self._position):
            of = events.rooms_of(row)
            listeners = {sid for room in of & self._members.keys() for sid in self._members[room]}
            if listeners:
                shown = events.represent(row)
                for sid in listeners:
                    self._send(sid, "event", shown)
            self._position = row.position
        return self._position

    def _read(self, after: int, until: int | None = None) -> Iterator[Row[Any]]:
        """Read the outbox page by page."""
        while until is None or after < until:
            with db.engine.connect() as database:
                rows = events.read(database, after, PAGE)
            for row in rows:
                if until is not None and row.position > until:
                    return
                yield row
            if len(rows) < PAGE:
                return
            after = rows[-1].position

    def _send(self, sid: str, event: str, data: Mapping[str, Any]) -> None:
        """Queue an event for one connection; one that has just closed keeps it from nobody else."""
        try:
            self._sockets.emit(event, data, to=sid)
        except (SocketIsClosedError, KeyError):
            log.debug("%s was gone before its event", sid)

    # --- Housekeeping ---

    def _end_those_signed_out(self) -> None:
        """End the connections whose token has expired, or whose device was signed out."""
        with self._lock:
            held = [each for each in self._connections.values() if each.sign_in is not None]
        if not held:
            return
        live = tokens.live_of({each.sign_in for each in held if each.sign_in})
        for connection in held:
            if connection.sign_in not in live:
                self._end(
                    connection.sid,
                    bearer.refusal(
                        "token-revoked", "The device that this connection belongs to is signed out."
                    ),
                )
            elif connection.expires_at is not None and connection.expires_at <= time():
                self._end(
                    connection.sid,
                    bearer.refusal(
                        "token-expired", "The token has expired; refresh it and connect again."
                    ),
                )

    def _end(self, sid: str, problem: Problem) -> None:
        """Tell a connection why it ends, and end it."""
        environ = self._sockets.environ(sid)
        if environ is not None:
            with self._app.request_context(environ):
                self._send(sid, "ended", refusal(problem))
        self._sockets.disconnect(sid)
