"""Jobs as they come in and go out (80, 92, 97)."""

from typing import Any

from flask import url_for
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.bank.formats import WRITABLE, Format
from api.bank.importing import OnConflict
from api.jobs import states
from api.models import Job, JobKind, JobState
from api.schemas.fields import CommaSeparated, JSONInteger, Whole
from api.schemas.questions import MAX_NUMBER, MAX_PER_PAGE, SLUG
from api.sentences import Sentence


def _one_of(names: list[str]) -> validate.OneOf:
    return validate.OneOf(names, error=f"Must be one of: {', '.join(names)}.")


class Flag(fields.Boolean):
    """`true` or `false` and no other spelling; marshmallow's own would also take `y` and `1`."""

    truthy = {"true"}  # noqa: RUF012  # as marshmallow declares them
    falsy = {"false"}  # noqa: RUF012  # marshmallow reads it so, and copies it
    default_error_messages = {"invalid": "Must be one of: true, false."}  # noqa: RUF012  # marshmallow reads it so, and copies it


class ImportQuery(Schema):
    """What to do with the file that is sent along."""

    format = fields.Enum(Format, by_value=True, load_default=None)
    on_conflict = fields.Enum(OnConflict, by_value=True, load_default=OnConflict.FAIL)
    keep_part = Flag(data_key="partial", attribute="partial", load_default=False)
    dry_run = Flag(load_default=False)


class ExportBody(Schema):
    """Which questions to write, and how."""

    format = fields.String(
        load_default=Format.JSON.value, validate=_one_of([each.value for each in WRITABLE])
    )
    number_from = JSONInteger(load_default=1, validate=validate.Range(1, MAX_NUMBER))
    number_to = JSONInteger(load_default=MAX_NUMBER, validate=validate.Range(1, MAX_NUMBER))
    topics = fields.List(
        fields.String(validate=[SLUG, validate.Length(max=60)]),
        load_default=(),
        validate=validate.Length(max=100),
    )

    @validates_schema
    def check_together(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse bounds that cross."""
        if data["number_from"] > data["number_to"]:
            raise ValidationError(
                Sentence("Must be greater than or equal to number_from."), "number_to"
            )

    @post_load
    def to_values(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Turn names into the domain's values; bounds that let everything through are none."""
        bounds = (data.pop("number_from"), data.pop("number_to"))
        data["numbers"] = None if bounds == (1, MAX_NUMBER) else bounds
        data["format"] = Format(data["format"])
        return data


class JobListQuery(Schema):
    """Which jobs to list."""

    state = CommaSeparated(
        fields.String(validate=_one_of([state.value for state in JobState])), load_default=()
    )
    kind = CommaSeparated(
        fields.String(validate=_one_of([kind.value for kind in JobKind])), load_default=()
    )
    page = Whole(load_default=1, validate=validate.Range(1, 100_000))
    per_page = Whole(load_default=20, validate=validate.Range(1, MAX_PER_PAGE))


def represent_job(job: Job, *, whole: bool = True) -> dict[str, Any]:
    """Represent a job.

    :param whole: with the refusals, which a list leaves out.
    """
    written = job.kind == JobKind.EXPORT and job.state == JobState.SUCCEEDED
    told: dict[str, Any] = {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "owner": job.user.username,
        "attempt": job.attempt,
        "progress": {"phase": job.phase, "done": job.done, "total": job.total},
        "parameters": job.parameters,
        "result": job.result,
        "refused": job.refused,
        "error": job.error,
        "file": {"bytes": job.file_size, "sha256": job.file_digest} if job.file_name else None,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "cancel_requested_at": job.cancel_requested_at,
    }
    if whole:
        told["refusals"] = job.refusals
    endpoints = {"self": "v1.job"}
    if written:
        endpoints["file"] = "v1.job_file"
    if job.state in states.UNFINISHED:
        endpoints["cancellation"] = "v1.job_cancellation"
    if job.state in {JobState.FAILED, JobState.CANCELLED}:
        endpoints["retries"] = "v1.job_retries"
    told["links"] = {
        rel: url_for(endpoint, jid=job.id, _external=True) for rel, endpoint in endpoints.items()
    }
    return told
