"""What every answer carries, whatever it is, and what is given back after it."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from api.extensions import db
from tests.conftest import MakeApp
from tests.http.helpers import logged_lines

BOTH = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
TIMING = re.compile(r'app;dur=\d+\.\d, db;dur=\d+\.\d;desc="(\d+) statements"')


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """One database will do, except where a test is marked with `BOTH`."""
    return str(getattr(request, "param", "sqlite"))


def statements(header: str) -> int:
    told = TIMING.fullmatch(header)
    assert told, header
    return int(told[1])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/questions", 200),
        ("HEAD", "/api/v1/questions", 200),
        ("OPTIONS", "/api/v1/questions", 200),
        ("GET", "/api/v1", 308),
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/api/v1/questions", 405),
        ("GET", "/api/v1/questions?page=0", 422),
        ("GET", "/api/v1/errors/unforeseen", 500),
        ("GET", "/api/v1/health/live", 200),
        ("GET", "/", 200),
        ("GET", "/nothing", 404),
    ],
)
def test_every_response_carries_request_id_timing_and_security_headers(
    method: str, path: str, status: int, make_app: MakeApp
) -> None:
    client = make_app(APP_ENV="development").test_client()
    response = client.open(path, method=method)
    assert response.status_code == status
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])
    statements(response.headers["Server-Timing"])
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Strict-Transport-Security" not in response.headers
    if response.headers.get("ETag"):
        unchanged = client.get(path, headers={"If-None-Match": response.headers["ETag"]})
        assert unchanged.status_code == 304
        assert unchanged.headers["X-Request-ID"] != response.headers["X-Request-ID"]
        assert unchanged.headers["Content-Security-Policy"] == policy
        statements(unchanged.headers["Server-Timing"])


def test_https_is_asked_for_only_over_https(client: FlaskClient) -> None:
    secure = client.get("/api/v1/", base_url="https://localhost")
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("sent", ["a", "7f9c-22.B_1", "x" * 64])
def test_a_harmless_request_id_is_echoed(sent: str, client: FlaskClient) -> None:
    response = client.get("/api/v1/nothing", headers={"X-Request-ID": sent})
    assert response.headers["X-Request-ID"] == sent
    assert response.get_json()["request_id"] == sent


@pytest.mark.parametrize("sent", ["", " ", "x" * 65, "a b", "<script>", "é", 'a"b', "a;b", "a,b"])
def test_any_other_request_id_is_replaced(sent: str, client: FlaskClient) -> None:
    response = client.get("/api/v1/nothing", headers={"X-Request-ID": sent})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])


@BOTH
def test_server_timing_counts_the_statements_that_were_sent(app: Flask) -> None:
    def three() -> dict[str, int]:
        for _ in range(3):
            db.session.execute(text("SELECT 1"))
        return {}

    app.test_client_class = FlaskClient  # the contract does not know these addresses
    app.add_url_rule("/api/v1/three", view_func=three)
    app.add_url_rule("/api/v1/none", endpoint="none", view_func=dict)
    client = app.test_client()
    client.get("/api/v1/three")  # the first connection of a pool has questions of its own
    assert statements(client.get("/api/v1/three").headers["Server-Timing"]) == 3
    assert statements(client.get("/api/v1/none").headers["Server-Timing"]) == 0


@BOTH
@pytest.mark.parametrize(
    "path", ["/api/v1/questions", "/api/v1/questions/1", "/api/v1/errors/unforeseen"]
)
def test_nothing_stays_checked_out_after_a_request(path: str, app: Flask) -> None:
    client = app.test_client()
    client.get(path, headers={"Cache-Control": "no-cache"})
    with app.app_context():
        pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == 0


def test_a_line_feed_in_an_address_forges_no_log_record(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.get("/api/v1/nothing%0AERROR api.access: forged?a=%0A&b=é")
    (line,) = logged_lines(capsys)
    assert "/api/v1/nothing%0AERROR%20api.access%3A%20forged?a=%0A&b=%C3%A9 404 " in line


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("target", "logged"),
    [
        (f"me?jwt={JWT}", "me?jwt=[redacted]"),
        (f"me?access_token={JWT}&page=2", "me?access_token=[redacted]&page=2"),
        ("me?a=1&Password=hunter2%26b&b=2", "me?a=1&Password=[redacted]&b=2"),
        ("me?%70assword=hunter2", "me?%70assword=[redacted]"),
        ("me?password%5B%5D=hunter2", "me?password%5B%5D=[redacted]"),
        ("me?api_key=hunter2&api-key=hunter2", "me?api_key=[redacted]&api-key=[redacted]"),
        ("me?key=hunter2", "me?key=[redacted]"),
        ("me?token=a=b=c", "me?token=[redacted]"),
        ("me?token=", "me?token="),
        ("me?token", "me?token"),
        (f"me?q={JWT}", "me?q=[redacted]"),
        (f"me?q=Bearer%20{JWT}", "me?q=[redacted]"),
        (f"me?q={JWT.replace('.', '%2E')}", "me?q=[redacted]"),
        (f"me?{JWT}", "me?[redacted]"),
        (f"me?{JWT}=1", "me?[redacted]"),
        (f"sign-ins/{JWT}", "sign-ins/[redacted]"),
        ("questions?q=eye&sort=-number", "questions?q=eye&sort=-number"),
        ("questions?author=ada&authorization=x", "questions?author=ada&authorization=[redacted]"),
        ("questions?topic=authentication", "questions?topic=authentication"),
        ("questions?%FF=%FE", "questions?%FF=%FE"),
    ],
)
def test_a_credential_in_an_address_is_not_logged(
    client: FlaskClient, capsys: pytest.CaptureFixture[str], target: str, logged: str
) -> None:
    client.get(f"/api/v1/{target}")
    (line,) = logged_lines(capsys)
    assert line.split(" ")[5] == f"/api/v1/{logged}"
