"""The API called by pages of other origins: what the browser lets them send and read (62)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask, Response, request_finished
from playwright.sync_api import Page

from api.accounts.permissions import Role
from tests.accounts.tools import PASSWORD, make_user
from tests.browser.conftest import Open, serve
from tests.conftest import MakeApp
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Make front ends that stand elsewhere: each call is another origin with an empty page."""
    folder = tmp_path / "front"
    folder.mkdir()
    page = (
        '<!doctype html><html lang="en"><title>Front</title><link rel="icon" href="data:,"></html>'
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
    with ExitStack() as running:

        def begin() -> str:
            server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
            thread = Thread(target=server.serve_forever)
            thread.start()
            running.callback(server.server_close)
            running.callback(thread.join)
            running.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield begin


@pytest.fixture
def front(origin: Callable[[], str]) -> str:
    """The origin that the API allows."""
    return origin()


@pytest.fixture
def app(make_app: MakeApp, front: str) -> Flask:
    """An application that allows one front end."""
    app = make_app(CORS_ORIGINS=front)
    make_user(app, "edith", Role.EDITOR)
    return app


@pytest.fixture
def api(app: Flask) -> Iterator[str]:
    """The address of the API."""
    with serve(app) as address:
        yield f"{address}/api/v1"


#: Calls the API as a front end would; `null` where the browser does not hand the answer over.
CALL = """async ([address, options, names]) => {
  try {
    const response = await fetch(address, options);
    const headers = Object.fromEntries(names.map((name) => [name, response.headers.get(name)]));
    return { status: response.status, headers, body: await response.json() };
  } catch (error) {
    return null;
  }
}"""


def call(page: Page, address: str, *names: str, **options: Any) -> Any:
    """Fetch an address from within a page, and return what the page may see of the answer."""
    return page.evaluate(CALL, [address, options, list(names)])


def test_a_page_of_an_allowed_origin_reads_writes_and_keeps_cookies(
    open_page: Open, api: str, front: str
) -> None:
    page = open_page("/", at=front, asks=api.removesuffix("/api/v1"))
    read = call(page, f"{api}/questions/71", "ETag", "Link", "RateLimit", "X-Request-ID", "Server")
    assert read["status"] == 200
    assert read["body"]["number"] == 71
    seen = read["headers"]
    assert seen["ETag"]
    assert seen["Link"]
    assert seen["RateLimit"].startswith('"reads"')
    assert seen["X-Request-ID"]
    assert seen["Server"] is None  # sent, and not exposed

    signed_in = call(
        page,
        f"{api}/sign-ins",
        method="POST",
        headers={"Content-Type": "application/json"},
        body=f'{{"username": "edith", "password": "{PASSWORD}"}}',
    )
    changed = call(
        page,
        f"{api}/questions/71",
        method="PATCH",
        headers={
            "Authorization": f"Bearer {signed_in['body']['access_token']}",
            "Content-Type": "application/json",
            "If-Match": seen["ETag"],
        },
        body='{"difficulty": "advanced"}',
    )
    assert (changed["status"], changed["body"]["difficulty"]) == (200, "advanced")

    choice = '{"language": "de", "theme": "dark", "page_size": 10}'
    kept = {"method": "PATCH", "headers": {"Content-Type": "application/json"}, "body": choice}
    assert call(page, f"{api}/preferences", credentials="include", **kept)["status"] == 200
    with_cookie = call(page, f"{api}/preferences", credentials="include")
    without = call(page, f"{api}/preferences", credentials="omit")
    assert with_cookie["body"]["theme"] == "dark"
    assert without["body"]["theme"] == "system"


def test_a_page_of_another_origin_is_given_nothing_and_changes_nothing(
    open_page: Open, api: str, front: str, origin: Callable[[], str], app: Flask
) -> None:
    stranger = origin()
    page = open_page("/", at=stranger, asks=api.removesuffix("/api/v1"), expect="CORS policy")
    refusals: list[str] = []
    page.on("console", lambda message: refusals.append(message.text))
    assert call(page, f"{api}/questions/71") is None
    answered: list[tuple[int, bool]] = []

    def note(_: Flask, response: Response, **__: Any) -> None:
        answered.append((response.status_code, "Origin" in response.vary))

    with request_finished.connected_to(note, app):
        assert call(page, f"{api}/questions/72") is None
    assert answered == [(200, True)]  # and not handed over
    change = {"method": "PATCH", "headers": {"If-Match": "*"}, "body": "{}"}
    assert call(page, f"{api}/questions/71", **change) is None  # the preflight was refused
    assert any("preflight" in text for text in refusals)
    assert all(stranger in text for text in refusals if "CORS policy" in text)
    own = open_page("/", at=front, asks=api.removesuffix("/api/v1"), expect="ERR_FAILED")
    assert call(own, f"{api}/questions/72")["status"] == 200  # no cache mixes the two up
