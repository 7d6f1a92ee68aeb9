"""`flask bank`: what the commands print and where, their exit status, and how they end early."""

import errno
import json
import os
import pty
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import delete, select

from api.bank import checking, exporting, formats, loading, storing
from api.bank.formats import WRITABLE
from api.cli import bank as commands
from api.extensions import db
from api.models import Question

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Result]
SQLITE = pytest.mark.parametrize("backend", ["sqlite"])
"""For what is about the process and not about the database."""


@pytest.fixture
def bank(app: Flask) -> Run:
    """Runs `flask bank …` in this process."""

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        result = app.test_cli_runner().invoke(args=["bank", *arguments], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        return result

    return run


@pytest.fixture
def numbers(app: Flask) -> Callable[[], set[int]]:
    """Tells which questions are in the bank."""

    def stored() -> set[int]:
        with app.app_context():
            return set(db.session.scalars(select(Question.number)))

    return stored


def record(number: int, **members: Any) -> dict[str, Any]:
    return {"number": number, "prompt": f"Why {number}?", "answer": "Because.", **members}


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    """Writes a JSON file of records, one to a line; returns its path."""

    def write(*records: dict[str, Any]) -> str:
        path = tmp_path / "mine.json"
        path.write_text("[" + ",\n".join(map(json.dumps, records)) + "]", encoding="utf-8")
        return str(path)

    return write


BANK = set(range(51, 101))
File = Callable[..., str]
Numbers = Callable[[], set[int]]


# --- import ---------------------------------------------------------------------------------------


def test_a_sound_file_is_imported_and_reported(bank: Run, file: File, numbers: Numbers) -> None:
    result = bank("import", file(*map(record, [501, 502, 503, 510])))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "created: 4 (501-503, 510)",
        "updated: 0",
        "unchanged: 0",
        "skipped: 0",
        "refused: 0",
    ]
    assert result.stderr == ""
    assert numbers() == BANK | {501, 502, 503, 510}


def test_a_refusal_keeps_everything_out_and_names_file_and_line(
    bank: Run, file: File, numbers: Numbers
) -> None:
    path = file(record(501), record(51), record(502, colour="red"), record(503))
    result = bank("import", path)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "created: 2 (501, 503)",
        "updated: 0",
        "unchanged: 0",
        "skipped: 0",
        "refused: 2 (51, 502)",
        "Nothing was kept: correct what is refused, or keep the rest with --partial.",
    ]
    conflict, unknown = result.stderr.splitlines()
    assert conflict.startswith(f"{path}:2: question 51 is in the bank and differs in prompt and ")
    assert unknown.startswith(f"{path}:3: ")
    assert "colour" in unknown
    assert numbers() == BANK


def test_partial_keeps_the_rest_and_still_exits_with_1(
    bank: Run, file: File, numbers: Numbers
) -> None:
    result = bank("import", file(record(501), record(51)), "--partial")
    assert result.exit_code == 1
    assert "created: 1 (501)" in result.stdout
    assert "Nothing was kept" not in result.stdout
    assert numbers() == BANK | {501}


@pytest.mark.parametrize(("choice", "line"), [("skip", "skipped"), ("update", "updated")])
def test_a_conflict_is_settled_as_told(bank: Run, file: File, choice: str, line: str) -> None:
    result = bank("import", file(record(51), record(501)), "--on-conflict", choice)
    assert result.exit_code == 0
    assert f"{line}: 1 (51)" in result.stdout
    assert "created: 1 (501)" in result.stdout


def test_a_second_import_of_the_same_file_changes_nothing(bank: Run, file: File) -> None:
    path = file(record(501), record(502))
    bank("import", path)
    result = bank("import", path)
    assert result.exit_code == 0
    assert "unchanged: 2 (501-502)" in result.stdout


@pytest.mark.parametrize(("second", "status"), [(502, 0), (51, 1)])
def test_a_dry_run_tells_the_same_and_keeps_nothing(
    bank: Run, file: File, numbers: Numbers, second: int, status: int
) -> None:
    path = file(record(501), record(second))
    dry = bank("import", path, "--dry-run")
    assert numbers() == BANK
    real = bank("import", path)
    assert dry.exit_code == real.exit_code == status
    assert dry.stdout.splitlines()[:5] == real.stdout.splitlines()[:5]
    assert dry.stderr == real.stderr
    assert dry.stdout.splitlines()[5:] == ["This was a dry run: nothing was kept."]


def test_standard_input_is_read_and_its_format_told_by_its_content(
    bank: Run, numbers: Numbers
) -> None:
    result = bank("import", "-", stdin=b"501. What is a route?\r\nAn address.\r\n")
    assert (result.exit_code, result.stderr) == (0, "")
    assert numbers() == BANK | {501}
    refused = bank("import", "-", stdin=b"501. What is a route?\nSomething else.\n")
    assert refused.stderr.startswith("<stdin>:1: question 501 ")


@SQLITE
def test_a_note_of_the_reader_is_passed_on(bank: Run) -> None:
    result = bank("import", "-", stdin=b"My questions\n\n501. What is a route?\nAn address.\n")
    assert result.exit_code == 0
    assert result.stderr.startswith("<stdin>:1: note: ")


@pytest.mark.parametrize("format_", WRITABLE)
def test_every_format_is_told_by_content_and_taken_by_name(
    bank: Run, tmp_path: Path, format_: formats.Format
) -> None:
    text_ = bank("export", "--format", format_.value).stdout_bytes
    (tmp_path / "questions").write_bytes(text_)
    for options in ([], ["--format", format_.value]):
        result = bank("import", str(tmp_path / "questions"), *options)
        assert result.exit_code == 0
        assert "unchanged: 50 (51-100)" in result.stdout


@SQLITE
def test_many_numbers_are_summed_up(bank: Run, file: File) -> None:
    result = bank("import", file(*map(record, range(1001, 1041, 2))))
    assert result.stdout.splitlines()[0] == (
        "created: 20 (1001, 1003, 1005, 1007, 1009, 1011, 1013, 1015, and 12 more)"
    )


def one_line(result: Result) -> str:
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


@SQLITE
def test_a_file_that_cannot_be_read_is_one_line_and_status_2(bank: Run, tmp_path: Path) -> None:
    missing = bank("import", str(tmp_path / "none.json"))
    assert (missing.exit_code, one_line(missing)) == (
        2,
        f"Error: {tmp_path}/none.json: No such file or directory",
    )
    folder = bank("import", str(tmp_path))
    assert (folder.exit_code, one_line(folder)) == (2, f"Error: {tmp_path}: Is a directory")


@SQLITE
def test_a_file_in_no_known_format_is_one_line_and_status_2(bank: Run, tmp_path: Path) -> None:
    path = tmp_path / "poem"
    path.write_text("Roses are red.\n", encoding="utf-8")
    result = bank("import", str(path))
    assert result.exit_code == 2
    assert re.match(r"Error: .*/poem: .*markdown, json, yaml, csv and numbered", one_line(result))


@SQLITE
def test_a_huge_file_is_refused_before_it_is_read_whole(
    bank: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "MAX_BYTES", 1 << 20)
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)  # A terabyte that takes no room.
    result = bank("import", str(path))
    assert result.exit_code == 2
    assert one_line(result).endswith("huge.json: holds more than 1 MiB; import it in parts")


@SQLITE
@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.json", b"", ":1: "),
        ("picture.png", b"\x89PNG\r\n\x1a\n\x00\xff", ":1: the byte 0x89 is not UTF-8"),
        ("program.md", b"\x7fELF\x02\x01\x01\x00", ":1: "),
        ("latin.csv", b"number;prompt;answer\n1;Caf\xe9?;b\n", ":2: the byte 0xE9 is not UTF-8"),
    ],
)
def test_a_file_that_is_no_text_of_questions_is_refused_in_one_line(
    bank: Run, tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    result = bank("import", str(tmp_path / name))
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert f"{name}{reason}" in line


@SQLITE
@pytest.mark.parametrize(
    "arguments",
    [
        ("import",),
        ("import", "x", "--format", "xml"),
        ("import", "x", "--on-conflict", "merge"),
        ("export", "--format", "numbered"),
        ("export", "--number", "0"),
        ("export", "--number", "60-51"),
        ("export", "--number", "5_1"),
        ("export", "--number", "fifty"),
        ("export", "--number", "2147483648"),
    ],
)
def test_wrong_usage_is_status_2(bank: Run, arguments: Sequence[str]) -> None:
    result = bank(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_a_database_without_tables_is_one_line(bank: Run, file: File, app: Flask) -> None:
    with app.app_context():
        db.drop_all()
    for arguments in (("import", file(record(501))), ("export",), ("load",)):
        result = bank(*arguments)
        assert result.exit_code == 1
        assert "flask db upgrade makes the tables" in one_line(result)


def test_an_interrupt_keeps_nothing_and_says_so(
    bank: Run, file: File, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = storing.create

    def interrupted(*arguments: Any) -> None:
        create(*arguments)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(storing, "create", interrupted)
    result = bank("import", file(record(501)))
    assert result.exit_code == 130
    assert one_line(result) == "Interrupted: nothing was kept."
    assert numbers() == BANK


def test_an_interrupt_during_the_commit_comes_too_late(
    bank: Run, file: File, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise "nothing was kept" could be said of a file that is in.
    commit = db.session.commit

    def interrupted() -> None:
        commit()
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(db.session, "commit", interrupted)
    result = bank("import", file(record(501)))
    assert result.exit_code == 0
    assert numbers() == BANK | {501}


# --- export ---------------------------------------------------------------------------------------


def test_the_bank_is_exported_as_json_by_default(bank: Run) -> None:
    result = bank("export")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [each["number"] for each in json.loads(result.stdout)] == sorted(BANK)


def test_a_part_is_exported_by_number_and_topic(bank: Run) -> None:
    result = bank("export", "--number", "51-53", "--number", "71")
    assert [each["number"] for each in json.loads(result.stdout)] == [51, 52, 53, 71]
    uploads = json.loads(bank("export", "--topic", "uploads").stdout)
    assert uploads
    assert all("uploads" in each["topics"] for each in uploads)


@pytest.mark.parametrize("format_", WRITABLE)
def test_a_file_is_the_same_as_standard_output(
    bank: Run, tmp_path: Path, format_: formats.Format
) -> None:
    path = tmp_path / "bank.txt"
    result = bank("export", "--format", format_.value, "--output", str(path))
    assert (result.exit_code, result.output) == (0, "")
    assert path.read_bytes() == bank("export", "--format", format_.value).stdout_bytes


@SQLITE
@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.csv", "csv"), ("a.yml", "yaml"), ("a.md", "markdown"), ("a.json", "json"), ("a", "json")],
)
def test_the_name_of_the_output_tells_the_format(
    bank: Run, tmp_path: Path, name: str, format_: str
) -> None:
    assert bank("export", "-o", str(tmp_path / name)).exit_code == 0
    assert (tmp_path / name).read_bytes() == bank("export", "--format", format_).stdout_bytes


@SQLITE
def test_a_name_that_promises_a_numbered_list_is_refused(bank: Run, tmp_path: Path) -> None:
    result = bank("export", "-o", str(tmp_path / "a.txt"))
    assert result.exit_code == 2
    assert one_line(result).endswith("; name one with --format")
    assert list(tmp_path.glob("*.txt")) == []


@SQLITE
def test_an_export_that_fails_leaves_the_old_file(
    bank: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half() -> Iterator[str]:
        yield "half of "
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def breaking(*_: Any) -> Iterator[Iterator[str]]:
        yield half()

    path = tmp_path / "bank.json"
    path.write_text("old", encoding="utf-8")
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(exporting, "run", breaking)
    result = bank("export", "-o", str(path))
    assert result.exit_code == 2
    assert one_line(result) == f"Error: {path}: No space left on device"
    assert path.read_text(encoding="utf-8") == "old"
    assert set(tmp_path.iterdir()) == before


@SQLITE
def test_an_export_keeps_the_mode_of_a_file_and_the_link_to_it(bank: Run, tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    link.symlink_to(target)
    assert bank("export", "-o", str(link), "--number", "51").exit_code == 0
    assert link.is_symlink()
    assert json.loads(target.read_bytes())[0]["number"] == 51
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@SQLITE
def test_a_device_is_written_to_and_not_replaced(bank: Run) -> None:
    assert bank("export", "-o", os.devnull).exit_code == 0
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@SQLITE
def test_an_output_that_cannot_be_written_is_one_line_and_status_2(
    bank: Run, tmp_path: Path
) -> None:
    for path, reason in (
        (tmp_path / "none" / "bank.json", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (Path("/proc/bank.json"), "No such file or directory"),
    ):
        result = bank("export", "--output", str(path))
        assert (result.exit_code, one_line(result)) == (2, f"Error: {path}: {reason}")


def test_what_is_not_in_the_bank_is_named(bank: Run, tmp_path: Path) -> None:
    path = tmp_path / "bank.csv"
    number = bank("export", "--number", "7", "-o", str(path))
    assert (number.exit_code, one_line(number)) == (1, "Error: There is no question 7.")
    topic = bank("export", "--topic", "nope", "-o", str(path))
    assert (topic.exit_code, one_line(topic)) == (1, "Error: There is no topic 'nope'.")
    assert not path.exists()


# --- load and check -------------------------------------------------------------------------------


def test_load_reports_what_it_did(bank: Run, app: Flask) -> None:
    with app.app_context():
        db.session.execute(delete(Question).where(Question.number == 71))
        db.session.commit()
    result = bank("load")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "created: 1 (71)",
        "updated: 0",
        "unchanged: 49 (51-70, 72-100)",
        "kept: 0",
    ]


@SQLITE
def test_a_faulty_file_of_the_bank_is_one_line(bank: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: Any) -> None:
        raise loading.BankFileError("071-x.md:3: difficulty is 'hard'")

    monkeypatch.setattr(loading, "_contents", faulty)
    for command in ("load", "check"):
        result = bank(command)
        assert result.exit_code == 1
        assert one_line(result) == "Error: 071-x.md:3: difficulty is 'hard'"


@SQLITE
def test_check_names_faults_and_missing_demonstrations_and_fails_on_either(
    bank: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "check", lambda *_: ["051-x.md: names no topic"])
    monkeypatch.setattr(checking, "missing", lambda *_: [85])
    result = bank("check")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "051-x.md: names no topic",
        "question 85: no demonstration yet",
        "49 of 50 questions are demonstrated; 1 faults.",
    ]
    monkeypatch.setattr(checking, "check", lambda *_: [])
    assert bank("check").exit_code == 1
    monkeypatch.setattr(checking, "missing", lambda *_: [])
    assert bank("check").exit_code == 0


# --- as processes ---------------------------------------------------------------------------------


@pytest.fixture
def command(settings: dict[str, str]) -> list[str]:
    """The start of a command line that runs `flask bank` as a user does."""
    environment = [f"{name}={value}" for name, value in settings.items()]
    return ["env", *environment, sys.executable, "-m", "flask", "--app", "wsgi", "bank"]


@SQLITE
def test_piped_output_is_the_report_and_nothing_else(command: list[str], file: File) -> None:
    path = file(record(501), record(51))
    result = subprocess.run(
        [*command, "import", path, "--partial"],
        cwd=ROOT,
        env={**os.environ, "FORCE_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout.startswith("created: 1 (501)\nupdated: 0\n")
    assert "\x1b" not in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{path}:2: ")


def read_terminal(terminal: int) -> Iterator[bytes]:
    """Yield what a terminal shows until the last program on it ends."""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # EIO: nobody has the other end open any more.
            return
        if not part:
            return
        yield part


@SQLITE
def test_a_terminal_shows_progress(command: list[str], file: File) -> None:
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        [*command, "import", file(*map(record, range(501, 503)))],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b"".join(read_terminal(terminal)).decode()
        assert process.stdout is not None
        report = process.stdout.read().decode()
    os.close(terminal)
    assert process.returncode == 0
    assert "2/2" in shown
    assert report.startswith("created: 2 (501-502)\n")
    assert "importing" not in report


@SQLITE
def test_ctrl_c_in_the_middle_of_an_import_keeps_nothing(
    command: list[str], file: File, settings: dict[str, str]
) -> None:
    path = file(*map(record, range(1001, 13001)))
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        [*command, "import", path],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        for part in read_terminal(terminal):
            shown += part
            if re.search(rb"[1-9]\d*/12000", shown):
                process.send_signal(signal.SIGINT)
                break
        shown += b"".join(read_terminal(terminal))
        assert process.stdout is not None
        report = process.stdout.read()
    os.close(terminal)
    assert (process.returncode, report) == (130, b"")
    assert b"Interrupted: nothing was kept." in shown
    assert b"Traceback" not in shown
    with closing(sqlite3.connect(settings["DATABASE_URL"].removeprefix("sqlite:///"))) as database:
        assert database.execute("SELECT count(*) FROM questions").fetchone() == (50,)


@SQLITE
def test_ctrl_c_while_the_file_is_read_is_no_traceback(command: list[str]) -> None:
    with subprocess.Popen(
        [*command, "import", "-"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        # More than a pipe holds: once it is written, the command is reading.
        process.stdin.write(b" " * (1 << 20))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err == b"Interrupted: nothing was kept.\n"


@SQLITE
def test_a_reader_that_has_seen_enough_ends_an_export_quietly(command: list[str]) -> None:
    with subprocess.Popen(
        [*command, "export"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"[\n"
        process.stdout.close()
        assert process.stderr.read() == b""


@SQLITE
def test_what_one_process_exports_another_imports(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "bank.yaml"
    for arguments in (["export", "-o", str(path)], ["import", str(path)]):
        result = subprocess.run(
            [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stderr) == (0, "")
    assert "unchanged: 50 (51-100)" in result.stdout
