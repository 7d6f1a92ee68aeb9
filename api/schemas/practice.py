"""Rounds, grades and preferences as they come in; rounds as they go out (58, 59)."""

from typing import Any

from flask import url_for
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.http.preferences import LANGUAGES, MAX_PAGE_SIZE, THEMES
from api.models import Difficulty, Question
from api.practice.rounds import GREATEST_SEED, MOST_CARDS, Card, Grade, Round
from api.schemas.fields import JSONInteger
from api.schemas.questions import MAX_NUMBER, SLUG, QuestionSummarySchema


class RoundBody(Schema):
    """What to draw, and where to keep it."""

    topic = fields.String(load_default=None, validate=[SLUG, validate.Length(max=60)])
    difficulty = fields.String(
        load_default=None, validate=validate.OneOf([level.value for level in Difficulty])
    )
    size = JSONInteger(load_default=None, validate=validate.Range(1, MOST_CARDS))
    seed = JSONInteger(load_default=None, validate=validate.Range(0, GREATEST_SEED))
    numbers = fields.List(
        JSONInteger(validate=validate.Range(1, MAX_NUMBER)),
        load_default=None,
        validate=validate.Length(1, MOST_CARDS),
    )
    storage = fields.String(load_default="cookie", validate=validate.OneOf(["cookie", "server"]))

    @validates_schema
    def check_numbers(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a number that stands there twice, and what would choose among the numbers."""
        numbers = data["numbers"]
        if numbers is None:
            return
        faults: dict[str, Any] = {
            name: ["Leave it out: numbers say which questions."]
            for name in ("topic", "difficulty", "size")
            if data[name] is not None
        }
        twice = {index: ["Given twice."] for index, n in enumerate(numbers) if n in numbers[:index]}
        if twice:
            faults["numbers"] = twice
        if faults:
            raise ValidationError(faults)


class GradeBody(Schema):
    """How well you knew it."""

    grade = fields.Enum(Grade, by_value=True, required=True)


class PreferencesPatch(Schema):
    """What to change; what is left out stays."""

    language = fields.String(validate=validate.OneOf(LANGUAGES))
    theme = fields.String(validate=validate.OneOf(THEMES))
    page_size = JSONInteger(validate=validate.Range(1, MAX_PAGE_SIZE))


def _card_link(position: int) -> str:
    return url_for("v1.practice_card", position=position, _external=True)


def _state(card: Card) -> str:
    return "graded" if card.grade else "revealed" if card.revealed else "hidden"


def represent_score(found: Round) -> dict[str, Any]:
    """Represent how a round stands."""
    score = found.score
    return {
        "total": score.total,
        "graded": score.graded,
        "right": score.right,
        "partly": score.partly,
        "wrong": score.wrong,
        "percent": score.percent,
    }


def represent_round(found: Round, storage: str) -> dict[str, Any]:
    """Represent a round: its cards without their questions, and the score."""
    return {
        "storage": storage,
        "size": len(found.cards),
        "seed": found.seed,
        "created_at": found.created_at,
        "score": represent_score(found),
        "cards": [
            {
                "position": position,
                "number": card.number,
                "state": _state(card),
                "grade": card.grade,
                "links": {"self": _card_link(position)},
            }
            for position, card in enumerate(found.cards, 1)
        ],
        "links": {
            "self": url_for("v1.practice_round", _external=True),
            "first": _card_link(1),
        },
    }


def represent_card(found: Round, position: int, question: Question) -> dict[str, Any]:
    """Represent a card; the answer is there once it has been revealed."""
    card = found.card(position)
    told = QuestionSummarySchema(only=("number", "prompt", "difficulty", "topics")).dump(question)
    links = {
        "self": _card_link(position),
        "round": url_for("v1.practice_round", _external=True),
        "reveal": url_for("v1.practice_reveal", position=position, _external=True),
    }
    if card.revealed:
        told |= {"answer": question.answer, "in_practice": question.in_practice}
        links["grade"] = url_for("v1.practice_grade", position=position, _external=True)
        links["question"] = url_for("v1.question", number=question.number, _external=True)
    if position > 1:
        links["prev"] = _card_link(position - 1)
    if position < len(found.cards):
        links["next"] = _card_link(position + 1)
    return {
        "position": position,
        "state": _state(card),
        "grade": card.grade,
        **told,
        "score": represent_score(found),
        "links": links,
    }
