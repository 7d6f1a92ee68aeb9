"""The explorer as a reader uses it: search, try, copy, theme, keyboard, without JavaScript."""

import json
import re
import subprocess
import sys
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open, SlowLine

# --- Search ---


def test_the_list_follows_what_is_typed(open_page: Open, server: str) -> None:
    page = open_page("/")
    page.get_by_label("Search prompts and answers").press_sequentially("rate limit")
    with urlopen(f"{server}/api/v2/questions?q=rate%20limit&limit=100", timeout=10) as answer:
        items = json.load(answer)["items"]
    rows = page.locator("#results > li")
    expect(page.locator("#count")).to_have_text(f"{len(items)} questions")
    expect(rows).to_have_count(len(items))
    assert rows.locator(".number").all_inner_texts() == [str(item["number"]) for item in items]
    expect(rows.locator("mark").first).to_be_visible()
    assert page.url == f"{server}/?q=rate+limit"
    page.reload()
    expect(page.locator("#results > li")).to_have_count(len(items))


def test_what_was_typed_before_the_script_ran_is_searched_for(open_page: Open) -> None:
    page = open_page("/techniques")
    line = SlowLine(page, "**/assets/site.*.js")
    page.goto("/", wait_until="commit")
    page.get_by_label("Search prompts and answers").fill("rate limit")
    expect(page.locator("#results > li")).to_have_count(50)
    line.let_through()
    expect(page.locator("#results mark").first).to_be_visible()


def test_filters_narrow_the_list_and_clearing_brings_all_back(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_label("Topic").select_option("security")
    page.get_by_label("Difficulty").select_option("beginner")
    expect(page.locator("#results .tag").first).to_have_text("beginner")
    expect(page.locator("#results .tag.advanced")).to_have_count(0)
    page.get_by_label("Topic").select_option("")
    page.get_by_label("Difficulty").select_option("")
    expect(page.locator("#results > li")).to_have_count(50)
    page.get_by_label("Search prompts and answers").fill("zzzqqq")
    expect(page.locator("#count")).to_contain_text("Nothing found")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"status": 503, "json": {"detail": "The bank is being moved."}},
            "The bank is being moved.",
        ),
        ({"status": 500, "body": "<h1>A proxy's page</h1>"}, "the server answered 500."),
        (None, "no answer came. Is the server still there?"),
    ],
)
def test_a_search_that_fails_says_so_and_recovers(
    open_page: Open, answer: dict[str, Any] | None, told: str
) -> None:
    page = open_page("/", expect="Failed to load resource")

    def fail(route: Route) -> None:
        if answer is None:
            route.abort()
        else:
            route.fulfill(**answer)

    page.route("**/api/v2/questions?*", fail)
    page.get_by_label("Search prompts and answers").fill("rate")
    expect(page.locator("#count")).to_have_text(f"The search failed: {told}")
    expect(page.locator("#results > li")).to_have_count(50)
    page.unroute("**/api/v2/questions?*")
    page.get_by_label("Search prompts and answers").fill("rate limit")
    expect(page.locator("#results mark").first).to_be_visible()
    expect(page.locator("#count.bad")).to_have_count(0)


def test_a_slow_search_says_that_it_is_under_way(open_page: Open) -> None:
    page = open_page("/")
    line = SlowLine(page, "**/api/v2/questions?*")
    page.get_by_label("Search prompts and answers").fill("rate limit")
    expect(page.locator("#count")).to_have_text("Searching…")
    line.let_through()
    expect(page.locator("#count")).to_contain_text("question")


def test_the_slash_key_leads_to_the_search(open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("/")
    page.keyboard.type("a/b")
    expect(page.get_by_label("Search prompts and answers")).to_have_value("a/b")
    expect(page.get_by_label("Search prompts and answers")).to_be_focused()


# --- Try it ---


def test_an_example_runs_with_one_click_and_its_telling_header_is_marked(open_page: Open) -> None:
    page = open_page("/questions/71")
    page.get_by_role("button", name="Run command 1", exact=True).first.click()
    shown = page.locator(".exchange").first
    expect(shown.locator(".status")).to_contain_text("200")
    expect(shown.locator(".line").first).to_have_text("GET /api/v1/questions?q=limit")
    expect(shown.locator("dt.telling")).to_have_text(["ratelimit-policy"])
    expect(shown.locator("dd.telling mark")).to_contain_text("searches")
    expect(shown.locator("pre.body")).to_contain_text('"items"')


def test_a_command_first_runs_what_it_needs(open_page: Open) -> None:
    page = open_page("/questions/53")
    me = page.locator("[data-plan]", has_text="/api/v1/me").first
    me.get_by_role("button", name=re.compile("Run")).click()
    expect(me.locator(".status")).to_contain_text("200")
    expect(me.locator("pre.body")).to_contain_text('"username": "reader"')
    expect(page.locator("[data-plan]").first.locator(".exchange .line").first).to_have_text(
        "POST /api/v1/sign-ins"
    )


def test_one_click_runs_what_comes_before_a_command_and_only_once(open_page: Open) -> None:
    page = open_page("/questions/83", expect="Failed to load resource")
    block = page.locator(".console").first
    items = block.locator("[data-plan]")
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.method) if "/api/" in request.url else None
    )
    run = items.last.get_by_role("button", name=re.compile("^Run command"))
    run.click()
    expect(block.locator(".said-live")).to_contain_text("5 commands were run.")
    assert asked == ["DELETE", "PUT", "GET", "DELETE", "GET"]
    expect(block.locator(".exchange")).to_have_count(5)
    run.click()
    expect(block.locator(".said-live")).to_contain_text("1 command was run.")
    assert asked[5:] == ["GET"]


def test_what_could_not_run_before_a_command_is_told(open_page: Open) -> None:
    page = open_page("/questions/71", expect="Failed to load resource")
    last = page.locator(".console").last.locator("[data-plan]").last
    last.get_by_role("button", name=re.compile("^Run command")).click()
    expect(last).to_contain_text("Left out before it, as only a shell can run them: 4 and 5.")
    expect(last.locator(".status")).to_contain_text("204")
    page.route("**/api/v1/sign-ins", lambda route: route.abort())
    page.reload()
    last.get_by_role("button", name=re.compile("^Run command")).click()
    expect(last.locator(".note.error")).to_have_text(
        re.compile(r"^Command \d+, which it comes after, could not be run\.$")
    )
    expect(page.locator(".console").last.locator(".note.error").first).to_contain_text("no answer")


def test_commands_with_a_cookie_jar_say_that_they_go_with_the_browsers_cookies(
    open_page: Open,
) -> None:
    page = open_page("/questions/69", expect="Failed to load resource")
    first, second = page.locator(".console").first, page.locator(".console").nth(1)
    told = "with this browser's own cookies instead of the file's"
    expect(first.locator(":scope > .why")).to_contain_text(told)
    first.get_by_role("button", name="Run all in order").click()
    expect(first.locator(".said-live")).to_contain_text("commands were run")
    expect(first.locator(".result > pre.body").first).to_have_text("editor")
    expect(first.locator(".exchange .status").last).to_contain_text("401")
    expect(second.get_by_role("button", name=re.compile("^Run command")).first).to_be_visible()
    page.goto("/questions/83")
    expect(page.locator(".console > .why")).to_have_count(0)


def test_no_command_acts_as_whoever_is_signed_in(open_page: Open) -> None:
    page = open_page("/sign-in")
    page.get_by_label("Username or e-mail address").fill("editor")
    page.get_by_label("Password").fill("demo-editor-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("header summary", has_text="editor")).to_be_visible()
    page.goto("/questions/69")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    block = page.locator(".console").first
    block.get_by_role("button", name="Run all in order").click()
    expect(block.locator(".note.error").first).to_contain_text("Sign out first.")
    assert not [address for address in asked if not address.endswith(("/identity", ".svg"))]


def test_a_command_that_waits_for_a_job_says_how_often_it_asked(open_page: Open) -> None:
    page = open_page("/questions/80")
    answers = iter([None, None, "2026-11-23T00:00:00Z"])

    def job(route: Route) -> None:
        body = {"finished_at": next(answers), "state": "running"}
        route.fulfill(status=200, json=body)

    page.route("**/api/v1/jobs/*", job)
    wait = page.locator("[data-plan]", has_text="while curl").first
    wait.get_by_role("button", name=re.compile("^Run command")).click()
    expect(wait.locator(".exchange")).to_have_count(1)
    expect(wait.locator(".exchange .line").last).to_contain_text("asked 3 times")


def test_all_commands_of_a_block_run_in_order(open_page: Open) -> None:
    page = open_page("/questions/83", expect="Failed to load resource")
    block = page.locator(".console").first
    block.get_by_role("button", name="Run all in order").click()
    expect(block.locator(".said-live")).to_contain_text("commands were run")
    statuses = block.locator(".exchange .status").all_inner_texts()
    assert [status[:3] for status in statuses[-4:]] == ["201", "200", "204", "404"]


def test_a_refusal_is_shown_like_any_answer(open_page: Open) -> None:
    page = open_page("/questions/94", expect="Failed to load resource")
    block = page.locator("[data-plan]", has_text="sort=password_hash").first
    block.get_by_role("button", name=re.compile("Run")).click()
    expect(block.locator(".status")).to_contain_text("422")
    expect(block.locator("pre.body")).to_contain_text("colour")


def test_an_example_that_gets_no_answer_says_so_and_runs_again(open_page: Open) -> None:
    page = open_page("/questions/71", expect="Failed to load resource")
    run = page.get_by_role("button", name="Run command 1", exact=True).first
    block = page.locator("[data-plan]").first
    page.route("**/api/v1/**", lambda route: route.abort())
    run.click()
    expect(block.locator(".note.error")).to_contain_text("no answer came")
    page.unroute("**/api/v1/**")
    page.route("**/api/v1/**", lambda route: route.fulfill(status=500, body="A proxy's page"))
    run.click()
    expect(block.locator(".status")).to_contain_text("500")
    expect(block.locator(".note.error")).to_have_count(0)
    page.unroute("**/api/v1/**")
    line = SlowLine(page, "**/api/v1/**")
    run.click()
    expect(block.locator(".result")).to_contain_text("Waiting for the answer…")
    line.let_through()
    expect(block.locator(".status")).to_contain_text("200")
    expect(block.locator(".result")).not_to_contain_text("Waiting")


def test_what_only_a_shell_can_do_says_so(open_page: Open) -> None:
    page = open_page("/questions/62")
    first = page.locator("[data-plan]").first
    expect(first.locator(".why")).to_contain_text("no page set the header Origin")
    expect(first.get_by_role("button", name=re.compile("^Run"))).to_have_count(0)
    expect(first.get_by_role("button", name="Copy as curl")).to_be_visible()


def copied(page: Page, number: int, name: str) -> str:
    """Return what a button of a command copies."""
    button = page.locator("[data-plan]").nth(number).get_by_role("button", name=name)
    button.click()
    expect(page.locator("[data-plan]").nth(number)).to_contain_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_what_is_copied_runs(open_page: Open) -> None:
    page = open_page("/questions/53", permissions=["clipboard-read", "clipboard-write"])
    commands = page.locator("[data-command]").evaluate_all("all => all.map(e => e.dataset.command)")
    number = next(i for i, text in enumerate(commands) if "/api/v1/me" in text)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.evaluate(f"async () => {{ {copied(page, number, 'Copy as fetch')} }}")
    assert any(text.startswith("200 ") and '"username":"reader"' in text for text in said)
    script = copied(page, number, "Copy as Python")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("200 ")
    assert '"username":"reader"' in done.stdout
    shell = subprocess.run(
        ["bash", "-c", copied(page, number, "Copy as curl")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shell.stdout.strip() == '{"username":"reader","roles":["reader"]}'


# --- Looks ---


def test_a_chosen_theme_stays_and_the_systems_counts_otherwise(open_page: Open) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = open_page("/", color_scheme="light")
    dark = open_page("/", color_scheme="dark")
    colours = light.evaluate(background), dark.evaluate(background)
    assert colours[0] != colours[1]
    with light.expect_navigation():
        light.get_by_role("button", name="dark", exact=True).click()
    assert light.evaluate(background) == colours[1]
    light.goto("/questions/71")
    assert light.evaluate(background) == colours[1]
    with light.expect_navigation():
        light.get_by_role("button", name="system", exact=True).click()
    assert light.url.endswith("/questions/71")
    assert light.evaluate(background) == colours[0]


def test_the_keyboard_alone_suffices(open_page: Open) -> None:
    page = open_page("/questions/71")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    run = page.get_by_role("button", name="Run command 1", exact=True).first
    for _ in range(200):
        page.keyboard.press("Tab")
        if run.evaluate("e => e === document.activeElement"):
            break
    assert run.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(".exchange .status").first).to_contain_text("200")


# --- Times, and no JavaScript ---


def test_a_time_is_relative_and_in_the_readers_zone(open_page: Open) -> None:
    here, there = (
        open_page("/questions/65", timezone_id=zone).locator(".side time")
        for zone in ("Pacific/Auckland", "America/Los_Angeles")
    )
    expect(here).to_have_text(re.compile(r"ago$"))
    assert here.get_attribute("datetime") == there.get_attribute("datetime")
    assert here.get_attribute("title") != there.get_attribute("title")


def test_reading_and_searching_work_without_javascript(open_page: Open) -> None:
    page = open_page("/", java_script_enabled=False)
    page.get_by_label("Search prompts and answers").fill("rate limit")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#results mark").first).to_be_visible()
    page.locator("#results a").first.click()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".side time")).to_have_text(
        re.compile(r"^\w+ \d+, \d{4}, \d+:\d\d:\d\d\s[AP]M UTC$")
    )
    expect(page.locator(".console button")).to_have_count(0)
    expect(page.locator("pre.lines").first).to_be_visible()
    page.get_by_role("button", name="dark", exact=True).click()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_policy_refuses_what_was_smuggled_in(open_page: Open) -> None:
    page = open_page("/", expect="Content Security Policy")
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = true';"
        " document.body.append(s); document.body.setAttribute('style', 'color: red'); }"
    )
    assert page.evaluate("window.ran") is None
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"


def test_the_explorer_stays_under_the_prefix_that_it_was_reached_at(
    open_page: Open, server: str
) -> None:
    page = open_page("/mounted/")
    page.get_by_label("Search prompts and answers").fill("rate limit")
    expect(page.locator("#results mark").first).to_be_visible()
    assert page.url == f"{server}/mounted/?q=rate+limit"
    page.locator("#results a").first.click()
    assert page.url.startswith(f"{server}/mounted/questions/")
    page.goto("/mounted/questions/71")
    page.get_by_role("button", name="Run command 1", exact=True).first.click()
    expect(page.locator(".exchange .body")).to_contain_text(f"{server}/mounted/api/v1/questions/71")


def test_the_account_tells_when_each_device_signed_in(open_page: Open) -> None:
    page = open_page("/sign-in")
    page.get_by_label("Username or e-mail address").fill("editor")
    page.get_by_label("Password").fill("demo-editor-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("header summary", has_text="editor")).to_be_visible()
    page.goto("/account")
    expect(page.locator(".devices time").first).to_have_text(re.compile("ago$"))


def test_the_first_page_weighs_less_than_sixty_kilobytes(open_page: Open) -> None:
    page = open_page("/techniques")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert len(sizes) >= 3  # the document, the style sheet, the script
    assert sum(sizes) < 60_000


def test_a_running_example_of_every_question_is_two_clicks_from_the_front_page(
    open_page: Open,
) -> None:
    page = open_page("/", expect="Failed to load resource")  # refusals are examples too
    numbers = page.locator("#results .number").all_inner_texts()
    assert len(numbers) == 50
    for number in numbers:
        page.locator("#results a").nth(numbers.index(number)).click()
        page.wait_for_url(f"**/questions/{number}")
        page.wait_for_load_state()  # the buttons are the script's
        page.get_by_role("button", name=re.compile(r"^Run command \d+$")).first.click()
        # The first one of 98 comes after a wait for a moment of the clock.
        expect(page.locator(".exchange .status").first).to_have_text(
            re.compile(r"^[234]\d\d "), timeout=15_000
        )
        page.goto("/")
