"""Celery's messages as files in a folder: a broker without a server, for one machine.

Kombu's own transport, but for two things. A message appears in the folder at once and whole: as it
stands, a worker that looks between the creation of a file and its writing reads an empty message,
and ends with a JSONDecodeError. And a worker that is told to stop looks up sooner.
Source: https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.filesystem.html
"""

from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils import json

#: Celery waits two seconds for messages at a time, and hears of nothing else in them.
LOOK_SECONDS = 0.2


class Channel(filesystem.Channel):
    """Puts a message under a name that no reader looks for, then renames it."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]  # as its parent's
        folder = Path(self.data_folder_out)
        # Sorted by name: the oldest is taken first, after a restart of the machine too.
        whole = folder / f"{time_ordered()}.{queue}.msg"
        partial = whole.with_suffix(".part")
        partial.write_text(json.dumps(payload), encoding="utf-8")  # type: ignore[no-untyped-call]  # kombu is untyped
        partial.replace(whole)


def time_ordered() -> str:
    """Return a name that sorts after those given before it."""
    return f"{round(time() * 1000):015}_{uuid4().hex}"


class Transport(filesystem.Transport):
    """The transport that `broker_transport` names as `api.jobs.mailbox:Transport`."""

    Channel = Channel
    driver_type = "filesystem"

    def drain_events(self, connection: Any, timeout: float | None = None, **options: Any) -> Any:
        """Wait for a message, but not for long."""
        wait = min(timeout or LOOK_SECONDS, LOOK_SECONDS)
        return super().drain_events(connection, timeout=wait, **options)  # type: ignore[no-untyped-call]  # kombu is untyped
