"""Whatever goes wrong, wherever, under any environment: one shape, and nothing of the inside."""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import flask_restful
import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, ValidationError, fields
from werkzeug.test import TestResponse

from api.http import restful
from tests.conftest import MakeApp

ORIGIN = "https://front.example.org"
KEY = "a-key-for-the-tests-of-the-production-settings"
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "production": {
        "APP_ENV": "production",
        "SECRET_KEY": KEY,
        "TRUSTED_HOSTS": "localhost",
        "CORS_ORIGINS": ORIGIN,
    },
    "development": {"APP_ENV": "development", "CORS_ORIGINS": ORIGIN},
    "testing": {"APP_ENV": "testing", "CORS_ORIGINS": ORIGIN},
}
MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}
JSON = "application/json"
SCRATCH = "/api/v1/scratch/errors"
LIMIT = 2000  # bytes; the causes' applications take no longer body


@pytest.fixture
def backend() -> str:
    """Errors do not depend on the database: one will do."""
    return "sqlite"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A request that fails, and what its problem must say."""

    method: str = "GET"
    path: str
    status: int
    slug: str
    #: What `errors` names, as (member, value, code); None where the problem has no `errors`.
    errors: list[tuple[str, str, str]] | None = None
    request: dict[str, Any] = field(default_factory=dict)
    headers: set[str] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=dict)
    #: How often the request succeeds before it fails.
    free: int = 0


def put(data: bytes, status: int, slug: str, **more: Any) -> Cause:
    return Cause(
        method="PUT",
        path=SCRATCH,
        status=status,
        slug=slug,
        request={"data": data, "content_type": JSON},
        **more,
    )


def malformed(data: bytes, **more: Any) -> Cause:
    return put(data, 400, "malformed-request", **more)


def refused(data: bytes, *errors: tuple[str, str, str]) -> Cause:
    return put(data, 422, "invalid-parameters", errors=list(errors))


def parameter(query: str, *errors: tuple[str, str], path: str = "/api/v1/questions") -> Cause:
    return Cause(
        path=f"{path}?{query}",
        status=422,
        slug="invalid-parameters",
        errors=[("parameter", name, code) for name, code in errors],
    )


def missing(path: str, **more: Any) -> Cause:
    return Cause(path=path, status=404, slug="not-found", **more)


def nested(levels: int) -> bytes:
    return b'{"content":' + b'{"a":' * levels + b"1" + b"}" * (levels + 1)


CAUSES: dict[str, Cause] = {
    "unknown path": missing("/api/v1/nothing-here"),
    "unknown path of the API": missing("/api"),
    "unknown path outside the API": missing("/nothing-here"),
    "unknown question": missing("/api/v1/questions/1"),
    "letter for a number": missing("/api/v1/questions/one"),
    "number over 32 bits": missing("/api/v1/questions/2147483648"),
    "number over 64 bits": missing("/api/v1/questions/18446744073709551616"),
    "number of a thousand digits": missing("/api/v1/questions/" + "9" * 1000),
    "malformed slug": missing("/api/v1/topics/No_Slug"),
    "NUL in the path": missing("/api/v1/topics/%00"),
    "broken UTF-8 in the path": missing("/api/v1/topics/%ff"),
    "line feed in the path": missing("/api/v1/topics/a%0Ab"),
    "wrong method": Cause(
        method="DELETE",
        path="/api/v1/questions",
        status=405,
        slug="method-not-allowed",
        headers={"Allow"},
    ),
    "method that nobody knows": Cause(
        method="BREW", path=SCRATCH, status=405, slug="method-not-allowed", headers={"Allow"}
    ),
    "broken JSON": malformed(b'{"content": {'),
    "empty body": malformed(b""),
    "key given twice": malformed(
        b'{"content": {"a": 1, "a": 2}}', errors=[("pointer", "#", "duplicate")]
    ),
    "NaN": malformed(b'{"content": {"a": NaN}}'),
    "-Infinity": malformed(b'{"content": {"a": -Infinity}}'),
    "nested one level too deep": malformed(nested(32)),
    "nested ten thousand levels deep": malformed(nested(10_000), settings={}),
    "lists nested ten thousand levels deep": malformed(b"[" * 10_000),
    "broken UTF-8 in the body": malformed(b'{"content": {"a": "\xff"}}'),
    "UTF-16": malformed('{"content": {}}'.encode("utf-16")),
    "number of five thousand digits": malformed(
        b'{"content": {"a": ' + b"9" * 5000 + b"}}", settings={}
    ),
    "NUL in the body": refused(
        b'{"content": {"a": ["b", "\\u0000"]}}', ("pointer", "#/content/a/1", "invalid")
    ),
    "half a surrogate pair in the body": refused(
        b'{"content": {"a": "\\ud83d"}}', ("pointer", "#/content/a", "invalid")
    ),
    "half a surrogate pair in a key": refused(
        b'{"content": {"\\ud83d": 1}}', ("pointer", "#/content/%3F", "invalid")
    ),
    "number over 64 bits in the body": refused(
        b'{"content": {"a": 9223372036854775808}}', ("pointer", "#/content/a", "out_of_range")
    ),
    "number under 64 bits in the body": refused(
        b'{"content": {"a": -9223372036854775809}}', ("pointer", "#/content/a", "out_of_range")
    ),
    "number beyond a double in the body": refused(
        b'{"content": {"a": 1e999}}', ("pointer", "#/content/a", "out_of_range")
    ),
    "unknown field": refused(
        b'{"content": {}, "x/y ~\xc3\xa9": 1}', ("pointer", "#/x~1y%20~0%C3%A9", "unknown")
    ),
    "missing field": refused(b"{}", ("pointer", "#/content", "required")),
    "list for an object": refused(b"[]", ("pointer", "#", "invalid")),
    "null for an object": refused(b"null", ("pointer", "#", "invalid")),
    "wrong content type": Cause(
        method="PUT",
        path=SCRATCH,
        status=415,
        slug="unsupported-media-type",
        request={"data": b"{}", "content_type": "text/plain"},
        headers={"Accept"},
    ),
    "form for JSON": Cause(
        method="PUT",
        path=SCRATCH,
        status=415,
        slug="unsupported-media-type",
        request={"data": {"content": "1"}},
        headers={"Accept"},
    ),
    "missing content type": Cause(
        method="PUT",
        path=SCRATCH,
        status=415,
        slug="unsupported-media-type",
        request={"data": b"{}"},
        headers={"Accept"},
    ),
    "body over the limit by Content-Length": put(
        b'{"content": {"a": "' + b"b" * LIMIT + b'"}}',
        413,
        "content-too-large",
        settings={"MAX_CONTENT_LENGTH": str(LIMIT)},
    ),
    "body over the limit without Content-Length": Cause(
        method="PUT",
        path=SCRATCH,
        status=413,
        slug="content-too-large",
        request={
            "input_stream": b'{"content": {"a": "' + b"b" * LIMIT + b'"}}',
            "content_type": JSON,
            "headers": {"Transfer-Encoding": "chunked"},
            "environ_overrides": {"wsgi.input_terminated": True},
        },
        settings={"MAX_CONTENT_LENGTH": str(LIMIT)},
    ),
    "content over the resource's own limit": put(
        b'{"content": {"a": "' + b"b" * 5000 + b'"}}', 413, "content-too-large"
    ),
    "unknown parameter": parameter("colour=red", ("colour", "unknown")),
    "parameter where none is known": parameter(
        "colour=red", ("colour", "unknown"), path="/api/v1/problems"
    ),
    "parameter given twice": parameter("page=1&page=2", ("page", "duplicate")),
    "two faulty parameters": parameter(
        "page=0&per_page=x", ("page", "out_of_range"), ("per_page", "invalid")
    ),
    "number over 64 bits in the query": parameter("page=18446744073709551616", ("page", "invalid")),
    "NUL in the query": parameter("q=%00", ("q", "invalid")),
    "NUL in a parameter's name": parameter("a%00=1", ("a\0", "invalid")),
    "broken UTF-8 in the query": Cause(
        path="/api/v1/questions?q=%ff", status=400, slug="malformed-request"
    ),
    "change without a precondition": put(
        b'{"content": {}}',
        428,
        "precondition-required",
        errors=[("header", "If-None-Match", "required")],
    ),
    "change from a state that never was": Cause(
        method="PUT",
        path=SCRATCH,
        status=412,
        slug="precondition-failed",
        errors=[("header", "If-Match", "stale")],
        request={"json": {"content": {}}, "headers": {"If-Match": '"0"'}},
    ),
    "limiter": Cause(
        path="/api/v1/problems",
        status=429,
        slug="too-many-requests",
        headers={"Retry-After", "RateLimit", "RateLimit-Policy"},
        settings={"RATELIMIT_READS": "1 per minute"},
        free=1,
    ),
    "limiter of one resource": Cause(
        path="/api/v1/questions?q=flask",
        status=429,
        slug="too-many-requests",
        headers={"Retry-After", "RateLimit", "RateLimit-Policy"},
        settings={"RATELIMIT_SEARCH": "1 per minute"},
        free=1,
    ),
    "limiter of a strategy": Cause(
        path="/api/v1/limits/fixed-window?cost=4",
        status=429,
        slug="too-many-requests",
        headers={"Retry-After", "RateLimit", "RateLimit-Policy"},
        free=1,
    ),
    "media type that nobody makes": Cause(
        path="/api/questions",
        status=406,
        slug="not-acceptable",
        errors=[("header", "Accept", "unknown")],
        request={"headers": {"Accept": "image/png"}},
    ),
    "flask.abort": missing("/api/v1/errors/abort"),
    "flask_restful.abort": Cause(path="/api/v1/errors/restful-abort", status=409, slug="conflict"),
    "error of the domain": missing("/api/v1/errors/domain"),
    "ValidationError in a resource": Cause(
        path="/api/v1/errors/validation",
        status=422,
        slug="invalid-parameters",
        errors=[("pointer", "#/number", "required"), ("pointer", "#/nummer", "unknown")],
    ),
    "exception that nobody foresaw": Cause(
        path="/api/v1/errors/unforeseen", status=500, slug="internal-error"
    ),
}


def send(client: FlaskClient, cause: Cause) -> TestResponse:
    request = dict(cause.request)
    if "input_stream" in request:
        request["input_stream"] = io.BytesIO(request["input_stream"])
    headers = {"Origin": ORIGIN, **request.pop("headers", {})}
    return client.open(cause.path, method=cause.method, headers=headers, **request)


def hold_to_the_shape(client: FlaskClient, response: TestResponse, cause: Cause) -> dict[str, Any]:
    """Check what every problem has; return it."""
    assert response.status_code == cause.status, response.text
    assert response.mimetype == "application/problem+json"
    problem: dict[str, Any] = response.get_json()
    assert problem.keys() - {"errors", "available"} == MEMBERS
    assert problem["status"] == cause.status
    assert problem["detail"].strip()
    assert problem["request_id"] == response.headers["X-Request-ID"]
    # Bytes that are no UTF-8 arrive as U+FFFD (Werkzeug), so compare what was decoded.
    sent = urlsplit(cause.path).path.replace("%ff", quote("\N{REPLACEMENT CHARACTER}"))
    assert problem["instance"] == sent
    explanation = client.get(problem["type"])
    assert explanation.status_code == 200
    assert problem["type"] == explanation.get_json()["links"]["self"]
    assert explanation.get_json() | {"slug": cause.slug, "title": problem["title"]} == (
        explanation.get_json()
    )
    for error in problem.get("errors", []):
        assert len(error.keys() & {"pointer", "parameter", "header"}) == 1
        assert error.keys() - {"pointer", "parameter", "header"} == {"detail", "code"}
        assert error["detail"].strip()
    return problem


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", CAUSES)
def test_every_cause_answers_the_one_shape(name: str, environment: str, make_app: MakeApp) -> None:
    cause = CAUSES[name]
    app = make_app(**ENVIRONMENTS[environment], **cause.settings)
    app.debug = environment == "development"
    assert app.testing is (environment == "testing")
    client = app.test_client()
    for _ in range(cause.free):
        assert send(client, cause).status_code == 200

    response = send(client, cause)

    app.config["RATELIMIT_READS"] = "600 per minute"  # for reading what `type` leads to
    problem = hold_to_the_shape(client, response, cause)
    told = {
        (place, error[place], error["code"])
        for error in problem.get("errors", [])
        for place in error.keys() - {"detail", "code"}
    }
    assert told == set(cause.errors or [])
    assert cause.headers <= set(response.headers.keys())
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if cause.path.startswith("/api"):
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in response.vary


@pytest.mark.parametrize("environment", ["production", "development"])
def test_a_forged_host_is_a_problem_whose_type_does_not_repeat_it(
    environment: str, make_app: MakeApp
) -> None:
    app = make_app(**{**ENVIRONMENTS[environment], "TRUSTED_HOSTS": "localhost"})
    client = app.test_client()
    for path in (
        "/api/v1/questions",
        "/mounted/api/v1/questions" if environment == "development" else "/",
    ):
        response = client.get(path, base_url="http://evil.example")
        assert response.status_code == 400
        problem = response.get_json()
        assert problem.keys() == MEMBERS
        assert "evil" not in problem["type"]
        assert client.get(problem["type"]).get_json()["slug"] == "malformed-request"


@pytest.mark.parametrize("path", [SCRATCH, "/api/v1/questions", "/"])
def test_405_lists_what_is_allowed_in_an_order_that_stays(path: str, client: FlaskClient) -> None:
    response = client.open(path, method="PATCH")
    allowed = response.headers["Allow"].split(", ")
    assert allowed == sorted(allowed)
    assert set(allowed) == set(client.options(path).headers["Allow"].split(", "))
    assert f"use {', '.join(allowed)}." in response.get_json()["detail"]
    if path == SCRATCH:
        assert allowed == ["DELETE", "GET", "HEAD", "OPTIONS", "PUT"]


def test_a_500_is_logged_with_its_request_id_and_tells_the_client_nothing(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(**ENVIRONMENTS["production"])
    records: list[logging.LogRecord] = []
    monkeypatch.setattr(logging.getLogger("api.http.errors"), "handle", records.append)

    response = app.test_client().get(
        "/api/v1/errors/unforeseen", headers={"X-Request-ID": "mine-1"}
    )

    assert response.status_code == 500
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text
    assert response.get_json()["request_id"] == "mine-1"
    (record,) = records
    assert "mine-1" in record.getMessage()
    assert record.exc_info is not None
    assert "secret" in str(record.exc_info[1])


class _Signup(Schema):
    email = fields.Email(required=True)
    password = fields.Integer()


class _SignsUp(flask_restful.Resource):  # type: ignore[misc]  # it publishes no types
    def get(self) -> None:
        _Signup().load({"email": "not-an-address", "password": "hunter2", "other": "s3cret"})


def _plain_client(app: Flask, add: Callable[[Flask], Any]) -> FlaskClient:
    """A client of the application with one more address, which the contract does not know."""
    app.test_client_class = FlaskClient
    add(app)
    return app.test_client()


@pytest.mark.parametrize("environment", ["production", "testing"])
def test_a_validation_error_never_shows_its_input(environment: str, make_app: MakeApp) -> None:
    app = make_app(**ENVIRONMENTS[environment])
    client = _plain_client(
        app, lambda app: restful.Api(app).add_resource(_SignsUp, "/api/v1/sign-up")
    )

    response = client.get("/api/v1/sign-up")

    assert response.status_code == 422
    pointers = {error["pointer"] for error in response.get_json()["errors"]}
    assert pointers == {"#/email", "#/password", "#/other"}
    for value in ("not-an-address", "hunter2", "s3cret"):
        assert value not in response.text


def test_an_uncommon_status_keeps_its_own_title(make_app: MakeApp) -> None:
    def teapot() -> str:
        flask_restful.abort(418)
        return "not reached"

    client = _plain_client(
        make_app(), lambda app: app.add_url_rule("/api/v1/teapot", view_func=teapot)
    )
    problem = client.get("/api/v1/teapot").get_json()
    assert (problem["status"], problem["title"]) == (418, "I'm a teapot")
    assert problem["type"].endswith("/problems/malformed-request")


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("path", ["/page-that-is-not-there", "/never-heard-of", "/questions/1"])
@pytest.mark.parametrize("environment", ["production", "development"])
def test_an_unknown_address_is_a_page_for_a_browser_and_a_problem_for_a_client(
    environment: str, path: str, make_app: MakeApp
) -> None:
    client = make_app(**ENVIRONMENTS[environment]).test_client()

    page = client.get(path, headers={"Accept": BROWSER})
    assert page.status_code == 404
    assert page.mimetype == "text/html"
    assert "Not found" in page.text
    assert "script" not in page.headers["Content-Security-Policy"].replace("script-src 'self'", "")

    for accept in ("*/*", "application/json", "application/problem+json", None):
        problem = client.get(path, headers={"Accept": accept} if accept else {})
        assert problem.status_code == 404
        assert problem.mimetype == "application/problem+json"
        assert "Accept" in problem.vary
    assert "Accept" in page.vary


def test_a_page_shows_a_hostile_address_as_text(client: FlaskClient) -> None:
    page = client.get("/<script>alert(1)</script>", headers={"Accept": BROWSER})
    assert page.status_code == 404
    assert page.mimetype == "text/html"
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "PATCH", "HEAD"])
@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/v1", "/api/v1/", "/api/nothing", SCRATCH, "/api/v1/errors/abort"],
)
def test_the_api_never_answers_html_even_to_a_browser(
    path: str, method: str, client: FlaskClient
) -> None:
    response = client.open(path, method=method, headers={"Accept": BROWSER})
    assert response.mimetype in {"application/json", "application/problem+json", None}
    assert b"<" not in response.data


def test_flask_restful_takes_errors_over_unless_its_api_is_subclassed() -> None:
    class Validates(flask_restful.Resource):  # type: ignore[misc]  # it publishes no types
        def get(self) -> None:
            raise ValidationError({"password": ["Too short."]})

    def statuses(api_class: type[flask_restful.Api]) -> tuple[int, int]:
        app = Flask(__name__)
        api_class(app).add_resource(Validates, "/validates")
        app.register_error_handler(ValidationError, lambda _: ({"mine": True}, 422))
        app.register_error_handler(404, lambda _: ({"mine": True}, 404))
        client = app.test_client()
        answers = client.get("/validates"), client.get("/unknown")
        mine = tuple(bool((a.get_json(silent=True) or {}).get("mine")) for a in answers)
        return (answers[0].status_code, answers[1].status_code) if all(mine) else (500, 0)

    assert statuses(flask_restful.Api) == (500, 0)
    assert statuses(restful.Api) == (422, 404)
