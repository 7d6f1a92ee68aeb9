"""A session that ends while its reader is on the site: told, and gone on from after a new sign-in (69)."""

from flask import Flask
from playwright.sync_api import expect

from api.accounts import tokens, users
from tests.accounts.tools import PASSWORD, make_user
from tests.browser.conftest import Open
from tests.v1.tools import sqlite_only


@sqlite_only
def test_who_was_signed_out_elsewhere_is_told_and_comes_back_to_the_page(
    app: Flask, address: str, open_page: Open
) -> None:
    make_user(app)
    page = open_page("/sign-in", at=address)

    def sign_in() -> None:
        page.locator("[autocomplete=username]").fill("ada")
        page.locator("[autocomplete=current-password]").fill(PASSWORD)
        page.locator("main button").click()

    sign_in()
    page.wait_for_url("**/account")
    with app.app_context():
        tokens.revoke_all(users.get("ada"))
    page.get_by_role("link", name="Change the password").click()
    expect(page.get_by_role("status")).to_contain_text("Your session has ended")
    sign_in()
    expect(page).to_have_url(f"{address}/account/password")
    expect(page.get_by_role("status")).not_to_be_visible()
