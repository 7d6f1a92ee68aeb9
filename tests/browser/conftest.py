"""A real Chromium on a live server. Whatever a page writes to the console as an error fails its test, a
violation of its policy included, and so does a request to anybody but the server that it came from.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, sync_playwright
from werkzeug.serving import make_server

from tests.conftest import folders, required
from tests.examples.server import free_port, serving

Open = Callable[..., Page]


class SlowLine:
    """Holds what a page asks for at addresses of one pattern, until it is let through."""

    def __init__(self, page: Page, pattern: str) -> None:
        self._page, self._held = page, list[Route]()
        page.route(pattern, self._hold)

    def _hold(self, route: Route) -> None:
        self._held.append(route)

    def let_through(self) -> None:
        """Wait until something was asked for, and let it through."""
        while not self._held:
            self._page.wait_for_timeout(10)
        while self._held:
            self._held.pop().continue_()


@pytest.fixture(scope="session")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the bank and the demo accounts."""
    folder = tmp_path_factory.mktemp("browser")
    shutil.copy(sqlite_template, folder / "bank.sqlite3")
    with serving(DATABASE_URL=f"sqlite:///{folder / 'bank.sqlite3'}", **folders(folder)) as address:
        yield address


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address of the test's own application, for what changes its database."""
    with serve(app) as address:
        yield address


@contextmanager
def serve(app: Flask) -> Iterator[str]:
    """Serve an application of this process; gives its address."""
    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = required("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, server: str) -> Iterator[Open]:
    """Open pages, each in a context of its own: `open_page("/techniques", width=360)`.

    `at` is the address of another server; `expect` is a part of errors in the console that a test
    brings about itself, `asks` the address of another server that it may ask.
    """
    faults: list[str] = []
    expected: list[str] = []
    with ExitStack() as contexts:

        def open_(
            path: str,
            *,
            at: str = server,
            width: int = 1280,
            expect: str = "",
            asks: str = "",
            **options: Any,
        ) -> Page:
            if expect:
                expected.append(expect)
            settings = {"reduced_motion": "reduce", **options}  # a focused part is in sight at once
            context = browser.new_context(
                base_url=at, viewport={"width": width, "height": 900}, **settings
            )
            contexts.callback(context.close)
            page = context.new_page()

            def said(message: ConsoleMessage) -> None:
                if message.type in {"error", "warning"}:
                    faults.append(f"{path}: {message.text}")

            def asked(request: Request) -> None:
                own = (f"{at}/", "data:", "about:", *([f"{asks}/"] if asks else []))
                if not request.url.startswith(own):
                    faults.append(f"{path}: asks {request.url}")

            page.on("request", asked)
            page.on("console", said)
            page.on("pageerror", lambda error: faults.append(f"{path}: {error}"))
            page.goto(path)
            return page

        yield open_
    unforeseen = [fault for fault in faults if not any(part in fault for part in expected)]
    assert not unforeseen


#: Tags of the rules: WCAG 2.2 at A and AA, and what the makers of axe-core hold for good practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS = """async (run) => {
  const { violations } = await axe.run(document, { runOnly: run, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map((n) => `${id}: ${n.target} ${n.failureSummary}`));
}"""
#: Finds what axe-core finds on a page as it stands.
Axe = Callable[[Page], list[str]]


@pytest.fixture(scope="session")
def axe() -> Axe:
    """What runs axe-core, in the version that is locked here.

    It comes from npm, is run through the debugger's door, and so needs no hole in any policy.
    Source: https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
    """
    here = Path(__file__).parent
    installed, locked = here / "node_modules/.package-lock.json", here / "package-lock.json"
    with locked.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # the other processes of this run wait for the first one
        if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
            npm = required("npm")
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            subprocess.run([npm, "ci", *quiet], cwd=here, check=True)
            installed.touch()
    script = (here / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")

    def find(page: Page) -> list[str]:
        if not page.evaluate("'axe' in window"):
            page.evaluate(script)
        found: list[str] = page.evaluate(FINDINGS, {"type": "tag", "values": TAGS})
        return found

    return find
