"""The desk in a browser: live preview, the keyboard alone, two at once, text that is not lost."""

import re
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Dialog, Page, expect

from api.accounts import tokens, users
from api.accounts.permissions import Role
from tests.accounts.tools import PASSWORD, make_user
from tests.browser.conftest import Axe, Open
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only


@pytest.fixture
def sign_in(open_page: Open, app: Flask, address: str) -> Any:
    """Sign somebody in on the test's own server: `sign_in("edith", Role.EDITOR, "/questions/new")`."""

    def sign_in_(name: str, role: Role, path: str, **options: Any) -> Page:
        make_user(app, name, role)
        page = open_page("/sign-in", at=address, **options)
        give_password(page, name)
        page.goto(path)
        return page

    return sign_in_


def give_password(page: Page, name: str) -> None:
    page.get_by_label("Username or e-mail address").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("header summary", has_text=name)).to_be_visible()


def save(page: Page) -> None:
    page.locator(".bar").get_by_role("button", name=re.compile("^Save")).click()


def test_a_question_is_written_with_a_live_preview(sign_in: Any) -> None:
    page = sign_in("ada", Role.CONTRIBUTOR, "/questions/new")
    page.get_by_label("Question", exact=True).fill("What does `flask routes` print?")
    page.get_by_label("Answer").fill("Every **rule**.\n\n```python\nprint(1)\n```\n<b>raw</b>")
    preview = page.locator("#preview")
    expect(preview.locator("h2 code")).to_have_text("flask routes")
    expect(preview.locator("strong")).to_have_text("rule")
    expect(preview.locator("pre .nb")).to_have_text("print")
    expect(preview).to_contain_text("<b>raw</b>")
    page.get_by_label("Title 1").fill("CLI")
    page.get_by_label("Address 1").fill("https://flask.palletsprojects.com/en/stable/cli/")
    page.get_by_role("button", name="Add a row").click()
    expect(page.get_by_label("Title 3")).to_be_focused()
    page.get_by_role("button", name="Remove reference 2").click()
    expect(page.locator(".reference")).to_have_count(2)
    expect(preview.get_by_role("listitem")).to_contain_text("CLI")
    save(page)
    expect(page.get_by_role("status").first).to_have_text("Saved.")
    expect(page.get_by_label("Title 1")).to_have_value("CLI")
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_the_keyboard_alone_suffices_to_write_and_to_mend(sign_in: Any) -> None:
    still = {"reduced_motion": "reduce"}  # or the page is still on its way to what is focused
    page = sign_in("ada", Role.CONTRIBUTOR, "/questions/new", expect="422", **still)

    def reach(selector: str, key: str = "Tab") -> None:
        wanted = page.locator(selector).first
        for _ in range(60):
            page.keyboard.press(key)
            if wanted.evaluate("e => e === document.activeElement"):
                break
        expect(wanted).to_be_focused()
        # What is focused is not hidden behind the bar that stays in view (WCAG 2.2, 2.4.11).
        assert wanted.evaluate(
            "e => { const b = e.getBoundingClientRect();"
            " const top = document.elementFromPoint(b.x + b.width / 2, b.y + Math.min(b.height, 20) / 2);"
            " return e.contains(top) || top.contains(e); }"
        ), selector

    reach("#answer")
    page.keyboard.type("Every rule.")
    reach("#topics")
    page.keyboard.type("Routing")
    reach("#reference-url-2")
    page.keyboard.press("Enter")  # the form is sent by its first button, which saves
    summary = page.locator("#faults")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("2 things are to be mended")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Question", exact=True)).to_be_focused()
    page.keyboard.type("What does it print?")
    reach("#topics")
    page.keyboard.press("Control+A")
    page.keyboard.type("routing")
    reach(".bar button[value=save]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_have_text("Saved.")


def test_two_editors_at_once_see_each_others_words(sign_in: Any) -> None:
    address = "/questions/71/edit"
    edith = sign_in("edith", Role.EDITOR, address, expect="409")
    otto = sign_in("otto", Role.EDITOR, address)
    otto.get_by_label("In practice").fill("Otto's practice.")
    otto.get_by_label("Difficulty").select_option("beginner")
    save(otto)
    expect(otto.get_by_role("status").first).to_have_text("Saved.")
    edith.get_by_label("In practice").fill("Edith's practice.")
    save(edith)
    note = edith.locator("#conflict")
    expect(note).to_be_focused()
    expect(note).to_contain_text("otto saved this while you were editing it.")
    expect(edith.get_by_label("In practice")).to_have_value("Edith's practice.")
    expect(edith.get_by_label("Difficulty")).to_have_value("beginner")
    changes = edith.get_by_role("region", name="What saving would change")
    expect(changes.locator("del")).to_have_text("Otto's practice.")
    expect(changes.locator("ins")).to_have_text("Edith's practice.")
    expect(changes).to_contain_text("changed by both")
    edith.get_by_role("button", name="Use what is saved instead: In practice").click()
    expect(edith.get_by_label("In practice")).to_have_value("Otto's practice.")
    edith.get_by_label("In practice").fill("The practice of both.")
    save(edith)
    expect(edith.get_by_role("status").first).to_have_text("Saved.")
    edith.goto("/questions/71")
    expect(edith.locator("article")).to_contain_text("The practice of both.")


def test_text_survives_a_session_that_ends_while_it_is_written(sign_in: Any, app: Flask) -> None:
    page = sign_in("ada", Role.CONTRIBUTOR, "/questions/new", expect="Failed to load resource")
    with app.app_context():
        tokens.revoke_all(users.get("ada"))
    page.get_by_label("Question", exact=True).fill("Is it lost?")
    expect(page.locator("#preview-said")).to_contain_text("You are signed out.")
    page.get_by_label("Answer").fill("No.")
    save(page)
    expect(page.locator("#refusal")).to_contain_text("You are signed out")
    expect(page.locator("#refusal")).to_be_focused()
    expect(page.get_by_label("Answer")).to_have_value("No.")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Sign in (in another tab)").click()
    give_password(opened.value, "ada")
    opened.value.close()
    page.bring_to_front()
    save(page)
    # The page of the ended session has its token: it is shown again, with the text and a new one.
    status = page.get_by_role("status").first
    expect(status.or_(page.locator("#faults")).first).to_be_visible()
    if page.locator("#faults").count():
        expect(page.get_by_label("Answer")).to_have_value("No.")
        save(page)
    expect(status).to_have_text("Saved.")
    expect(page.get_by_label("Answer")).to_have_value("No.")


def test_leaving_with_unsaved_text_warns_and_the_tab_keeps_it(sign_in: Any) -> None:
    page = sign_in("ada", Role.CONTRIBUTOR, "/questions/new")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    page.goto("/drafts")
    assert asked == []  # nothing was typed
    page.goto("/questions/new")
    page.get_by_label("Answer").fill("Half an answer.")
    page.get_by_label("Title 2").fill("A page")
    page.get_by_role("link", name="Techniques").click()
    page.wait_for_url("**/techniques")
    assert asked == ["beforeunload"]
    page.goto("/questions/new")
    expect(page.get_by_label("Answer")).to_have_value("")
    page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_label("Answer")).to_have_value("Half an answer.")
    expect(page.get_by_label("Title 1")).to_have_value("A page")
    expect(page.locator("#preview")).to_contain_text("Half an answer.")
    page.reload()
    page.get_by_role("button", name="Throw it away").click()
    page.reload()
    expect(page.get_by_role("button", name="Put it back")).to_have_count(0)


def test_a_preview_that_fails_is_told_and_the_next_one_comes(sign_in: Any) -> None:
    page = sign_in("ada", Role.CONTRIBUTOR, "/questions/new", expect="Failed to load resource")
    page.route("**/preview", lambda route: route.abort())
    page.get_by_label("Answer").fill("One.")
    expect(page.locator("#preview-said")).to_have_text("The preview could not be made.")
    page.unroute("**/preview")
    page.get_by_label("Answer").fill("Two.")
    expect(page.locator("#preview")).to_have_text("Two.")
    expect(page.locator("#preview-said")).to_have_text("")


def test_no_script_runs_from_what_is_previewed(sign_in: Any) -> None:
    page = sign_in("ada", Role.CONTRIBUTOR, "/questions/new")
    page.get_by_label("Answer").fill(
        "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'>\n\n"
        "[click](javascript:window.ran=3) <svg onload='window.ran = 4'>\n\n**end**"
    )
    expect(page.locator("#preview strong")).to_have_text("end")
    assert page.evaluate("window.ran") is None
    assert page.locator("#preview").locator("script, img, svg, a").count() == 0


def test_the_pages_of_the_desk_fit_every_screen_and_can_be_read(sign_in: Any, axe: Axe) -> None:
    page = sign_in("edith", Role.EDITOR, "/questions/71/edit", expect="409")
    page.get_by_label("Answer").fill("Short.")
    save(page)
    expect(page.get_by_role("status").first).to_have_text("Saved.")
    paths = (
        "/questions/71/edit", "/questions/new", "/drafts", "/questions/71/revisions",
        "/questions/71/revisions/2", "/questions/71/deletion",
    )  # fmt: skip
    for path in paths:
        page.goto(path)
        assert_looks(page, path, axe)
    page.goto("/questions/71/edit")
    page.locator("[name=seen]").first.evaluate("e => { e.value = 'none'; }")
    page.get_by_label("Answer").fill("Another.")
    save(page)
    expect(page.locator("#conflict")).to_be_visible()
    assert_looks(page, "conflict", axe)


def assert_looks(page: Page, what: str, axe: Axe) -> None:
    for width in (320, 768, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        scroll = page.evaluate("document.documentElement.scrollWidth")
        assert scroll <= width, f"{what} needs {scroll} pixels of {width}"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe(page) == [], (what, scheme)
    assert page.locator("h1").count() == 1
