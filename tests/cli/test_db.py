"""`flask db`: Flask-Migrate's commands on the application's database, from any folder."""

from pathlib import Path

import pytest
from flask import Flask

from api.extensions import db
from api.models import revisions
from tests.v1.tools import sqlite_only


@sqlite_only
def test_the_commands_work_on_the_applications_database_from_any_folder(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runner = app.test_cli_runner()
    for revision in ("0014", "head"):
        done = runner.invoke(args=["db", "stamp", revision])
        assert done.exit_code == 0, done.output
        with app.app_context():
            state = revisions.state(db.engine)
        assert (state.current == "0014") is (revision == "0014")
        checked = runner.invoke(args=["db", "check"])
        assert checked.exit_code == (0 if state.is_current else 1)


@sqlite_only
def test_every_command_is_listed_with_what_it_does(app: Flask) -> None:
    listed = app.test_cli_runner().invoke(app.cli, args=["--help"]).output
    for name in (
        "attachments",
        "bank",
        "config",
        "db",
        "job",
        "realtime",
        "serve",
        "user",
        "worker",
    ):
        assert f"\n  {name} " in listed
