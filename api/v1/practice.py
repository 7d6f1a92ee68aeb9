"""`/practice`: a round of questions whose state lives in `flask.session` (59, 82).

One round at a time and browser. It is kept in a signed cookie or on the server, as the reader chooses
when it starts; the views cannot tell the two apart. Changes need no `If-Match`: nobody else has this
round, and each of them may be repeated. They are safe from other sites' forms by `SameSite=Lax`.
Source: https://flask.palletsprojects.com/en/stable/quickstart/#sessions
"""

from dataclasses import asdict
from typing import Any

from flask import Response, session, url_for
from flask_restful import Resource

from api.bank import questions
from api.demonstrations import demonstrates
from api.http import key_rotation, sessions
from api.http.limits import writes
from api.http.parsing import body
from api.http.problems import Problem
from api.http.responses import no_content
from api.practice import rounds
from api.practice.rounds import Round
from api.schemas.practice import GradeBody, RoundBody, represent_card, represent_round

#: Of one reader, who may keep it and asks again before each use.
PRIVATE = {"Cache-Control": "private, no-cache"}


def _current() -> Round:
    """Return the round of the request's session. Raises Problem where there is none."""
    sessions.refuse_bad_cookie()
    try:
        return rounds.from_state(session.get("round"))
    except rounds.RoundUnreadableError as error:
        raise Problem(
            "no-round",
            "There is no round: none was started here, or it is over.",
            headers={"Cache-Control": "no-store"},
        ) from error


def _keep(found: Round) -> Round:
    """Put the round into the session. A new value is noticed; a change inside one would not be."""
    session["round"] = found.state
    return found


def _answer(found: Round, position: int) -> Any:
    question = questions.get(found.card(position).number)
    return represent_card(found, position, question), 200, PRIVATE


class PracticeRound(Resource):
    """Your round of questions: start one, see how it stands, end it."""

    @demonstrates(
        59, test="tests/v1/test_practice.py::test_a_round_is_drawn_revealed_graded_scored_and_ended"
    )
    @demonstrates(
        82, test="tests/v1/test_practice.py::test_only_the_round_on_the_server_can_be_revoked"
    )
    @writes
    @body(RoundBody)
    def post(self, args: dict[str, Any]) -> Any:
        """Draw a round and keep it where the reader says. One that was there before ends."""
        storage = args.pop("storage")
        drawn = rounds.draw(**args)
        sessions.begin_practice(storage)
        address = url_for("v1.practice_round", _external=True)
        return represent_round(_keep(drawn), storage), 201, {"Location": address}

    @demonstrates(
        59, test="tests/v1/test_practice.py::test_a_round_is_drawn_revealed_graded_scored_and_ended"
    )
    def get(self) -> Any:
        """Show the round: its cards, and the score."""
        return represent_round(_current(), sessions.practice_storage()), 200, PRIVATE

    @demonstrates(
        82, test="tests/v1/test_practice.py::test_only_the_round_on_the_server_can_be_revoked"
    )
    @writes
    def delete(self) -> Response:
        """End the round: the cookie goes, and what is stored on the server goes for everybody."""
        _current()
        session.clear()
        return no_content()


class PracticeCard(Resource):
    """One card of your round."""

    def get(self, position: int) -> Any:
        """Show the prompt, and the answer once it has been revealed."""
        return _answer(_current(), position)


class PracticeReveal(Resource):
    """Seeing the answer of a card."""

    @demonstrates(
        59, test="tests/v1/test_practice.py::test_a_round_is_drawn_revealed_graded_scored_and_ended"
    )
    @writes
    def post(self, position: int) -> Any:
        """Reveal the answer. It is no GET, as the round remembers it."""
        return _answer(_keep(_current().reveal(position)), position)


class PracticeGrade(Resource):
    """Your judgement of what you knew."""

    @demonstrates(
        59, test="tests/v1/test_practice.py::test_a_round_is_drawn_revealed_graded_scored_and_ended"
    )
    @writes
    @body(GradeBody)
    def put(self, args: dict[str, Any], position: int) -> Any:
        """Grade yourself, or change your mind."""
        return _answer(_keep(_current().grade(position, args["grade"])), position)


class KeyRotation(Resource):
    """What becomes of sessions when `SECRET_KEY` changes, with a fallback and without."""

    def get(self) -> Any:
        """Rehearse it on scratch applications, with keys that nobody gets to see."""
        return {"steps": [asdict(step) for step in key_rotation.rehearse()]}
