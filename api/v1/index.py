"""`/`: everything there is, every address built from the route table (52).

`url_for` (and here the same map behind it) knows host, prefix and route; a view that writes an
address by hand breaks as soon as the application is mounted elsewhere.
"""

from inspect import getdoc
from typing import Any

from flask import current_app, request, url_for
from flask_restful import Resource
from werkzeug.routing import Rule

from api.demonstrations import demonstrates
from api.http.demonstrations import path_template

PREFIX = "/api/"


def _entry(rule: Rule) -> dict[str, Any]:
    """Describe a route. One with variables is a URI template (RFC 6570), the others are links."""
    view = current_app.view_functions[rule.endpoint]
    about = getdoc(getattr(view, "view_class", view)) or ""
    address = (
        {"template": request.root_url.rstrip("/") + path_template(rule.rule)}
        if rule.arguments
        else {"href": url_for(rule.endpoint, _external=True)}
    )
    return {
        "name": rule.endpoint,
        **address,
        "methods": sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
        "description": about.splitlines()[0] if about else "",
    }


class Index(Resource):
    """Everything that this API serves."""

    @demonstrates(52, test="tests/v1/test_index.py::test_every_link_follows_the_mount_prefix")
    def get(self) -> dict[str, Any]:
        """List the resources of every version, and link the first steps."""
        rules = [r for r in current_app.url_map.iter_rules() if r.rule.startswith(PREFIX)]
        return {
            "title": "Flask question bank",
            "resources": [_entry(rule) for rule in sorted(rules, key=lambda r: r.rule)],
            "links": {
                "self": url_for("v1.index", _external=True),
                "questions": url_for("v1.questions", _external=True),
                "topics": url_for("v1.topics", _external=True),
                "events": url_for("v1.events", _external=True),
                "techniques": url_for("v1.techniques", _external=True),
                "problems": url_for("v1.problems", _external=True),
                "contract": url_for("v1.openapi_json", _external=True),
            },
        }
