"""`/problems`: what the error types mean. The `type` of every problem leads here."""

from typing import Any

from flask import Response, current_app, url_for
from flask_restful import Resource

from api.http import languages
from api.http.problems import CATALOGUE, Problem, ProblemType


def _represent(kind: ProblemType) -> dict[str, Any]:
    return {
        "slug": kind.slug,
        "status": kind.status,
        "title": str(kind.title),
        "meaning": str(kind.meaning),
        "remedy": str(kind.remedy),
        "links": {"self": url_for("v1.problem", slug=kind.slug, _external=True)},
    }


def _answer(body: dict[str, Any]) -> Response:
    response = current_app.make_response(body)
    languages.mark(response)
    return response


class ProblemList(Resource):
    """Every type of error that this API answers."""

    def get(self) -> Response:
        """List them by status."""
        return _answer({"items": [_represent(kind) for kind in CATALOGUE.values()]})


class ProblemItem(Resource):
    """One type of error: what it means and what to do."""

    def get(self, slug: str) -> Response:
        """Explain the type of that slug."""
        if slug not in CATALOGUE:
            raise Problem("not-found", f"There is no problem type {slug!r}.")
        return _answer(_represent(CATALOGUE[slug]))
