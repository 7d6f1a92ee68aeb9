"""`flask bank`: load the bank's files and check them; bring questions in, and take them out.

The commands only ask and tell; `api.bank` does the work, and the same work serves other callers.
What they print for programs goes to standard output, what went wrong to standard error.
"""

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial as bind
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import click
from flask import current_app
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.bank import checking, exporting, formats, importing, loading, storing
from api.bank.formats.detection import by_name
from api.bank.formats.schema import MAX_NUMBER
from api.bank.importing import ImportReport, OnConflict
from api.bank.questions import QuestionUnknownError
from api.bank.topics import TopicUnknownError
from api.cli.failures import told
from api.cli.late import LateGroup
from api.http.demonstrations import all_by_number

MAX_BYTES = 256 * 1024 * 1024
"""A file of questions is read into memory whole; a bigger one is another kind of file."""

UNUSABLE = 2
"""Exit status where a file cannot be read or written: what click answers to wrong usage, too."""
INTERRUPTED = 130
"""Exit status after Ctrl+C: 128 and the signal's number, as shells have it."""
RANGES = 8
"""How many ranges of numbers a line of a report names before it sums up."""

bank_cli = LateGroup(
    "bank",
    help="Work on the bank of questions.",
    late={"watch": "api.cli.realtime:watch"},  # it brings a client of Socket.IO
)


class UnusableFileError(click.ClickException):
    """A file that cannot be read or written, or is in no format that is known."""

    exit_code = UNUSABLE


@contextmanager
def _told(interrupted: str = "Interrupted: nothing was kept.") -> Iterator[None]:
    """Say in one line what ends a command: no traceback for what is no fault of the program."""
    try:
        with told(
            loading.BankFileError,
            storing.BankWriteError,
            QuestionUnknownError,
            TopicUnknownError,
        ):
            yield
    except KeyboardInterrupt:
        click.echo(interrupted, err=True)
        sys.exit(INTERRUPTED)


@bank_cli.command("load")
def load() -> None:
    """Bring the database up to the bank's files; what was edited stays."""
    with _told():
        report = loading.load()
    for name in ("created", "updated", "unchanged", "kept"):
        click.echo(_line(name, getattr(report, name)))


@bank_cli.command("check")
def check() -> None:
    """Check the bank's files; say which demonstrations are missing. Fails on either."""
    with _told():
        files = loading.read_files()
    demonstrated = all_by_number(current_app)
    faults = checking.check(files, demonstrated)
    for fault in faults:
        click.echo(fault)
    missing = checking.missing(demonstrated)
    for number in missing:
        click.echo(f"question {number}: no demonstration yet")
    done = len(checking.NUMBERS) - len(missing)
    click.echo(
        f"{done} of {len(checking.NUMBERS)} questions are demonstrated; {len(faults)} faults."
    )
    raise SystemExit(1 if faults or missing else 0)


@bank_cli.command("import")
@click.argument("file", metavar="FILE")
@click.option(
    "--format",
    "form",
    type=click.Choice([each.value for each in formats.Format]),
    help="The file's format; told by its content unless given.",
)
@click.option(
    "--on-conflict",
    type=click.Choice([each.value for each in OnConflict]),
    default=OnConflict.FAIL.value,
    show_default=True,
    help="What to do where a number is taken by a question that says something else.",
)
@click.option("--dry-run", is_flag=True, help="Report what would happen, and keep nothing.")
@click.option("--partial", is_flag=True, help="Keep what is sound though something is refused.")
def import_(file: str, form: str | None, on_conflict: str, dry_run: bool, partial: bool) -> None:
    """Bring the questions of FILE (- is standard input) into the bank: all of them, or none.

    An update changes what the file says and leaves the rest: a member that is absent or blank
    stays as it was. Exit status: 0 everything is in; 1 something was refused; 2 the file cannot
    be read.
    """
    name = "<stdin>" if file == "-" else click.format_filename(file)
    before = signal.getsignal(signal.SIGINT)
    try:
        with _told():
            reading = _reading(file, name, form)
            run = bind(importing.run, reading, OnConflict(on_conflict), partial, dry_run)
            report = _watched(run, len(reading.documents))
        for note in reading.notes:
            click.echo(f"{name}:{note.line}: note: {note.text}", err=True)
        for refusal in report.refused:
            click.echo(f"{name}:{refusal.line}: {refusal.reason}", err=True)
        _tell(report, dry_run)
    finally:
        signal.signal(signal.SIGINT, before)
    raise SystemExit(1 if report.refused else 0)


def _reading(file: str, name: str, form: str | None) -> formats.Reading:
    """Read the file. Raises UnusableFileError."""
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnusableFileError(f"{name}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        most = f"{MAX_BYTES >> 20} MiB"
        raise UnusableFileError(f"{name}: holds more than {most}; import it in parts")
    wanted = formats.Format(form) if form else None
    try:
        return formats.read(data, wanted, None if file == "-" else file)
    except formats.UnknownFormatError as error:
        raise UnusableFileError(f"{name}: {error}") from error


def _watched(run: Callable[[Callable[[int], None]], ImportReport], total: int) -> ImportReport:
    """Run the import under a progress bar, which is drawn for somebody who watches only."""
    columns = (
        TextColumn("importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # `isatty` and not the console's own idea: FORCE_COLOR would draw the bar into a log file.
    watched = sys.stderr.isatty()
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not watched
    ) as bar:
        task = bar.add_task("", total=total)

        def progress(done: int) -> None:
            bar.update(task, completed=done)
            if done == total:
                # Only the commit is left: "nothing was kept" could no longer be promised.
                signal.signal(signal.SIGINT, signal.SIG_IGN)

        return run(progress)


def _tell(report: ImportReport, dry_run: bool) -> None:
    refused = [each.number for each in report.refused if each.number is not None]
    for name in ("created", "updated", "unchanged", "skipped"):
        click.echo(_line(name, getattr(report, name)))
    click.echo(_line("refused", refused, len(report.refused)))
    if dry_run:
        click.echo("This was a dry run: nothing was kept.")
    elif report.refused and not report.kept:
        click.echo("Nothing was kept: correct what is refused, or keep the rest with --partial.")


def _line(name: str, numbers: Sequence[int], count: int | None = None) -> str:
    """Write a line of a report: `created: 4 (51-53, 60)`."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [f"{low}" if low == high else f"{low}-{high}" for low, high in ranges[:RANGES]]
    if rest := sum(high - low + 1 for low, high in ranges[RANGES:]):
        shown.append(f"and {rest} more")
    line = f"{name}: {len(numbers) if count is None else count}"
    return f"{line} ({', '.join(shown)})" if shown else line


class NumberRange(click.ParamType[exporting.Numbers]):
    """A question's number, or the first and the last of a range: `71`, `51-60`."""

    name = "N[-M]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> exporting.Numbers:
        """Return the range; a single number is the range of itself."""
        found = re.fullmatch(r"([0-9]{1,10})(?:-([0-9]{1,10}))?", str(value))
        numbers = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= numbers[0] <= numbers[1] <= MAX_NUMBER:
            self.fail(f"{value!r} is no number such as 71, and no range such as 51-60.", param, ctx)
        return numbers


@bank_cli.command("export")
@click.option(
    "--format",
    "form",
    type=click.Choice([each.value for each in formats.WRITABLE]),
    help="The format; by default what the output's name ends in says, or json.",
)
@click.option("--output", "-o", metavar="FILE", default="-", help="Where to; by default to stdout.")
@click.option(
    "--number", "numbers", multiple=True, type=NumberRange(), help="Only these; may be repeated."
)
@click.option("--topic", "topics", multiple=True, metavar="SLUG", help="Only these; repeatable.")
def export(
    form: str | None,
    output: str,
    numbers: tuple[exporting.Numbers, ...],
    topics: tuple[str, ...],
) -> None:
    """Write the bank, or a part of it, as a file that `flask bank import` takes back unchanged."""
    wanted = formats.Format(form) if form else by_name(output) or formats.Format.JSON
    name = "<stdout>" if output == "-" else click.format_filename(output)
    with _told(interrupted="Interrupted."):
        try:
            with exporting.run(wanted, numbers, topics) as parts:
                if output == "-":
                    _write(parts, sys.stdout.buffer)
                else:
                    with _replacing(Path(output)) as stream:
                        _write(parts, stream)
        except formats.ReadOnlyFormatError as error:
            raise UnusableFileError(f"{name}: {error}; name one with --format") from error
        except BrokenPipeError:
            raise  # Whoever read has seen enough; click ends quietly.
        except OSError as error:
            raise UnusableFileError(f"{name}: {error.strerror}") from error


def _write(parts: Iterator[str], stream: BinaryIO) -> None:
    for part in parts:
        stream.write(part.encode())
    stream.flush()


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` once all of it is written.

    Who reads `path` sees the old content or the new, never a part; on an error the old stays.
    `click.open_file(atomic=True)` would put a part in place when the block fails.
    """
    if path.exists() and not path.is_file():  # A device or a pipe has no place to take.
        with path.open("wb") as stream:
            yield stream
        return
    target = Path(os.path.realpath(path))  # What a link points to is replaced, not the link.
    beside = target.with_name(f".export-{uuid4().hex}")
    stream = beside.open("xb")
    try:
        with stream:
            yield stream
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
