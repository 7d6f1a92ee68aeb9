"""`flask job`: everybody's jobs in the terminal."""

import pytest
from click.testing import Result
from flask import Flask

from api.bank.formats import Format
from tests.accounts.tools import make_user
from tests.jobs.tools import new_export, new_import, row, work
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only


@pytest.fixture(autouse=True)
def owner(app: Flask) -> None:
    """Somebody to ask for jobs."""
    make_user(app)


def run(app: Flask, *arguments: str) -> Result:
    """Run `flask job …`."""
    return app.test_cli_runner().invoke(args=["job", *arguments])


def test_jobs_are_listed_the_newest_first_and_by_state(app: Flask) -> None:
    done, waiting = new_export(app), new_export(app)
    work(app, done)
    lines = run(app, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [waiting, done]
    assert lines[1].split()[3:] == ["export", "succeeded", "50/50"]
    (line,) = run(app, "list", "--state", "queued").stdout.splitlines()
    assert line.startswith(waiting)
    few = run(app, "list", "--limit", "1")
    assert (len(few.stdout.splitlines()), few.stderr) == (1, "1 more; see them with --limit.\n")


def test_a_job_is_shown_with_its_refusals(app: Flask) -> None:
    job_id = new_import(app, b"number,prompt,answer\n51,Mine?,Yes.\n", format=Format.CSV)
    work(app, job_id)
    shown = run(app, "show", job_id).stdout
    assert "failed" in shown
    assert "error: 1 record was refused" in shown
    assert "line 2: question 51 is in the bank" in shown


def test_a_job_is_cancelled_and_retried(app: Flask) -> None:
    job_id = new_export(app)
    assert run(app, "cancel", job_id).stdout == f"{job_id}: cancelled\n"
    assert run(app, "retry", job_id).stdout == f"{job_id}: queued\n"
    work(app, job_id)
    for command in ("cancel", "retry"):
        refused = run(app, command, job_id)
        assert refused.exit_code == 1
        assert "The job" in refused.stderr
    assert row(app, job_id).state == "succeeded"


def test_a_job_that_is_not_there_is_one_line(app: Flask) -> None:
    for command in ("show", "cancel", "retry"):
        result = run(app, command, "nowhere")
        assert (result.exit_code, result.stderr) == (1, "Error: You have no job 'nowhere'.\n")
