"""Cross-origin requests by Flask-CORS: which origins may call, with what, and what they may read (62).

CORS loosens the browser's same-origin rule for pages of the origins listed; it protects no server.
Flask-CORS exposes no response header unless told, reflects any origin when `*` meets credentials
(`config.py` refuses `*`), and omits `Vary` where one origin alone is allowed (`api.http.hooks` adds it).
Sources: https://fetch.spec.whatwg.org/#http-cors-protocol and
https://flask-cors.readthedocs.io/en/latest/configuration.html
"""

from flask import Flask

from api.demonstrations import demonstrates
from api.extensions import cors

#: What a page of another origin may read of a response, beside the few that are always readable.
EXPOSED_HEADERS = [
    "Accept-Ranges", "Cache-Status", "Content-Disposition", "Content-Location", "Content-Range",
    "Deprecation", "ETag", "Idempotent-Replayed", "Link", "Location", "Preference-Applied",
    "RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "Sunset", "WWW-Authenticate",
    "X-Request-ID",
]  # fmt: skip

#: What it may send.
ALLOWED_HEADERS = [
    "Authorization", "Cache-Control", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
    "If-Range", "Prefer", "Range", "X-CSRF-Token", "X-Request-ID",
]  # fmt: skip

#: Seconds for which a browser may remember the answer to a preflight.
PREFLIGHT_SECONDS = 600


@demonstrates(
    62,
    at="GET v1.questions",
    test="tests/browser/test_cors.py::test_a_page_of_an_allowed_origin_reads_writes_and_keeps_cookies",
)
def init_app(app: Flask) -> None:
    """Allow the origins of `CORS_ORIGINS`, with credentials, on the API alone."""
    cors.init_app(
        app,
        resources={r"/api(/|$)": {"origins": list(app.config["CORS_ORIGINS"])}},
        supports_credentials=True,
        expose_headers=EXPOSED_HEADERS,
        allow_headers=ALLOWED_HEADERS,
        methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        max_age=PREFLIGHT_SECONDS,
        always_send=False,
    )
