"""URL converters: a malformed value never reaches a view, let alone the database (55).

Source: https://werkzeug.palletsprojects.com/en/stable/routing/#custom-converters
"""

from flask import Flask
from werkzeug.routing import BaseConverter, IntegerConverter

from api.demonstrations import demonstrates


@demonstrates(
    55,
    at="GET v1.topic",
    test="tests/v1/test_topics.py::test_a_malformed_slug_is_a_404_before_any_statement",
)
class SlugConverter(BaseConverter):
    """Lower-case words and digits joined by single hyphens, at most sixty characters."""

    regex = r"(?=[a-z0-9-]{1,60}(?:/|$))[a-z0-9]+(?:-[a-z0-9]+)*"


class DigitsConverter(IntegerConverter):
    """`<int:…>` in plain digits: Werkzeug's own takes those of every script for one address."""

    regex = "[0-9]+"


def init_app(app: Flask) -> None:
    """Make `<slug:…>` available in routes; call it before any blueprint is registered."""
    app.url_map.converters["int"] = DigitsConverter
    app.url_map.converters["slug"] = SlugConverter
