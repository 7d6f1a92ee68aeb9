"""Cross-origin requests: who may call, with what, and what a page may read of the answer."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp

ALLOWED = "https://front.example.org"
ALSO_ALLOWED = "http://localhost:3000"
REFUSED = "https://elsewhere.example.net"
PATH = "/api/v1/questions"
SCRATCH = "/api/v1/scratch/cors"

#: A page may read these without leave: https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name
SAFELISTED = {
    "Cache-Control", "Content-Language", "Content-Length", "Content-Type", "Expires",
    "Last-Modified", "Pragma",
}  # fmt: skip
#: And these are the browser's business.
FOR_THE_BROWSER = {
    "Access-Control-Allow-Credentials", "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers", "Content-Security-Policy", "Date", "Referrer-Policy",
    "Vary", "X-Content-Type-Options",
}  # fmt: skip


@pytest.fixture
def backend() -> str:
    """CORS does not depend on the database: one will do."""
    return "sqlite"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(CORS_ORIGINS=f"{ALLOWED}, {ALSO_ALLOWED}")


def cors_headers(headers: object) -> set[str]:
    return {name for name in dict(headers) if name.startswith("Access-Control-")}  # type: ignore[call-overload]  # werkzeug's Headers


def test_an_allowed_origin_may_read_and_any_other_may_not(client: FlaskClient) -> None:
    for origin in (ALLOWED, ALSO_ALLOWED):
        response = client.get(PATH, headers={"Origin": origin})
        assert response.status_code == 200
        assert response.headers.getlist("Access-Control-Allow-Origin") == [origin]
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
    near_misses = [f"{ALLOWED}.evil.net", "https://frontxexample.org", f"{ALLOWED}:8443", "null"]
    for origin in (REFUSED, *near_misses, "http://front.example.org"):
        response = client.get(PATH, headers={"Origin": origin})
        assert response.status_code == 200  # the browser refuses the page, not the server
        assert not cors_headers(response.headers)
    assert not cors_headers(client.get(PATH).headers)


def test_every_header_of_the_api_is_one_that_a_page_may_read(client: FlaskClient) -> None:
    paths = [
        (PATH, {}),
        ("/api/v1/questions/random", {}),
        ("/api/v1/limits/fixed-window?cost=4", {}),
        ("/api/v1/limits/fixed-window?cost=4", {}),
        ("/api/questions", {"Accept": "image/png"}),
    ]
    answers = [client.get(path, headers={"Origin": ALLOWED, **more}) for path, more in paths]
    answers.append(
        client.put(SCRATCH, json={"content": {}}, headers={"Origin": ALLOWED, "If-None-Match": "*"})
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 406, 201]
    for answer in answers:
        exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        assert set(answer.headers.keys()) <= exposed | SAFELISTED | FOR_THE_BROWSER


@pytest.mark.parametrize("origins", [f"{ALLOWED}, {ALSO_ALLOWED}", ALLOWED, "none"])
@pytest.mark.parametrize("origin", [ALLOWED, REFUSED, None])
@pytest.mark.parametrize("path", [PATH, "/api/v1/nothing", "/api/v1", "/api/v1/errors/unforeseen"])
def test_caches_are_always_told_that_the_answer_depends_on_the_origin(
    path: str, origin: str | None, origins: str, make_app: MakeApp
) -> None:
    client = make_app(CORS_ORIGINS=origins).test_client()
    response = client.get(path, headers={"Origin": origin} if origin else {})
    assert "Origin" in response.vary


def preflight(client: FlaskClient, origin: str, method: str, headers: str = "") -> dict[str, str]:
    response = client.options(
        SCRATCH,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            **({"Access-Control-Request-Headers": headers} if headers else {}),
        },
    )
    assert response.status_code == 200
    assert response.data == b""
    assert "Origin" in response.vary
    return dict(response.headers)


def items(header: str) -> set[str]:
    return {item.strip().lower() for item in header.split(",")}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_preflight_of_an_allowed_origin_allows(method: str, client: FlaskClient) -> None:
    answer = preflight(client, ALLOWED, method, "content-type, if-match, if-none-match")
    assert answer["Access-Control-Allow-Origin"] == ALLOWED
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert method.lower() in items(answer["Access-Control-Allow-Methods"])
    assert {"content-type", "if-match", "if-none-match"} == items(
        answer["Access-Control-Allow-Headers"]
    )
    assert 0 < int(answer["Access-Control-Max-Age"]) <= 7200  # what Chromium caps it at


def test_a_preflight_for_an_unknown_method_allows_none(client: FlaskClient) -> None:
    assert "Access-Control-Allow-Methods" not in preflight(client, ALLOWED, "TRACE")


def test_a_preflight_leaves_out_a_header_that_is_not_taken(client: FlaskClient) -> None:
    answer = preflight(client, ALLOWED, "PUT", "content-type, x-evil")
    assert items(answer["Access-Control-Allow-Headers"]) == {"content-type"}
    assert "Access-Control-Allow-Headers" not in preflight(client, ALLOWED, "PUT", "x-evil")


def test_a_preflight_of_any_other_origin_allows_nothing(client: FlaskClient) -> None:
    assert not cors_headers(preflight(client, REFUSED, "PUT", "content-type"))


def test_without_origins_nobody_is_allowed(make_app: MakeApp) -> None:
    client = make_app(CORS_ORIGINS="none").test_client()
    for origin in (ALLOWED, REFUSED, "http://localhost:5173", "null"):
        assert not cors_headers(client.get(PATH, headers={"Origin": origin}).headers)
        assert not cors_headers(preflight(client, origin, "PUT"))


def test_pages_of_the_site_are_not_shared_with_other_origins(client: FlaskClient) -> None:
    assert not cors_headers(client.get("/", headers={"Origin": ALLOWED}).headers)
    assert not cors_headers(client.get("/apix", headers={"Origin": ALLOWED}).headers)
