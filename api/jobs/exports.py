"""The work of an export: the bank, or a part of it, into a file to be downloaded (97)."""

from collections.abc import Iterator

from api.bank import exporting, formats
from api.bank.formats import Format, QuestionDocument
from api.jobs import files
from api.jobs.leases import WRITING, Lease

MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.YAML: "application/yaml",
    Format.CSV: "text/csv",
    Format.MARKDOWN: "text/markdown",
}
ENDINGS = {Format.JSON: "json", Format.YAML: "yaml", Format.CSV: "csv", Format.MARKDOWN: "md"}

#: A file is written beside the database, in which nothing is locked for it.
PHASE = "exporting"
assert PHASE != WRITING  # noqa: S101  # progress of that phase is not told on SQLite


def run(lease: Lease) -> None:
    """Write the file and end the job.

    Raises exporting's errors, for a topic that has gone since, and what `Lease.report` raises.
    """
    options = lease.job["parameters"]
    form = Format(options["format"])
    numbers = [tuple(options["numbers"])] if options["numbers"] else []
    total = exporting.count(numbers, options["topics"])
    lease.report(PHASE, 0, total)
    with exporting.documents(numbers, options["topics"]) as found:
        told = _counted(found, lease, total)
        stored = files.store(part.encode() for part in formats.write(told, form))
    try:
        result = {"format": form.value, "questions": total}
        lease.finish(done=total, total=total, result=result, **stored.columns)
    except BaseException:
        files.remove(stored.name)
        raise


def _counted(
    found: Iterator[QuestionDocument], lease: Lease, total: int
) -> Iterator[QuestionDocument]:
    """Pass the questions on, and tell how far it is after each."""
    for done, document in enumerate(found, start=1):
        yield document
        lease.report(PHASE, done, total)
