"""A practice round: cards drawn from the bank, each revealed, then graded by the reader (59).

A round is a value that somebody else keeps: `state` writes it in a few bytes of JSON (a session
cookie has four kilobytes) and `from_state` reads it back. Answers are never part of it, as the
reader can read a signed cookie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from secrets import randbelow
from typing import Any

from marshmallow import ValidationError

from api.bank import questions
from api.bank.questions import Criteria
from api.models.types import now

#: Cards in a round: what is drawn when no size is asked for, and the most that may be.
USUAL_SIZE = 10
MOST_CARDS = 50
#: Seeds run from 0 to this, so that every JSON library reads them exactly.
GREATEST_SEED = 2**32 - 1

_VERSION = 1


class Grade(StrEnum):
    """How well the reader knew the answer."""

    RIGHT = "right"
    PARTLY = "partly"
    WRONG = "wrong"


#: What a card's mark is in `Round.state`: hidden, revealed, or the grade's first letter.
_HIDDEN, _REVEALED = "-", "?"
_MARKS = {grade.value[0]: grade for grade in Grade}


class RoundUnreadableError(ValueError):
    """What was kept is no round, or one of another release."""


class TooFewQuestionsError(LookupError):
    """The bank has fewer questions of that kind than were asked for.

    :ivar found: how many there are.
    :ivar filters: which filters were given, by name.
    """

    def __init__(self, found: int, filters: Sequence[str]) -> None:
        super().__init__(f"{found} questions fit")
        self.found = found
        self.filters = filters


class CardUnknownError(LookupError):
    """The round has no card at that position."""

    def __init__(self, position: int, size: int) -> None:
        super().__init__(f"There is no card {position}; this round's cards are 1 to {size}.")


class NotRevealedError(Exception):
    """A card was to be graded whose answer the reader has not seen."""

    def __init__(self, position: int) -> None:
        super().__init__(f"Reveal the answer of card {position} before you grade yourself.")


@dataclass(frozen=True, slots=True)
class Card:
    """One question in a round."""

    number: int
    revealed: bool = False
    grade: Grade | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How the round stands. `percent` is that of the graded cards, a partly right one being half."""

    total: int
    graded: int
    right: int
    partly: int
    wrong: int

    @property
    def percent(self) -> int | None:
        """Whole percent, None while nothing is graded."""
        if not self.graded:
            return None
        return round(100 * (self.right + self.partly / 2) / self.graded)


@dataclass(frozen=True, slots=True)
class Round:
    """Cards in the order in which they were drawn; positions count from 1."""

    cards: tuple[Card, ...]
    seed: int
    created_at: datetime

    def card(self, position: int) -> Card:
        """Return a card. Raises CardUnknownError."""
        if not 1 <= position <= len(self.cards):
            raise CardUnknownError(position, len(self.cards))
        return self.cards[position - 1]

    def reveal(self, position: int) -> "Round":
        """Return the round with that answer seen; seeing it again changes nothing."""
        return self._with(position, replace(self.card(position), revealed=True))

    def grade(self, position: int, grade: Grade) -> "Round":
        """Return the round with that card graded, or graded anew. Raises NotRevealedError."""
        card = self.card(position)
        if not card.revealed:
            raise NotRevealedError(position)
        return self._with(position, replace(card, grade=grade))

    @property
    def score(self) -> Score:
        """How the round stands."""
        given = [card.grade for card in self.cards if card.grade]
        right, partly, wrong = (given.count(grade) for grade in Grade)
        return Score(len(self.cards), len(given), right, partly, wrong)

    def _with(self, position: int, card: Card) -> "Round":
        cards = list(self.cards)
        cards[position - 1] = card
        return replace(self, cards=tuple(cards))

    @property
    def state(self) -> dict[str, Any]:
        """The round as JSON of a few hundred bytes."""
        return {
            "v": _VERSION,
            "n": [card.number for card in self.cards],
            "m": "".join(
                card.grade.value[0] if card.grade else _REVEALED if card.revealed else _HIDDEN
                for card in self.cards
            ),
            "s": self.seed,
            "t": int(self.created_at.timestamp()),
        }


def from_state(state: Any) -> Round:
    """Read what `Round.state` wrote. Raises RoundUnreadableError."""
    try:
        if state["v"] != _VERSION:
            raise RoundUnreadableError(f"version {state['v']}")
        cards = tuple(
            Card(number, mark != _HIDDEN, _MARKS.get(mark))
            for number, mark in zip(state["n"], state["m"], strict=True)
        )
        return Round(cards, state["s"], datetime.fromtimestamp(state["t"], UTC))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RoundUnreadableError(str(error)) from error


def draw(
    topic: str | None = None,
    difficulty: str | None = None,
    size: int | None = None,
    seed: int | None = None,
    numbers: Sequence[int] | None = None,
) -> Round:
    """Draw a round from the bank.

    :param topic: a topic's slug; None draws from all.
    :param difficulty: a level; None draws from all.
    :param size: how many cards; None takes `USUAL_SIZE`, or what there is.
    :param seed: the same seed draws the same cards as long as the bank stays the same; None makes
        one, which the round tells.
    :param numbers: exactly these questions, as after a round those that were missed; the seed
        decides their order.

    Raises TooFewQuestionsError if no question fits, or fewer than `size`; marshmallow.ValidationError
    for a number that no question has.
    """
    criteria = Criteria(
        topics=[topic] if topic else (), difficulties=[difficulty] if difficulty else ()
    )
    known: Sequence[int] = questions.find_numbers(criteria)
    if numbers is not None:
        _check_all_known(numbers, known)
        known, size = sorted(numbers), len(numbers)
    wanted = min(USUAL_SIZE, len(known)) if size is None else size
    if not known or wanted > len(known):
        given = {"topic": topic, "difficulty": difficulty}
        raise TooFewQuestionsError(len(known), [name for name in given if given[name]])
    seed = randbelow(GREATEST_SEED + 1) if seed is None else seed
    drawn = Random(seed).sample(known, wanted)  # noqa: S311  # to be repeatable, not secret
    return Round(tuple(Card(number) for number in drawn), seed, now().replace(microsecond=0))


def _check_all_known(numbers: Sequence[int], known: Sequence[int]) -> None:
    there = set(known)
    faults = {
        index: [f"There is no question {number}."]
        for index, number in enumerate(numbers)
        if number not in there
    }
    if faults:
        raise ValidationError({"numbers": faults})
