"""What holds on every page: axe-core finds nothing, the keyboard suffices, nothing is too wide.

axe-core comes from npm, is run through the debugger's door, and so needs no hole in any policy.
Sources: https://www.w3.org/TR/WCAG22/ and https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Axe, Open

PUBLIC = (
    "/", "/?q=token", "/?q=zzzqqq", "/?difficulty=bogus", "/questions/53", "/questions/65", "/questions/71",
    "/questions/99", "/techniques", "/problems", "/reference", "/reference/listQuestions",
    "/reference/createQuestion", "/nothing-here", "/questions/1", "/sign-in", "/register",
    "/recover", "/confirm", "/outbox", "/restx/", "/practice",
)  # fmt: skip
ACCOUNT = (
    "/account", "/editing", "/account/password", "/account/two-factor", "/account/recovery-codes", "/verify",
    "/questions/71", "/account/address", "/import", "/export", "/jobs", "/drafts", "/questions/new",
    "/questions/71/edit", "/questions/71/revisions", "/questions/71/deletion",
)  # fmt: skip
PANEL = (
    "/admin/", "/admin/questions/", "/admin/questions/?search=token", "/admin/questions/new/",
    "/admin/questions/edit/?id=1", "/admin/questions/details/?id=1",
    "/admin/topics/", "/admin/topics/edit/?id=1", "/admin/users/", "/admin/users/edit/?id=1",
    "/admin/users/details/?id=1", "/admin/sign-ins/", "/admin/jobs/", "/admin/drafts/", "/admin/grants/",
    "/admin/attachments/",
)  # fmt: skip
#: The addresses above that are refused on purpose, which the browser notes in its console.
REFUSED = {"/?difficulty=bogus", "/nothing-here", "/questions/1"}
#: Flask-Admin puts the focus into the first field of a filter, which is not where a walk begins.
FILTERED = "/admin/questions/?flt0_topic_equals=admin"
PAGES = [(path, False) for path in PUBLIC] + [(path, True) for path in (*ACCOUNT, *PANEL)]


@pytest.fixture(scope="session")
def administrator(browser: Browser, server: str) -> Iterator[Any]:
    """The cookies of a browser in which an administrator is signed in."""
    context = browser.new_context(base_url=server)
    page = context.new_page()
    page.goto("/sign-in")
    page.locator("[autocomplete=username]").fill("administrator")
    page.locator("[autocomplete=current-password]").fill("demo-administrator-password")
    page.locator("main button").click()
    page.wait_for_url("**/account")
    yield context.storage_state()
    context.close()


@pytest.fixture
def page(open_page: Open, path: str, known: bool, administrator: Any) -> Page:
    """The page of the test, ready."""
    expected = "Failed to load resource" if path in REFUSED else ""
    options = {"storage_state": administrator} if known else {}
    opened = open_page(path, expect=expected, **options)
    opened.wait_for_load_state("networkidle")
    return opened


@pytest.mark.parametrize(("path", "known"), [*PAGES, (FILTERED, True)])
def test_a_page_fits_every_screen_and_axe_finds_nothing(
    page: Page, path: str, known: bool, axe: Axe
) -> None:
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    for width in (1440, 768, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []


#: What the Tab key is to lead to: visible, not disabled, one of each group of radio buttons.
STOPS = """() => {
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
  window.stops = all.filter((e) => e.tabIndex >= 0 && !e.disabled && e.type !== "hidden"
    && e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length
    && !(e.type === "radio" && !e.checked && all.some((other) => other.name === e.name && other.checked)));
  return window.stops.length;
}"""
#: Where the focus is: the place in `stops`, and what is wrong with how it is shown.
FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  const shown = e.closest(".select2-container") ?? e;
  const marked = [e, shown, shown.firstElementChild ?? e].some((each) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(each);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
  });
  const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const faults = [marked ? "" : "no mark", seen ? "" : "out of sight"].filter(Boolean);
  return { place: window.stops.indexOf(e), faults, html: e.outerHTML.slice(0, 160) };
}"""


@pytest.mark.parametrize(("path", "known"), PAGES)
def test_tab_leads_through_everything_in_order_and_out_again(
    page: Page, path: str, known: bool
) -> None:
    stops: int = page.evaluate(STOPS)
    places: list[int] = []
    for _ in range(stops + 2):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus is None:
            break
        assert focus["faults"] == [], focus["html"]
        places.append(focus["place"])
        if len(places) == 1 and path != "/restx/":
            assert 'href="#main"' in focus["html"]
    else:
        pytest.fail("the focus never leaves the page")
    assert places == list(range(stops))
