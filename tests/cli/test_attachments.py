"""`flask attachments`: the sweep and the check, as an operator runs them."""

import os

from flask import Flask

from api.accounts.permissions import Role
from api.attachments import files
from tests.accounts.tools import make_user
from tests.attachments.test_store import add, stored
from tests.v1.tools import sqlite_only


@sqlite_only
def test_the_sweep_says_how_many_files_it_removed(app: Flask) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["attachments", "sweep"]).output == "Removed 0 files.\n"
    with app.app_context():
        path = files.path_of(files.write(b"left behind"))
    os.utime(path, (0, 0))
    assert runner.invoke(args=["attachments", "sweep"]).output == "Removed 1 file.\n"
    assert not path.exists()


@sqlite_only
def test_the_check_names_each_file_that_is_not_as_it_was_stored(app: Flask) -> None:
    make_user(app, "ada", Role.CONTRIBUTOR)
    changed, missing, _ = add(app), add(app), add(app)
    runner = app.test_cli_runner()
    done = runner.invoke(args=["attachments", "check"])
    assert (done.exit_code, done.output) == (0, "Every file is as it was stored.\n")
    paths = {}
    with app.app_context():
        from uuid import UUID

        from api.attachments import store

        paths = {id_: files.path_of(store.get(UUID(id_)).stored_name) for id_ in (changed, missing)}
    paths[changed].write_bytes(b"other")
    paths[missing].unlink()
    assert len(stored(app)) == 2
    done = runner.invoke(args=["attachments", "check"])
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert len(lines) == 2
    assert changed in lines[0]
    assert "not what was stored" in lines[0]
    assert missing in lines[1]
    assert "cannot be read" in lines[1]
