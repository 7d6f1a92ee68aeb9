"""Imports and exports on pages: asked for by a form, followed until they end (92).

Everything works by forms and links alone: a POST records the job by the functions that the API's resource
calls and leads to the job's page, which loads itself anew while the job has not ended. Where
JavaScript runs, `sources/jobs.js` sends the file, follows, cancels and retries by the API instead, and
the page does not load anew.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext, lazy_gettext
from marshmallow import ValidationError

from api.access.identity import may, requires, signed_in
from api.access.jobs import visible, whose
from api.accounts.permissions import Action
from api.bank import topics
from api.bank.formats import WRITABLE, Format
from api.http.limits import writes
from api.http.uploads import PART, Upload
from api.jobs import doorbell, files, queue, states
from api.jobs.queue import JobConflictError
from api.models import Job
from api.schemas.jobs import ExportBody, ImportQuery, JobListQuery
from api.schemas.questions import MAX_NUMBER
from api.sentences import said
from api.site import words
from api.site.account import check_csrf

IMPORT = "site.import_file"

KINDS = {"import": lazy_gettext("Import"), "export": lazy_gettext("Export")}
STATES = {
    "queued": lazy_gettext("waiting"),
    "running": lazy_gettext("running"),
    "succeeded": lazy_gettext("succeeded"),
    "failed": lazy_gettext("failed"),
    "cancelled": lazy_gettext("cancelled"),
}
#: What a worker does at the moment, by the phase that it reports.
PHASES = {
    "reading": lazy_gettext("Reading the file"),
    "checking": lazy_gettext("Checking"),
    "writing": lazy_gettext("Writing"),
    "exporting": lazy_gettext("Exporting"),
}
RESULTS = {
    "created": lazy_gettext("Created"),
    "updated": lazy_gettext("Updated"),
    "unchanged": lazy_gettext("Unchanged"),
    "skipped": lazy_gettext("Skipped"),
    "refused": lazy_gettext("Refused"),
    "questions": lazy_gettext("Questions"),
}
CONFLICTS = {
    "fail": lazy_gettext("refuse the record"),
    "skip": lazy_gettext("keep what is in the bank"),
    "update": lazy_gettext("take what the file says"),
}
FORMATS = {
    Format.JSON: "JSON",
    Format.YAML: "YAML",
    Format.CSV: "CSV",
    Format.MARKDOWN: "Markdown",
    Format.NUMBERED: lazy_gettext("numbered list"),
}
#: The endings by which a browser offers files; any other can be chosen as well.
ENDINGS = ".json,.yaml,.yml,.csv,.md,.txt"


def script_words() -> dict[str, str]:
    """Return what the script says, in the reader's language."""
    return {
        "sending": gettext("Sending the file: {percent} %"),
        "sent": gettext("The file is sent; the job is being recorded."),
        "done": gettext("{done} of {total}"),
        "no_answer": gettext("No answer came"),
        "no_answer_detail": gettext("The network is down, or the server is. Nothing is lost."),
        "again": gettext("Asking again in {seconds} seconds."),
        "wait": gettext("Try again in {seconds} seconds."),
        "unreadable": gettext(
            "The server answered {status}, and not in a way that this page can read."
        ),
        **{f"phase_{name}": str(text) for name, text in PHASES.items()},
    }


def _asked(*several: str) -> dict[str, Any]:
    """Return the fields of the form that were filled in, as the API's schemas want them."""
    form = request.form
    single = {name for name in form if name not in {"csrf_token", PART, *several}}
    asked: dict[str, Any] = {name: form[name] for name in single if form[name].strip()}
    return asked | {name: form.getlist(name) for name in several if form.getlist(name)}


def _led_to(job: Job) -> Response:
    """Ring for a worker, and lead to the job's page."""
    doorbell.ring(job.id)
    return current_app.make_response(redirect(url_for("site.job", jid=job.id), 303))


# --- Imports ---


def _import_page(asked: Mapping[str, Any], faults: Mapping[str, list[str]]) -> str:
    return render_template(
        "jobs/import.html",
        asked=asked,
        faults=faults,
        words=script_words(),
        formats=FORMATS,
        conflicts=CONFLICTS,
        endings=ENDINGS,
        megabytes=current_app.config["IMPORT_MAX_BYTES"] // 1024**2,
    )


@requires(Action.IMPORT_QUESTIONS)
def import_questions() -> str:
    """Choose a file to import."""
    return _import_page({}, {})


@writes
@requires(Action.IMPORT_QUESTIONS)
def import_file() -> Any:
    """Take the file, and leave it to a worker."""
    check_csrf()
    asked, sent = _asked(), request.files.get(PART)
    try:
        options = ImportQuery().load(asked)
        if sent is None or not sent.filename:
            raise ValidationError({PART: [gettext("Choose a file.")]})
        upload = Upload(sent.filename, sent.mimetype, sent.stream)
        if not next(upload.chunks(), b""):
            raise ValidationError({PART: [gettext("The file is empty.")]})
        queue.ensure_room(signed_in())
    except ValidationError as error:
        return _import_page(asked, words.faults(error)), 422
    except JobConflictError as error:
        return _import_page(asked, {"": [said(str(error))]}), 409
    stored = files.store(upload.chunks())
    return _led_to(queue.add_import(signed_in(), stored, title=upload.name, **options))


def let_large_files_in() -> None:
    """Let an import's form be as large as an import may be: before anything reads it, and only then.

    A form is read whole when its CSRF token is; for who may not import the general limit stays.
    """
    if request.endpoint == IMPORT and request.method == "POST" and may(Action.IMPORT_QUESTIONS):
        request.max_content_length = current_app.config["IMPORT_MAX_BYTES"]


# --- Exports ---


def _export_page(asked: Mapping[str, Any], faults: Mapping[str, list[str]]) -> str:
    return render_template(
        "jobs/export.html",
        asked=asked,
        faults=faults,
        formats={form: FORMATS[form] for form in WRITABLE},
        topics=[(topic.slug, topic.name) for topic, count in topics.list_topics() if count],
    )


@requires(Action.USE_OWN_ACCOUNT)
def export_questions() -> str:
    """Choose what to export."""
    return _export_page({}, {})


@writes
@requires(Action.USE_OWN_ACCOUNT)
def export_file() -> Any:
    """Ask for a file of questions."""
    check_csrf()
    asked = _asked("topics")
    values = dict(asked)
    for name in ("number_from", "number_to"):  # the schema is that of a JSON body
        if (text := asked.get(name, "")).isascii() and text.isdigit() and len(text) < 19:
            values[name] = int(text)
    try:
        job = queue.add_export(signed_in(), **ExportBody().load(values))
    except ValidationError as error:
        return _export_page(asked, words.faults(error)), 422
    except JobConflictError as error:
        return _export_page(asked, {"": [said(str(error))]}), 409
    return _led_to(job)


# --- Jobs ---


@requires(Action.USE_OWN_ACCOUNT)
def jobs() -> str:
    """List your jobs; whoever manages jobs sees everybody's."""
    asked = JobListQuery().load(request.args.to_dict())
    page, owner = asked["page"], whose()
    found = queue.find_page(owner, page, asked["per_page"], asked["state"], asked["kind"])
    return render_template(
        "jobs/list.html",
        found=found,
        page=page,
        pages=-(-found.total // asked["per_page"]),
        of_all=owner is None,
        words=script_words(),
        kinds=KINDS,
        states=STATES,
    )


@requires(Action.USE_OWN_ACCOUNT)
def job(jid: UUID) -> str:
    """One job: how far it is, what came of it, what was refused. Loads itself anew until it has ended."""
    found = visible(jid)
    return render_template(
        "jobs/job.html",
        job=found,
        unfinished=found.state in states.UNFINISHED,
        words=script_words(),
        kinds=KINDS,
        states=STATES,
        phases=PHASES,
        results=RESULTS,
        formats={form.value: name for form, name in FORMATS.items()},
        conflicts=CONFLICTS,
        most_number=MAX_NUMBER,
    )


def _back(jid: UUID) -> Response:
    return current_app.make_response(redirect(url_for("site.job", jid=jid), 303))


@writes
@requires(Action.USE_OWN_ACCOUNT)
def cancel_job(jid: UUID) -> Response:
    """Cancel a job: at once while it waits, at its worker's next step while it runs."""
    check_csrf()
    queue.cancel(visible(jid))
    return _back(jid)


@writes
@requires(Action.USE_OWN_ACCOUNT)
def retry_job(jid: UUID) -> Response:
    """Put a job that failed or was cancelled back into the queue."""
    check_csrf()
    found = visible(jid)
    queue.ensure_room(found.user)
    queue.retry(found)
    return _back(jid)


def add_routes(blueprint: Blueprint) -> None:
    """Add the pages to the site."""
    blueprint.add_url_rule("/import", view_func=import_questions)
    blueprint.add_url_rule("/import", view_func=import_file, methods=["POST"])
    blueprint.add_url_rule("/export", view_func=export_questions)
    blueprint.add_url_rule("/export", view_func=export_file, methods=["POST"])
    blueprint.add_url_rule("/jobs", view_func=jobs)
    blueprint.add_url_rule("/jobs/<uuid:jid>", view_func=job)
    blueprint.add_url_rule("/jobs/<uuid:jid>/cancellation", view_func=cancel_job, methods=["POST"])
    blueprint.add_url_rule("/jobs/<uuid:jid>/retries", view_func=retry_job, methods=["POST"])


def init_app(app: Flask) -> None:
    """Raise the limit of imports. To be called before the door, whose guard reads every form."""
    app.before_request(let_large_files_in)
