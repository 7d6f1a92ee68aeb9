"""The doorbell: a message that there may be a job to do (97).

It is rung after the commit, or a quick worker would look for a row that is not there yet; and it may
fail: the row is there, and the next sweep rings again.
"""

import logging
from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)

TASK = "jobs.work"


def ring(job_id: str, expires: float | None = None) -> bool:
    """Publish a message for a job; returns whether the broker took it.

    :param expires: seconds after which a worker throws the message away.
    """
    celery: Celery = current_app.extensions["celery"]
    try:
        celery.tasks[TASK].apply_async((job_id,), retry=False, expires=expires)
    except Exception as error:  # each transport has exceptions of its own; none may fail a request
        log.warning("no worker was told of job %s: %s: %s", job_id, type(error).__name__, error)
        return False
    return True
