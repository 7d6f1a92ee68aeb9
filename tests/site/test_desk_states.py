"""What the desk decides without a request: what to merge, and what to show of a difference."""

import pytest

from api.site.desk.differences import Line, difference
from api.site.desk.states import FIELDS, StaleError, differing, merge, require_state, state_of

BEGUN = {"prompt": "P", "answer": "A", "topics": ["rest"], "references": [], "technique": None}


def test_what_one_changed_is_taken_and_what_both_changed_is_disputed() -> None:
    typed = {**BEGUN, "answer": "Mine", "prompt": "Same", "difficulty": "beginner"}
    standing = {**BEGUN, "answer": "Theirs", "prompt": "Same", "topics": ["rest", "errors"]}
    merged = merge(state_of(BEGUN), typed, standing)
    assert merged.taken == ["topics"]
    assert merged.disputed == ["answer"]
    assert merged.members == {**typed, "topics": ["rest", "errors"]}


@pytest.mark.parametrize("seen", [None, "", "nonsense", "." * (len(FIELDS) - 1)])
def test_of_no_known_state_everything_that_differs_is_disputed(seen: str | None) -> None:
    standing = {**BEGUN, "answer": "Theirs", "topics": []}
    merged = merge(seen, BEGUN, standing)
    assert (merged.taken, merged.disputed) == ([], ["answer", "topics"])
    assert merged.members == BEGUN


def test_blank_and_absent_are_one_and_the_order_of_topics_counts() -> None:
    assert differing({"in_practice": "", "topics": []}, {"in_practice": None}) == []
    assert differing({"topics": ["a", "b"]}, {"topics": ["b", "a"]}) == ["topics"]
    require_state(state_of({"in_practice": ""}), {"in_practice": None})
    with pytest.raises(StaleError):
        require_state(state_of({"topics": ["a", "b"]}), {"topics": ["b", "a"]})


def test_a_changed_word_is_marked_within_its_line() -> None:
    assert difference("one\ntwo words here\nthree", "one\ntwo terms here\nthree") == [
        Line("same", [("one", False)]),
        Line("removed", [("two ", False), ("words", True), (" here", False)]),
        Line("added", [("two ", False), ("terms", True), (" here", False)]),
        Line("same", [("three", False)]),
    ]


def test_far_lines_are_left_out_and_said_to_be() -> None:
    old = [f"line {place}" for place in range(30)]
    new = [*old[:15], "new", *old[15:]]
    found = difference("\n".join(old), "\n".join(new))
    assert [line.kind for line in found] == ["gap", *["same"] * 3, "added", *["same"] * 3, "gap"]


def test_topics_and_references_are_compared_one_by_one() -> None:
    page = {"title": "Flask", "url": "https://flask.palletsprojects.com/"}
    (line,) = difference([], [page])
    assert line == Line("added", [("Flask <https://flask.palletsprojects.com/>", False)])
    assert [line.kind for line in difference(["a", "b"], ["b"])] == ["removed", "same"]
    assert difference(None, "") == []


def test_what_would_take_too_long_to_compare_comes_whole() -> None:
    old, new = ["a"] * 600, ["b"] * 600
    found = difference("\n".join(old), "\n".join(new))
    assert [line.kind for line in found] == ["removed"] * 600 + ["added"] * 600
    long = difference("a " * 600, "b " * 600)
    assert [[marked for _, marked in line.parts] for line in long] == [[False], [False]]
