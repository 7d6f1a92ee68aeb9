"""JSON: the forms it comes in, and the line of everything that is wrong with it."""

import json
import time

import pytest

from api.bank.formats import Format, QuestionDocument, Reading, read, write

ONE = '{"number": 51, "prompt": "How?", "answer": "So."}'
TWO = '{"number": 52, "prompt": "Why?", "answer": "Thus."}'


def reading(text: str) -> Reading:
    return read(text.encode(), Format.JSON)


def refused(text: str) -> list[tuple[int, int | None, str]]:
    return [(each.line, each.number, each.reason) for each in reading(text).refusals]


@pytest.mark.parametrize(
    "text",
    [
        f"[{ONE}, {TWO}]",
        f'{{"questions": [{ONE}, {TWO}]}}',
        f'{{"items": [{ONE}, {TWO}], "page": {{"total": 2}}, "links": {{"self": "/"}}}}',
        f'\n{{"page": {{}}, "links": {{}},\n"items"\t: [\n{ONE}\n,\n{TWO}\n]\n}}\n',
    ],
)
def test_a_list_may_stand_alone_or_in_an_object(text: str) -> None:
    found = reading(text)
    assert [each.number for each in found.documents] == [51, 52]
    assert (found.refusals, found.notes) == ([], [])


def test_one_question_may_stand_alone() -> None:
    (document,) = reading(ONE).documents
    assert document == QuestionDocument(number=51, prompt="How?", answer="So.")


def test_what_the_api_answers_can_be_read() -> None:
    item = json.loads(ONE) | {
        "in_practice": None,
        "topics": ["cors"],
        "references": [{"title": "T", "url": "https://example.org/"}],
        "created_at": "2026-11-22T10:00:00Z",
        "links": {"self": "https://example.org/api/v1/questions/51"},
        "demonstrations": [],
    }
    for answer in (item, {"items": [item]}, [item]):
        found = reading(json.dumps(answer))
        assert found.refusals == []
        assert found.documents[0].topics == ("cors",)


def test_other_members_beside_the_list_are_left_out_and_told() -> None:
    found = reading(f'{{"version": 1, "questions": [{ONE}]}}')
    assert [each.number for each in found.documents] == [51]
    assert [each.text for each in found.notes] == ["beside 'questions' stands 'version': left out"]


def test_two_lists_are_one_too_many() -> None:
    found = reading(f'{{"questions": [{ONE}],\n"items": [{TWO}]}}')
    assert [each.number for each in found.documents] == [51]
    assert [each.line for each in found.refusals] == [2]
    assert "a second list, 'items', is one too many" in found.refusals[0].reason


def test_each_question_knows_its_line() -> None:
    text = f"[\n{ONE},\n\n  {TWO}\n]"
    assert [each.line for each in reading(text).documents] == [2, 4]


def test_a_refusal_stands_on_the_line_of_the_field() -> None:
    text = json.dumps(
        [{"number": 51, "prompt": "How?", "answer": "So.", "difficulty": "hard"}], indent=2
    )
    assert [line for line, *_ in refused(text)] == [6]
    assert [line for line, *_ in refused(text.replace("answer", "answr"))] == [2]


def test_broken_json_is_told_on_its_line_and_what_stands_before_is_read() -> None:
    found = reading(f"[{ONE},\n{TWO},\n{{'number': 53}}]")
    assert [each.number for each in found.documents] == [51, 52]
    assert [each.line for each in found.refusals] == [3]
    assert "this is no JSON" in found.refusals[0].reason
    assert "nothing from here on was read" in found.refusals[0].reason


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"[{ONE}\n{TWO}]", 2),
        (f"[{ONE},\n]", 2),
        (f"[{ONE}\n", 2),
        (f"[{ONE}]\n{TWO}", 2),
        (f'{{"questions" [{ONE}]}}', 1),
        (f'{{"questions": [{ONE}],}}', 1),
        (f'{{"questions": [{ONE}]\n', 2),
        ('[{"number": 51, "prompt": "a\nb"}]', 1),
        ("[" * 100_000, 1),
        ('{"questions":' * 100_000, 1),
        ("[\n\n", 3),
        ("nothing", 1),
        ("[,]", 1),
        ('"text"', 1),
    ],
)
def test_every_way_to_break_it_is_told_on_its_line(text: str, line: int) -> None:
    assert refused(text)[-1][:2] == (line, None)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_refused(value: str) -> None:
    ((_, _, reason),) = refused(f'[{{"number": {value}, "prompt": "How?", "answer": "So."}}]')
    assert reason.startswith("number must be a whole number")


@pytest.mark.parametrize("entry", ["5", "null", '"51. How?"', "[]", "true"])
def test_an_entry_that_is_no_object_is_refused_and_the_rest_is_read(entry: str) -> None:
    found = reading(f"[{ONE},\n{entry},\n{TWO}]")
    assert [each.number for each in found.documents] == [51, 52]
    assert [each.line for each in found.refusals] == [2]
    assert found.refusals[0].reason.startswith("a question is an object")


@pytest.mark.parametrize(
    "entry",
    [
        '{"number": 53, "prompt": "a", "prompt": "b", "answer": "c"}',
        '{"number": 53, "prompt": "a", "answer": "c", "references": [{"prompt": 1, "prompt": 2}]}',
    ],
)
def test_a_key_given_twice_is_refused(entry: str) -> None:
    found = reading(f"[{ONE},\n{entry},\n{TWO}]")
    assert [each.number for each in found.documents] == [51, 52]
    assert [(each.line, each.number, each.reason) for each in found.refusals] == [
        (2, 53, "'prompt' stands twice in one object; keep one")
    ]


def test_a_key_given_twice_in_a_question_alone_is_refused() -> None:
    assert refused('{"number": 51, "prompt": "a", "answer": "b", "prompt": "c"}') == [
        (1, 51, "'prompt' stands twice in one object; keep one")
    ]


@pytest.mark.parametrize("text", ["{}", '{"data": []}', '{"questions": {}}', '{"items": null}'])
def test_an_object_without_questions_says_what_it_lacks(text: str) -> None:
    assert refused(text) == [
        (
            1,
            None,
            'there is no question here: neither a list of them, nor one under "questions" or '
            '"items", nor the fields of one',
        )
    ]


def test_an_empty_list_says_so() -> None:
    assert refused("[]") == [(1, None, "there is no question in this file")]


def test_escapes_are_text() -> None:
    text = '[{"number": 51, "prompt": "\\ud83d\\ude42?", "answer": "a\\r\\nb\\tc\\u0001"}]'
    (document,) = reading(text).documents
    assert (document.prompt, document.answer) == ("🙂?", "a\nb\tc\x01")


def test_what_is_written_is_json_that_anything_reads() -> None:
    documents = reading(f"[{ONE}, {TWO}]").documents
    found = json.loads("".join(write(documents, Format.JSON)))
    assert [each["number"] for each in found] == [51, 52]
    assert list(found[0]) == [
        *("number", "prompt", "answer", "in_practice", "try_it", "technique", "topics"),
        *("difficulty", "references", "created_at", "updated_at"),
    ]
    assert json.loads("".join(write([], Format.JSON))) == []


def test_what_is_written_is_readable_in_every_script() -> None:
    document = QuestionDocument(number=51, prompt="Où ?", answer="مرحبا 🙂")
    assert '"answer": "مرحبا 🙂"' in "".join(write([document], Format.JSON))


def test_many_questions_are_read_in_time_that_grows_with_their_number() -> None:
    def seconds(count: int) -> float:
        text = json.dumps(
            [{"number": each, "prompt": "How?", "answer": "So."} for each in range(1, count + 1)],
            indent=1,
        ).encode()
        begun = time.process_time()
        assert len(read(text).documents) == count
        return time.process_time() - begun

    seconds(100)
    assert seconds(8_000) < 12 * seconds(2_000)


def test_many_refusals_are_told_in_time_that_grows_with_their_number() -> None:
    text = json.dumps([{"number": 0, "prompt": "How?", "answer": "So."}] * 4_000, indent=1)
    begun = time.process_time()
    lines = [line for line, *_ in refused(text)]
    assert time.process_time() - begun < 20
    assert lines[:3] == [3, 8, 13]
