"""How a process knows, for next to nothing, whether cached data is still current (74).

The database keeps a version per scope (`data_versions`), raised by triggers in the transaction
that changes the data. Asking for it on every hit would cost a query, so:

- SQLite: the header of the wal-index tells whether anyone has committed since (`api.http.wal_index`), and
  where that cannot be read, `PRAGMA data_version` on a connection of our own; only then are the
  versions read again. A hit is never stale.
  Source: https://www.sqlite.org/pragma.html#pragma_data_version
- PostgreSQL: the trigger also sends NOTIFY; a thread LISTENs. A hit is at most one notification
  late: the time PostgreSQL takes to deliver it (milliseconds), and while the listener is not
  connected every request asks the database. A line that went silent without closing counts as
  no longer connected after `2 * PATIENCE_SECONDS`. A request with credentials, and a process that has
  just committed, ask too, so whoever wrote reads the new value, on every node.
  Source: https://www.postgresql.org/docs/current/sql-notify.html
"""

import logging
import sqlite3
import threading
from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Engine

from api.http.wal_index import WalIndex, wal_index

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

Versions = dict[str, int]
_QUERY = "SELECT scope, version FROM data_versions"
CHANNEL = "data_versions"


class Freshness(Protocol):
    """Tells the version of each scope of data."""

    def known(self) -> Versions | None:
        """Return the versions if they can be told without a query; None where it takes one."""
        ...

    def versions(self, *, ask: bool = False) -> Versions:
        """Return the versions as far as known; with `ask`, as they stand in the database."""
        ...

    def forget(self) -> None:
        """Note that this process has just committed."""
        ...

    def close(self) -> None:
        """Give up connections and threads."""
        ...


class SQLiteFreshness:
    """Versions of an SQLite file, exact at every call."""

    def __init__(self, path: str) -> None:
        """Watch the database file at `path`."""
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._index: WalIndex | None = None
        #: The versions, and by what to tell that they still stand.
        self._known: tuple[bytes | int | None, Versions] = None, {}

    def known(self) -> Versions:
        """Return the versions."""
        return self.versions()

    def versions(self, *, ask: bool = False) -> Versions:  # always exact
        """Return the versions; they are read again only after somebody has committed."""
        if (index := self._index) is not None:
            mark, versions = self._known
            if index.header() == mark:
                return versions
        with self._lock:
            connection = self._connection or self._connect()
            # First what tells of a commit, then the versions: one in between is seen next time.
            mark = self._mark(connection)
            if mark != self._known[0]:
                self._known = mark, dict(connection.execute(_QUERY).fetchall())
            return self._known[1]

    def forget(self) -> None:
        """Do nothing: a commit of this process comes from another connection than ours."""

    def close(self) -> None:
        """Close the watching connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            if self._index is not None:
                self._index.in_use = False
            self._connection = self._index = None
            self._known = None, {}

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        connection.execute(_QUERY).fetchall()  # the first read makes the wal-index
        self._connection, self._index = connection, wal_index(self._path)
        return connection

    def _mark(self, connection: sqlite3.Connection) -> bytes | int:
        if self._index is not None:
            return self._index.header()
        counter: int = connection.execute("PRAGMA data_version").fetchone()[0]
        return counter


class PostgresFreshness:
    """Versions of a PostgreSQL database, at most one notification late."""

    RECONNECT_SECONDS = 1.0
    PATIENCE_SECONDS = 5.0

    def __init__(self, engine: Engine) -> None:
        """Watch the database behind `engine`; the listener starts with the first question."""
        self._engine = engine
        self._dsn = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._lock = threading.Lock()
        self._versions: Versions | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._good_until = 0.0
        self._generation = 0

    def known(self) -> Versions | None:
        """Return the versions as last heard of; None after a commit of this process, or when deaf."""
        return self._versions if monotonic() < self._good_until else None

    def versions(self, *, ask: bool = False) -> Versions:
        """Return the versions; asks the database with `ask`, after a commit, or when deaf."""
        if self._thread is None:
            self._start()
        generation, known = self._generation, self.known()
        listening = monotonic() < self._good_until
        if known is not None and not ask:
            return known
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql(_QUERY).all()
        versions = {str(scope): int(version) for scope, version in rows}
        with self._lock:
            # Whatever changes after the question will be notified, so the answer may be kept,
            # unless something was learned or forgotten since.
            if listening and self._generation == generation:
                self._versions = self._latest(versions)
        return versions

    def close(self) -> None:
        """Stop listening; a notification of our own wakes the listener."""
        self._stop.set()
        if self._thread is not None:
            with self._engine.begin() as connection:
                connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
            self._thread.join(self.PATIENCE_SECONDS)

    def forget(self) -> None:
        """A commit of this process may have raised a version: ask at the next request."""
        with self._lock:
            self._generation += 1
            self._versions = None

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._listen, name="data-versions", daemon=True
                )
                self._thread.start()

    def _listen(self) -> None:
        import psycopg  # where the database is SQLite nothing needs it

        while not self._stop.is_set():
            try:
                with closing(self._connect()) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while not self._stop.is_set():
                        self._learn(connection)
                        # Wakes for a notification, and now and then to notice a broken line.
                        for _ in connection.notifies(timeout=self.PATIENCE_SECONDS, stop_after=1):
                            break
            except psycopg.Error as error:
                with self._lock:
                    self._generation += 1
                    self._versions, self._good_until = None, 0.0
                log.warning("not listening for changes: %s", error)
                self._stop.wait(self.RECONNECT_SECONDS)

    def _connect(self) -> "psycopg.Connection":
        """Connect so that a line on which nothing comes back any more breaks (milliseconds)."""
        import psycopg

        silence = int(2000 * self.PATIENCE_SECONDS)
        return psycopg.connect(self._dsn, autocommit=True, tcp_user_timeout=silence)

    def _learn(self, connection: "psycopg.Connection") -> None:
        """Read the versions, once more if this process committed in the meantime."""
        while not self._stop.is_set():
            generation, asked = self._generation, monotonic()
            versions: Versions = dict(connection.execute(_QUERY).fetchall())
            with self._lock:
                if self._generation == generation:
                    self._generation += 1
                    self._versions = self._latest(versions)
                    self._good_until = asked + 2 * self.PATIENCE_SECONDS
                    return

    def _latest(self, versions: Versions) -> Versions:
        """Choose between what was read and what is known: the question that was asked first may be the
        one that is answered last.
        """
        known = self._versions or {}
        return {scope: max(version, known.get(scope, 0)) for scope, version in versions.items()}


def watch(engine: Engine) -> Freshness:
    """Choose the watcher for the engine's database."""
    if engine.dialect.name == "sqlite":
        return SQLiteFreshness(engine.url.database or "")
    return PostgresFreshness(engine)
