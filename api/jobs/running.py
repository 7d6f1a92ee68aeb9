"""A job from its claim to its end, whoever runs it: a worker, or a request that waits (92, 97)."""

import logging
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import OperationalError

from api.bank.formats import UnknownFormatError
from api.bank.questions import QuestionUnknownError
from api.bank.storing import BankBusyError, BankWriteError, is_busy
from api.bank.topics import TopicUnknownError
from api.demonstrations import demonstrates
from api.jobs import doorbell, exports, imports, leases
from api.jobs.files import FileLostError
from api.jobs.leases import JobCancelledError, Lease, LeaseLostError, OutOfTimeError
from api.models import JobKind, JobState
from api.models.types import now

log = logging.getLogger(__name__)

WORK: dict[str, Callable[[Lease], None]] = {
    JobKind.IMPORT: imports.run,
    JobKind.EXPORT: exports.run,
}

#: What is wrong with what was asked for: trying again would change nothing.
HOPELESS = (
    FileLostError, UnknownFormatError, QuestionUnknownError, TopicUnknownError, BankWriteError,
)  # fmt: skip

BACKOFF = timedelta(seconds=2)
"""A job that found the bank busy waits so long, and twice as long each time after."""


@demonstrates(
    92,
    at="POST v1.imports",
    test="tests/jobs/test_survival.py::test_a_worker_killed_at_any_moment_loses_and_doubles_nothing",
)
def run(job_id: str, patience: float | None = None) -> bool:
    """Claim a job, do it and end it; returns whether there was one to claim.

    :param patience: seconds after which it is given back to the queue for a worker to do.
    """
    try:
        lease = leases.claim(job_id, patience)
    except OperationalError as error:
        if not is_busy(error):
            raise
        log.warning("job %s: not claimed, the database is busy; the next sweep rings again", job_id)
        return False
    if lease is None:
        return False
    try:
        with lease.kept():
            WORK[lease.job["kind"]](lease)
    except JobCancelledError:
        lease.end(JobState.CANCELLED)
    except LeaseLostError:
        log.warning("job %s: another worker has it by now; nothing of this run was kept", job_id)
    except OutOfTimeError:
        if lease.give_back(now()):
            doorbell.ring(job_id)
    except BankBusyError as error:
        _try_later(lease, error)
    except HOPELESS as error:
        lease.end(JobState.FAILED, error=_sentence(error))
    except Exception:
        log.exception("job %s failed", job_id)
        lease.end(JobState.FAILED, error="The worker failed. The failure has been logged.")
    return True


def _try_later(lease: Lease, error: BankBusyError) -> None:
    """Give a job back that another writer is in the way of, a bounded number of times."""
    attempt = lease.job["attempt"]
    if attempt >= leases.MAX_ATTEMPTS:
        lease.end(JobState.FAILED, error=_sentence(error))
    else:
        lease.give_back(now() + BACKOFF * 2 ** (attempt - 1))


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
