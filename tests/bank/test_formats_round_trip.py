"""Writing and reading again loses nothing, whatever the texts hold and whatever the format."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.bank import formats
from api.bank.formats import WRITABLE, Format, QuestionDocument, Reference, normalised

BANK = Path(formats.__file__).parents[1] / "questions"

# Text that means something to one of the formats, or that some reader is known to change.
TRICKY = (
    *("---", "--- ", "----", "...", "number: 5", "answer: no", "topics: [a]", "Note: this"),
    *("# ", "## In practice", "## Try it", "## in practice ", " ## Try it", "## Other", "###"),
    *("```", "```python", "````", "~~~", "~~~~ text", "    ```", "`code`", "``a`b``"),
    *("\n", "\n\n", "\r\n", "\r", " ", "  ", "\t", "    ", "\n  ", "\n\t"),
    *("\f", "\v", "\x85", "\u2028", "\u2029", "\ufeff", "\xa0", "\x1c", "\x1b[2J", "\x7f", "\x9b"),
    *("'", '"', '""', "\\", "\\n", ";", ",", "|", ">", "=1+1", "+1", "-1", "@x", "sep=;"),
    *("&a", "*a", "!tag", "%TAG", "{", "}", "[", "]", "- ", "? ", ": ", " #", "<<: x", "{{ x }}"),
    *("yes", "null", "~", "1.10", "0x1F", "2026-11-22", "12:30:00", "51. How?", "é", "🙂", "مرحبا"),
)
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.lists(st.sampled_from(TRICKY) | st.text(CHARACTERS, max_size=8), max_size=12).map(
    "".join
)
SAID = TEXTS.map(lambda text: f"{text}a").filter(lambda text: len(text) < 900)
SLUGS = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
MOMENTS = st.none() | st.datetimes(
    min_value=datetime(1, 1, 2),
    max_value=datetime(9999, 12, 30),
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)
REFERENCES = st.builds(
    Reference,
    title=SAID.filter(lambda text: len(text) < 400),
    url=SLUGS.map(lambda slug: f"https://flask.palletsprojects.com/{slug}#\u00e9;x,y"),
)
DOCUMENTS = st.builds(
    QuestionDocument,
    number=st.integers(1, 2_147_483_647),
    prompt=SAID,
    answer=SAID | TEXTS.map(lambda text: f"a{text}"),
    in_practice=st.none() | TEXTS,
    try_it=st.none() | TEXTS,
    technique=st.none() | SLUGS,
    topics=st.lists(SLUGS, max_size=4, unique=True).map(tuple),
    difficulty=st.none() | st.sampled_from(["beginner", "intermediate", "advanced"]),
    references=st.lists(REFERENCES, max_size=3).map(tuple),
    created_at=MOMENTS,
    updated_at=MOMENTS,
)
FILES = st.lists(DOCUMENTS, min_size=1, max_size=4, unique_by=lambda document: document.number)


def written(documents: list[QuestionDocument], format_: Format) -> bytes:
    return "".join(formats.write(documents, format_)).encode()


@pytest.mark.parametrize("format_", WRITABLE)
@given(documents=FILES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_read_back_in_normal_form(
    format_: Format, documents: list[QuestionDocument]
) -> None:
    reading = formats.read(written(documents, format_))
    assert reading.refusals == []
    assert reading.documents == [normalised(document) for document in documents]
    assert reading.format is format_


@given(documents=FILES)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_a_walk_through_every_format_changes_nothing(documents: list[QuestionDocument]) -> None:
    begun = [normalised(document) for document in documents]
    walked = begun
    for format_ in (Format.JSON, Format.MARKDOWN, Format.CSV, Format.YAML, Format.JSON):
        walked = formats.read(written(walked, format_)).documents
    assert walked == begun


@given(document=DOCUMENTS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_normal_form_of_the_normal_form_is_itself(document: QuestionDocument) -> None:
    assert normalised(normalised(document)) == normalised(document)


@pytest.mark.parametrize("format_", WRITABLE)
@given(documents=FILES)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_a_file_whose_line_ends_an_editor_changed_reads_the_same(
    format_: Format, documents: list[QuestionDocument]
) -> None:
    text = written(documents, format_).decode().replace("\r\n", "\n")
    for end in ("\r\n", "\r"):
        reading = formats.read(text.replace("\n", end).encode(), format_)
        assert reading.documents == [normalised(document) for document in documents]


@pytest.mark.parametrize("format_", WRITABLE)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(format_: Format, encoding: str) -> None:
    document = QuestionDocument(number=51, prompt="Où ?", answer="Ici 🙂.\n\nEt là.")
    text = written([document], format_).decode()
    assert formats.read(text.encode(encoding)).documents == [document]


def test_the_files_of_the_bank_are_read_whole_and_written_back_as_they_stand() -> None:
    files = sorted(BANK.glob("*.md"))
    assert files
    for path in files:
        reading = formats.read(path.read_bytes(), name=path.name)
        assert (reading.refusals, reading.notes) == ([], []), path.name
        (document,) = reading.documents
        assert document.number == int(path.name[:3])
        text = "".join(formats.write([document], Format.MARKDOWN))
        assert _unquoted(text) == _unquoted(path.read_text(encoding="utf-8")), path.name


def _unquoted(text: str) -> list[str]:
    """The lines, each title without the quotation marks it may or may not be written with."""
    return [
        line.replace('"', "") if line.startswith("  - title: ") else line
        for line in text.split("\n")
    ]


def test_the_normal_form_is_documented_and_nothing_else_is_changed() -> None:
    document = QuestionDocument(
        number=51,
        prompt=" \tHow do\r\n  you?\n",
        answer="\n \n    code first\r\rthen\u2028text  \nend \t\n\n",
        in_practice=" \n\t",
        try_it="",
        technique=" cors ",
        topics=("b", "a", "b"),
        references=(Reference(title=" A\npage ", url=" https://example.org/ "),),
        created_at=datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=2))),
    )
    assert normalised(document) == QuestionDocument(
        number=51,
        prompt="How do you?",
        answer="    code first\n\nthen\u2028text  \nend",
        technique="cors",
        topics=("b", "a"),
        references=(Reference(title="A page", url="https://example.org/"),),
        created_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
    )


def test_a_time_without_a_zone_cannot_be_written() -> None:
    naive = datetime(2026, 11, 22)
    document = QuestionDocument(number=1, prompt="a?", answer="b", created_at=naive)
    with pytest.raises(ValueError, match="has no time zone"):
        written([document], Format.JSON)


def test_the_numbered_list_is_read_only() -> None:
    with pytest.raises(formats.ReadOnlyFormatError, match="json, yaml, csv or markdown"):
        formats.write([], Format.NUMBERED)


@pytest.mark.parametrize("format_", WRITABLE)
def test_writing_takes_one_question_at_a_time(format_: Format) -> None:
    taken = 0

    def questions() -> object:
        nonlocal taken
        for number in range(1, 4):
            taken += 1
            yield QuestionDocument(number=number, prompt="a?", answer="b")

    parts = formats.write(questions(), format_)  # type: ignore[arg-type]  # a generator of them
    next(parts)
    assert taken <= 1


@pytest.mark.parametrize("format_", WRITABLE)
def test_no_questions_make_a_file_that_says_so_when_read(format_: Format) -> None:
    (refusal,) = formats.read(written([], format_), format_).refusals
    assert "no question" in refusal.reason or "empty" in refusal.reason
