"""Every example of the bank, run from its page in Chromium: it answers as the bank prints it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from api.bank.examples import Command, console_blocks
from tests.browser.conftest import Open
from tests.conftest import folders
from tests.examples.runner import match
from tests.examples.server import serving_all
from tests.examples.test_console_blocks import USES_UP

FILES = sorted(Path("api/bank/questions").glob("*.md"))

#: What is told of each command of a block: whether it could run, and what its place on the page shows.
SHOWN = """box => [...box.querySelectorAll("[data-plan]")].map(item => ({
  runs: JSON.parse(item.dataset.plan).runs,
  tells: JSON.parse(item.dataset.plan).actions.flatMap(action => action.tells),
  faults: [...item.querySelectorAll(".note.error")].map(note => note.textContent),
  printed: [...item.querySelectorAll(":scope > .result > pre.body")].map(text => text.textContent),
  exchanges: [...item.querySelectorAll(".exchange")].map(exchange => ({
    status: exchange.querySelector(".status").textContent.slice(0, 3),
    redirected: exchange.textContent.includes("after a redirect to"),
    headers: [...exchange.querySelectorAll("dt")].map(name => name.textContent),
    marked: [...exchange.querySelectorAll("dt.telling")].map(name => name.textContent),
  })),
}))"""


@pytest.fixture(scope="module")
def whole_server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with its worker, which takes a caller's address from a proxy: each block has its own."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(sqlite_template, folder / "bank.sqlite3")
    with serving_all(
        DATABASE_URL=f"sqlite:///{folder / 'bank.sqlite3'}",
        TRUSTED_PROXIES="1",
        BCRYPT_LOG_ROUNDS="4",
        **folders(folder),
    ) as address:
        yield address


def printed_statuses(command: Command) -> list[str]:
    """Return the statuses that a command prints, as far as it says that they are some."""
    if "%{http_code}" in command.text:
        return [
            s
            for line in command.output
            for s in re.findall(r"(?<![\w.-])[1-5]\d\d(?![\w.-])", line)
        ]
    if "[.status" in command.text:
        return [found[1] for line in command.output if (found := re.match(r"\[(\d{3}),", line))]
    return [
        found[1] for line in command.output if (found := re.match(r"HTTP/[\d.]+ (\d{3})", line))
    ]


def faults_of(command: Command, shown: dict[str, Any]) -> list[str]:
    """Compare what a page shows of a command with what the bank prints."""
    found: list[str] = [*shown["faults"]]
    if not shown["runs"]:
        return found
    rest = iter(shown["exchanges"])
    for status in printed_statuses(command):
        # A browser follows redirects, and says so.
        follows = status in {"301", "302", "303", "307", "308"}
        if not any(each["redirected"] if follows else each["status"] == status for each in rest):
            got = [each["status"] for each in shown["exchanges"]]
            found.append(f"{status} is printed, the page got {got}")
    came = {name for each in shown["exchanges"] for name in each["headers"]}
    marked = {name for each in shown["exchanges"] for name in each["marked"]}
    if shown["tells"] and marked != came & set(shown["tells"]):
        found.append(f"{shown['tells']} tell, {marked} are marked")
    lines = tuple("\n".join(shown["printed"]).split("\n"))
    if shown["printed"] and match(command.output, lines) is None:
        found.append(f"shows {lines}")
    return found


#: What the buttons copy, of each command of a page that has some.
COPIED = """() => [...document.querySelectorAll(".console")].flatMap(box => {
  const plans = [...box.querySelectorAll("[data-plan]")].map(item => JSON.parse(item.dataset.plan));
  return plans.flatMap((plan, index) => {
    const chosen = steps.chain(plans, index).map(place => plans[place]);
    const root = location.origin;
    return plan.runs ? [[code.javascript(chosen, root), code.python(chosen, root)]] : [];
  });
})"""


def run_block(page: Page, place: int) -> list[dict[str, Any]]:
    """Run a block by its one button, or by its one command's; return what is shown of each command."""
    block = page.locator(".console").nth(place)
    every = block.get_by_role("button", name="Run all in order")
    button = (
        every if every.count() else block.get_by_role("button", name=re.compile("^Run command"))
    )
    if not button.count():
        return []
    button.click()
    page.wait_for_function(
        "box => box.querySelector('.said-live').textContent && !box.hasAttribute('aria-busy')",
        arg=block.element_handle(),
        timeout=60_000,
    )
    shown: list[dict[str, Any]] = block.evaluate(SHOWN)
    return shown


def test_every_example_answers_on_its_page_as_the_bank_prints_it(
    open_page: Open, whole_server: str
) -> None:
    page = open_page("/", at=whole_server, expect="Failed to load resource")  # refusals, too
    blocks = [
        (path.name[:3], place, block.commands)
        for path in FILES
        for place, block in enumerate(console_blocks(path.read_text(encoding="utf-8")))
    ]
    # What uses a user's quota up leaves nothing to others.
    blocks.sort(key=lambda each: any(USES_UP.search(command.text) for command in each[2]))
    wrong = []
    for number, (question, place, commands) in enumerate(blocks):
        page.set_extra_http_headers({"X-Forwarded-For": f"127.97.{number // 250}.{number % 250}"})
        page.context.clear_cookies()
        if page.url != f"{whole_server}/questions/{int(question)}":
            page.goto(f"/questions/{int(question)}")
        for command, shown in zip(commands, run_block(page, place), strict=False):
            wrong += [
                f"{question}: $ {command.text}\n{fault}" for fault in faults_of(command, shown)
            ]
    assert not wrong, "\n\n".join(wrong)


def test_what_is_copied_of_every_command_can_be_read_as_the_language_that_it_is_in(
    open_page: Open, server: str
) -> None:
    page = open_page("/", at=server)
    debugger = page.context.new_cdp_session(page)
    debugger.send("Runtime.enable")
    count = 0
    for path in FILES:
        page.goto(f"/questions/{int(path.name[:3])}")
        for script, program in page.evaluate(COPIED):
            compile(program, path.name, "exec")
            read = {"expression": f"async () => {{\n{script}\n}}", "sourceURL": path.name}
            found = debugger.send("Runtime.compileScript", {**read, "persistScript": False})
            assert "exceptionDetails" not in found, script
            count += 1
    assert count > 400
