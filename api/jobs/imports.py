"""The work of an import: read the file, find out what would become of it, write (92).

Questions and success are committed in one transaction: `importing.run` calls back before its commit,
and there the job ends under its fencing token. Before or after it nothing has happened or everything
has, wherever a worker dies.
"""

from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Connection

from api.bank import formats, importing
from api.bank.importing import ImportReport, OnConflict
from api.jobs import files
from api.jobs.leases import WRITING, Lease
from api.models import JobState

MAX_REFUSALS = 100
"""So many refusals are kept with their lines; all are counted."""


def run(lease: Lease) -> None:
    """Import the job's file and end the job.

    Raises files.FileLostError, formats.UnknownFormatError, storing.BankWriteError, and what
    `Lease.report` raises.
    """
    job = lease.job
    options = job["parameters"]
    lease.report("reading", 0, None)
    data = files.read(job["file_name"], job["file_digest"])
    wanted = formats.Format(options["format"]) if options["format"] else None
    reading = formats.read(data, wanted, options["title"])
    total = len(reading.documents)
    attempt = partial(
        importing.run, reading, OnConflict(options["on_conflict"]), options["partial"]
    )
    # First without the lock: this can be followed and cancelled on SQLite too, and what is going to
    # be refused never makes another writer wait.
    report = attempt(dry_run=True, progress=lambda done: lease.report("checking", done, total))
    soft = options["partial"] or not report.refused
    if soft and not options["dry_run"]:
        lease.report(WRITING, 0, total)
        report = attempt(
            progress=lambda done: lease.report(WRITING, done, total),
            before_commit=lambda connection, done: _succeed(lease, reading, done, connection),
        )
        if report.kept:
            files.remove(job["file_name"])
            return
    values = _told(reading, report, total)
    if options["dry_run"]:
        lease.finish(**values)
    else:
        count = len(report.refused)
        what = "1 record was" if count == 1 else f"{count} records were"
        values["error"] = (
            f"{what} refused and nothing was kept; correct the file, or import it with partial."
        )
        lease.end(JobState.FAILED, **values)


def _succeed(
    lease: Lease, reading: formats.Reading, report: ImportReport, connection: Connection
) -> None:
    lease.succeed(connection, **_told(reading, report, len(reading.documents)))


def _told(reading: formats.Reading, report: ImportReport, total: int) -> dict[str, Any]:
    """Return the values of a job's row that say what became of the file."""
    numbers = ("created", "updated", "unchanged", "skipped")
    return {
        "done": total,
        "total": total,
        "result": {
            "format": reading.format.value,
            "kept": report.kept,
            **{name: len(getattr(report, name)) for name in numbers},
            "refused": len(report.refused),
        },
        "refused": len(report.refused),
        "refusals": [asdict(refusal) for refusal in report.refused[:MAX_REFUSALS]],
    }
