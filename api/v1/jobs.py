"""`/imports`, `/exports` and `/jobs`: work that outlives its request (80, 85, 92, 97).

A POST records the job, rings for a worker and answers 202 with the job's address; the client follows
that address until the job has ended. With `Prefer: wait` an export is done in the request itself, by
the same code and under the same lease.
Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.3.3
"""

from typing import Any
from uuid import UUID

from flask import Response, request, send_file, url_for
from flask_restful import Resource

from api.access import jobs
from api.access.identity import requires, signed_in
from api.accounts.permissions import Action
from api.bank.formats import Format
from api.demonstrations import demonstrates
from api.http.idempotency import idempotent
from api.http.limits import writes
from api.http.pagination import collection, link_header, numbered_links
from api.http.parsing import body, invalid, query
from api.http.prefer import seconds_to_wait
from api.http.problems import Problem
from api.http.uploads import Incoming, Upload, takes_file
from api.jobs import doorbell, exports, files, queue, running, states
from api.models import Job, JobKind, JobState
from api.schemas.jobs import ExportBody, ImportQuery, JobListQuery, represent_job

#: What a body may be, and the format that this says; None lets the content tell.
IMPORT_TYPES: dict[str, Format | None] = {
    "application/json": Format.JSON,
    "application/yaml": Format.YAML,
    "text/csv": Format.CSV,
    "text/markdown": Format.MARKDOWN,
    "text/plain": None,
    "application/octet-stream": None,
}

#: Seconds after which a client should ask again how a job stands.
RETRY_AFTER = "1"

#: Seconds for which a request may do a job itself: no longer than any proxy in front would wait.
MAX_WAIT = 10


def _answer(job: Job, status: int = 200) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Represent a job; say when to ask again while it has not ended, and where if it is new."""
    headers = {"Retry-After": RETRY_AFTER} if job.state in states.UNFINISHED else {}
    if status != 200:
        headers["Location"] = url_for("v1.job", jid=job.id, _external=True)
    return represent_job(job), status, headers


def _not_empty(upload: Upload) -> Upload:
    """Refuse a file without a byte in it. Raises Problem (422)."""
    if not next(upload.chunks(), b""):
        raise invalid([{"pointer": "#", "detail": "The file is empty.", "code": "required"}])
    return upload


class ImportList(Resource):
    """Files of questions on their way into the bank."""

    @demonstrates(80, test="tests/v1/test_jobs.py::test_an_import_answers_202_with_a_job_to_poll")
    @writes
    @requires(Action.IMPORT_QUESTIONS)
    @query(ImportQuery)
    @takes_file("IMPORT_MAX_BYTES", IMPORT_TYPES)
    @idempotent
    def post(self, args: dict[str, Any], incoming: Incoming) -> Any:
        """Take the file, and leave it to a worker: any format that `flask bank import` takes."""
        queue.ensure_room(signed_in())
        upload = _not_empty(incoming.receive())
        args["format"] = args["format"] or IMPORT_TYPES.get(request.mimetype)
        stored = files.store(upload.chunks())
        job = queue.add_import(signed_in(), stored, title=upload.name, **args)
        doorbell.ring(job.id)
        return _answer(job, 202)


class ExportList(Resource):
    """Files of questions on their way out."""

    @demonstrates(
        97, test="tests/v1/test_jobs.py::test_the_same_export_by_a_worker_and_in_the_request"
    )
    @writes
    @requires(Action.USE_OWN_ACCOUNT)
    @idempotent
    @body(ExportBody)
    def post(self, args: dict[str, Any]) -> Any:
        """Ask for a file of questions; with `Prefer: wait` for it to be written at once."""
        job = queue.add_export(signed_in(), **args)
        seconds = seconds_to_wait(MAX_WAIT)
        if not seconds:
            doorbell.ring(job.id)
            return _answer(job, 202)
        running.run(job.id, patience=seconds)
        job = queue.get(job.id, None)
        data, status, headers = _answer(job, 202 if job.state in states.UNFINISHED else 201)
        return data, status, {**headers, "Preference-Applied": f"wait={seconds}"}


class JobList(Resource):
    """Your imports and exports."""

    @requires(Action.USE_OWN_ACCOUNT)
    @query(JobListQuery)
    def get(self, args: dict[str, Any]) -> Any:
        """List your jobs, the newest first; whoever manages jobs sees everybody's."""
        owner = jobs.whose()
        page, per_page = args["page"], args["per_page"]
        found = queue.find_page(owner, page, per_page, args["state"], args["kind"])
        links = numbered_links(page, per_page, found.total)
        about = {
            "number": page,
            "per_page": per_page,
            "total_items": found.total,
            "total_pages": -(-found.total // per_page),
        }
        items = [represent_job(job, whole=False) for job in found.jobs]
        return collection(items, about, links), 200, {"Link": link_header(links)}


class JobItem(Resource):
    """One job: how it stands, how far it is, what came of it."""

    @requires(Action.USE_OWN_ACCOUNT)
    def get(self, jid: UUID) -> Any:
        """Answer the job as it stands; `Retry-After` says when to ask again."""
        return _answer(jobs.visible(jid))


class JobCancellation(Resource):
    """That a job is not wanted any more."""

    @demonstrates(92, test="tests/v1/test_jobs.py::test_a_running_job_is_cancelled_and_retried")
    @writes
    @requires(Action.USE_OWN_ACCOUNT)
    def put(self, jid: UUID) -> Any:
        """Cancel the job: at once while it waits; a worker stops at its next step."""
        job = queue.cancel(jobs.visible(jid))
        return _answer(job, 200 if job.state == JobState.CANCELLED else 202)


class JobRetryList(Resource):
    """Further attempts at a job."""

    @demonstrates(92, test="tests/v1/test_jobs.py::test_a_running_job_is_cancelled_and_retried")
    @writes
    @requires(Action.USE_OWN_ACCOUNT)
    @idempotent
    def post(self, jid: UUID) -> Any:
        """Put a job that failed or was cancelled back into the queue."""
        job = jobs.visible(jid)
        queue.ensure_room(job.user)
        return _answer(queue.retry(job), 202)


class JobFile(Resource):
    """The file that an export wrote."""

    @requires(Action.USE_OWN_ACCOUNT)
    def get(self, jid: UUID) -> Response:
        """Download it."""
        job = jobs.visible(jid)
        if job.kind != JobKind.EXPORT or job.state != JobState.SUCCEEDED:
            raise Problem(
                "not-found", f"This {job.kind} has no file to download; it is {job.state}."
            )
        path = files.path_of(job.file_name or "")
        if path is None:
            raise Problem("not-found", "The file is no longer there; ask for another export.")
        form = Format(job.parameters["format"])
        response = send_file(
            path,
            mimetype=exports.MEDIA_TYPES[form],
            as_attachment=True,
            download_name=f"questions-{job.id[:8]}.{exports.ENDINGS[form]}",
            etag=(job.file_digest or "")[:24],
            conditional=False,
            last_modified=job.finished_at,
        )
        response.headers["Cache-Control"] = "private, no-cache"
        return response
