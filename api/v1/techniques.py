"""`/techniques`: technique → questions → the endpoints where they run."""

from typing import Any

from flask import current_app, url_for
from flask_restful import Resource

from api.bank.catalogue import TECHNIQUES
from api.bank.related import by_technique
from api.http.caching import cached
from api.http.demonstrations import all_by_number


class TechniqueList(Resource):
    """The techniques of the bank, each with its questions and where they run."""

    @cached("bank")
    def get(self) -> dict[str, Any]:
        """List every technique, by slug."""
        running = all_by_number(current_app)
        questions: dict[str, list[dict[str, Any]]] = {}
        for technique, titles in by_technique().items():
            for title in titles:
                endpoints = {(d.method, d.path): None for d in running.get(title.number, [])}
                questions.setdefault(technique, []).append(
                    {
                        "number": title.number,
                        "prompt": title.prompt,
                        "endpoints": [{"method": m, "path": p} for m, p in endpoints],
                        "links": {
                            "self": url_for("v1.question", number=title.number, _external=True)
                        },
                    }
                )
        return {
            "items": [
                {
                    "slug": heading.slug,
                    "name": heading.name,
                    "description": heading.description,
                    "questions": questions.get(heading.slug, []),
                    "links": {
                        "questions": url_for("v1.questions", technique=heading.slug, _external=True)
                    },
                }
                for heading in TECHNIQUES.values()
            ]
        }
