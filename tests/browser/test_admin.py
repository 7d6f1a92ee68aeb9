"""The panel and Swagger UI in a browser: their scripts run under their policies, and nothing else does."""

import re

from flask import Flask
from playwright.sync_api import expect

from api.accounts.permissions import Role
from tests.accounts.tools import PASSWORD, make_user
from tests.browser.conftest import Open, SlowLine
from tests.v1.tools import sqlite_only


@sqlite_only
def test_an_administrator_filters_edits_child_rows_and_acts_in_bulk(
    app: Flask, address: str, open_page: Open
) -> None:
    make_user(app, "root", Role.ADMINISTRATOR)
    page = open_page("/admin/questions/", at=address)
    page.get_by_label("Name").fill("root")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button").click()
    expect(page).to_have_url(f"{address}/admin/questions/")

    page.get_by_text("Add filter").click()
    page.locator("a.filter", has_text="Topic").click()
    page.locator("input.filter-val").fill("admin")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("td.col-number")).to_have_text([re.compile("70"), re.compile("95")])

    page.get_by_title("Edit Record").first.click()
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("fieldset.fresh input[name$=title]").fill("Added in a browser")
    page.locator("fieldset.fresh input[name$=url]").fill("https://example.org/added")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("fieldset.fresh [data-remove-row]").last.click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("successfully saved")).to_be_visible()

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Select all records").check()
    page.get_by_text("With selected").click()
    page.get_by_role("button", name="Set difficulty: advanced").click()
    expect(page.get_by_text("2 set to advanced.")).to_be_visible()
    page.get_by_title("Delete Record").first.click()
    expect(page.get_by_text("successfully deleted")).to_be_visible()

    client = app.test_client()
    assert client.get("/api/v1/questions/70").status_code == 404
    assert client.get("/api/v1/questions/95").json["difficulty"] == "advanced"  # type: ignore[index]  # the contract says that it is an object


@sqlite_only
def test_what_takes_a_script_waits_for_it(app: Flask, address: str, open_page: Open) -> None:
    make_user(app, "root", Role.ADMINISTRATOR)
    page = open_page("/admin/questions/?search=blueprint", at=address)
    page.get_by_label("Name").fill("root")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button").click()
    expect(page.get_by_title("Delete Record").first).to_be_enabled()
    line = SlowLine(page, "**/assets/panel.*.js")
    page.get_by_title("Edit Record").first.click(no_wait_after=True)
    add = page.get_by_role("button", name="Add", exact=True)
    expect(add).to_be_disabled()
    line.let_through()
    add.click()
    expect(page.locator("fieldset.fresh")).to_have_count(1)
    page.goto("/admin/questions/", wait_until="commit")
    menu = page.get_by_role("button", name="Add filter")
    expect(menu).to_be_disabled()
    expect(page.get_by_title("Delete Record").first).to_be_disabled()
    expect(page.get_by_label("Select all records")).to_be_disabled()
    line.let_through()
    menu.click()
    expect(page.locator("a.filter").first).to_be_visible()


@sqlite_only
def test_swagger_ui_tries_an_operation_under_its_policy(
    app: Flask, address: str, open_page: Open
) -> None:
    page = open_page("/restx/", at=address, expect="favicon")
    page.get_by_text("Read one question with its answer").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("number").fill("70")
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    assert set(page.evaluate(HOSTS)) == {address.removeprefix("http://")}


HOSTS = "performance.getEntriesByType('resource').map((entry) => new URL(entry.name).host)"
