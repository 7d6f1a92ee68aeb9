"""Imports, exports and jobs as pages that need no script; what a worker would do is done in this process."""

import io
import json
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from api.accounts.permissions import Role
from api.extensions import db
from api.jobs import queue
from api.models import Job, Question
from tests.accounts.tools import refused
from tests.conftest import MakeApp
from tests.jobs.tools import change, files_of, new_import, questions, work
from tests.site.tools import PAGE, Browser, signed_in, text_of
from tests.v1.tools import sqlite_only

REFRESH = '<noscript><meta http-equiv="refresh"'


def send(
    browser: Browser, data: bytes | None, name: str = "new.json", **fields: str
) -> TestResponse:
    """Send the import form."""
    form: dict[str, Any] = {"csrf_token": browser.token("/import"), **fields}
    if data is not None:
        form["file"] = (io.BytesIO(data), name)
    return browser.client.post(
        "/import", data=form, content_type="multipart/form-data", headers=PAGE
    )


def job_of(response: TestResponse) -> str:
    """Return the id of the job that a form led to."""
    assert response.status_code == 303, text_of(response)
    found = re.fullmatch(r"/jobs/([0-9a-f-]{36})", response.headers["Location"])
    assert found, response.headers["Location"]
    return found[1]


def stored(app: Flask) -> int:
    """Count the questions."""
    with app.app_context():
        return db.session.scalar(select(func.count(Question.id))) or 0


def jobs(app: Flask) -> int:
    """Count the jobs."""
    with app.app_context():
        return db.session.scalar(select(func.count(Job.id))) or 0


def test_an_import_by_form_leads_to_its_page_and_is_followed_there(app: Flask) -> None:
    editor = signed_in(app, "eve", Role.EDITOR)
    jid = job_of(send(editor, questions(900, 3)))
    waiting = editor.get(f"/jobs/{jid}").text
    assert "waiting" in waiting
    assert REFRESH in waiting
    change(app, jid, state="running", phase="checking", done=1, total=3)
    assert "Checking: 1 of 3" in editor.get(f"/jobs/{jid}").text
    change(app, jid, state="queued", phase=None, done=0, total=None)
    assert work(app, jid)
    ended = editor.get(f"/jobs/{jid}").text
    assert "succeeded" in ended
    assert re.search(r"<dt>Created</dt><dd>3</dd>", ended)
    assert "It is in the bank now." in ended
    assert REFRESH not in ended
    assert stored(app) == 53


@sqlite_only
def test_the_forms_choices_reach_the_job(app: Flask) -> None:
    editor = signed_in(app, "eve", Role.EDITOR)
    text = b"number,prompt,answer\n900,Why?,Because.\n51,Mine?,Yes.\n"
    jid = job_of(
        send(
            editor, text, "../odd\x01 name.csv", format="csv", on_conflict="update", dry_run="true"
        )
    )
    told: Any = editor.client.get(f"/api/v1/jobs/{jid}").json
    assert told["parameters"] == {
        "title": "odd name.csv", "format": "csv", "on_conflict": "update",
        "partial": False, "dry_run": True,
    }  # fmt: skip
    work(app, jid)
    shown = editor.get(f"/jobs/{jid}").text
    assert "Nothing was kept." in shown
    assert "<dt>Updated</dt><dd>1</dd>" in shown
    assert stored(app) == 50


def test_what_was_refused_stands_there_with_its_line_and_the_rest_can_be_kept(app: Flask) -> None:
    editor = signed_in(app, "eve", Role.EDITOR)
    text = b"number,prompt,answer\n900,Why?,Because.\n51,<b>Mine</b>?,Yes.\n"
    failed = job_of(send(editor, text, "new.csv"))
    work(app, failed)
    shown = editor.get(f"/jobs/{failed}").text
    assert "1 record was refused and nothing was kept" in shown
    assert re.search(r"<tr><td>3</td><td>51</td><td [^>]*>question 51 is in the bank", shown)
    assert "Try again" in shown
    partly = job_of(send(editor, text, "new.csv", partial="true"))
    work(app, partly)
    assert "<dt>Created</dt><dd>1</dd>" in editor.get(f"/jobs/{partly}").text
    assert stored(app) == 51


@sqlite_only
@pytest.mark.parametrize(
    ("data", "fields", "words"),
    [
        (None, {}, "Choose a file."),
        (b"", {}, "The file is empty."),
        (b"x", {"format": "docx"}, "Must be one of"),
        (b"x", {"partial": "maybe"}, "partial: Must be one of: true, false."),
        (b"x", {"owner": "root"}, "owner: Unknown field"),
    ],
)
def test_an_import_that_cannot_be_asked_for_says_why_and_leaves_nothing(
    app: Flask, data: bytes | None, fields: dict[str, str], words: str
) -> None:
    editor = signed_in(app, "eve", Role.EDITOR)
    answer = send(editor, data, on_conflict="skip", **fields)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert '<option value="skip" selected>' in answer.text
    assert jobs(app) == 0
    assert files_of(app) == []


@sqlite_only
def test_a_large_file_is_taken_from_who_may_import_and_from_nobody_else(make_app: MakeApp) -> None:
    app = make_app(MAX_CONTENT_LENGTH="100000", IMPORT_MAX_BYTES="1000000")
    editor, reader = signed_in(app, "eve", Role.EDITOR), signed_in(app)
    large = questions(900, 200, size=2000)
    assert 200_000 < len(large) < 900_000
    work(app, job_of(send(editor, large)))
    assert stored(app) == 250
    for browser, size in ((reader, len(large)), (editor, 1_000_000)):
        part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n\r\n'
        body = part + b" " * size + b"\r\n--x--\r\n"
        kind = "multipart/form-data; boundary=x"
        answer = browser.client.post("/import", data=body, content_type=kind, headers=PAGE)
        assert answer.status_code == 413
        assert "larger than" in text_of(answer)
    assert jobs(app) == 1


@sqlite_only
def test_who_has_too_many_jobs_is_told_on_the_form(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = signed_in(app, "eve", Role.EDITOR)
    monkeypatch.setattr(queue, "MAX_UNFINISHED", 1)
    jid = job_of(send(editor, questions(900, 1)))
    for answer in (send(editor, questions(901, 1)), editor.post("/export", format="json")):
        assert answer.status_code == 409
        assert "jobs that are not finished" in text_of(answer)
    assert editor.post(f"/jobs/{jid}/cancellation", "/jobs").status_code == 303
    job_of(editor.post("/export", format="json"))


def test_an_export_by_form_is_downloaded_from_its_page(app: Flask) -> None:
    reader = signed_in(app)
    jid = job_of(reader.post("/export", format="json", number_from="51", number_to="60"))
    assert "/file" not in reader.get(f"/jobs/{jid}").text
    work(app, jid)
    shown = reader.get(f"/jobs/{jid}").text
    found = re.search(r'href="(/api/v1/jobs/[^"]+/file)"', shown)
    assert found
    file = reader.client.get(found[1], buffered=True)
    assert "attachment" in file.headers["Content-Disposition"]
    assert [each["number"] for each in json.loads(file.data)] == list(range(51, 61))


@sqlite_only
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": "numbered"}, "Must be one of"),
        ({"number_from": "9", "number_to": "3"}, "greater than or equal"),
        ({"number_from": "x"}, "Not a valid integer"),
        ({"number_to": "9" * 30}, "Not a valid integer"),
        ({"number_from": "0"}, "greater than or equal to 1"),
        ({"topics": "no-such-topic"}, "There is no topic"),
        ({"seed": "1"}, "seed: Unknown field"),
    ],
)
def test_an_export_that_cannot_be_asked_for_says_why(
    app: Flask, fields: dict[str, str], words: str
) -> None:
    answer = signed_in(app).post("/export", **fields)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert jobs(app) == 0


def test_a_job_is_cancelled_and_tried_again_by_buttons(app: Flask) -> None:
    editor = signed_in(app, "eve", Role.EDITOR)
    jid = job_of(send(editor, questions(900, 2)))
    page = f"/jobs/{jid}"
    back = editor.post(f"{page}/cancellation", page)
    assert (back.status_code, back.headers["Location"]) == (303, page)
    assert "cancelled" in editor.get(page).text
    assert not work(app, jid)
    assert editor.post(f"{page}/retries", page).status_code == 303
    assert work(app, jid)
    assert "succeeded" in editor.get(page).text
    late = editor.post(f"{page}/cancellation", "/jobs")
    assert late.status_code == 409
    assert "nothing left to cancel" in text_of(late)


@sqlite_only
def test_jobs_are_their_owners_and_everybodys_to_who_manages_them(app: Flask) -> None:
    editor, other = signed_in(app, "eve", Role.EDITOR), signed_in(app)
    root = signed_in(app, "root", Role.ADMINISTRATOR)
    jid = new_import(app, questions(900, 1), "eve", title="<i>mine</i>.json")
    assert f"/jobs/{jid}" in editor.get("/jobs").text
    assert "&lt;i&gt;mine&lt;/i&gt;.json" in editor.get("/jobs").text
    assert "There are none." in other.get("/jobs").text
    assert other.get(f"/jobs/{jid}").status_code == 404
    assert other.post(f"/jobs/{jid}/cancellation", "/jobs").status_code == 404
    assert "eve" in root.get("/jobs").text
    assert root.get(f"/jobs/{jid}").status_code == 200


@sqlite_only
def test_a_form_without_its_token_does_nothing(app: Flask) -> None:
    editor = signed_in(app, "eve", Role.EDITOR)
    jid = new_import(app, questions(900, 1), "eve")
    for path in ("/import", "/export", f"/jobs/{jid}/cancellation", f"/jobs/{jid}/retries"):
        for token in ({}, {"csrf_token": "wrong"}):
            refused(editor.client.post(path, data=token), "malformed-request", 400)
    assert jobs(app) == 1
    assert "waiting" in editor.get(f"/jobs/{jid}").text


@sqlite_only
def test_the_menu_leads_to_what_one_may(app: Flask) -> None:
    reader, editor = signed_in(app), signed_in(app, "eve", Role.EDITOR)
    assert 'href="/jobs"' not in Browser(app).get("/").text
    for browser, imports in ((reader, False), (editor, True)):
        assert 'href="/jobs"' in browser.get("/").text
        for page in ("/account", "/jobs"):
            assert 'href="/export"' in browser.get(page).text
            assert ('href="/import"' in browser.get(page).text) == imports
    assert Browser(app).get("/import").headers["Location"].startswith("/sign-in?next=/import")


@sqlite_only
def test_many_jobs_are_turned_over_and_an_unknown_parameter_is_refused(app: Flask) -> None:
    reader = signed_in(app)
    for _ in range(3):
        job_of(reader.post("/export", format="json"))
    first = text_of(reader.get("/jobs?per_page=2"))
    assert first.count("Export ") - first.count("Export questions") == 2
    assert "/jobs?per_page=2&page=2" in first
    second = text_of(reader.get("/jobs?per_page=2&page=2"))
    assert "/jobs?per_page=2&page=1" in second
    assert "page=3" not in second
    for query in ("page=x", "page=0", "sort=owner", "state=odd"):
        assert reader.get(f"/jobs?{query}").status_code == 422
