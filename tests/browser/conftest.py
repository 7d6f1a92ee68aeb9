"""Fixtures: Chromium, and the application behind a real socket."""

from collections.abc import Iterator
from threading import Thread

import pytest
from flask import Flask
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from tests.conftest import required
from tests.examples.server import free_port


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Serve the test's application; its address."""
    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a browser that knows nothing yet; the test fails on what it complains of."""
    chromium = required("chromium")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and "favicon" not in message.location.get("url", "")
                else None
            ),
        )
        yield page
        browser.close()
    assert complaints == []
