"""Practice in a browser: by the keyboard alone, across a reload, and while the API fails."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import pytest
from itsdangerous import TimestampSigner
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Axe, Open
from tests.conftest import Settings
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
REFUSED = "Failed to load resource"


def part(page: Page, name: str) -> Locator:
    """Return a part of the page by its name."""
    return page.locator(f"[data-part='{name}']")


def begin(page: Page, size: int = 3, storage: str = "cookie") -> None:
    """Draw a round by the form."""
    page.get_by_label("Cards, at most 50").fill(str(size))
    page.locator(f"input[value={storage}]").check()
    page.get_by_role("button", name="Draw the cards").click()
    expect(part(page, "card")).to_be_focused()


def round_of(page: Page) -> Any:
    """Ask the API for the round, as the page would."""
    return page.evaluate("fetch('/api/v1/practice/round').then((answer) => answer.json())")


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the keyboard is there."""
    for _ in range(60):
        if target.evaluate("e => e === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab never got there")


def test_a_round_is_played_by_the_keyboard_alone(open_page: Open, address: str) -> None:
    page = open_page("/practice", at=address)
    keys = page.keyboard
    size = page.get_by_label("Cards, at most 50")
    expect(size).to_be_visible()
    tab_to(page, size)
    keys.type("3")
    keys.press("Enter")

    card = part(page, "card")
    expect(card).to_be_focused()
    expect(part(page, "place")).to_have_text("Card 1 of 3")
    expect(part(page, "prose")).not_to_be_visible()
    keys.press("1")  # too early
    expect(part(page, "said")).to_contain_text("Reveal the answer")
    keys.press("Space")
    expect(part(page, "prose").locator("p").first).to_be_visible()
    expect(card).to_be_focused()
    keys.press("3")
    expect(page.get_by_role("button", name="wrong")).to_have_attribute("aria-pressed", "true")
    expect(part(page, "said")).to_have_text("Graded: wrong. 1 of 3 graded.")
    assert page.locator("progress").evaluate("e => [e.value, e.max]") == [1, 3]
    first = part(page, "number").inner_text()

    keys.press("Enter")  # graded: goes on
    expect(part(page, "place")).to_have_text("Card 2 of 3")
    keys.press("ArrowLeft")
    expect(part(page, "number")).to_have_text(first)
    keys.press("ArrowRight")
    expect(part(page, "place")).to_have_text("Card 2 of 3")
    for grade in ("1", "2"):  # pressed faster than answers come: each one counts, in order
        keys.press("Enter")
        keys.press(grade)
        keys.press("Enter")

    score = part(page, "score")
    expect(score).to_be_focused()
    expect(part(page, "percent")).to_have_text("Score: 50 %")
    expect(part(page, "counts")).to_have_text("Right: 1. Partly: 1. Wrong: 1. Not graded: 0.")
    missed = part(page, "missed-list").get_by_role("link")
    expect(missed).to_have_count(2)
    wrong = re.sub(r"\D", "", first)
    assert missed.first.get_attribute("href") == f"/questions/{wrong}"

    tab_to(page, page.get_by_role("button", name="Once more with these"))
    keys.press("Enter")
    expect(part(page, "place")).to_have_text("Card 1 of 2")
    assert wrong in {str(each["number"]) for each in round_of(page)["cards"]}
    keys.press("Escape")
    expect(part(page, "percent")).to_have_text("Nothing is graded yet")
    tab_to(page, page.get_by_role("button", name="End this round"))
    keys.press("Enter")
    expect(page.get_by_label("Topic")).to_be_focused()
    page.reload()
    expect(page.get_by_role("button", name="Draw the cards")).to_be_visible()


def test_the_answer_is_that_of_the_questions_page_and_its_code_is_coloured(
    open_page: Open, address: str
) -> None:
    page = open_page("/practice", at=address)
    begin(page, 1)
    page.keyboard.press("Space")
    shown = part(page, "prose")
    expect(shown.locator("pre.code .k, pre.code .kn").first).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator("[aria-pressed=true][data-grade]")).to_have_count(1)
    text = shown.inner_text()
    page.get_by_role("link", name="The question's page").click()
    assert page.locator("#answer").inner_text() == text


def test_a_single_key_does_nothing_outside_the_card_and_what_is_in_it_keeps_its_own(
    open_page: Open, address: str
) -> None:
    page = open_page("/practice", at=address)
    begin(page)
    page.get_by_role("link", name="sessions (question 59)").focus()
    for key in ("Space", "1", "ArrowRight", "Escape"):
        page.keyboard.press(key)
    expect(part(page, "place")).to_have_text("Card 1 of 3")
    assert {each["state"] for each in round_of(page)["cards"]} == {"hidden"}
    # Space on a button is that button's; and nothing holds the focus: Tab leaves the card.
    tab_to(page, page.get_by_role("button", name="Next"))
    page.keyboard.press("Space")
    expect(part(page, "place")).to_have_text("Card 2 of 3")
    assert {each["state"] for each in round_of(page)["cards"]} == {"hidden"}
    tab_to(page, page.get_by_role("link", name="sessions (question 59)"))
    part(page, "card").focus()
    page.keyboard.press("Control+1")
    page.keyboard.press("Space")
    expect(part(page, "answer")).to_be_visible()
    expect(page.locator("[aria-pressed=true][data-grade]")).to_have_count(0)


@pytest.mark.parametrize("storage", ["cookie", "server"])
def test_a_round_survives_a_reload_where_it_stands(
    open_page: Open, address: str, storage: str
) -> None:
    page = open_page("/practice", at=address)
    begin(page, storage=storage)
    page.keyboard.press("Space")
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")
    expect(part(page, "place")).to_have_text("Card 2 of 3")
    page.keyboard.press("Space")
    expect(part(page, "prose").locator("p").first).to_be_visible()
    before = [part(page, name).inner_text() for name in ("place", "number", "graded", "prompt")]
    for path in (page.url, "/practice", page.url):
        if path == page.url:
            page.reload()
        else:
            page.goto(path)
        expect(part(page, "prose").locator("p").first).to_be_visible()
        after = [part(page, name).inner_text() for name in ("place", "number", "graded", "prompt")]
        assert after == before
        expect(part(page, "card")).to_be_focused()
    assert round_of(page)["storage"] == storage


def test_a_failing_api_is_told_in_place_and_what_failed_is_done_again(
    open_page: Open, address: str
) -> None:
    page = open_page("/practice", at=address, expect=REFUSED)
    begin(page)
    page.keyboard.press("Space")
    expect(part(page, "prose").locator("p").first).to_be_visible()
    trouble, prompt = part(page, "trouble"), part(page, "prompt").inner_text()

    def down(route: Route) -> None:
        route.fulfill(
            status=503,
            headers={"Retry-After": "7"},
            json={"title": "Service unavailable", "detail": "The store is not answering."},
        )

    def broken(route: Route) -> None:
        route.fulfill(status=500, content_type="text/html", body="<h1>Oops</h1>")

    for fail, words in (
        (down, "Service unavailable The store is not answering. Try again in 7 seconds."),
        (broken, "500 The server answered 500"),
    ):
        page.route("**/grade", fail)
        part(page, "card").focus()
        page.keyboard.press("3")
        expect(trouble).to_contain_text(words)
        expect(page.get_by_role("button", name="Try again")).to_be_focused()
        expect(part(page, "prompt")).to_have_text(prompt)
        expect(part(page, "prose")).to_be_visible()
        page.unroute("**/grade")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(trouble).to_contain_text("No answer came")
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    expect(trouble).not_to_be_visible()
    expect(page.get_by_role("button", name="wrong")).to_have_attribute("aria-pressed", "true")
    assert round_of(page)["cards"][0]["grade"] == "wrong"


def test_an_answer_whose_page_does_not_come_is_shown_as_text(open_page: Open, address: str) -> None:
    page = open_page("/practice", at=address, expect=REFUSED)
    page.route("**/questions/*", lambda route: route.abort())
    begin(page, 1)
    page.keyboard.press("Space")
    expect(part(page, "prose")).to_contain_text("this is the answer's text")
    expect(part(page, "prose").locator("pre")).to_contain_text("```")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(part(page, "percent")).to_have_text("Score: 100 %")


def forge(page: Page) -> None:
    """Change the cookie of the round, as nobody may."""
    (cookie,) = [each for each in page.context.cookies() if each.get("name") == "practice_round"]
    page.context.add_cookies(
        [
            {
                "name": "practice_round",
                "value": "A" + cookie.get("value", ""),
                "domain": cookie.get("domain", ""),
                "path": cookie.get("path", ""),
            }
        ]
    )


@contextmanager
def long_ago() -> Iterator[None]:
    """Have cookies signed as if it were a year ago."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 31_536_000)
        yield


@pytest.mark.parametrize(
    ("storage", "title"),
    [
        ("cookie", "Session cookie not genuine"),
        ("server", "No practice round"),
        ("cookie", "Session expired"),
    ],
)
def test_a_round_that_is_lost_is_told_and_another_can_be_begun(
    settings: Settings, open_page: Open, address: str, storage: str, title: str
) -> None:
    page = open_page("/practice", at=address, expect=REFUSED)
    with long_ago() if title == "Session expired" else nullcontext():
        begin(page, storage=storage)
        expect(part(page, "place")).to_have_text("Card 1 of 3")
    if title == "Session cookie not genuine":
        forge(page)
    elif title == "No practice round":
        for path in Path(settings["SESSION_FOLDER"]).iterdir():
            path.unlink()
    page.keyboard.press("Space")
    expect(part(page, "trouble")).to_contain_text(title)
    expect(page.get_by_role("button", name="Try again")).not_to_be_visible()
    expect(page.get_by_role("button", name="Start a new round").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(part(page, "trouble")).not_to_be_visible()
    begin(page, 1)
    expect(part(page, "place")).to_have_text("Card 1 of 1")


def test_what_cannot_be_drawn_is_told_beside_the_form(open_page: Open, address: str) -> None:
    page = open_page("/practice", at=address, expect=REFUSED)
    page.get_by_label("Topic").select_option("sessions")
    page.get_by_label("Cards, at most 50").fill("50")
    page.get_by_role("button", name="Draw the cards").click()
    expect(part(page, "trouble")).to_contain_text("#/size Only")
    page.get_by_label("Cards, at most 50").fill("2")
    page.get_by_role("button", name="Draw the cards").click()
    expect(part(page, "place")).to_have_text("Card 1 of 2")
    expect(part(page, "trouble")).not_to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_each_view_fits_and_can_be_read_in_both_themes(
    open_page: Open, address: str, width: int, axe: Axe
) -> None:
    page = open_page("/practice", at=address, width=width)

    def judge(view: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert axe(page) == [], (view, scheme)

    expect(page.get_by_role("button", name="Draw the cards")).to_be_visible()
    judge("form")
    begin(page, 2)
    judge("card")
    page.keyboard.press("Space")
    page.keyboard.press("3")
    expect(page.locator("[aria-pressed=true][data-grade]")).to_have_count(1)
    judge("answer")
    page.keyboard.press("Escape")
    expect(part(page, "missed-list").get_by_role("link")).to_have_count(1)
    judge("score")


def test_without_javascript_the_page_says_how_else(open_page: Open, address: str) -> None:
    page = open_page("/practice", at=address, java_script_enabled=False)
    expect(page.locator("noscript p")).to_be_visible()  # text in it, Playwright does not look for
    expect(page.locator("pre")).to_contain_text(f"{address}/api/v1/practice/round")
    expect(page.locator("#practice")).not_to_be_visible()


def test_practice_stays_under_the_prefix_that_it_was_reached_at(
    open_page: Open, address: str
) -> None:
    page = open_page("/mounted/practice", at=address)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    begin(page, 1)
    page.keyboard.press("Space")
    expect(part(page, "prose").locator("p").first).to_be_visible()
    assert asked
    assert all(url.startswith(f"{address}/mounted/") for url in asked)
