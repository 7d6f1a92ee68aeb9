"""`/imports`, `/exports` and `/jobs` over HTTP; what a worker would do is done in this process."""

import io
import json
import sqlite3
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, make_url, select
from werkzeug.test import TestResponse

from api.accounts import users
from api.accounts.permissions import Role
from api.bank import exporting
from api.bank.formats import Format
from api.extensions import db
from api.jobs import leases, queue
from api.jobs.leases import JobCancelledError
from api.models import Job, JobState
from tests.accounts.tools import bearer, new_device, refused
from tests.conftest import MakeApp, Settings
from tests.jobs.tools import (
    change,
    files_of,
    new_export,
    new_import,
    questions,
    row,
    stored_between,
    work,
)
from tests.v1.tools import numbers, parameters_refused, sqlite_only

IMPORTS, EXPORTS, JOBS = "/api/v1/imports", "/api/v1/exports", "/api/v1/jobs"
TEXT = b"101. What is a blueprint?\n\nA set of routes.\n"


class Caller:
    """A user who is signed in, with a client."""

    def __init__(self, app: Flask, name: str, role: Role) -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = new_device(app, name, role).headers

    def open(self, method: str, path: str, **more: Any) -> TestResponse:
        """Send a request as this user."""
        headers = {**self.headers, **more.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, buffered=True, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        """Read as this user."""
        return self.open("GET", path, **more)

    def post(self, path: str, **more: Any) -> TestResponse:
        """Post as this user."""
        return self.open("POST", path, **more)


@pytest.fixture
def editor(app: Flask) -> Caller:
    """An editor."""
    return Caller(app, "ada", Role.EDITOR)


def accepted(response: TestResponse) -> dict[str, Any]:
    """Return the job that a 202 tells of."""
    assert response.status_code == 202, response.get_data(as_text=True)
    job: dict[str, Any] = response.get_json()
    assert response.headers["Location"] == job["links"]["self"]
    assert response.headers["Retry-After"] == "1"
    return job


def test_an_import_answers_202_with_a_job_to_poll(app: Flask, editor: Caller) -> None:
    job = accepted(editor.post(IMPORTS, data=questions(1000, 3), content_type="application/json"))
    assert (job["state"], job["progress"]["total"], job["result"]) == ("queued", None, None)
    polled = editor.get(job["links"]["self"])
    assert polled.headers["Retry-After"] == "1"
    again = editor.get(job["links"]["self"], headers={"If-None-Match": polled.headers["ETag"]})
    assert (again.status_code, again.headers["Retry-After"]) == (304, "1")
    assert stored_between(app, 1000, 3) == (0, 0)

    assert work(app, job["id"])
    ended = editor.get(job["links"]["self"], headers={"If-None-Match": polled.headers["ETag"]})
    assert ended.status_code == 200
    assert "Retry-After" not in ended.headers
    told: Any = ended.get_json()
    assert (told["state"], told["attempt"], told["error"]) == ("succeeded", 1, None)
    assert told["progress"] == {"phase": None, "done": 3, "total": 3}
    assert told["result"] == {
        "format": "json", "kept": True, "created": 3, "updated": 0, "unchanged": 0, "skipped": 0,
        "refused": 0,
    }  # fmt: skip
    assert list(told["links"]) == ["self"]
    found = editor.get("/api/v1/questions?number_from=1000&fields=number")
    assert numbers(found) == [1000, 1001, 1002]
    assert files_of(app) == []  # the upload has served its purpose


def test_one_refused_record_refuses_the_file_and_is_named_with_its_line(
    app: Flask, editor: Caller
) -> None:
    lines = "number,prompt,answer\n1000,One?,One.\n51,Another?,Another.\n1001,,Nothing.\n"
    job = accepted(editor.post(IMPORTS, data=lines, content_type="text/csv"))
    work(app, job["id"])
    told: Any = editor.get(job["links"]["self"]).get_json()
    assert (told["state"], told["refused"], told["result"]["kept"]) == ("failed", 2, False)
    assert "nothing was kept" in told["error"]
    assert [(each["line"], each["number"]) for each in told["refusals"]] == [(3, 51), (4, 1001)]
    assert "prompt" in told["refusals"][1]["reason"]
    assert stored_between(app, 1000, 2) == (0, 0)
    assert "retries" in told["links"]

    job = accepted(editor.post(f"{IMPORTS}?partial=true", data=lines, content_type="text/csv"))
    work(app, job["id"])
    told = editor.get(job["links"]["self"]).get_json()
    assert (told["state"], told["refused"], told["result"]["created"]) == ("succeeded", 2, 1)
    assert len(told["refusals"]) == 2
    assert stored_between(app, 1000, 2) == (1, 0)


@sqlite_only
def test_a_hundred_refusals_are_kept_and_all_are_counted(app: Flask, editor: Caller) -> None:
    records = [{"number": n} for n in range(1000, 1150)]
    job = accepted(editor.post(IMPORTS, json=records))
    work(app, job["id"])
    told: Any = editor.get(job["links"]["self"]).get_json()
    assert (told["refused"], len(told["refusals"])) == (150, 100)


@sqlite_only
def test_a_dry_run_tells_all_and_writes_nothing(app: Flask, editor: Caller) -> None:
    path = f"{IMPORTS}?dry_run=true&on_conflict=update"
    records = [{"number": 51, "prompt": "Changed?", "answer": "Yes."}, {"number": 1000}]
    job = accepted(editor.post(path, json=records))
    work(app, job["id"])
    told: Any = editor.get(job["links"]["self"]).get_json()
    assert (told["state"], told["refused"]) == ("succeeded", 1)
    assert (told["result"]["updated"], told["result"]["kept"]) == (1, False)
    assert editor.get("/api/v1/questions/51").get_json()["prompt"] != "Changed?"


@pytest.mark.parametrize(
    ("sent", "form"),
    [
        ({"data": TEXT, "content_type": "text/plain"}, "numbered"),
        ({"data": TEXT, "content_type": "application/octet-stream"}, "numbered"),
        ({"data": {"file": (io.BytesIO(TEXT), "../up/q.txt")}}, "numbered"),
        (
            {"data": {"file": (io.BytesIO(b"number: 101\nprompt: P?\nanswer: A.\n"), "q.yml")}},
            "yaml",
        ),
        (
            {"data": "---\nnumber: 101\n---\n# P?\n\nA.\n", "content_type": "text/markdown"},
            "markdown",
        ),
    ],
    ids=["plain", "octets", "form", "ending", "markdown"],
)
@sqlite_only
def test_a_file_comes_as_the_body_or_in_a_form_in_any_format(
    app: Flask, editor: Caller, sent: dict[str, Any], form: str
) -> None:
    job = accepted(editor.post(IMPORTS, **sent))
    assert job["parameters"]["title"] in {None, "q.txt", "q.yml"}
    work(app, job["id"])
    told: Any = editor.get(job["links"]["self"]).get_json()
    assert (told["state"], told["result"]["format"]) == ("succeeded", form)
    assert stored_between(app, 101, 1)[0] == 1


@sqlite_only
def test_a_file_in_no_known_format_fails_and_says_so(app: Flask, editor: Caller) -> None:
    job = accepted(editor.post(IMPORTS, data=b"\x00 nothing", content_type="text/plain"))
    work(app, job["id"])
    told: Any = editor.get(job["links"]["self"]).get_json()
    assert told["state"] == "failed"
    assert told["error"].startswith("This is in no format that is known")


@sqlite_only
def test_what_is_no_file_of_questions_is_refused_before_it_is_stored(
    app: Flask, editor: Caller
) -> None:
    form = "application/x-www-form-urlencoded"
    problem = refused(
        answer := editor.post(IMPORTS, data="a=b", content_type=form), "unsupported-media-type", 415
    )
    assert form in problem["detail"]
    assert "text/csv" in answer.headers["Accept"]
    for sent in (
        {"content_type": "text/plain", "environ_overrides": {"CONTENT_LENGTH": "0"}},
        {"data": {"file": (io.BytesIO(b""), "q.csv")}},
        {"data": {"other": (io.BytesIO(TEXT), "q.csv")}},
        {"data": {"file": (io.BytesIO(TEXT), "q.csv"), "partial": "true"}},
        {"data": {"file": [(io.BytesIO(TEXT), "q.csv"), (io.BytesIO(TEXT), "r.csv")]}},
    ):
        refused(editor.post(IMPORTS, **sent), "invalid-parameters", 422)
    for form in ("multipart/form-data; boundary=x", "multipart/form-data"):
        broken = editor.post(IMPORTS, data=b"--no-such-boundary", content_type=form)
        refused(broken, "malformed-request", 400)
    faulty = editor.post(f"{IMPORTS}?partial=1&format=xml&on_conflict=ask", data=TEXT)
    assert parameters_refused(faulty).keys() == {"partial", "format", "on_conflict"}
    assert files_of(app) == []
    with app.app_context():
        assert db.session.scalars(select(Job)).all() == []


@sqlite_only
def test_too_large_a_file_is_refused_by_its_announced_size_and_by_its_real_one(
    make_app: MakeApp,
) -> None:
    app = make_app(IMPORT_MAX_BYTES="100", MAX_CONTENT_LENGTH="10")
    editor = Caller(app, "ada", Role.EDITOR)
    assert editor.post(IMPORTS, data=b"x" * 100, content_type="text/plain").status_code == 202

    class Unread(io.BytesIO):
        """A body that nobody may read."""

        def read(self, *_: Any) -> bytes:
            raise AssertionError("was read")

    problem = refused(
        editor.post(
            IMPORTS,
            input_stream=Unread(),
            environ_overrides={"CONTENT_LENGTH": "101"},
            content_type="text/plain",
        ),
        "content-too-large",
        413,
    )
    assert "100 bytes" in problem["detail"]
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = editor.post(
        IMPORTS,
        input_stream=io.BytesIO(b"x" * 10),
        environ_overrides={**chunked, "CONTENT_LENGTH": ""},
        content_type="text/plain",
    )
    refused(answer, "length-required", 411)
    form = {"file": (io.BytesIO(b"x" * 101), "q.txt")}
    refused(editor.post(IMPORTS, data=form), "content-too-large", 413)
    assert len(files_of(app)) == 1


@pytest.mark.parametrize("terminated", [True, False])
@sqlite_only
def test_a_cut_off_upload_leaves_nothing_behind(
    app: Flask, editor: Caller, terminated: bool
) -> None:
    answer = editor.post(
        IMPORTS,
        input_stream=io.BytesIO(TEXT),
        content_type="text/plain",
        environ_overrides={
            "CONTENT_LENGTH": "1000",
            **({"wsgi.input_terminated": True} if terminated else {}),
        },
    )
    assert answer.status_code == 400
    assert files_of(app) == []


def test_an_import_sent_twice_under_one_key_is_one_job(app: Flask, editor: Caller) -> None:
    key = {"Idempotency-Key": "import-1"}

    def send(data: bytes) -> TestResponse:
        return editor.post(IMPORTS, data=data, content_type="text/plain", headers=key)

    first, again = send(TEXT), send(TEXT)
    assert accepted(again) == accepted(first)
    assert again.headers["Idempotent-Replayed"] == "true"
    (error,) = refused(send(TEXT + b"More."), "invalid-parameters", 422)["errors"]
    assert error["code"] == "reused"
    assert len(files_of(app)) == 1
    with app.app_context():
        assert [job.id for job in db.session.scalars(select(Job))] == [first.get_json()["id"]]


@sqlite_only
def test_an_export_or_a_retry_sent_twice_under_one_key_is_one(app: Flask, editor: Caller) -> None:
    for prefer, status in (("wait=10", 201), ("handling=strict", 202)):
        headers = {"Idempotency-Key": prefer, "Prefer": prefer}
        first, again = (editor.post(EXPORTS, json={}, headers=headers) for _ in range(2))
        assert first.status_code == again.status_code == status
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.get_json() == first.get_json()
        for name in ("Location", "Retry-After", "Preference-Applied"):
            assert again.headers.get(name) == first.headers.get(name)
    waiting: Any = first.get_json()
    assert len(editor.get(JOBS).get_json()["items"]) == 2
    change(app, waiting["id"], state="failed")
    key = {"Idempotency-Key": "again"}
    address = f"{waiting['links']['self']}/retries"
    queued = accepted(editor.post(address, headers=key))
    assert work(app, waiting["id"])
    again = editor.post(address, headers=key)
    assert (accepted(again), again.headers["Idempotent-Replayed"]) == (queued, "true")
    refused(editor.post(address), "conflict", 409)  # it has succeeded


def test_the_same_export_by_a_worker_and_in_the_request(app: Flask, editor: Caller) -> None:
    body = {"format": "csv", "number_from": 51, "number_to": 60, "topics": ["security"]}
    job = accepted(editor.post(EXPORTS, json=body))
    refused(editor.get(f"{job['links']['self']}/file"), "not-found", 404)
    work(app, job["id"])
    at_once = editor.post(EXPORTS, json=body, headers={"Prefer": "respond-async, wait=5"})
    assert at_once.status_code == 201
    assert at_once.headers["Preference-Applied"] == "wait=5"
    told: Any = at_once.get_json()
    later: Any = editor.get(job["links"]["self"]).get_json()
    for name in ("state", "progress", "parameters", "result", "file", "attempt"):
        assert told[name] == later[name], name
    files = [editor.get(each["links"]["file"]) for each in (told, later)]
    with app.app_context(), exporting.run(Format.CSV, [(51, 60)], ["security"]) as parts:
        expected = "".join(parts).encode()
    assert [each.data for each in files] == [expected, expected]
    assert not work(app, told["id"])  # a worker that is rung for it by mistake finds nothing to do


@pytest.mark.parametrize("form", ["json", "yaml", "csv", "markdown"])
@sqlite_only
def test_an_export_downloads_as_an_attachment_that_imports_unchanged(
    app: Flask, editor: Caller, form: str
) -> None:
    made: Any = editor.post(
        EXPORTS, json={"format": form}, headers={"Prefer": "wait=10"}
    ).get_json()
    assert made["result"] == {"format": form, "questions": 50}
    address = made["links"]["file"]
    answer = editor.get(address)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=questions-")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(answer.data) == made["file"]["bytes"]
    assert editor.open("HEAD", address).headers["Content-Length"] == str(len(answer.data))
    kept = editor.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (kept.status_code, kept.data) == (304, b"")
    back = accepted(editor.post(IMPORTS, data=answer.data, content_type=answer.mimetype))
    work(app, back["id"])
    told: Any = editor.get(back["links"]["self"]).get_json()
    assert (told["state"], told["result"]["unchanged"]) == ("succeeded", 50)


@sqlite_only
def test_what_cannot_be_exported_is_refused_at_once(app: Flask, editor: Caller) -> None:
    for body, pointer in (
        ({"topics": ["security", "no-such-topic"]}, "#/topics/1"),
        ({"number_from": 60, "number_to": 59}, "#/number_to"),
        ({"number_from": 2**63 - 1}, "#/number_from"),
        ({"number_from": "51"}, "#/number_from"),
        ({"number_from": 51.5}, "#/number_from"),
        ({"number_from": True}, "#/number_from"),
        ({"format": "numbered"}, "#/format"),
        ({"colour": "red"}, "#/colour"),
    ):
        problem = refused(editor.post(EXPORTS, json=body), "invalid-parameters", 422)
        assert [each["pointer"] for each in problem["errors"]] == [pointer]
    refused(
        editor.post(EXPORTS, data="{", content_type="application/json"), "malformed-request", 400
    )
    for preference in ("wait=0", "wait=soon", "wait", "handling=strict", "wait=-1"):
        accepted(editor.post(EXPORTS, json={}, headers={"Prefer": preference}))


@sqlite_only
def test_an_export_without_its_file_is_gone(app: Flask, editor: Caller) -> None:
    made: Any = editor.post(EXPORTS, json={}, headers={"Prefer": "wait=10"}).get_json()
    (path,) = files_of(app)
    path.unlink()
    assert (
        "another export" in refused(editor.get(made["links"]["file"]), "not-found", 404)["detail"]
    )


def test_a_running_job_is_cancelled_and_retried(app: Flask, editor: Caller) -> None:
    job_id = new_import(app, questions(1000, 3))
    address = f"{JOBS}/{job_id}"
    with app.app_context():
        lease = leases.claim(job_id)
        assert lease is not None
        lease.report("checking", 1, 3)
    running: Any = editor.get(address).get_json()
    assert (running["state"], running["attempt"]) == ("running", 1)
    assert running["progress"] == {"phase": "checking", "done": 1, "total": 3}
    asked = accepted(editor.open("PUT", f"{address}/cancellation"))
    assert asked["state"] == "running"
    assert asked["cancel_requested_at"] is not None
    refused(editor.post(f"{address}/retries"), "conflict", 409)
    with app.app_context():
        with pytest.raises(JobCancelledError):
            lease.report("writing" if db.engine.dialect.name == "postgresql" else "reading", 2, 3)
        # Even a worker that has not looked up is kept from succeeding.
        with db.engine.begin() as connection, pytest.raises(JobCancelledError):
            lease.succeed(connection)
        assert lease.end(JobState.CANCELLED)
    again = editor.open("PUT", f"{address}/cancellation")
    assert (again.status_code, again.get_json()["state"]) == (200, "cancelled")

    retried = accepted(editor.post(f"{address}/retries"))
    assert (retried["id"], retried["state"]) == (job_id, "queued")
    assert (retried["attempt"], retried["cancel_requested_at"]) == (0, None)
    assert work(app, job_id)
    assert editor.get(address).get_json()["state"] == "succeeded"
    assert stored_between(app, 1000, 3)[0] == 3
    for method, path in (("PUT", "cancellation"), ("POST", "retries")):
        refused(editor.open(method, f"{address}/{path}"), "conflict", 409)


@sqlite_only
def test_a_waiting_job_is_cancelled_at_once_and_no_worker_takes_it(
    app: Flask, editor: Caller
) -> None:
    job_id = new_import(app, questions(1000, 3))
    answer = editor.open("PUT", f"{JOBS}/{job_id}/cancellation")
    assert (answer.status_code, answer.get_json()["state"]) == (200, "cancelled")
    assert not work(app, job_id)
    assert stored_between(app, 1000, 3) == (0, 0)


@sqlite_only
def test_a_failed_import_succeeds_when_what_was_in_its_way_is_gone(
    app: Flask, editor: Caller
) -> None:
    data = json.dumps([{"number": 51, "prompt": "Mine?", "answer": "Yes."}])
    job = accepted(editor.post(IMPORTS, data=data, content_type="application/json"))
    work(app, job["id"])
    assert row(app, job["id"]).state == JobState.FAILED
    with app.app_context():
        db.session.execute(db.text("DELETE FROM questions WHERE number = 51"))
        db.session.commit()
    accepted(editor.post(job["links"]["self"] + "/retries"))
    work(app, job["id"])
    told: Any = editor.get(job["links"]["self"]).get_json()
    assert (told["state"], told["refused"], told["refusals"]) == ("succeeded", 0, [])


@sqlite_only
def test_anothers_job_is_not_there_but_for_who_manages_jobs(app: Flask, editor: Caller) -> None:
    stranger = Caller(app, "eve", Role.EDITOR)
    manager = Caller(app, "root", Role.ADMINISTRATOR)
    made: Any = editor.post(EXPORTS, json={}, headers={"Prefer": "wait=10"}).get_json()
    address = f"{JOBS}/{made['id']}"
    for method, path in (
        ("GET", ""),
        ("GET", "/file"),
        ("PUT", "/cancellation"),
        ("POST", "/retries"),
    ):
        theirs = refused(stranger.open(method, address + path), "not-found", 404)
        nowhere = f"{JOBS}/00000000-0000-4000-8000-000000000000"
        nobodys = refused(stranger.open(method, nowhere + path), "not-found", 404)
        assert theirs["detail"].split("'")[::2] == nobodys["detail"].split("'")[::2]
    assert stranger.get(JOBS).get_json()["items"] == []
    assert manager.get(address).get_json()["owner"] == "ada"
    assert manager.get(address + "/file").status_code == 200
    assert [each["id"] for each in manager.get(JOBS).get_json()["items"]] == [made["id"]]


@sqlite_only
def test_a_reader_may_export_and_not_import(app: Flask) -> None:
    reader = Caller(app, "rob", Role.READER)
    accepted(reader.post(EXPORTS, json={}))
    problem = refused(reader.post(IMPORTS, data=TEXT, content_type="text/plain"), "forbidden", 403)
    assert problem["required"] == "question.import"
    assert files_of(app) == []


@sqlite_only
def test_jobs_are_listed_by_state_and_kind_page_by_page(app: Flask, editor: Caller) -> None:
    made = [new_export(app), new_export(app), new_import(app, TEXT, format=Format.NUMBERED)]
    work(app, made[0])
    listed: Any = editor.get(JOBS).get_json()
    assert [each["id"] for each in listed["items"]] == made[::-1]
    assert all("refusals" not in each for each in listed["items"])
    for query, found in (
        ("state=succeeded", [made[0]]),
        ("state=queued,running", [made[2], made[1]]),
        ("kind=import", [made[2]]),
        ("kind=export&state=queued", [made[1]]),
        ("per_page=1&page=2", [made[1]]),
        ("page=9", []),
    ):
        answer = editor.get(f"{JOBS}?{query}")
        assert [each["id"] for each in answer.get_json()["items"]] == found, query
    assert 'rel="next"' in editor.get(f"{JOBS}?per_page=1").headers["Link"]
    assert parameters_refused(editor.get(f"{JOBS}?state=done&kind=")).keys() == {"state", "kind"}


@sqlite_only
def test_a_user_has_only_so_many_unfinished_jobs(app: Flask, editor: Caller) -> None:
    made = [new_export(app) for _ in range(queue.MAX_UNFINISHED)]
    for answer in (
        editor.post(EXPORTS, json={}),
        editor.post(IMPORTS, data=TEXT, content_type="text/plain"),
    ):
        problem = refused(answer, "conflict", 409)
        assert "wait for one, or cancel one" in problem["detail"]
    assert files_of(app) == []
    change(app, made[0], state=JobState.FAILED.value)
    accepted(editor.post(EXPORTS, json={}))


@sqlite_only
def test_a_job_goes_with_its_owner(app: Flask, editor: Caller) -> None:
    job_id = new_import(app, questions(1000, 1))
    with app.app_context():
        users.delete(users.get("ada"))
    assert not work(app, job_id)
    root = Caller(app, "root", Role.ADMINISTRATOR)
    refused(root.get(f"{JOBS}/{job_id}"), "not-found", 404)


@sqlite_only
def test_a_bad_token_and_a_broken_id_reach_no_job(app: Flask, client: FlaskClient) -> None:
    refused(client.get(JOBS, headers=bearer("a.b.c")), "token-malformed")
    for path in (f"{JOBS}/not-a-uuid", f"{JOBS}/%00", f"{JOBS}/{'9' * 400}"):
        assert client.get(path).status_code == 404


@sqlite_only
def test_while_another_program_keeps_the_database_locked_a_change_is_a_503(
    app: Flask, editor: Caller, settings: Settings
) -> None:
    job_id = new_export(app)
    with app.app_context():
        db.engine.dispose()
        event.listen(
            db.engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout = 10").close()
        )
    other = sqlite3.connect(str(make_url(settings["DATABASE_URL"]).database), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        answer = editor.open("PUT", f"{JOBS}/{job_id}/cancellation")
        assert answer.headers["Retry-After"] == "1"
        assert "try again" in refused(answer, "service-unavailable", 503)["detail"]
        assert editor.get(f"{JOBS}/{job_id}").status_code == 200  # reading goes on
    finally:
        other.close()
    assert editor.open("PUT", f"{JOBS}/{job_id}/cancellation").status_code == 200
