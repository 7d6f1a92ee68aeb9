"""The wal-index: it tells of every commit, of nothing else, and reading it does SQLite no harm."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api.http.freshness import SQLiteFreshness
from api.http.wal_index import WalIndex, wal_index

RAISE = "UPDATE data_versions SET version = version + 1"


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database in WAL mode that has the table of versions."""
    path = str(tmp_path / "bank.sqlite3")
    make(path, "WAL")
    return path


@pytest.fixture
def reader(database: str) -> Iterator[sqlite3.Connection]:
    """Whoever looks at the wal-index has a connection."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("SELECT * FROM data_versions").fetchall()
        yield connection


def make(path: str, mode: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE data_versions (scope TEXT, version INTEGER)")
        connection.execute("INSERT INTO data_versions VALUES ('bank', 1)")


def elsewhere(path: str, *statements: str) -> None:
    """Run statements in another process."""
    program = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for statement in sys.argv[2:]: connection.execute(statement).fetchall()\n"
        "connection.close()"
    )
    subprocess.run([sys.executable, "-c", program, path, *statements], check=True, timeout=60)


def index_of(path: str) -> WalIndex:
    found = wal_index(path)
    assert found is not None
    return found


def test_every_commit_of_another_process_changes_the_header(
    database: str, reader: sqlite3.Connection
) -> None:
    index, seen = index_of(database), set[bytes]()
    for _ in range(5):
        seen.add(index.header())
        elsewhere(database, RAISE)
    assert len(seen | {index.header()}) == 6


def test_what_commits_nothing_changes_nothing(database: str, reader: sqlite3.Connection) -> None:
    index = index_of(database)
    before = index.header()
    elsewhere(database, "BEGIN IMMEDIATE", RAISE, "ROLLBACK")
    elsewhere(database, "BEGIN IMMEDIATE", RAISE)  # and ends without a commit
    elsewhere(database, "SELECT count(*) FROM data_versions")
    assert index.header() == before


def test_a_commit_after_a_checkpoint_is_seen(database: str, reader: sqlite3.Connection) -> None:
    index = index_of(database)
    before = index.header()
    elsewhere(database, RAISE, "PRAGMA wal_checkpoint(TRUNCATE)")
    after = index.header()
    elsewhere(database, RAISE)
    assert len({before, after, index.header()}) == 3


def test_the_versions_follow_every_commit_and_are_read_no_more_often(database: str) -> None:
    watcher = SQLiteFreshness(database)
    first = watcher.versions()
    assert watcher.versions() is first
    for version in (2, 3, 4):
        elsewhere(database, RAISE)
        assert watcher.versions() == {"bank": version}
    watcher.close()
    assert watcher.versions() == {"bank": 4}  # a connection is opened anew where one is needed
    watcher.close()


def test_without_a_wal_index_the_database_is_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "other.sqlite3")
    make(path, "DELETE")
    assert wal_index(path) is None
    watcher = SQLiteFreshness(path)
    for version in (1, 2, 3):
        assert watcher.versions() == {"bank": version}
        elsewhere(path, RAISE)
    watcher.close()


def test_where_the_file_is_not_as_expected_the_database_is_asked(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.wal_index._FORMAT", 1)
    assert wal_index(database) is None
    watcher = SQLiteFreshness(database)
    assert watcher.versions() == {"bank": 1}
    elsewhere(database, RAISE)
    assert watcher.versions() == {"bank": 2}
    watcher.close()


def test_a_connection_keeps_its_locks_when_a_watcher_goes(
    database: str, reader: sqlite3.Connection
) -> None:
    """To close a file takes the process's locks on it away; SQLite would then truncate the index under us."""
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM data_versions").fetchall()
    for _ in range(3):
        watcher = SQLiteFreshness(database)
        watcher.versions()
        watcher.close()
    # A checkpoint that restarts the log must wait for readers: it sees the one of this process.
    program = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        f"connection.execute({RAISE!r})\n"
        "print(connection.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, database], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "1"  # busy
    reader.execute("COMMIT")


def test_what_was_mapped_is_given_up_once_sqlite_has_deleted_it(database: str) -> None:
    watcher = SQLiteFreshness(database)
    watcher.versions()
    index = watcher._index
    assert index is not None
    watcher.close()  # the last connection: SQLite deletes the file
    assert not Path(f"{database}-shm").exists()
    again = SQLiteFreshness(database)
    again.versions()
    assert index._shared.closed
    again.close()
