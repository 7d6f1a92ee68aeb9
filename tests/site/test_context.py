"""The context processor: what pages have that no view passed, and the theme that a reader chooses."""

import ast
import inspect
import re

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from api.site import pages
from api.site.context import MENU
from tests.conftest import MakeApp
from tests.site.test_pages import BROWSER, addresses
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only


def test_every_page_has_what_no_view_passed(client: FlaskClient) -> None:
    client.set_cookie("bank_preferences", "theme=dark")
    for address in [*addresses()[:4], "/techniques", "/reference", "/sign-in", "/nowhere"]:
        response = client.get(address, headers=BROWSER)
        text = response.get_data(as_text=True)
        assert '<html lang="en" dir="ltr" data-theme="dark">' in text, address
        for _, name in MENU:
            assert f">{name}</a>" in text, address
        assert "Cookie" in response.vary
        assert re.search("private|no-store", response.headers["Cache-Control"])
    passed = {
        keyword.arg
        for node in ast.walk(ast.parse(inspect.getsource(pages)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "render_template"
        for keyword in node.keywords
    }
    assert not passed & {"preferences", "menu", "site_name", "themes"}


def test_a_template_outside_a_request_has_the_defaults(app: Flask) -> None:
    with app.app_context():
        assert render_template_string("{{ site_name }} {{ preferences.theme }}") == (
            "Flask question bank system"
        )


def test_what_a_cookie_says_is_never_markup(client: FlaskClient) -> None:
    client.set_cookie("bank_preferences", 'theme="><script>alert(1)</script>')
    response = client.get("/", headers=BROWSER)
    assert 'data-theme="system"' in response.get_data(as_text=True)
    assert "alert(1)" not in response.get_data(as_text=True)


@pytest.mark.parametrize("prefix", ["", "/mounted"])
def test_a_theme_is_chosen_by_form_and_leads_back(client: FlaskClient, prefix: str) -> None:
    back = f"{prefix}/questions/71"
    response = client.post(f"{prefix}/preferences", data={"theme": "dark", "next": back})
    assert (response.status_code, response.headers["Location"]) == (303, back)
    shown = client.get(back, headers=BROWSER).get_data(as_text=True)
    assert 'data-theme="dark"' in shown
    assert 'value="dark" aria-pressed="true"' in shown


def test_choosing_a_theme_keeps_the_other_choices(client: FlaskClient) -> None:
    client.patch("/api/v1/preferences", json={"language": "de", "page_size": 50})
    client.post("/preferences", data={"theme": "light"})
    told = client.get("/api/v1/preferences").json
    assert told is not None
    assert (told["language"], told["theme"], told["page_size"]) == ("de", "light", 50)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_form_leads_nowhere_else(client: FlaskClient, target: str) -> None:
    response = client.post("/preferences", data={"theme": "dark", "next": target})
    assert response.headers["Location"] == "/"


def test_what_the_form_refuses(client: FlaskClient, make_app: MakeApp) -> None:
    assert client.post("/preferences", data={"theme": "loud"}).status_code == 400
    assert client.post("/preferences", data={"theme": "dark\0"}).status_code == 400
    assert client.post("/preferences").status_code == 400
    assert client.post("/preferences", json={"theme": "dark"}).status_code == 415
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    response = client.post("/preferences", data={"theme": "dark"}, headers=elsewhere)
    assert response.status_code == 403
    assert "Set-Cookie" not in response.headers
    limited = make_app(RATELIMIT_WRITES="1 per minute").test_client()
    sent = [limited.post("/preferences", data={"theme": "dark"}).status_code for _ in range(2)]
    assert sent == [303, 429]
