"""`/problems`: what the error types mean. The `type` of every problem leads here."""

from typing import Any

from flask import url_for
from flask_restful import Resource

from api.http.problems import CATALOGUE, Problem, ProblemType


def _represent(kind: ProblemType) -> dict[str, Any]:
    return {
        "slug": kind.slug,
        "status": kind.status,
        "title": kind.title,
        "meaning": kind.meaning,
        "remedy": kind.remedy,
        "links": {"self": url_for("v1.problem", slug=kind.slug, _external=True)},
    }


class ProblemList(Resource):
    """Every type of error that this API answers."""

    def get(self) -> dict[str, Any]:
        """List them by status."""
        return {"items": [_represent(kind) for kind in CATALOGUE.values()]}


class ProblemItem(Resource):
    """One type of error: what it means and what to do."""

    def get(self, slug: str) -> dict[str, Any]:
        """Explain the type of that slug."""
        if slug not in CATALOGUE:
            raise Problem("not-found", f"There is no problem type {slug!r}.")
        return _represent(CATALOGUE[slug])
