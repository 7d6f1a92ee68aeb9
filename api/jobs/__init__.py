"""Jobs: imports and exports that Celery workers run. The domain; no HTTP (80, 85, 92, 97).

Read in this order:

    states.py       which state may follow which, and the one statement that changes it
    queue.py        what a request does: ask for a job, follow, cancel, retry
    leases.py       what a worker does: take a job, keep it, commit under its fencing token
    running.py      a job from its claim to its end; imports.py and exports.py do the work
    application.py  the Celery application, its tasks' context and its broker; doorbell.py rings it
    sweeping.py     periodic work, and what mends a lost message or a dead worker

Two principles: the database is the truth and the broker a doorbell; and what a job does is committed
in the same transaction as the change of its state.
"""
