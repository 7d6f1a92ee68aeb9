"""What every page gets without its view passing it: a context processor (57).

It runs on each `render_template`, error pages and mails included, so it does nothing that costs:
what a template may not use is a function to be called, not its result. Who is signed in comes from a
processor of the door (`api.site.door`), which knows it.
Source: https://flask.palletsprojects.com/en/stable/templating/#context-processors
"""

from typing import Any

from flask import Flask, Response, has_request_context
from flask_babel import lazy_gettext

from api.demonstrations import demonstrates
from api.http import languages, preferences
from api.http.hooks import in_api
from api.http.preferences import Preferences
from api.site import assets, words

SITE_NAME = lazy_gettext("Flask question bank")
#: What the menu lists for everybody: endpoint and text.
MENU = (
    ("site.home", lazy_gettext("Questions")),
    ("site.techniques", lazy_gettext("Techniques")),
    ("site.practice", lazy_gettext("Practice")),
    ("site.reference", lazy_gettext("API reference")),
    ("site.problems", lazy_gettext("Problems")),
)
#: What the menu of whoever is signed in lists beside it: endpoint, text, and the action that it takes.
OWN_MENU = (
    ("site.account", lazy_gettext("Your account"), "account.use-own"),
    ("site.draft_list", lazy_gettext("Drafts"), "draft.create"),
    ("site.editing", lazy_gettext("Editing"), "question.edit"),
    ("site.jobs", lazy_gettext("Jobs"), "account.use-own"),
    ("admin.index", lazy_gettext("Admin"), "user.manage"),
)
VERSIONS = ("v1", "v2")


@demonstrates(
    57,
    at="GET site.home",
    test="tests/site/test_context.py::test_every_page_has_what_no_view_passed",
)
def page_context() -> dict[str, Any]:
    """Return the variables of every template. Mails have no request, and the defaults."""
    chosen = preferences.current() if has_request_context() else Preferences()
    return {
        "site_name": SITE_NAME,
        "menu": MENU,
        "own_menu": OWN_MENU,
        "api_versions": VERSIONS,
        "preferences": chosen,
        "themes": words.THEMES,
        "languages": languages.NAMES,
        "locale": languages.current(),
        "english": words.english(),
        "native": words.native(),
        "words": words,
        "build_assets": assets.ensure,
    }


def vary(response: Response) -> Response:
    """Say of every page that it depends on the cookies: theme and menu follow them."""
    if response.mimetype == "text/html" and not in_api():
        response.vary.add("Cookie")
        response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def init_app(app: Flask) -> None:
    """Register both for the whole application: an unknown address belongs to no blueprint."""
    app.context_processor(page_context)
    app.after_request(vary)
