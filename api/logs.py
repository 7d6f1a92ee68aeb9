"""Logging: one line per record, as text for people or as JSON for collectors.

The line that every request gets does not go through `logging`: a record, its formatting and a write of
its own take longer than an answer from the response cache. `AccessLog` notes what is to be told, and a
thread writes the lines of a moment together. They are lines of the logger `api.access` in all else: its
level decides whether they are written, `LOG_FORMAT` how.
Source: https://docs.python.org/3/howto/logging.html#optimization
"""

import logging
import logging.config
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.util import Finalize
from time import localtime, sleep, strftime, time
from typing import TypeAlias

import orjson
from flask import Flask, g, has_request_context

TIME = "%Y-%m-%dT%H:%M:%S%z"


class JSONFormatter(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, logger, message and, where there are any, request id and traceback."""
        entry = {
            "time": self.formatTime(record, TIME),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            entry["request_id"] = g.get("request_id")
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()


#: What is told of a request: when it was answered, its method and target, the status, how many seconds it
#: took, its id. (The target is quoted: a line feed in it would forge a line.)
Told: TypeAlias = tuple[float, str, str, str, float, str]


def as_text(second: str, told: Told) -> str:
    """Write a line as `logging` would by the format below.

    :param second: the time's whole second.
    """
    at, method, target, status, seconds, _ = told
    milliseconds = int(at * 1000) % 1000
    return (
        f"{second},{milliseconds:03d} INFO {AccessLog.NAME}: "
        f"{method} {target} {status} {seconds * 1000:.1f}ms\n"
    )


def as_json(second: str, told: Told) -> str:
    """Write a line as `JSONFormatter` would."""
    _, method, target, status, seconds, request_id = told
    entry = {
        "time": second,
        "level": "INFO",
        "logger": AccessLog.NAME,
        "message": f"{method} {target} {status} {seconds * 1000:.1f}ms",
        "request_id": request_id,
    }
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE).decode()


class AccessLog:
    """Lines of requests, written together by a thread that sleeps while there are none."""

    NAME = "api.access"
    #: Seconds that a line may wait for others.
    PATIENCE = 0.05
    #: So much at a time a pipe takes whole, so that processes do not cut each other's lines in two.
    #: Source: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/limits.h.html (PIPE_BUF)
    CHUNK = 4096
    #: How many lines may wait; whoever brings one more writes them, so that memory stays bounded.
    MOST = 10_000

    def __init__(self) -> None:
        self._logger = logging.getLogger(self.NAME)
        self._lines: deque[Told] = deque()
        self._wake = threading.Event()
        self._asleep = True
        self._thread: threading.Thread | None = None
        self._turn = threading.Lock()
        self._format: Callable[[str, Told], str] = as_text
        self._second_format = "%Y-%m-%d %H:%M:%S"

    def set_form(self, name: str) -> None:
        """Write lines as `text` or as `json` from now on."""
        self._format = as_json if name == "json" else as_text
        self._second_format = TIME if name == "json" else "%Y-%m-%d %H:%M:%S"

    def tell(self, method: str, target: str, status: str, seconds: float, request_id: str) -> None:
        """Have a line written about a request that has just been answered."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        self._lines.append((time(), method, target, status, seconds, request_id))
        if len(self._lines) > self.MOST:
            self.flush()
        if self._asleep:
            self._asleep = False
            self._wake.set()
            if self._thread is None:
                self._start()

    def flush(self) -> None:
        """Write what is noted by now."""
        with self._turn:
            size, chunk = 0, list[str]()
            for line in self._taken():
                if size + len(line) > self.CHUNK and chunk:
                    _write("".join(chunk))
                    size, chunk = 0, []
                size += len(line)
                chunk.append(line)
            if chunk:
                _write("".join(chunk))

    def _taken(self) -> Iterator[str]:
        second, written = -1, ""
        while self._lines:
            told = self._lines.popleft()
            if int(told[0]) != second:
                second = int(told[0])
                written = strftime(self._second_format, localtime(second))
            yield self._format(written, told)

    def _start(self) -> None:
        with self._turn:
            if self._thread is None:
                # Not `atexit`, which the processes that a server starts by multiprocessing pass over.
                Finalize(None, self.flush, exitpriority=10)
                self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            sleep(self.PATIENCE)
            self._wake.clear()
            self._asleep = True  # before the lines are taken: whoever comes later wakes us again
            self.flush()


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


access = AccessLog()


def init_app(app: Flask) -> None:
    """Set up logging as the settings say."""
    access.set_form(app.config["LOG_FORMAT"])
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
                "json": {"()": JSONFormatter},
            },
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": app.config["LOG_FORMAT"],
                }
            },
            "loggers": {
                "api": {
                    "level": app.config["LOG_LEVEL"],
                    "handlers": ["stderr"],
                    "propagate": False,
                },
                # What Celery tells of every message is told by the jobs' own rows.
                "celery": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
            },
        }
    )
