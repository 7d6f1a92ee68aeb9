"""`/scratch/{key}`: one class, one address, its verbs as methods (83).

A reader's own corner for trying writes and preconditions without an account: any JSON object,
kept for a day. Verbs that the class does not define answer 405 with `Allow`, by Flask.
Source: https://flask-restful.readthedocs.io/en/latest/quickstart.html#resourceful-routing
"""

from typing import Any

from flask import Response, current_app, url_for
from flask_restful import Resource
from marshmallow import Schema, fields

from api.bank import scratch
from api.demonstrations import demonstrates
from api.http.caching import cached, keep_until
from api.http.conditional import etag_of, require_match
from api.http.limits import writes
from api.http.parsing import body
from api.http.problems import Problem
from api.http.responses import no_content
from api.models import ScratchDocument

MAX_BYTES = 4096


class ScratchBody(Schema):
    """Any JSON object, under `content`."""

    content = fields.Dict(keys=fields.String(), required=True)


def _represent(document: ScratchDocument) -> Response:
    """Represent a document with the ETag that a change must name."""
    response = current_app.make_response(
        {
            "key": document.key,
            "content": document.content,
            "created_at": document.created_at,
            "updated_at": document.updated_at,
            "expires_at": document.expires_at,
            "links": {"self": url_for("v1.scratch", key=document.key, _external=True)},
        }
    )
    response.set_etag(_etag(document))
    return response


def _etag(document: ScratchDocument) -> str:
    state = [document.key, document.content, document.updated_at]
    return etag_of(current_app.json.dumps(state).encode())


def _current(key: str) -> str | None:
    document = scratch.find(key, lock=True)
    return _etag(document) if document else None


@demonstrates(83, test="tests/v1/test_scratch.py::test_each_verb_is_a_method_and_the_rest_are_405")
class Scratch(Resource):
    """A JSON object under a key of your choice, for trying verbs and preconditions."""

    #: By verb: only the changes count against the writes' quota. (`decorators` would wrap them all.)
    method_decorators = {"put": [writes], "delete": [writes]}  # noqa: RUF012  # Flask-RESTful's form

    @demonstrates(
        74, test="tests/http/test_caching.py::test_a_write_invalidates_before_the_next_read"
    )
    @cached("scratch")
    def get(self, key: str) -> Response:
        """Read the document."""
        document = scratch.get(key)
        keep_until(document.expires_at)
        return _represent(document)

    @body(ScratchBody)
    def put(self, args: dict[str, Any], key: str) -> Response:
        """Create (`If-None-Match: *`) or replace (`If-Match: <etag>`) the document."""
        if len(current_app.json.dumps(args["content"]).encode()) > MAX_BYTES:
            raise Problem("content-too-large", f"content is over {MAX_BYTES} bytes of JSON.")
        require_match(_current(key))
        stored = scratch.put(key, args["content"])
        response = _represent(stored.document)
        if stored.created:
            response.status_code = 201
            response.headers["Location"] = url_for("v1.scratch", key=key, _external=True)
        return response

    def delete(self, key: str) -> Response:
        """Delete the document (`If-Match: <etag>`)."""
        scratch.get(key)
        require_match(_current(key))
        scratch.remove(key)
        return no_content()
