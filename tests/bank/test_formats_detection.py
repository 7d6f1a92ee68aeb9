"""The format of a file, told by what is in it."""

import pytest

from api.bank.formats import Format, UnknownFormatError, detect, read
from api.bank.formats.detection import by_name

MARKDOWN = "---\nnumber: 51\n---\n# How?\n\nSo.\n"
YAML_LIST = "- number: 51\n  prompt: How?\n  answer: So.\n"
NUMBERED = "51. How do you?\nSo.\n"


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        (MARKDOWN, Format.MARKDOWN),
        ("\n\n" + MARKDOWN, Format.MARKDOWN),
        ("A title\n\n" + MARKDOWN, Format.MARKDOWN),
        ("---\ntopics: [a]\nnumber: 51\n---\n# How?\n\nSo.\n", Format.MARKDOWN),
        ('[{"number": 51}]', Format.JSON),
        (' \n{\n"items": []}', Format.JSON),
        ("[]", Format.JSON),
        ("{}", Format.JSON),
        ("[", Format.JSON),
        (YAML_LIST, Format.YAML),
        ("---\n" + YAML_LIST, Format.YAML),
        ("# Questions\n\n" + YAML_LIST, Format.YAML),
        ("questions:\n" + YAML_LIST, Format.YAML),
        ("items:\n" + YAML_LIST, Format.YAML),
        ("number: 51\nprompt: How?\nanswer: So.\n", Format.YAML),
        ("- prompt: 51. How?\n  number: 51\n  answer: So.\n", Format.YAML),
        ('- "number": 51\n', Format.YAML),
        ("number,prompt,answer\n51,How?,So.\n", Format.CSV),
        ("number;prompt;answer\n51;How?;So.\n", Format.CSV),
        ("Number\tPrompt\tAnswer\n51\tHow?\tSo.\n", Format.CSV),
        ("sep=;\nnumber;prompt\n", Format.CSV),
        ('"number","prompt"\n', Format.CSV),
        (NUMBERED, Format.NUMBERED),
        ("# Questions\n\n" + NUMBERED, Format.NUMBERED),
        ("```\n" + NUMBERED + "```\n", Format.NUMBERED),
        ("[Flask](https://flask.palletsprojects.com/) questions\n\n" + NUMBERED, Format.NUMBERED),
        ("---\ntitle: Flask\n---\n\n" + NUMBERED, Format.NUMBERED),
        ("### 51. How do you?\n\n---\n\n### 52. Why?\n", Format.NUMBERED),
    ],
)
def test_the_content_tells(text: str, format_: Format) -> None:
    assert detect(text) is format_
    assert read(text.encode()).format is format_
    # A name that says something else does not help.
    wrong = "questions.csv" if format_ is not Format.CSV else "questions.md"
    assert detect(text, wrong) is format_


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("a.md", Format.MARKDOWN),
        ("a.markdown", Format.MARKDOWN),
        ("a.json", Format.JSON),
        ("a.yaml", Format.YAML),
        ("b/a.YML", Format.YAML),
        ("a.csv", Format.CSV),
        ("a.tsv", Format.CSV),
        ("a.txt", Format.NUMBERED),
        ("a.md.json", Format.JSON),
        ("README", None),
        ("a.xlsx", None),
        (None, None),
    ],
)
def test_a_name_promises_a_format(name: str | None, format_: Format | None) -> None:
    assert by_name(name) is format_


@pytest.mark.parametrize("name", ["a.md", "a.json", "a.yaml", "a.csv", "a.txt"])
def test_where_the_content_tells_nothing_the_name_does(name: str) -> None:
    reading = read(b"hello\n", name=name)
    assert reading.format is by_name(name)
    assert len(reading.refusals) == 1


def test_the_name_tells_yaml_from_what_looks_alike() -> None:
    assert detect('[{"number": 51}]', "a.yaml") is Format.YAML
    assert detect("---\nnumber: 51\nprompt: How?\nanswer: So.\n", "a.yml") is Format.YAML


@pytest.mark.parametrize("name", [None, "README", "a.docx"])
def test_where_nothing_tells_the_formats_are_named(name: str | None) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        read(b"Flask is nice.\n", name=name)
    for format_ in Format:
        assert format_.value in str(caught.value)


def test_a_given_format_is_not_questioned() -> None:
    assert read(MARKDOWN.encode(), Format.JSON).format is Format.JSON
    assert read(NUMBERED.encode(), Format.MARKDOWN).documents == []


@pytest.mark.parametrize("data", [b"", b"\n", b" \t\r\n", b"\xef\xbb\xbf", b"\xff\xfe"])
@pytest.mark.parametrize("format_", [None, *Format])
def test_an_empty_file_says_so(data: bytes, format_: Format | None) -> None:
    reading = read(data, format_)
    assert [(each.line, each.number) for each in reading.refusals] == [(1, None)]
    assert reading.documents == []


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"51. How?\nSo.\n\n52. Caf\xe9?\nThus.\n", 4),
        (b"\xff", 1),
        (b"a\r\nb\r\n\xc3\x28", 3),
        (b"a\rb\r\x80", 3),
        (b"a\n\xed\xa0\x80", 2),
        (b"a\nb\n\xe2\x82", 3),
        ("a\nb".encode("utf-16") + b"\x00\xd8", 2),
        (b"\xff\xfea\x00\n\x00b", 2),
    ],
)
@pytest.mark.parametrize("format_", [None, Format.JSON])
def test_bytes_that_are_no_text_are_refused_with_their_line(
    data: bytes, line: int, format_: Format | None
) -> None:
    reading = read(data, format_)
    assert reading.documents == []
    assert [each.line for each in reading.refusals] == [line]
    assert "is not UTF-" in reading.refusals[0].reason
    assert "save the file as UTF-8" in reading.refusals[0].reason


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0", b"PK\x03\x04\x14\0\x06\0", bytes(256)])
@pytest.mark.parametrize("format_", list(Format))
def test_a_file_that_is_no_text_at_all_is_refused_in_every_format(
    data: bytes, format_: Format
) -> None:
    reading = read(data, format_)
    assert reading.documents == []
    assert reading.refusals
