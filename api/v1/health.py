"""`/health/live` and `/health/ready`: an `async def` view that runs its checks at once (80).

Flask runs the view in an event loop of its own for this one request: the checks overlap, the
worker thread stays taken. Flask-RESTful cannot do this; the view is a plain one.
Source: https://flask.palletsprojects.com/en/stable/async-await/
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from tempfile import TemporaryFile
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import text

from api.attachments import files as attachments
from api.demonstrations import demonstrates
from api.extensions import cache, db, limiter
from api.http.problems import Problem
from api.jobs import files
from api.models import revisions

if TYPE_CHECKING:
    from celery import Celery

#: Seconds a client should wait before it asks again.
RETRY_AFTER = "5"


@limiter.exempt
def live() -> dict[str, str]:
    """Whether the process answers at all. It checks nothing, so that it cannot fail by others."""
    return {"status": "ok"}


def _database() -> str:
    with db.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return db.engine.dialect.name


def _schema() -> str:
    state = revisions.state(db.engine)
    if not state.is_current:
        raise RuntimeError(f"at revision {state.current}, head is {state.head}: flask db upgrade")
    return str(state.current)


def _cache() -> str:
    cache.set("health", "ok", timeout=5)
    if cache.get("health") != "ok":
        raise RuntimeError("what was written was not read back")
    return type(cache.cache).__name__


def _limits() -> str:
    if not current_app.config["RATELIMIT_ENABLED"]:
        return "disabled"
    if not limiter.storage.check():
        raise RuntimeError("the storage does not answer")
    return type(limiter.storage).__name__


def _files() -> str:
    for folder in (files.folder(), attachments.folder()):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            file.write(b"ok")
    return "writable"


def _broker() -> str:
    """Check what rings workers; whether one listens it cannot tell."""
    celery: Celery = current_app.extensions["celery"]
    with celery.connection_for_write() as connection:
        connection.ensure_connection(max_retries=0)
        return str(connection.transport.driver_type)


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "schema": _schema,
    "cache": _cache,
    "rate_limits": _limits,
    "files": _files,
    "broker": _broker,
}


async def _run(pool: Executor, check: Callable[[], str], seconds: float) -> dict[str, Any]:
    """Run one blocking check in a thread, and wait for it no longer than `seconds`."""
    started = perf_counter()
    loop = asyncio.get_running_loop()
    try:
        running = loop.run_in_executor(pool, copy_context().run, check)
        result = {"status": "ok", "detail": await asyncio.wait_for(running, seconds)}
    except TimeoutError:
        result = {"status": "failed", "detail": f"no answer within {seconds} s"}
    except Exception as error:  # whatever fails, the others still report
        current_app.logger.warning("readiness: %s", error)
        result = {"status": "failed", "detail": type(error).__name__}
    return {**result, "milliseconds": round((perf_counter() - started) * 1000, 1)}


@demonstrates(80, test="tests/v1/test_health.py::test_ready_takes_as_long_as_the_slowest_check")
@limiter.exempt
async def ready() -> Any:
    """Whether everything behind this process answers: every check at once, each with a limit.

    The other processes are not asked: without a worker jobs wait, without real time clients ask again.
    """
    seconds = current_app.config["READINESS_TIMEOUT"]
    # Imported by its first use, which may be this one: that is no part of the broker's time.
    current_app.extensions["celery"].finalize()
    started = perf_counter()
    # Not `asyncio.to_thread`: its threads are the loop's, whose end waits for a check that hangs.
    pool = ThreadPoolExecutor(len(CHECKS), "readiness")
    results = await asyncio.gather(*(_run(pool, check, seconds) for check in CHECKS.values()))
    pool.shutdown(wait=False)
    checks = dict(zip(CHECKS, results, strict=True))
    failed = [name for name, result in checks.items() if result["status"] != "ok"]
    milliseconds = round((perf_counter() - started) * 1000, 1)
    headers = {"Cache-Control": "no-store"}
    if failed:
        raise Problem(
            "service-unavailable",
            f"Failed: {', '.join(failed)}.",
            headers={**headers, "Retry-After": RETRY_AFTER},
            checks=checks,
            milliseconds=milliseconds,
        )
    return {"status": "ok", "checks": checks, "milliseconds": milliseconds}, 200, headers
