"""URL converters: what matches, and that nothing else reaches a view."""

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from api.http import converters


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask(__name__)
    converters.init_app(app)
    app.add_url_rule("/<slug:slug>", endpoint="item")
    app.add_url_rule("/<slug:slug>/parts", endpoint="parts")
    return app


def matched(app: Flask, path: str) -> tuple[str, str] | None:
    try:
        endpoint, values = app.url_map.bind("localhost").match(path)
    except NotFound:
        return None
    return endpoint, values["slug"]


@pytest.mark.parametrize("slug", ["a", "7", "a-b", "url-for", "a1-2b-c3", "x" * 60])
def test_words_joined_by_single_hyphens_match(slug: str, app: Flask) -> None:
    assert matched(app, f"/{slug}") == ("item", slug)
    assert matched(app, f"/{slug}/parts") == ("parts", slug)


@pytest.mark.parametrize(
    "slug",
    [
        "-", "-a", "a-", "a--b", "A", "a_b", "a b", "a.b", "é", "a\n", "\na", "a\0", "٣", "ａ",
        "x" * 61, "a-" * 30 + "a", "%61", "a/b",
    ],
)  # fmt: skip
def test_nothing_else_matches(slug: str, app: Flask) -> None:
    assert matched(app, f"/{slug}") is None
    assert matched(app, "/") is None
    assert matched(app, f"/{slug}/parts") is None
