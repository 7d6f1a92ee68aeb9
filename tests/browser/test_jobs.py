"""Imports and exports in a browser, done by a real worker: progress, refusals, cancelling, downloads."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect

from api.accounts.permissions import Role
from tests.accounts.tools import PASSWORD, make_user
from tests.browser.conftest import Axe, Open
from tests.conftest import folders
from tests.examples.server import serving_all
from tests.jobs.tools import change, new_import, questions, work
from tests.v1.tools import sqlite_only

REFUSED = "Failed to load resource"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: What the page showed of a job's progress while it ran, noted by the page itself: no change is missed.
WATCH = """() => {
  window.seen = [];
  const note = () => {
    const shown = document.querySelector("#job [data-part=progress]");
    if (shown) window.seen.push(shown.textContent);
  };
  new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true });
  note();
}"""


@pytest.fixture(scope="module")
def worked(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the bank, the demo accounts, a worker and real time."""
    folder = tmp_path_factory.mktemp("worked")
    shutil.copy(sqlite_template, folder / "bank.sqlite3")
    database = f"sqlite:///{folder / 'bank.sqlite3'}"
    with serving_all(DATABASE_URL=database, **folders(folder)) as address:
        yield address


def sign_in(page: Page, name: str = "editor", password: str | None = None) -> None:
    """Sign in by the form, wherever the page was to lead."""
    page.get_by_label("Username or e-mail address").fill(name)
    page.get_by_label("Password").fill(password or f"demo-{name}-password")
    page.get_by_role("button", name="Sign in").click()


def choose(page: Page, data: bytes, name: str = "new.json") -> None:
    """Choose a file to import."""
    kind = "application/octet-stream"
    page.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": data})


def job_id(page: Page) -> str:
    """Wait for a job's page; return the job's id."""
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    return page.url.rpartition("/")[2]


def told(page: Page, path: str) -> Any:
    """Ask the API as the page would."""
    return page.evaluate("path => fetch(path).then((answer) => answer.json())", path)


def test_a_file_is_imported_and_followed_to_the_end(open_page: Open, worked: str) -> None:
    page = open_page("/import", at=worked)
    sign_in(page)
    choose(page, questions(1000, 100_000, 40))
    page.get_by_label("Only check; keep nothing").check()
    page.add_init_script(f"document.addEventListener('DOMContentLoaded', {WATCH})")
    page.get_by_role("button", name="Import").click()
    jid = job_id(page)
    state = page.locator("#job .state")
    expect(state).to_have_text("succeeded", timeout=60_000)
    assert page.locator("dl.counts dd").first.inner_text() == "100,000"
    expect(page.get_by_text("Nothing was kept.")).to_be_visible()
    seen = page.evaluate("window.seen")
    counted = [int(found[1]) for text in seen if (found := re.search(r"(\d+) of 100000", text))]
    assert counted, seen
    assert counted == sorted(counted)
    assert page.locator("[data-part=said]").inner_text() == "succeeded"
    assert told(page, f"/api/v1/jobs/{jid}")["parameters"]["title"] == "new.json"
    page.goto("/jobs")
    expect(page.get_by_role("link", name="Import new.json")).to_be_visible()


def test_what_is_refused_stands_there_and_the_rest_is_kept_on_demand(
    open_page: Open, worked: str
) -> None:
    page = open_page("/import", at=worked)
    sign_in(page)
    for partial, state in ((False, "failed"), (True, "succeeded")):
        page.goto("/import")
        choose(page, b"number,prompt,answer\n990,Why?,Because.\n51,Mine?,Yes.\n", "new.csv")
        page.get_by_label("Keep what is sound").set_checked(partial)
        page.get_by_role("button", name="Import").click()
        job_id(page)
        expect(page.locator("#job .state")).to_have_text(state, timeout=30_000)
        row = page.locator("#job tbody tr")
        expect(row.locator("td").nth(0)).to_have_text("3")
        expect(row.locator("td").nth(1)).to_have_text("51")
        expect(row.locator("td").nth(2)).to_contain_text("is in the bank and differs")
    assert told(page, "/api/v1/questions/990")["prompt"] == "Why?"


def test_an_export_is_downloaded_and_can_be_read(
    open_page: Open, worked: str, tmp_path: Path
) -> None:
    page = open_page("/export", at=worked)
    sign_in(page)
    page.get_by_label("From number").fill("51")
    page.get_by_label("To number").fill("100")
    page.get_by_label("Security").check()
    page.get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="Download the file")
    expect(link).to_be_visible(timeout=30_000)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename.endswith(".json")
    download.value.save_as(tmp_path / "questions.json")
    exported = json.loads((tmp_path / "questions.json").read_text(encoding="utf-8"))
    page.goto("/")
    wanted = told(page, "/api/v1/questions?topic=security&per_page=100")["items"]
    assert [each["number"] for each in exported] == sorted(each["number"] for each in wanted)


def test_without_javascript_a_form_is_enough_and_the_page_refreshes_itself(
    open_page: Open, worked: str
) -> None:
    page = open_page("/import", at=worked, java_script_enabled=False)
    sign_in(page)
    choose(page, questions(20_000, 2))
    page.get_by_label("Only check").check()
    page.get_by_role("button", name="Import").click()
    job_id(page)
    expect(page.locator("#job .state")).to_have_text("succeeded", timeout=30_000)


# --- On an application of the test's own, in which nothing works unless the test does ---


@pytest.fixture
def at_import(app: Flask, address: str, open_page: Open) -> Page:
    """The import page, an editor being signed in; console errors of refused requests are expected."""
    make_user(app, "eve", Role.EDITOR)
    page = open_page("/import", at=address, expect=REFUSED)
    sign_in(page, "eve", PASSWORD)
    expect(page.locator("#file")).to_be_visible()
    return page


@sqlite_only
def test_a_job_is_cancelled_and_tried_again_in_place_by_the_keyboard(
    app: Flask, at_import: Page
) -> None:
    page = at_import
    jid = new_import(app, questions(900, 2), "eve")
    page.goto(f"/jobs/{jid}")
    expect(page.locator("#job .state")).to_have_text("waiting")
    page.evaluate("window.same = true")
    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#job .state")).to_have_text("cancelled")
    expect(page.locator("#job")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Try again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#job .state")).to_have_text("waiting")
    change(app, jid, state="running", phase="checking", done=1, total=2)
    expect(page.locator("[data-part=progress]")).to_have_text("Checking: 1 of 2")
    assert page.locator("#job progress").evaluate("e => [e.value, e.max]") == [1, 2]
    change(app, jid, state="queued", phase=None, done=0, total=None)
    work(app, jid)
    expect(page.locator("#job .state")).to_have_text("succeeded")
    assert page.evaluate("window.same"), "the page was never loaded anew"


@sqlite_only
def test_a_file_sent_again_after_a_lost_answer_is_one_job(app: Flask, at_import: Page) -> None:
    page = at_import
    choose(page, questions(900, 2))
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().status)  # it arrives; its answer does not
        route.abort()

    page.route("**/api/v1/imports?*", lose)
    page.get_by_role("button", name="Import").click()
    trouble = page.locator("[data-part=trouble]")
    expect(trouble).to_contain_text("No answer came")
    assert lost == [202]
    page.unroute("**/api/v1/imports?*")
    page.get_by_role("button", name="Import").click()
    job_id(page)
    assert told(page, "/api/v1/jobs")["page"]["total_items"] == 1


@sqlite_only
def test_a_refused_file_is_told_on_the_form_and_another_may_be_sent(
    app: Flask, at_import: Page
) -> None:
    page = at_import
    trouble = page.locator("[data-part=trouble]")
    choose(page, b"")
    page.get_by_role("button", name="Import").click()
    expect(trouble).to_contain_text("The file is empty.")
    choose(page, questions(900, 1))
    page.context.clear_cookies()
    page.get_by_role("button", name="Import").click()
    expect(trouble).to_contain_text("Token missing")
    other = (
        page.context.new_page()
    )  # the form stays as it is, with the token of a session that is gone
    other.goto(page.url)
    sign_in(other, "eve", PASSWORD)
    expect(other.locator("#file")).to_be_visible()
    page.get_by_role("button", name="Import").click()
    job_id(page)


@sqlite_only
def test_a_job_is_followed_through_failures_of_the_api(app: Flask, at_import: Page) -> None:
    page = at_import
    jid = new_import(app, questions(900, 2), "eve")
    page.goto(f"/jobs/{jid}")
    trouble = page.locator("[data-part=trouble]")
    page.route(
        f"**/api/v1/jobs/{jid}",
        lambda route: route.fulfill(
            status=503,
            headers={"Retry-After": "1"},
            json={"title": "Service unavailable", "detail": "The database is busy."},
        ),
    )
    expect(trouble).to_contain_text("The database is busy. Try again in 1 seconds.")
    page.unroute(f"**/api/v1/jobs/{jid}")
    expect(trouble).not_to_be_visible()
    page.context.set_offline(True)
    expect(trouble).to_contain_text("No answer came")
    work(app, jid)
    page.context.set_offline(False)
    expect(page.locator("#job .state")).to_have_text("succeeded", timeout=20_000)
    expect(trouble).not_to_be_visible()


@sqlite_only
def test_the_pages_of_jobs_fit_and_can_be_read(app: Flask, at_import: Page, axe: Axe) -> None:
    page = at_import
    failed = new_import(app, b'[{"number": 51, "prompt": "Mine?", "answer": "Yes."}]', "eve")
    work(app, failed)
    waiting = new_import(app, questions(900, 1), "eve", title=f"{'long-' * 30}name.json")
    for path in ("/import", "/export", "/jobs", f"/jobs/{failed}", f"/jobs/{waiting}"):
        page.goto(path)
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert axe(page) == [], (path, scheme)
        assert page.locator("h1").count() == 1


@sqlite_only
def test_the_list_follows_jobs_until_all_have_ended_and_rests_while_nobody_looks(
    app: Flask, at_import: Page
) -> None:
    page = at_import
    jid = new_import(app, questions(900, 2), "eve", title="new.json")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.install()
    page.goto("/jobs")
    state, link = page.locator(f"#job-{jid} .state"), page.get_by_role("link", name="new.json")
    expect(state).to_have_text("waiting")
    page.evaluate("window.same = true")
    link.focus()

    def looks() -> int:
        return sum("/api/v1/jobs" in each for each in asked)

    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    page.clock.run_for(60_000)
    assert looks() == 0
    with page.expect_response("**/api/v1/jobs"):
        page.evaluate(hide, False)
    change(app, jid, state="running", phase="checking", done=1, total=2)
    page.clock.run_for(2_500)
    expect(state).to_have_text("running")
    expect(link).to_be_focused()
    change(app, jid, state="queued", phase=None, done=0, total=None)
    work(app, jid)
    page.clock.run_for(2_500)
    expect(state).to_have_text("succeeded")
    expect(page.locator("[data-part=said]")).to_have_text("Import new.json: succeeded")
    assert page.evaluate("window.same"), "the page was never loaded anew"
    before = looks()
    page.clock.run_for(60_000)
    assert looks() == before


@sqlite_only
def test_the_list_outlives_an_api_that_fails(app: Flask, at_import: Page) -> None:
    page = at_import
    jid = new_import(app, questions(900, 2), "eve")
    page.route("**/api/v1/jobs", lambda route: route.abort())
    page.goto("/jobs")
    expect(page.locator("[data-part=trouble]")).to_contain_text("No answer came")
    page.unroute("**/api/v1/jobs")
    work(app, jid)
    expect(page.locator(f"#job-{jid} .state")).to_have_text("succeeded", timeout=20_000)
    expect(page.locator("[data-part=trouble]")).to_be_hidden()
