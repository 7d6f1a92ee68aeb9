"""Whether anybody has committed to an SQLite file, told by looking at memory (74).

In WAL mode all processes share the wal-index, the file `-shm`. Every commit writes its header anew, and
SQLite itself tells by comparing it whether what a connection has read still stands. To compare it here
takes a tenth of a microsecond. `PRAGMA data_version` tells the same by a transaction of its own: that
takes two, and lets go of the interpreter's lock, for which other threads then queue.
Source: https://www.sqlite.org/walformat.html#the_wal_index_file_format
"""

import mmap
import os
import struct
import sys
from threading import Lock

#: The first of the header's two copies, which SQLite writes last.
SIZE = 48
#: The format, a word that is unused, the counter of changes, whether the header is written.
_START = struct.Struct("=3I?")
_FORMAT = 3_007_000


class WalIndex:
    """The header of a database's wal-index, for whoever has a connection to the database."""

    def __init__(self, path: str) -> None:
        """Map the file at `path`. Raises OSError where there is none, ValueError for an empty one."""
        self._descriptor = os.open(path, os.O_RDONLY)
        self._shared = mmap.mmap(self._descriptor, SIZE, prot=mmap.PROT_READ)
        self.in_use = True

    def header(self) -> bytes:
        """Return the header as it stands: another one as soon as anybody has committed."""
        return self._shared[:]

    @property
    def is_understood(self) -> bool:
        """Tell whether it is written, and in the format that this module knows."""
        version, _, _, written = _START.unpack_from(self._shared)
        return bool(version == _FORMAT and written)

    def give_up(self) -> bool:
        """Unmap the file if that does no harm; returns whether it did.

        To close a file lets go of all locks that the process holds on it, those of SQLite's
        connections too. So it stays open until SQLite has deleted it, with its last connection.
        Source: https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
        """
        if self.in_use or os.fstat(self._descriptor).st_nlink:
            return False
        self._shared.close()
        os.close(self._descriptor)
        return True


_mapped: list[WalIndex] = []
_turn = Lock()


def wal_index(database: str) -> WalIndex | None:
    """Return the wal-index of a database that has just been read from.

    None where it cannot tell: the database is not in WAL mode, or the system shares it otherwise.

    :param database: the path of its file.
    """
    if sys.platform not in {"linux", "darwin"}:
        return None
    with _turn:
        _mapped[:] = [each for each in _mapped if not each.give_up()]
        try:
            found = WalIndex(f"{database}-shm")
        except (OSError, ValueError):
            return None
        _mapped.append(found)
    return found if found.is_understood else None
