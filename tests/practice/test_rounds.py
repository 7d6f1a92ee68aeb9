"""Rounds as values: what is drawn, in which order things go, how it is scored, how small it is kept."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from api.practice import rounds
from api.practice.rounds import (
    GREATEST_SEED,
    MOST_CARDS,
    USUAL_SIZE,
    Card,
    CardUnknownError,
    Grade,
    NotRevealedError,
    Round,
    RoundUnreadableError,
    TooFewQuestionsError,
)

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def numbers(found: Round) -> list[int]:
    return [card.number for card in found.cards]


def of(*cards: Card) -> Round:
    return Round(cards, 7, MOMENT)


def test_the_same_seed_draws_the_same_cards_and_another_others(app: Flask) -> None:
    with app.app_context():
        first, again = rounds.draw(size=20, seed=7), rounds.draw(size=20, seed=7)
        other = rounds.draw(size=20, seed=8)
    assert numbers(first) == numbers(again) != numbers(other)
    assert len(set(numbers(first))) == 20


def test_a_round_without_a_seed_tells_the_one_that_draws_it_again(app: Flask) -> None:
    with app.app_context():
        drawn = rounds.draw(size=5)
        again = rounds.draw(size=5, seed=drawn.seed)
    assert numbers(again) == numbers(drawn)


def test_filters_limit_what_is_drawn(app: Flask) -> None:
    with app.app_context():
        every = rounds.draw(size=MOST_CARDS)
        sessions = rounds.draw("sessions")
        advanced = rounds.draw("sessions", "advanced")
    assert sorted(numbers(every)) == list(range(51, 101))
    assert {58, 59, 82} <= set(numbers(sessions))
    assert set(numbers(advanced)) < set(numbers(sessions))
    assert 82 in numbers(advanced)
    assert 58 not in numbers(advanced)


def test_without_a_size_what_there_is_will_do_and_with_one_it_will_not(app: Flask) -> None:
    with app.app_context():
        assert len(rounds.draw().cards) == USUAL_SIZE
        few = len(rounds.draw("sessions").cards)
        assert few < USUAL_SIZE
        with pytest.raises(TooFewQuestionsError) as caught:
            rounds.draw("sessions", size=few + 1)
        assert caught.value.found == few
        with pytest.raises(TooFewQuestionsError):
            rounds.draw("no-such-topic")


def test_a_card_is_graded_after_it_was_revealed_and_may_be_graded_anew() -> None:
    hidden = of(Card(51), Card(59))
    with pytest.raises(NotRevealedError):
        hidden.grade(2, Grade.RIGHT)
    revealed = hidden.reveal(2)
    assert revealed.reveal(2) == revealed
    assert revealed.grade(2, Grade.WRONG).grade(2, Grade.PARTLY).card(2).grade is Grade.PARTLY
    assert hidden.card(2) == Card(59)  # a round is a value: the former one is as it was
    assert revealed.grade(2, Grade.RIGHT).reveal(2).card(2).grade is Grade.RIGHT


@pytest.mark.parametrize("position", [0, -1, 3, 2**31 - 1])
def test_a_position_outside_the_round_is_unknown(position: int) -> None:
    two = of(Card(51), Card(59))
    for change in (two.card, two.reveal, lambda at: two.grade(at, Grade.RIGHT)):
        with pytest.raises(CardUnknownError, match="cards are 1 to 2"):
            change(position)


@pytest.mark.parametrize(
    ("grades", "percent"),
    [("", None), ("r", 100), ("w", 0), ("p", 50), ("rw", 50), ("rrw", 67), ("rrrp", 88)],
)
def test_the_percentage_is_that_of_the_graded_cards(grades: str, percent: int | None) -> None:
    given_grades = [next(g for g in Grade if g.value[0] == letter) for letter in grades]
    score = of(*(Card(51, True, grade) for grade in given_grades), Card(52)).score
    assert score.percent == percent
    assert (score.total, score.graded) == (len(grades) + 1, len(grades))
    assert score.right + score.partly + score.wrong == score.graded


CARDS = st.one_of(
    st.builds(Card, st.integers(1, 2**31 - 1), st.booleans()),
    st.builds(Card, st.integers(1, 2**31 - 1), st.just(True), st.sampled_from(Grade)),
)
ROUNDS = st.builds(
    Round,
    st.lists(CARDS, min_size=1, max_size=MOST_CARDS).map(tuple),
    st.integers(0, GREATEST_SEED),
    st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
)


@given(ROUNDS)
def test_what_is_kept_is_what_is_read_back(found: Round) -> None:
    assert rounds.from_state(json.loads(json.dumps(found.state))) == found


@pytest.mark.parametrize(
    "state",
    [
        None, {}, [], "round", 7, {"v": 2}, {**of(Card(51)).state, "v": 0},
        {**of(Card(51)).state, "m": "--"}, {**of(Card(51)).state, "n": None},
        {**of(Card(51)).state, "t": 1e300}, {**of(Card(51)).state, "t": "noon"},
    ],
)  # fmt: skip
def test_what_is_no_round_is_told_apart(state: Any) -> None:
    with pytest.raises(RoundUnreadableError):
        rounds.from_state(state)
