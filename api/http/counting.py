"""Where a process without Redis counts its rate limits: a storage of `limits` that starts no thread (71).

The library's own memory storage starts a timer of ten milliseconds, a thread, for nearly every request,
to look through all counters for old ones: a tenth of what a read cost. Here whoever counts looks for
them, once in many times.
Source: https://limits.readthedocs.io/en/stable/custom-storage.html
"""

import threading
from time import time

from limits.storage import MemoryStorage


class ProcessStorage(MemoryStorage):
    """Counters of this process. What remembers each single hit (the moving window) is the parent's."""

    STORAGE_SCHEME = ["process"]  # noqa: RUF012 - the parent declares it as an instance's
    #: How many new counters there may be before old ones are looked for.
    SWEEP = 1000

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: str) -> None:
        self._turn = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}
        self._full = self.SWEEP
        super().__init__(uri, wrap_exceptions)

    def count(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        """Count, and return how many that makes in the window and when it ends.

        :param expiry: seconds that a window lasts, from its first hit.
        :param amount: how many to count; negative to take some back.
        """
        now = time()
        with self._turn:
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + expiry
                if len(self._counts) >= self._full:
                    self._sweep(now)
            count += amount
            self._counts[key] = found = (count if count > 0 else 0, ends)
        return found

    def _sweep(self, now: float) -> None:
        """Forget what has ended. What is left may grow by as much again before the next look."""
        self._counts = {key: item for key, item in self._counts.items() if item[1] > now}
        self._full = 2 * len(self._counts) + self.SWEEP

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, and return how many that makes in the window."""
        return self.count(key, expiry, amount)[0]

    def decr(self, key: str, amount: int = 1) -> int:
        """Take back what was counted in a window that has not ended, and return what is left."""
        return self.count(key, 0.0, -amount)[0]

    def get(self, key: str) -> int:
        """Return how many were counted in the present window."""
        count, ends = self._counts.get(key, (0, 0.0))
        return count if ends > time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds of the epoch; now, where there is none."""
        now = time()
        return max(self._counts.get(key, (0, now))[1], now)

    def clear(self, key: str) -> None:
        """Forget what was counted under a key."""
        self._counts.pop(key, None)
        super().clear(key)

    def reset(self) -> int | None:
        """Forget everything; returns how many counters there were."""
        with self._turn:
            found = len(self._counts)
            self._counts.clear()
        return found + (super().reset() or 0)
