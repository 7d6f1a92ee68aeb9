"""The tasks that a worker runs. Each may come twice, late, or for nothing, and does no harm then."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from api.jobs import doorbell, running, sweeping


@shared_task(name=doorbell.TASK)
def work(job_id: str) -> None:
    """Do a job, if it is still to be done."""
    running.run(job_id)


@shared_task(name=sweeping.TASK)
def sweep(name: str) -> None:
    """Run one of the sweeps."""
    sweeping.run(name)


@worker_ready.connect
def _catch_up(sender: Any, **_: Any) -> None:
    """See at once what was left undone while no worker ran."""
    for name in sweeping.SWEEPS:
        sender.app.tasks[sweeping.TASK].apply_async((name,), retry=False, expires=60)
