"""Routes whose addresses are built by code that is made when somebody first asks for one.

Werkzeug compiles two functions of each route that write its address, which is half of what registering
two hundred routes takes; a process writes the addresses of a few of them. How requests are matched is
Werkzeug's own.
Source: https://flask.palletsprojects.com/en/stable/api/#flask.Flask.url_rule_class
"""

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.routing import Rule


class LateRule(Rule):
    """A route that compiles the code that builds its address at its first use."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder
        made: Callable[..., tuple[str, str]] | None = None

        def build(*args: Any, **kwargs: Any) -> tuple[str, str]:
            nonlocal made
            if made is None:  # by two threads at once, made twice, and the same
                made = compile_now(append_unknown)
            return made(*args, **kwargs)

        return build


def init_app(app: Flask) -> None:
    """Use it for every route; call it before any blueprint is registered."""
    app.url_rule_class = LateRule
