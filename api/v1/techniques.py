"""`/techniques`: technique → questions → the endpoints where they run."""

from typing import Any

from flask import current_app, url_for
from flask_restful import Resource
from sqlalchemy import select

from api.bank.catalogue import TECHNIQUES
from api.extensions import db
from api.http.caching import cached
from api.http.demonstrations import all_by_number
from api.models import Question


class TechniqueList(Resource):
    """The techniques of the bank, each with its questions and where they run."""

    @cached("bank")
    def get(self) -> dict[str, Any]:
        """List every technique, by slug."""
        rows = db.session.execute(
            select(Question.technique, Question.number, Question.prompt)
            .where(Question.technique.is_not(None))
            .order_by(Question.number)
        ).all()
        running = all_by_number(current_app)
        questions: dict[str | None, list[dict[str, Any]]] = {}
        for technique, number, prompt in rows:
            endpoints = {(d.method, d.path): None for d in running.get(number, [])}
            questions.setdefault(technique, []).append(
                {
                    "number": number,
                    "prompt": prompt,
                    "endpoints": [{"method": m, "path": p} for m, p in endpoints],
                    "links": {"self": url_for("v1.question", number=number, _external=True)},
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
