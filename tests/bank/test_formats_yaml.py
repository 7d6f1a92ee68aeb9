"""YAML from strangers: text stays text, nothing is constructed, every fault has its line."""

import time

import pytest
import yaml

from api.bank.formats import Format, QuestionDocument, Reading, read, write

ONE = "- number: 51\n  prompt: How?\n  answer: So.\n"
TWO = "- number: 52\n  prompt: Why?\n  answer: Thus.\n"


def reading(text: str) -> Reading:
    return read(text.encode(), Format.YAML)


def refused(text: str) -> list[tuple[int, int | None, str]]:
    return [(each.line, each.number, each.reason) for each in reading(text).refusals]


@pytest.mark.parametrize(
    "text",
    [
        ONE + TWO,
        "---\n" + ONE + TWO + "...\n",
        "# A comment.\n\n" + ONE + "\n# Another.\n" + TWO,
        "%YAML 1.1\n---\n" + ONE + TWO,
        "questions:\n" + ONE + TWO,
        "items:\n" + ONE + TWO + "page: {total: 2}\nlinks: {}\n",
        "[{number: 51, prompt: How?, answer: So.}, {number: 52, prompt: Why?, answer: Thus.}]",
    ],
)
def test_a_list_may_stand_alone_or_in_a_mapping(text: str) -> None:
    found = reading(text)
    assert [each.number for each in found.documents] == [51, 52]
    assert (found.refusals, found.notes) == ([], [])


def test_one_question_may_stand_alone() -> None:
    (document,) = reading("number: 51\nprompt: How?\nanswer: So.\nlinks: {self: /}\n").documents
    assert document == QuestionDocument(number=51, prompt="How?", answer="So.")


def test_other_keys_beside_the_list_are_left_out_and_told() -> None:
    found = reading("version: 1\nquestions:\n" + ONE)
    assert [each.number for each in found.documents] == [51]
    assert [each.text for each in found.notes] == ["beside 'questions' stands 'version': left out"]


def test_two_lists_are_one_too_many() -> None:
    found = reading("questions:\n" + ONE + "items:\n" + TWO)
    assert [each.number for each in found.documents] == [51]
    assert [each.line for each in found.refusals] == [5]


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "1.10", "0x1F", "12:30:00", "2026-11-22", "1_000", ".inf", "0o7"]
)
def test_text_that_yaml_takes_for_something_else_stays_what_was_written(word: str) -> None:
    (document,) = reading(f"- number: 51\n  prompt: {word}\n  answer: {word}\n").documents
    assert (document.prompt, document.answer) == (word, word)


@pytest.mark.parametrize("null", ["", "~", "null", "NULL"])
def test_null_is_none_and_in_quotes_it_is_text(null: str) -> None:
    (document,) = reading(f'{ONE}  in_practice: {null}\n  try_it: "{null or "x"}"\n').documents
    assert (document.in_practice, document.try_it) == (None, null or "x")


def test_a_time_is_one_in_any_of_its_forms() -> None:
    for text in ("2026-11-22T10:00:00Z", "2026-11-22 10:00:00Z", "'2026-11-22T11:00:00+01:00'"):
        (document,) = reading(f"{ONE}  created_at: {text}\n").documents
        assert document.created_at is not None
        assert document.created_at.isoformat() == "2026-11-22T10:00:00+00:00"


def test_each_question_knows_its_line() -> None:
    assert [each.line for each in reading("---\n" + ONE + "\n" + TWO).documents] == [2, 6]


def test_a_refusal_stands_on_the_line_of_the_field() -> None:
    assert [line for line, *_ in refused(ONE + TWO + "  difficulty: hard\n")] == [7]
    assert [line for line, *_ in refused(ONE + "- number: 52\n  prompt: Why?\n")] == [4]


def test_broken_yaml_is_told_on_its_line_and_what_stands_before_is_read() -> None:
    found = reading(ONE + TWO + "- number: 53\n  prompt: 'never closed\n")
    assert [each.number for each in found.documents] == [51, 52]
    assert [(each.line, each.number) for each in found.refusals] == [(9, None)]
    assert "nothing from here on was read" in found.refusals[0].reason


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (ONE + "  answer: [\n", 5),
        (ONE + "\tx: y\n", 4),
        (ONE + "---\n" + TWO, 4),
        (ONE + "  in_practice: a\fb\n", 4),
        (ONE + "  in_practice: a\0b\n", 4),
        ("[" * 100_000, 1),
        ("{a: " * 100_000, 1),
        ("- " * 100_000, 1),
        ("? " * 100_000, 1),
    ],
)
def test_every_way_to_break_it_is_told_on_its_line(text: str, line: int) -> None:
    begun = time.process_time()
    assert refused(text)[-1][:2] == (line, None)
    assert time.process_time() - begun < 5


def test_a_mistyped_character_is_told_with_its_escape() -> None:
    ((_, _, reason),) = refused("- number: 51\n  prompt: a\x07b\n")
    assert '"\\u0007"' in reason


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!local", "!!binary"]
)
def test_a_tag_runs_nothing_and_is_refused(tag: str) -> None:
    found = reading(f"{ONE}- number: 52\n  prompt: Why?\n  answer: {tag} [ls]\n")
    assert [each.number for each in found.documents] == [51]
    assert [(each.line, each.number) for each in found.refusals] == [(6, 52)]
    assert "the tag" in found.refusals[0].reason


def test_a_tag_for_what_a_value_is_anyway_is_taken() -> None:
    (document,) = reading("- number: !!int 51\n  prompt: !!str How?\n  answer: ! So.\n").documents
    assert document == QuestionDocument(number=51, prompt="How?", answer="So.")


def test_an_alias_is_refused_so_that_no_file_unfolds() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    ((line, _, reason),) = refused(bomb + "number: 51\nprompt: How?\nanswer: So.\n")
    assert line == 2
    assert "the alias '*a' is not taken; write it out" in reason
    assert len(refused(f"{ONE}- &x\n  number: 52\n  prompt: Why?\n  answer: a\n- *x\n")) == 1


def test_a_merge_key_is_no_field() -> None:
    ((line, number, reason),) = refused(f"{ONE}  <<: {{prompt: Why?}}\n")
    assert (line, number) == (4, 51)
    assert reason.startswith("'<<' is no field")


def test_a_key_given_twice_is_refused() -> None:
    assert refused(f"{ONE}  prompt: Why?\n{TWO}") == [
        (4, 51, "'prompt' stands twice in one mapping; keep one")
    ]
    assert refused("number: 51\nprompt: a\nprompt: b\nanswer: c\n") == [
        (3, 51, "'prompt' stands twice in one mapping; keep one")
    ]


def test_a_key_that_is_no_text_is_refused() -> None:
    ((line, number, reason),) = refused(f"{ONE}  ? [a]\n  : b\n")
    assert (line, number, reason) == (4, 51, "a key must be text")


@pytest.mark.parametrize("entry", ["- text\n", "- [a]\n", "- 5\n", "-\n"])
def test_an_entry_that_is_no_mapping_is_refused_and_the_rest_is_read(entry: str) -> None:
    found = reading(ONE + entry + TWO)
    assert [each.number for each in found.documents] == [51, 52]
    assert [each.line for each in found.refusals] == [4]
    assert found.refusals[0].reason.startswith("a question is a mapping")


@pytest.mark.parametrize("text", ["{}", "data: []", "questions: {}", "items:"])
def test_a_mapping_without_questions_says_what_it_lacks(text: str) -> None:
    ((line, _, reason),) = refused(text)
    assert line == 1
    assert reason.startswith("there is no question here")


@pytest.mark.parametrize("text", ["[]", "# nothing\n", "---\n"])
def test_an_empty_file_says_so(text: str) -> None:
    ((line, _, reason),) = refused(text)
    assert line == 1
    assert "no question" in reason or "null" in reason or "None" in reason


def test_what_is_written_is_yaml_that_anything_reads_and_a_person_too() -> None:
    document = QuestionDocument(
        number=51,
        prompt="How: so?",
        answer="First.\n\n  Second.",
        topics=("a", "1"),
        created_at=read(f"{ONE}  created_at: 2026-11-22T10:00:00Z".encode(), Format.YAML)
        .documents[0]
        .created_at,
    )
    text = "".join(write([document], Format.YAML))
    assert "  answer: |-\n    First.\n\n      Second.\n" in text
    assert "  topics: [a, '1']\n" in text
    assert "  created_at: 2026-11-22T10:00:00Z\n" in text
    (found,) = yaml.safe_load(text)
    assert (found["prompt"], found["answer"]) == (document.prompt, document.answer)
    assert found["created_at"] == document.created_at
    assert yaml.safe_load("".join(write([], Format.YAML))) == []


def test_many_questions_are_read_in_time_that_grows_with_their_number() -> None:
    def seconds(count: int) -> float:
        text = "".join(
            f"- number: {each}\n  prompt: How?\n  answer: So.\n" for each in range(1, count + 1)
        ).encode()
        begun = time.process_time()
        assert len(read(text).documents) == count
        return time.process_time() - begun

    seconds(100)
    assert seconds(8_000) < 12 * seconds(2_000)
