"""`flask job`: list jobs, look at one, cancel or retry it, for whoever runs the server (92)."""

import click
from flask.cli import AppGroup

from api.bank.storing import BankBusyError
from api.cli.failures import told
from api.jobs import queue
from api.jobs.queue import JobConflictError, JobUnknownError
from api.models import Job, JobState

job_cli = AppGroup("job", help="Look at jobs, cancel and retry them.")

_REFUSED = (JobUnknownError, JobConflictError, BankBusyError)


@job_cli.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in JobState]),
    help="Only jobs in this state; may be repeated.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def list_jobs(states: tuple[str, ...], limit: int) -> None:
    """List everybody's jobs, the newest first."""
    with told():
        found = queue.find_page(None, 1, limit, [JobState(state) for state in states])
    for job in found.jobs:
        click.echo(_line(job))
    if found.total > len(found.jobs):
        click.echo(f"{found.total - len(found.jobs)} more; see them with --limit.", err=True)


def _line(job: Job) -> str:
    done = f"{job.done}/{job.total}" if job.total is not None else "-"
    return f"{job.id}  {job.created_at:%Y-%m-%d %H:%M:%S}  {job.kind:<6}  {job.state:<9}  {done}"


@job_cli.command("show")
@click.argument("job_id", metavar="ID")
def show(job_id: str) -> None:
    """Show one job with its result and refusals."""
    with told(*_REFUSED):
        job = queue.get(job_id, None)
    click.echo(_line(job))
    for name in ("attempt", "worker", "error", "parameters", "result", "started_at", "finished_at"):
        if (value := getattr(job, name)) is not None:
            click.echo(f"{name}: {value}")
    for refusal in job.refusals:
        click.echo(f"line {refusal['line']}: {refusal['reason']}")


@job_cli.command("cancel")
@click.argument("job_id", metavar="ID")
def cancel(job_id: str) -> None:
    """Cancel a job: at once while it waits, soon while it runs."""
    with told(*_REFUSED):
        job = queue.cancel(queue.get(job_id, None))
    click.echo(f"{job.id}: {job.state}" + (", asked to stop" if job.finished_at is None else ""))


@job_cli.command("retry")
@click.argument("job_id", metavar="ID")
def retry(job_id: str) -> None:
    """Put a job that failed or was cancelled back into the queue."""
    with told(*_REFUSED):
        job = queue.retry(queue.get(job_id, None))
    click.echo(f"{job.id}: {job.state}")
