"""The site in another language, in a real browser: mirrored, chosen by keyboard, kept."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open


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
