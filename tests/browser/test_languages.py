"""The site in another language, in a real browser: mirrored, chosen by keyboard, kept."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from api.accounts.permissions import Role
from tests.accounts.tools import PASSWORD, make_user
from tests.browser.conftest import Axe, Open
from tests.jobs.tools import new_import, questions, work
from tests.v1.tools import sqlite_only


def left(page: Page, selector: str) -> float:
    """Return how far from the left edge an element begins."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"]


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_an_arabic_page_is_mirrored(open_page: Open, width: int) -> None:
    english = open_page("/questions/66", width=width)
    arabic = open_page("/questions/66", width=width, locale="ar")
    expect(arabic.locator("html")).to_have_attribute("dir", "rtl")
    for page, rtl in ((english, False), (arabic, True)):
        # The menu begins where reading does.
        assert (left(page, ".top .brand") > width / 2) == rtl
        if width == 1280:
            assert (left(page, ".side") < left(page, "article")) == rtl
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        # Code and the question itself are read from the left in either.
        for part in ("pre", "h1", "article code"):
            direction = page.locator(part).first.evaluate("e => getComputedStyle(e).direction")
            assert direction == "ltr", part
    expect(arabic.locator("h1")).to_have_attribute("lang", "en")


def test_an_english_prompt_stands_at_its_number_on_an_arabic_page(open_page: Open) -> None:
    page = open_page("/", locale="ar")
    number, prompt = (page.locator(f"#results {part}").first for part in (".number", ".text a"))
    ends, begins = prompt.bounding_box(), number.bounding_box()
    assert ends is not None
    assert begins is not None
    assert 0 < begins["x"] - (ends["x"] + ends["width"]) < 60


def test_a_language_is_chosen_by_keyboard_and_kept_over_pages(open_page: Open) -> None:
    page = open_page("/techniques", locale="es-MX")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    choice = page.get_by_role("button", name="Deutsch")
    for _ in range(400):
        page.keyboard.press("Tab")
        if choice.evaluate("e => e === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page).to_have_url(re.compile("/techniques$"))
    expect(page.get_by_role("button", name="Deutsch")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Fehlerarten").click()
    expect(page.locator("h1")).to_have_text("Was die Fehlerarten bedeuten")
    page.get_by_role("button", name="Automatisch").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")


def test_a_language_is_chosen_without_javascript(open_page: Open) -> None:
    page = open_page("/", java_script_enabled=False)
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")


def test_scripts_speak_the_pages_language(open_page: Open) -> None:
    page = open_page("/", locale="ar")
    page.get_by_role("searchbox").fill("celery")
    expect(page.locator("#count")).to_have_text(re.compile(r"أسئلة|سؤالًا|سؤالان|سؤال واحد"))
    expect(page.locator("#results .text").first).to_have_attribute("dir", "ltr")
    page = open_page("/questions/66", locale="de", expect="404")
    page.get_by_role("button", name="Befehl 1 ausführen", exact=True).first.click()
    expect(page.locator(".exchange").first).to_contain_text(re.compile(r"in \d+ ms"))
    expect(page.locator(".said-live").first).to_have_text("1 Befehl wurde ausgeführt.")


@pytest.mark.parametrize(
    ("language", "ago"), [("es", r"hace|ahora"), ("de", r"vor|jetzt"), ("ar", r"قبل|الآن")]
)
def test_relative_times_are_in_the_pages_language(open_page: Open, language: str, ago: str) -> None:
    page = open_page("/questions/65", locale=language)
    expect(page.locator(".side time")).to_have_text(re.compile(ago))
    assert "2026" in str(page.locator(".side time").get_attribute("title"))


def fits(page: Page) -> bool:
    """Tell whether nothing on a page is wider than the screen, but for what scrolls by itself."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_practice_in_arabic_is_mirrored_and_fits_a_phone(open_page: Open, axe: Axe) -> None:
    page = open_page("/practice", width=390, locale="ar")
    assert left(page, "h1") > 0
    assert fits(page)
    page.locator("#round-size").fill("2")
    page.locator("[data-part=start] button").click()
    page.locator("[data-act=reveal]").click()
    prose = page.locator("[data-part=prose]")
    expect(prose.locator("p").first).to_be_visible()
    # The question and its answer are English, and read from the left.
    for part in ("[data-part=prompt]", "[data-part=prose]"):
        assert page.locator(part).evaluate("e => getComputedStyle(e).direction") == "ltr"
    # What is said around them begins at the right, and the first grade stands before the second.
    assert left(page, "[data-grade=right]") > left(page, "[data-grade=partly]")
    assert left(page, "#card-place") > left(page, "#card-graded")
    assert left(page, "[data-act=previous]") > left(page, "[data-act=next]")
    assert fits(page)
    assert axe(page) == []
    page.locator("[data-grade=wrong]").click()
    page.locator("[data-act=score]").click()
    expect(page.locator("[data-part=missed]")).to_be_visible()
    assert left(page, "#results li .number, [data-part=missed-list] .number") > 195
    assert fits(page)


@sqlite_only
def test_the_pages_of_jobs_in_arabic_are_mirrored_and_fit_a_phone(
    app: Flask, address: str, open_page: Open, axe: Axe
) -> None:
    make_user(app, "eve", Role.EDITOR)
    failed = new_import(
        app, b'[{"number": 51, "prompt": "Mine?", "answer": "Yes."}]', "eve", title="new.json"
    )
    work(app, failed)
    new_import(app, questions(900, 1), "eve", title=f"{'long-' * 30}name.json")
    page = open_page("/sign-in", at=address, width=390, locale="ar")
    page.locator("[autocomplete=username]").fill("eve")
    page.locator("[autocomplete=current-password]").fill(PASSWORD)
    page.locator("main button").click()
    page.wait_for_url("**/account")
    for path in ("/jobs", f"/jobs/{failed}", "/import", "/export", "/account"):
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        h1 = page.locator("h1").bounding_box()
        assert h1 is not None
        assert h1["x"] + h1["width"] == pytest.approx(370)
        assert page.locator("h1").evaluate("e => getComputedStyle(e).textAlign") == "start"
        assert fits(page), path
        assert axe(page) == [], path
    page.goto("/jobs")
    assert left(page, ".jobs th:nth-child(1)") > left(page, ".jobs th:nth-child(2)")
    page.goto(f"/jobs/{failed}")
    # What the importer wrote about a record is English.
    assert page.locator("td[lang=en]").first.evaluate("e => getComputedStyle(e).direction") == "ltr"


def test_the_accounts_menu_opens_without_javascript_and_closes_like_a_menu_with_it(
    open_page: Open,
) -> None:
    for scripts in (False, True):
        page = open_page("/sign-in", java_script_enabled=scripts, width=1000)
        page.locator("[autocomplete=username]").fill("editor")
        page.locator("[autocomplete=current-password]").fill("demo-editor-password")
        page.locator("main button").click()
        page.wait_for_url("**/account")
        menu = page.locator("details.own")
        box = page.locator("header.top").bounding_box()
        assert box is not None
        assert box["height"] < 70, "one row"
        assert not menu.get_by_role("link", name="Editing").is_visible()
        menu.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(menu.get_by_role("link", name="Editing")).to_be_visible()
        if scripts:
            page.keyboard.press("Tab")
            page.keyboard.press("Escape")
            expect(menu.get_by_role("link", name="Editing")).to_be_hidden()
            expect(menu.locator("summary")).to_be_focused()
            page.keyboard.press("Enter")
            page.locator("h1").click()
            expect(menu.get_by_role("link", name="Editing")).to_be_hidden()
            menu.locator("summary").click()
        menu.get_by_role("button", name="Sign out").click()
        expect(page.locator("header").get_by_role("link", name="Sign in")).to_be_visible()


def test_english_in_the_arabic_panel_is_read_from_the_left_and_the_list_begins_at_the_right(
    open_page: Open,
) -> None:
    page = open_page("/sign-in", width=390, locale="ar")
    page.locator("[autocomplete=username]").fill("administrator")
    page.locator("[autocomplete=current-password]").fill("demo-administrator-password")
    page.locator("main button").click()
    page.wait_for_url("**/account")
    page.goto("/admin/")
    first, heading = page.locator(".list-group-item").first.bounding_box(), page.locator("h1")
    box = heading.bounding_box()
    assert first is not None
    assert box is not None
    assert first["x"] + first["width"] == pytest.approx(box["x"] + box["width"], abs=1)
    page.goto("/admin/questions/edit/?id=1")
    bidi = page.locator("textarea").first.evaluate("e => getComputedStyle(e).unicodeBidi")
    assert bidi == "plaintext"
    assert fits(page)
