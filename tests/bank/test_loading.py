"""The bank's files get into the database once, and never over what somebody edited."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, update

from api.bank import formats, importing, loading, storing
from api.bank.formats import Format, QuestionDocument, Reading
from api.bank.importing import OnConflict
from api.extensions import db
from api.models import Question
from api.models.types import now

ROOT = Path(__file__).resolve().parents[2]
ALL = list(range(51, 101))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bank's files."""
    return Path(shutil.copytree(loading.FILES, tmp_path / "questions"))


def path_of(folder: Path, number: int) -> Path:
    (path,) = folder.glob(f"{number:03d}-*.md")
    return path


def change(folder: Path, number: int) -> None:
    path = path_of(folder, number)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\n## In practice", "\nChanged.\n\n## In practice"), "utf-8")


def stored(number: int) -> storing.Stored:
    return storing.read_by_number(db.session.connection(), [number])[number]


def counts(report: loading.LoadReport) -> dict[str, int]:
    names = ("created", "updated", "unchanged", "kept")
    return {name: len(getattr(report, name)) for name in names}


def test_an_empty_bank_is_filled_and_then_left_as_it_is(empty_bank: None) -> None:
    assert loading.load().created == ALL
    before = stored(51)
    again = loading.load()
    assert (again.unchanged, again.created, again.updated, again.kept) == (ALL, [], [], [])
    assert stored(51) == before


def test_a_loaded_question_says_what_its_file_says(bank: None) -> None:
    for path, document in loading.read_files().items():
        found = stored(document.number)
        for member in importing.MEMBERS:
            assert getattr(found.document, member) == getattr(document, member), path.name
        assert found.edited_at is None


def test_a_changed_file_updates_its_question_alone(bank: None, folder: Path) -> None:
    before = stored(71)
    change(folder, 71)
    report = loading.load(folder)
    assert (report.updated, report.created, report.kept) == ([71], [], [])
    assert report.unchanged == [number for number in ALL if number != 71]
    after = stored(71)
    assert after.document.answer.endswith("\nChanged.")
    assert after.document.created_at == before.document.created_at
    assert before.document.updated_at is not None
    assert after.document.updated_at is not None
    assert after.document.updated_at > before.document.updated_at
    assert (after.id, after.edited_at) == (before.id, None)
    assert loading.load(folder).unchanged == ALL


def test_a_member_that_a_file_lost_is_taken_out(bank: None, folder: Path) -> None:
    path = path_of(folder, 71)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("\n## In practice")], encoding="utf-8")
    loading.load(folder)
    assert stored(71).document.in_practice is None


def test_a_changed_file_does_not_touch_an_edited_question(bank: None, folder: Path) -> None:
    # As a change through the API leaves it.
    edited = update(Question).where(Question.number == 71)
    db.session.execute(edited.values(answer="Edited.", edited_at=now()))
    db.session.commit()
    change(folder, 71)
    assert loading.load(folder).kept == [71]
    assert stored(71).document.answer == "Edited."


def test_an_import_counts_as_an_edit(bank: None, folder: Path) -> None:
    document = QuestionDocument(number=71, prompt="Imported?", answer="Imported.")
    importing.run(Reading([document], [], Format.JSON), OnConflict.UPDATE)
    change(folder, 71)
    assert loading.load(folder).kept == [71]
    assert stored(71).document.answer == "Imported."


def test_a_number_that_somebody_else_brought_first_is_kept(empty_bank: None) -> None:
    document = QuestionDocument(number=71, prompt="Mine?", answer="Mine.")
    importing.run(Reading([document], [], Format.JSON))
    report = loading.load()
    assert (report.kept, len(report.created)) == ([71], 49)
    assert stored(71).document.answer == "Mine."


def test_a_missing_file_takes_nothing_out(bank: None, folder: Path) -> None:
    path_of(folder, 71).unlink()
    assert counts(loading.load(folder))["unchanged"] == 49
    assert stored(71).document.prompt


def test_a_faulty_file_is_named_with_its_line_and_nothing_is_loaded(
    empty_bank: None, folder: Path
) -> None:
    path = path_of(folder, 100)
    text = path.read_text(encoding="utf-8").replace("difficulty: ", "difficulty: very ", 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(loading.BankFileError, match=rf"^{path.name}:\d+: difficulty is 'very "):
        loading.load(folder)
    assert db.session.query(Question).count() == 0


def test_two_questions_in_one_file_are_refused(folder: Path) -> None:
    path = path_of(folder, 51)
    text = path_of(folder, 52).read_text(encoding="utf-8")
    line = path.read_text(encoding="utf-8").count("\n") + 2
    path.write_text(path.read_text(encoding="utf-8") + "\n" + text, encoding="utf-8")
    with pytest.raises(loading.BankFileError, match=f"^{path.name}:{line}: one file holds one"):
        loading.read_files(folder)


def test_one_number_in_two_files_is_refused(folder: Path) -> None:
    shutil.copy(path_of(folder, 51), folder / "999-copy.md")
    with pytest.raises(
        loading.BankFileError, match=r"^999-copy\.md:1: number 51 stands in 051-.*\.md already$"
    ):
        loading.read_files(folder)


def test_a_copy_of_a_file_that_is_loaded_is_refused(empty_bank: None, folder: Path) -> None:
    loading.load(folder)
    shutil.copy(path_of(folder, 51), folder / "999-copy.md")
    with pytest.raises(loading.BankFileError, match=r"^999-copy\.md:1: number 51 stands in 051-"):
        loading.load(folder)


def test_only_files_that_are_new_or_changed_are_parsed(
    empty_bank: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading.load(folder)
    change(folder, 71)
    parsed: list[bytes] = []
    parse = formats.read

    def noting(data: bytes, *args: Any) -> Reading:
        parsed.append(data)
        return parse(data, *args)

    monkeypatch.setattr(formats, "read", noting)
    assert loading.load(folder).updated == [71]
    assert parsed == [path_of(folder, 71).read_bytes()]


def test_two_loads_at_once_take_turns(empty_bank: None, app: Flask) -> None:
    start = threading.Barrier(2)
    reports: list[loading.LoadReport] = []

    def load() -> None:
        with app.app_context():
            start.wait()
            reports.append(loading.load())

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(len(report.created) for report in reports) == [0, 50]
    assert sorted(len(report.unchanged) for report in reports) == [0, 50]


START = """
import sys
import api, config
from api import database
from api.bank import loading
app = api.create_app(config.load())
print("ready", flush=True)
sys.stdin.readline()
with app.app_context():
    database.upgrade()
    report = loading.load()
print(len(report.created), len(report.unchanged))
"""


@pytest.fixture
def new_database(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without a table; on SQLite there is not even the file."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.sqlite3'}"
        return
    server: str = request.getfixturevalue("postgres")
    name = f"new_{uuid4().hex[:12]}"
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_first_starts_of_two_processes_do_not_collide(new_database: str) -> None:
    environment = {**os.environ, "APP_ENV": "testing", "DATABASE_URL": new_database}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    outputs = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        outputs.append(out)
    assert sorted(outputs) == ["0 50\n", "50 0\n"]
