"""The Markdown form: written by hand, read as it stands, and never in doubt."""

import time

import pytest

from api.bank.formats import Format, QuestionDocument, Reading, Reference, read, write

FRONT = "---\nnumber: 51\n---\n"


def reading(text: str) -> Reading:
    return read(text.encode(), Format.MARKDOWN)


def refused(text: str) -> list[tuple[int, int | None, str]]:
    return [(each.line, each.number, each.reason) for each in reading(text).refusals]


def taken(text: str) -> QuestionDocument:
    found = reading(text)
    assert found.refusals == []
    (document,) = found.documents
    return document


def test_a_file_as_people_write_it() -> None:
    text = """\
---
number: 71
technique: rate-limiting
topics: [security, operations]
difficulty: intermediate
# A comment.
references:
  - title: "Flask-Limiter: Rate limiting strategies"
    url: https://flask-limiter.readthedocs.io/en/stable/strategies.html
  - {title: Limits, url: "https://limits.readthedocs.io/"}
---
# How do you limit the rate of requests in a Flask API?

With Flask-Limiter.

```python
# not a heading
limiter.limit("1/second")
```

## In practice

It counts by address.

## Try it

```console
$ curl -i localhost:5000
```
"""
    assert taken(text) == QuestionDocument(
        number=71,
        prompt="How do you limit the rate of requests in a Flask API?",
        answer='With Flask-Limiter.\n\n```python\n# not a heading\nlimiter.limit("1/second")\n```',
        in_practice="It counts by address.",
        try_it="```console\n$ curl -i localhost:5000\n```",
        technique="rate-limiting",
        topics=("security", "operations"),
        difficulty="intermediate",
        references=(
            Reference(
                title="Flask-Limiter: Rate limiting strategies",
                url="https://flask-limiter.readthedocs.io/en/stable/strategies.html",
            ),
            Reference(title="Limits", url="https://limits.readthedocs.io/"),
        ),
    )


def test_it_is_written_as_people_write_it() -> None:
    document = QuestionDocument(
        number=71,
        prompt="How?",
        answer="So.",
        in_practice="Mind.",
        try_it="Run.",
        technique="cors",
        topics=("a", "b"),
        difficulty="beginner",
        references=(Reference(title="T: t", url="https://example.org/"),),
    )
    assert "".join(write([document, document], Format.MARKDOWN)) == "\n".join(
        [
            """\
---
number: 71
technique: cors
topics: [a, b]
difficulty: beginner
references:
  - title: "T: t"
    url: https://example.org/
---
# How?

So.

## In practice

Mind.

## Try it

Run.
"""
        ]
        * 2
    )


@pytest.mark.parametrize(
    "answer",
    [
        "Above\n\n---\n\nbelow",
        "---",
        "Title\n---\n\nText",
        "---\n\nNote: this\n\n---",
        "---\nNote: this\n---",
        "---\nNote: this\n\nnumber: 5",
        "```yaml\nkey: value\n---\nother: value\n```",
        "```\n## In practice\n```",
        "~~~\n```\n## Try it\n~~~",
        "# A heading\n\n## Another\n\n### In practice",
        " ## In practice",
        "## In practice and theory",
        "- a\n\n  ```\n  ## Try it\n  ```",
        "text with `---` in it",
        "trailing blanks  \nand\ttabs",
        "    indented code first",
        "form\ffeed\x85next\u2028line\u2029end",
        "# hash first",
    ],
)
def test_ordinary_text_stands_in_the_body_as_it_is(answer: str) -> None:
    document = QuestionDocument(number=51, prompt="How?", answer=answer, in_practice="Mind.")
    text = "".join(
        write([document, QuestionDocument(number=52, prompt="a", answer="b")], Format.MARKDOWN)
    )
    assert f"---\n# How?\n\n{answer}\n\n## In practice\n\nMind.\n\n---\nnumber: 52\n" in text
    assert reading(text).documents[0] == document


@pytest.mark.parametrize(
    "answer",
    [
        "Before\n\n## In practice\n\nafter",
        "## Try it",
        "## in practice  \nx",
        "```\nnever closed",
        "````\n```\nclosed too short",
        "a\n---\nnumber: 52\n---\n# Why?\n\nThus.",
        "---\nname: x\ntopics: [a]\n---",
        "```\n---\nnumber: 52\n---\n```",
        "---\n# comment\nnumber: 5",
    ],
)
@pytest.mark.parametrize("field", ["answer", "in_practice", "try_it"])
def test_text_that_would_be_taken_for_structure_stands_in_the_front_matter(
    field: str, answer: str
) -> None:
    texts = {"answer": "So.", "in_practice": "Mind.", "try_it": "Run."} | {field: answer}
    document = QuestionDocument(
        number=51,
        prompt="How?",
        answer=texts["answer"],
        in_practice=texts["in_practice"],
        try_it=texts["try_it"],
    )
    following = QuestionDocument(number=52, prompt="a", answer="b")
    text = "".join(write([document, following], Format.MARKDOWN))
    assert f"\n{field}: " in text
    assert reading(text).documents == [document, following]


def test_a_file_holds_any_number_of_questions() -> None:
    text = "\n\n---\nnumber: 51\n---\n# How?\nSo.\n---\nnumber: 52\n---\n\n# Why?\n\nThus.\n\n\n"
    found = reading(text)
    assert [(each.number, each.line) for each in found.documents] == [(51, 3), (52, 8)]
    assert found.refusals == []


def test_files_joined_together_are_a_file() -> None:
    one = "".join(write([QuestionDocument(number=51, prompt="a", answer="b")], Format.MARKDOWN))
    assert [each.number for each in reading(one + one.replace("51", "52")).documents] == [51, 52]


def test_windows_line_ends_and_a_byte_order_mark_are_normal() -> None:
    text = "\ufeff" + (FRONT + "# How?\n\na\nb\n\n## Try it\n\nc\n").replace("\n", "\r\n")
    assert taken(text) == QuestionDocument(number=51, prompt="How?", answer="a\nb", try_it="c")


def test_a_comment_may_come_first_in_front_matter() -> None:
    text = FRONT + "# How?\n\nSo.\n\n---\n# The next one.\nnumber: 52\n---\n# Why?\n\nThus.\n"
    assert [each.number for each in reading(text).documents] == [51, 52]


def test_section_headings_are_known_in_any_case_and_may_end_in_blanks() -> None:
    document = taken(FRONT + "# How?\n\nSo.\n\n## In Practice  \n\nMind.\n\n##  Try it\n\nRun.\n")
    assert (document.in_practice, document.try_it) == ("Mind.", "Run.")


def test_an_empty_section_is_none() -> None:
    assert taken(FRONT + "# How?\n\nSo.\n\n## In practice\n\n## Try it\n").in_practice is None


def test_front_matter_may_hold_the_texts() -> None:
    text = "---\nnumber: 51\nanswer: |\n  a\n  ---\n  b\ntry_it: c\n---\n# How?\n"
    assert taken(text) == QuestionDocument(number=51, prompt="How?", answer="a\n---\nb", try_it="c")


@pytest.mark.parametrize(
    ("text", "line", "number", "reason"),
    [
        (FRONT, 3, 51, 'prompt is missing; put a line "# How do you …?" after the front matter'),
        (FRONT + "\nSo.\n", 5, 51, "prompt is missing"),
        (FRONT + "#How?\n\nSo.\n", 4, 51, "prompt is missing"),
        (FRONT + "# \n\nSo.\n", 4, 51, "prompt is missing"),
        (FRONT + "# How?\n", 5, 51, "answer is blank"),
        (FRONT + "# How?\n\n## Try it\n\nRun.\n", 5, 51, "answer is blank"),
        (FRONT + "# How?\n\n```\nSo.\n", 6, 51, "the code fence that opens here is never closed"),
        (
            FRONT + "# How?\n\nSo.\n\n## Try it\n\na\n\n## In practice\n\nb\n",
            12,
            51,
            '"## In practice" must stand before "## Try it"',
        ),
        (
            FRONT + "# How?\n\nSo.\n\n## Try it\n\na\n\n## Try it\n\nb\n",
            12,
            51,
            '"## Try it" stands here a second time; keep one',
        ),
        (
            "---\nnumber: 51\nanswer: a\n---\n# How?\n\nSo.\n",
            6,
            51,
            "answer stands here and in the front matter; keep one",
        ),
        (
            "---\nnumber: 51\ntry_it: a\n---\n# How?\n\nSo.\n\n## Try it\n",
            9,
            51,
            "try_it stands here and in the front matter; keep one",
        ),
        (
            "---\nnumber: 51\nprompt: How?\n---\n# How?\n\nSo.\n",
            3,
            51,
            "prompt is no front matter",
        ),
        ("---\nnumber: 51\n# How?\n\nSo.\n", 1, None, "the front matter that begins here is not"),
        ("---\nnumber: 51\na: [\n---\n# How?\n\nSo.\n", 4, None, "this is no YAML"),
        ("---\nnumber: 51\nnumber: 52\n---\n# How?\n\nSo.\n", 3, 52, "'number' stands twice"),
        ("---\nnumber: 51\nlevel: 3\n---\n# How?\n\nSo.\n", 3, 51, "level is no field"),
        ("---\nnumber: 51\ntopics:\n - A b\n---\n# How?\n\nSo.\n", 3, 51, "topics[0] 'A b' is"),
        ("---\ntechnique: cors\n---\n# How?\n\nSo.\n", 1, None, "number is missing"),
        ("Hello.\n" + FRONT + "# How?\n\nSo.\n", 1, None, "this text belongs to no question"),
        ("# How?\n\nSo.\n", 1, None, "this text belongs to no question"),
        (FRONT + f"# {'x' * 1_001}\n\nSo.\n", 4, 51, "prompt has 1,001 characters"),
    ],
)
def test_every_fault_is_told_on_its_line(
    text: str, line: int, number: int | None, reason: str
) -> None:
    ((at, of, told),) = refused(text)
    assert (at, of) == (line, number)
    assert told.startswith(reason)


@pytest.mark.parametrize(
    "fault",
    [
        "---\nnumber: 51\n---\n# How?\n\n```python\nnever closed\n\n",
        "---\nnumber: 51\n# front matter never closed\n\nSo.\n\n",
        "---\nnumber: 51\n---\nno heading\n\n",
        "---\nnumber: x\n---\n# How?\n\nSo.\n\n",
    ],
)
def test_a_faulty_question_does_not_swallow_the_next(fault: str) -> None:
    found = reading(f"{fault}---\nnumber: 52\n---\n# Why?\n\n```\nThus.\n```\n")
    assert [each.number for each in found.documents] == [52]
    (refusal,) = found.refusals
    assert refusal.line < 8


@pytest.mark.parametrize(
    "line", ["---\n", "---\nnumber: 1\n", "```a\n", "```\n", "~~~~\n", "# a\n", "---\na: b\n"]
)
def test_hostile_repetition_takes_no_longer_than_its_length_deserves(line: str) -> None:
    begun = time.process_time()
    reading(FRONT + "# How?\n\n" + line * 20_000)
    reading(line * 20_000)
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("run", [" ", "#", "`", "-", "# ", "## ", "\t"])
def test_a_hostile_line_takes_no_longer_than_its_length_deserves(run: str) -> None:
    begun = time.process_time()
    reading(f"{FRONT}# {run * 50_000}x\n\n{run * 50_000}x\n---{run * 50_000}x\n")
    assert time.process_time() - begun < 20
