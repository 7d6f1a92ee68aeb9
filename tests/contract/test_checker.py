"""The checker itself: each way in which an answer can differ from the contract fails a test."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from tests.contract.checker import check_response

Change = Callable[[Response], None]

HEADERS = {
    "Content-Type": "application/json",
    "ETag": '"9b3593d12e52a4fbb71da6f0"',
    "Cache-Control": "no-cache",
    "X-Request-ID": "1",
    "Server-Timing": 'app;dur=0.3, db;dur=0.0;desc="0 statements"',
    "Vary": "Origin",
}
PROBLEM = {
    "type": "http://localhost/api/v1/problems/not-found",
    "title": "Not found",
    "status": 404,
    "detail": "There is nothing.",
    "instance": "/api/nothing",
    "request_id": "1",
}


def answer(
    change: Change = lambda _: None,
    *,
    method: str = "GET",
    path: str = "/api/v1/health/live",
    **environ: Any,
) -> TestResponse:
    """Answer as the contract says, but for `change`."""

    def application(environ: Any, start_response: Any) -> Any:
        response = Response('{"status":"ok"}', headers=HEADERS)
        change(response)
        return response(environ, start_response)

    client: Client = Client(application, use_cookies=False)  # those of a test are a header
    return client.open(path, method=method, **environ)


def problem(response: Response) -> None:
    """Make the answer a 404 of the one shape."""
    response.status_code = 404
    response.mimetype = "application/problem+json"
    response.set_data(json.dumps(PROBLEM))
    response.headers["Content-Language"] = "en"
    response.vary.add("Accept-Language")
    del response.headers["ETag"], response.headers["Cache-Control"]


def refused(response: Response) -> None:
    """Make the answer the 401 for a token that is not good."""
    problem(response)
    response.status_code = 401
    slug = {"type": "http://localhost/api/v1/problems/token-expired", "status": 401}
    response.set_data(json.dumps({**PROBLEM, **slug}))
    response.headers["WWW-Authenticate"] = (
        'Bearer realm="question-bank", error="invalid_token", error_description="Expired."'
    )


def signed_out(*cookies: str) -> Change:
    """Make the answer a 204 that sets cookies."""

    def change(response: Response) -> None:
        response.status_code = 204
        response.set_data("")
        for name in ("ETag", "Cache-Control", "Content-Type"):
            del response.headers[name]
        for cookie in cookies:
            response.headers.add("Set-Cookie", cookie)

    return change


def _without_challenge(response: Response) -> None:
    refused(response)
    del response.headers["WWW-Authenticate"]


TOKEN = {"headers": {"Authorization": "Bearer x"}}
SIGN_OUT = {"path": "/api/v1/me", "method": "DELETE"}
CLEARED = "{}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Path=/; SameSite=Lax"


def options(allow: str) -> Change:
    """Make the answer one to OPTIONS."""

    def change(response: Response) -> None:
        response.headers["Allow"] = allow
        response.set_data("")

    return change


def _set(name: str, value: str) -> Change:
    return lambda response: response.headers.set(name, value)


def _status(status: int) -> Change:
    return lambda response: setattr(response, "status_code", status)


def _body(text: str) -> Change:
    return lambda response: response.set_data(text)


def _redirect(response: Response) -> None:
    response.status_code = 308
    response.headers["Location"] = "/api/v1/"


def _not_modified(body: str) -> Change:
    def change(response: Response) -> None:
        response.status_code = 304
        response.set_data(body)

    return change


@pytest.mark.parametrize(
    ("change", "request_"),
    [
        (lambda _: None, {}),
        (lambda _: None, {"path": "/mounted/api/v1/health/live"}),
        (lambda _: None, {"method": "HEAD"}),
        (_not_modified(""), {}),
        (problem, {"path": "/api/nothing"}),
        (problem, {"path": "/api/v1/questions/letters", "method": "PUT"}),
        (options("GET, HEAD, OPTIONS"), {"method": "OPTIONS"}),
        (_redirect, {"path": "/api/v1"}),
        (_status(500), {"path": "/questions/71"}),
        (_status(500), {"path": "/apis"}),
        (refused, TOKEN),
        (refused, {"headers": {"Cookie": "a=b; access_token_cookie=x"}}),
        (refused, {**TOKEN, "path": "/api/nothing"}),
        (refused, {**TOKEN, "method": "POST"}),
        (signed_out(), SIGN_OUT),
        (
            signed_out(*map(CLEARED.format, ("access_token_cookie", "refresh_token_cookie"))),
            SIGN_OUT,
        ),
    ],
)
def test_what_the_contract_documents_passes(change: Change, request_: dict[str, Any]) -> None:
    check_response(answer(change, **request_))


@pytest.mark.parametrize(
    ("change", "request_", "told"),
    [
        (_status(202), {}, "the status is none of"),
        (_set("Content-Type", "text/html"), {}, "the media type is text/html"),
        (_set("Content-Type", "text/html"), {"method": "HEAD"}, "the media type is text/html"),
        (_body('{"status":"well"}'), {}, "body at status"),
        (_body('{"status":"ok","more":1}'), {}, "body at its root"),
        (_body("{"), {}, "the body is no application/json"),
        (lambda r: r.headers.remove("ETag"), {}, "the header ETag is missing"),
        (_set("ETag", "9b3593d12e52a4fbb71da6f0"), {}, "ETag: "),
        (_set("RateLimit", '"reads";r=1;t=1'), {}, "the header ratelimit is not documented"),
        (_set("X-Powered-By", "Flask"), {}, "the header x-powered-by is not documented"),
        (lambda _: None, {"query_string": "deep=1"}, "the undocumented parameter 'deep'"),
        (lambda _: None, {"path": "/api/v1/nothing"}, "the address is not in the contract"),
        (lambda _: None, {"path": "/mounted/api/nothing"}, "the address is not in the contract"),
        (lambda _: None, {"method": "POST"}, "the address is not in the contract"),
        (_redirect, {"path": "/api/v2"}, "the address is not in the contract"),
        (options("GET, OPTIONS"), {"method": "OPTIONS"}, "Allow: "),
        (refused, {}, "a token is refused, and none was sent"),
        (refused, {"path": "/api/nothing"}, "a token is refused, and none was sent"),
        (refused, {"headers": {"Cookie": "other=x"}}, "a token is refused, and none was sent"),
        (_without_challenge, TOKEN, "the header WWW-Authenticate is missing"),
        (refused, {"path": "/api/v1/users", "method": "POST"}, "the status is none of"),
        (signed_out("session=x; Path=/"), SIGN_OUT, "Set-Cookie: "),
        (signed_out(CLEARED.format("csrf_access_token"), "x=y"), SIGN_OUT, "Set-Cookie: "),
        (_set("Set-Cookie", "x=y"), {}, "the header set-cookie is not documented"),
    ],
)
def test_what_the_contract_does_not_document_fails(
    change: Change, request_: dict[str, Any], told: str
) -> None:
    with pytest.raises(pytest.fail.Exception, match=told):
        check_response(answer(change, **request_))


def test_a_404_outside_the_contract_still_has_the_one_shape() -> None:
    def change(response: Response) -> None:
        problem(response)
        response.set_data(json.dumps({**PROBLEM, "status": 410}))

    with pytest.raises(pytest.fail.Exception, match="body at status"):
        check_response(answer(change, path="/api/nothing"))


def test_redirects_that_were_followed_are_checked_too() -> None:
    last = answer()
    last.history = (answer(_status(202)),)
    with pytest.raises(pytest.fail.Exception, match="202"):
        check_response(last)


def test_the_suites_client_checks_every_answer(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(client.application.view_functions, "v1.live", lambda: {"status": "well"})
    with pytest.raises(pytest.fail.Exception, match="body at status"):
        client.get("/api/v1/health/live")
