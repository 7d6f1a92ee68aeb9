"""CSV as spreadsheets save it."""

import csv
import io
import json

import pytest

from api.bank.formats import Format, QuestionDocument, Reading, Reference, read, write


def reading(text: str) -> Reading:
    return read(text.encode(), Format.CSV)


def refused(text: str) -> list[tuple[int, int | None, str]]:
    return [(each.line, each.number, each.reason) for each in reading(text).refusals]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_header_tells_the_delimiter(delimiter: str, end: str) -> None:
    rows = [["number", "prompt", "answer", "topics"], ["51", "A, b; c?", 'So\n"so".', "x;y"]]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)
    for text in (file.getvalue(), "\ufeff" + file.getvalue()):
        (document,) = read(text.encode()).documents
        assert document == QuestionDocument(
            number=51, prompt="A, b; c?", answer='So\n"so".', topics=("x", "y")
        )


def test_a_spreadsheets_unicode_text_is_read() -> None:
    text = "number\tprompt\tanswer\r\n51\tÜber?\t🙂\r\n"
    (document,) = read(text.encode("utf-16")).documents
    assert (document.prompt, document.answer) == ("Über?", "🙂")


def test_a_line_that_names_the_separator_is_passed_over() -> None:
    found = reading("sep=;\nnumber;prompt;answer\n51;How?;So.\n52;Why?;\n")
    assert [(each.number, each.line) for each in found.documents] == [(51, 3)]
    assert [(each.number, each.line) for each in found.refusals] == [(52, 4)]


def test_column_names_may_be_written_as_people_write_them() -> None:
    (document,) = reading(
        " Number ,PROMPT,Answer,In practice,Try-It\n51,How?,So.,Mind.,Run.\n"
    ).documents
    assert (document.in_practice, document.try_it) == ("Mind.", "Run.")


def test_columns_may_stand_in_any_order_and_be_absent() -> None:
    (document,) = reading("answer,number,prompt\nSo.,51,How?\n").documents
    assert document == QuestionDocument(number=51, prompt="How?", answer="So.")


def test_empty_rows_and_columns_are_passed_over() -> None:
    found = reading("number,prompt,answer,,\n,,,,\n51,How?,So.,,\n\n,,,,\n52,Why?,Thus.\n")
    assert [(each.number, each.line) for each in found.documents] == [(51, 3), (52, 6)]
    assert found.refusals == []


def test_each_row_knows_its_first_line() -> None:
    found = reading('number,prompt,answer\n51,How?,"a\n\nb"\n52,Why?,Thus.\n53,When?,\n')
    assert [each.line for each in found.documents] == [2, 5]
    assert [(each.line, each.number) for each in found.refusals] == [(6, 53)]


def test_topics_are_joined_by_semicolons() -> None:
    (document,) = reading("number,prompt,answer,topics\n51,How?,So., cors ; security;\n").documents
    assert document.topics == ("cors", "security")


def test_references_are_json() -> None:
    pages = [{"title": 'A "b", c; d', "url": "https://example.org/?a=1;b=2"}]
    file = io.StringIO(newline="")
    csv.writer(file).writerows(
        [["number", "prompt", "answer", "references"], ["51", "How?", "So.", json.dumps(pages)]]
    )
    (document,) = reading(file.getvalue()).documents
    assert document.references == (
        Reference(title='A "b", c; d', url="https://example.org/?a=1;b=2"),
    )


@pytest.mark.parametrize("cell", ["https://example.org/", "[{]", "[" * 20_000])
def test_references_that_are_no_json_are_refused_with_an_example(cell: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(
        [["number", "prompt", "answer", "references"], ["51", "How?", "So.", cell]]
    )
    ((line, number, reason),) = refused(file.getvalue())
    assert (line, number) == (2, 51)
    assert 'references must be a JSON list such as [{"title":' in reason


def test_references_that_are_json_are_judged_like_any() -> None:
    ((_, _, reason),) = refused('number,prompt,answer,references\n51,How?,So.,"{""title"": 1}"\n')
    assert reason == "references must be a list, and is an object"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("number,prompt,answer,level", "the column is no field: 'level'; there are number,"),
        ("number,prompt,answer,a,b", "the columns are no field: 'a' and 'b'; there are number,"),
        ("number,prompt", "there is no column answer; the first row must name the columns"),
        ("number,prompt,answer,Prompt", "there are two columns prompt; keep one"),
        ("51,How?,So.", "the columns are no field: '51', 'how?' and 'so.'; there are number,"),
    ],
)
def test_a_header_that_will_not_do_is_refused_once(header: str, reason: str) -> None:
    ((line, _, told),) = refused(f"{header}\n51,How?,So.\n52,Why?,Thus.\n")
    assert line == 1
    assert told.startswith(reason)


def test_a_cell_under_no_heading_is_refused_and_the_rest_is_read() -> None:
    found = reading("number,prompt,answer,\n51,How?,So.,,x\n52,Why?,Thus.,y\n53,When?,Now.\n")
    assert [each.number for each in found.documents] == [53]
    assert [(each.line, each.number) for each in found.refusals] == [(2, 51), (3, 52)]
    assert found.refusals[0].reason == (
        "a cell stands under no heading; the columns are number, prompt and answer"
    )


@pytest.mark.parametrize(
    ("row", "line"),
    [('53,When?,"Now\n54,Where?,Here\n', 4), ('53,When?,"Now" or never\n', 4)],
)
def test_a_quotation_mark_gone_wrong_is_told_on_the_line_of_its_row(row: str, line: int) -> None:
    found = reading(f"number,prompt,answer\n51,How?,So.\n52,Why?,Thus.\n{row}")
    assert [each.number for each in found.documents] == [51, 52]
    assert [each.line for each in found.refusals] == [line]
    assert "from here on this is no CSV" in found.refusals[0].reason


def test_a_quotation_mark_inside_an_unquoted_cell_is_text() -> None:
    (document,) = reading('number,prompt,answer\n51,How "so"?,a 5" disk\n').documents
    assert (document.prompt, document.answer) == ('How "so"?', 'a 5" disk')


def test_a_row_that_breaks_off_is_refused() -> None:
    assert refused("answer,prompt,number,topics\nSo.,How?\n") == [
        (2, None, "number is missing; it must be given")
    ]


def test_a_header_alone_says_so() -> None:
    assert refused("number,prompt,answer\n") == [(1, None, "there is no question in this file")]


def test_cells_of_the_greatest_length_are_read() -> None:
    document = QuestionDocument(
        number=51,
        prompt="How?",
        answer='"' * 50_000,
        references=tuple(
            Reference(title="\x01" * 500, url=f"https://example.org/{each}".ljust(2_000, "x"))
            for each in range(50)
        ),
    )
    assert reading("".join(write([document], Format.CSV))).documents == [document]


def test_what_is_written_is_csv_that_anything_reads() -> None:
    document = QuestionDocument(number=51, prompt="How?", answer="=1+1\n,;\t'", topics=("b", "a"))
    text = "".join(write([document], Format.CSV))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["answer"], row["topics"], row["references"]) == ("=1+1\n,;\t'", "b;a", "")
    assert text.endswith("\r\n")
