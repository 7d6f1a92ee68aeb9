"""What a question must be, the same in every format, and how a refusal says so."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from api.bank.formats import Format, QuestionDocument, Refusal, read
from api.bank.formats import schema as rules

GOOD: dict[str, Any] = {"number": 51, "prompt": "How?", "answer": "So."}


def judged(**changes: Any) -> QuestionDocument | Refusal:
    """The verdict on a question that is good but for the changes."""
    fields = {key: value for key, value in (GOOD | changes).items() if value is not ...}
    reading = read(json.dumps([fields]).encode(), Format.JSON)
    (found,) = reading.documents or reading.refusals
    return found


def reason(**changes: Any) -> str:
    found = judged(**changes)
    assert isinstance(found, Refusal)
    return found.reason


def taken(**changes: Any) -> QuestionDocument:
    found = judged(**changes)
    assert isinstance(found, QuestionDocument), found.reason
    return found


@pytest.mark.parametrize("key", ["number", "prompt", "answer"])
def test_a_required_field_is_named_when_it_is_absent_or_null(key: str) -> None:
    assert reason(**{key: ...}) == f"{key} is missing; it must be given"
    assert reason(**{key: None}) == f"{key} is null; it must be given"


@pytest.mark.parametrize("key", ["prompt", "answer"])
@pytest.mark.parametrize("blank", ["", " \n\t", "\u00a0", "\r\n"])
def test_a_required_text_of_nothing_but_white_space_is_refused(key: str, blank: str) -> None:
    assert reason(**{key: blank}) == f"{key} is blank; it must be given"


@pytest.mark.parametrize("key", ["in_practice", "try_it", "technique", "difficulty", "created_at"])
@pytest.mark.parametrize("blank", [None, "", " \n"])
def test_a_blank_optional_field_is_the_same_as_none(key: str, blank: str | None) -> None:
    assert getattr(taken(**{key: blank}), key) is None


@pytest.mark.parametrize("key", ["topics", "references"])
@pytest.mark.parametrize("blank", [None, []])
def test_an_empty_list_is_the_same_as_none(key: str, blank: list[str] | None) -> None:
    assert getattr(taken(**{key: blank}), key) == ()


@pytest.mark.parametrize("number", [1, 51, 2_147_483_647, "51", " 51 "])
def test_a_number_may_be_digits(number: int | str) -> None:
    assert taken(number=number).number == int(number)


@pytest.mark.parametrize(
    "number", [True, 51.0, 5.5, "5.5", "fifty", "5_1", "٥١", [51], {}, "12345678901", "+5"]
)
def test_a_number_that_is_none_is_refused_by_name(number: object) -> None:
    assert reason(number=number).startswith("number must be a whole number such as 51")


@pytest.mark.parametrize("number", [0, -1, 2_147_483_648, "0", 10**18])
def test_a_number_no_database_keeps_is_refused(number: object) -> None:
    assert reason(number=number).startswith("number must be from 1 to 2,147,483,647")


def test_a_number_of_any_length_is_refused_and_not_computed() -> None:
    text = '[{"number": ' + "9" * 100_000 + ', "prompt": "How?", "answer": "So."}]'
    ((refusal),) = read(text.encode()).refusals
    assert refusal.reason.startswith("number must be a whole number")
    assert len(refusal.reason) < 200


@pytest.mark.parametrize(
    ("key", "most"),
    [("prompt", 1_000), ("answer", 50_000), ("in_practice", 50_000), ("try_it", 50_000)],
)
def test_a_text_has_a_most(key: str, most: int) -> None:
    assert getattr(taken(**{key: "é" * most}), key) == "é" * most
    assert getattr(taken(**{key: "x" * most + "\n \n"}), key) == "x" * most
    assert reason(**{key: "x" * (most + 1)}) == (
        f"{key} has {most + 1:,} characters; {most:,} is the most"
    )


@pytest.mark.parametrize("key", ["prompt", "answer", "in_practice", "technique", "difficulty"])
@pytest.mark.parametrize(
    ("value", "kind"), [(5, "the number 5"), (True, "true"), ([], "a list"), ({}, "an object")]
)
def test_a_text_that_is_none_is_refused_by_kind(key: str, value: object, kind: str) -> None:
    assert reason(**{key: value}) == f"{key} must be text, and is {kind}"


@pytest.mark.parametrize("key", ["prompt", "answer", "in_practice", "try_it", "technique"])
def test_text_that_no_database_keeps_is_refused(key: str) -> None:
    assert reason(**{key: "a\0b"}) == (
        f"{key} holds a NUL (U+0000), which no database keeps: take it out"
    )
    assert reason(**{key: "a\ud800b"}).startswith(f"{key} holds half of a surrogate pair (U+D800)")


@pytest.mark.parametrize("slug", ["rate-limiting", "a", "2fa", "x" * 60])
def test_a_slug_is_lower_case_words_and_hyphens(slug: str) -> None:
    assert taken(technique=slug, topics=[slug]).topics == (slug,)


@pytest.mark.parametrize("slug", ["Rate", "rate limiting", "-a", "a-", "a--b", "a_b", "é", "a;b"])
def test_what_is_no_slug_is_refused_in_its_place(slug: str) -> None:
    assert reason(technique=slug).startswith(f"technique {slug!r} is no slug")
    assert reason(topics=["cors", slug]).startswith(f"topics[1] {slug!r} is no slug")


def test_a_slug_has_a_most() -> None:
    assert reason(technique="x" * 61) == "technique has 61 characters; 60 is the most"


def test_a_topic_stands_once_and_in_its_place() -> None:
    assert taken(topics=["b", "a", "b"]).topics == ("b", "a")


@pytest.mark.parametrize(("key", "most"), [("topics", 20), ("references", 50)])
def test_a_list_has_a_most(key: str, most: int) -> None:
    entries: list[object] = [
        f"t{each}" if key == "topics" else {"title": "T", "url": f"https://example.org/{each}"}
        for each in range(most + 1)
    ]
    assert len(getattr(taken(**{key: entries[:most]}), key)) == most
    assert reason(**{key: entries}) == f"{key} has {most + 1} entries; {most} is the most"


@pytest.mark.parametrize("key", ["topics", "references"])
@pytest.mark.parametrize(("value", "kind"), [("cors", "text"), ({"a": 1}, "an object")])
def test_a_list_that_is_none_is_refused(key: str, value: object, kind: str) -> None:
    assert reason(**{key: value}) == f"{key} must be a list, and is {kind}"


def test_a_topic_that_is_null_is_refused() -> None:
    assert reason(topics=[None]).startswith("topics[0] is null")


@pytest.mark.parametrize("difficulty", ["beginner", "intermediate", "advanced"])
def test_there_are_three_difficulties(difficulty: str) -> None:
    assert taken(difficulty=difficulty).difficulty == difficulty


def test_another_difficulty_is_refused_with_the_three() -> None:
    assert reason(difficulty="Hard") == (
        "difficulty is 'Hard'; use beginner, intermediate or advanced"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://flask.palletsprojects.com/en/stable/patterns/fileuploads/#improving-uploads",
        "http://localhost:5000/api/v1",
        "http://[::1]:5000/",
        "https://en.wikipedia.org/wiki/Flask_(web_framework)?a=b&c=d",
        "https://пример.example/стр",
    ],
)
def test_a_reference_has_a_title_and_an_address(url: str) -> None:
    (reference,) = taken(references=[{"title": " A\npage ", "url": url}]).references
    assert (reference.title, reference.url) == ("A page", url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "javascript:alert(1)",
        "//example.org/",
        "example.org",
        "https://",
        "https:///path",
        "https://exa mple.org/",
        "https://example.org/a b",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_no_web_address_is_refused(url: str) -> None:
    assert reason(references=[{"title": "T", "url": url}]).startswith(
        f"references[0].url {url!r} is no http or https address"
    )


def test_an_address_has_a_most() -> None:
    url = "https://example.org/".ljust(2_001, "a")
    assert taken(references=[{"title": "T", "url": url[:-1]}]).references[0].url == url[:-1]
    assert reason(references=[{"title": "T", "url": url}]) == (
        "references[0].url has 2,001 characters; 2,000 is the most"
    )


def test_every_fault_of_a_reference_is_told_in_its_place() -> None:
    assert reason(
        references=[{"title": "T", "url": "https://example.org/"}, {"titel": "T"}, "https://x.org"]
    ) == (
        "references[1].title is missing; it must be given; "
        "references[1].url is missing; it must be given; "
        "references[1].titel is no field; did you mean title?; "
        "references[2] must be an object with title and url"
    )


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22t10:00:00z", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22 10:00:00+02:00", "2026-11-22T08:00:00+00:00"),
        ("2026-11-22T10:00:00.25Z", "2026-11-22T10:00:00.250000+00:00"),
        ("2026-11-22T10:00:00.123456789Z", "2026-11-22T10:00:00.123456+00:00"),
    ],
)
def test_a_time_is_kept_in_utc(text: str, utc: str) -> None:
    created = taken(created_at=text).created_at
    assert created is not None
    assert created.isoformat() == utc


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "2026-11-22T10:00:00",
        "2026-11-22T10:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "20261122T100000Z",
        "2026-W47-7T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "now",
    ],
)
def test_a_time_that_is_none_is_refused_with_an_example(text: str) -> None:
    assert reason(updated_at=text) == (
        f"updated_at {text!r} is no time with its offset (RFC 3339); "
        'write it like "2026-11-22T10:00:00Z"'
    )


def test_an_unknown_field_is_named_with_the_one_that_was_meant() -> None:
    assert reason(promt="x") == "promt is no field; did you mean prompt?"
    assert reason(id=1).startswith("id is no field; there are number, prompt, answer,")
    assert reason(**{"a.b": 1}).startswith("'a.b' is no field")


def test_every_fault_is_told_at_once() -> None:
    assert reason(number="x", answer="", difficulty="hard") == (
        "number must be a whole number such as 51, and is 'x'; "
        "answer is blank; it must be given; "
        "difficulty is 'hard'; use beginner, intermediate or advanced"
    )


def test_a_refusal_knows_the_number_where_there_is_one() -> None:
    known = judged(answer="")
    unknown = judged(number=0)
    assert isinstance(known, Refusal)
    assert isinstance(unknown, Refusal)
    assert (known.number, unknown.number) == (51, None)


def test_a_message_shows_nothing_that_acts_on_a_terminal() -> None:
    shown = reason(difficulty="\x1b[2J\u202e" + "x" * 500)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert len(shown) < 150


def test_two_questions_of_one_number_are_told_apart_by_line() -> None:
    text = json.dumps([GOOD, GOOD | {"number": 52}, GOOD, GOOD], indent=1)
    reading = read(text.encode())
    assert [each.number for each in reading.documents] == [51, 52]
    assert [(each.line, each.number) for each in reading.refusals] == [(12, 51), (17, 51)]
    assert reading.refusals[0].reason.startswith("number 51 stands on line 2 already")


def test_a_number_is_taken_even_by_a_question_that_was_refused() -> None:
    text = json.dumps([GOOD | {"answer": ""}, GOOD])
    assert [each.reason.split(" ")[0] for each in read(text.encode()).refusals] == [
        "answer",
        "number",
    ]


def test_the_names_are_the_documents_own() -> None:
    assert set(rules.KEYS) == set(QuestionDocument.__dataclass_fields__) - {"line"}
    assert set(rules.QuestionSchema().fields) == set(rules.KEYS)


_TEXTS = st.sampled_from(
    ["", " ", "word", "two words", " a-slug ", "no slug", "nul\0", "\ud800", "x" * 1001]
)
_URLS = st.sampled_from(
    ["https://flask.palletsprojects.com/", "ftp://a.b/", " http://localhost/a ", ""]
)
_ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**31),
    _TEXTS,
    st.lists(_TEXTS, max_size=3),
    st.just({}),
)
_REFERENCE = st.fixed_dictionaries(
    {}, optional={"title": _TEXTS | _ANY, "url": _URLS | _ANY, "more": _TEXTS}
)
_RECORD = st.fixed_dictionaries(
    {"number": st.integers(1, 9) | _ANY, "prompt": st.just("Why?") | _ANY, "answer": _TEXTS},
    optional={
        "in_practice": _ANY,
        "technique": st.just("rate-limiting") | _ANY,
        "topics": st.lists(st.sampled_from(["routing", "security"]) | _ANY, max_size=21),
        "difficulty": st.sampled_from(["beginner", ""]) | _ANY,
        "references": st.lists(_REFERENCE, max_size=3) | _ANY,
        "created_at": st.sampled_from(["2026-11-22T10:00:00Z", "2026-13-01T00:00:00Z"]) | _ANY,
        "more": _ANY,
    },
)


@given(_RECORD)
def test_the_short_way_through_the_rules_takes_what_the_schema_takes_and_makes_the_same_of_it(
    record: dict[str, Any],
) -> None:
    try:
        expected: Any = rules.QuestionSchema().load(record)
    except ValidationError:
        expected = None
    try:
        found: Any = rules._sound(rules.QuestionSchema(), record)
    except ValidationError:
        found = None
    assert found == expected
