"""Parsing: how messages become `errors`, and what a body may hold."""

import json

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from api.http.parsing import (
    MAX_DEPTH,
    code_of,
    parameter_errors,
    pointer,
    pointer_errors,
    read_json,
)
from api.http.problems import Problem

app = Flask(__name__)


def parsed(body: str | bytes, content_type: str = "application/json") -> object:
    with app.test_request_context(method="POST", data=body, content_type=content_type):
        found: object = read_json(request)
        return found


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Unknown field.", "unknown"),
        ("Unknown parameter; known are page.", "unknown"),
        ("Missing data for required field.", "required"),
        ("Field may not be null.", "required"),
        ("Given 3 times; give it once, several values by commas.", "duplicate"),
        ("Must be greater than or equal to 1.", "out_of_range"),
        ("Must be greater than or equal to 1 and less than or equal to 9.", "out_of_range"),
        ("Shorter than minimum length 1.", "out_of_range"),
        ("Longer than maximum length 60.", "out_of_range"),
        ("Length must be between 1 and 5.", "out_of_range"),
        ("Must be one of: a, b.", "not_allowed"),
        ("Not a valid integer.", "invalid"),
    ],
)
def test_every_kind_of_message_has_a_code_of_its_own(message: str, code: str) -> None:
    assert code_of(message) == code


def test_messages_become_pointers_into_the_body() -> None:
    messages = {"a": {"b/c": {0: ["No."]}, "d~": ["Unknown field."]}, "_schema": ["Bad."]}
    told = {e["pointer"]: (e["detail"], e["code"]) for e in pointer_errors(messages)}
    assert told == {
        "#/a/b~1c/0": ("No.", "invalid"),
        "#/a/d~0": ("Unknown field.", "unknown"),
        "#": ("Bad.", "invalid"),
    }


def test_messages_become_parameters_and_items_are_counted_from_one() -> None:
    errors = parameter_errors({"sort": {1: ["Must be one of: a."]}, "page": ["No."]})
    told = {e["parameter"]: (e["detail"], e["code"]) for e in errors}
    assert told == {
        "sort": ("Item 2: Must be one of: a.", "not_allowed"),
        "page": ("No.", "invalid"),
    }


@pytest.mark.parametrize(
    ("key", "written"),
    [
        # RFC 6901, section 6, has these examples.
        ("foo", "#/foo"), ("", "#/"), ("a/b", "#/a~1b"), ("c%d", "#/c%25d"), ("e^f", "#/e%5Ef"),
        ("g|h", "#/g%7Ch"), ("i\\j", "#/i%5Cj"), ('k"l', "#/k%22l"), (" ", "#/%20"),
        ("m~n", "#/m~0n"),
    ],
)  # fmt: skip
def test_pointers_are_written_as_the_standard_does(key: str, written: str) -> None:
    assert pointer([key]) == written


@given(st.lists(st.text(st.characters(), max_size=5), max_size=4))
def test_a_pointer_is_ascii_whatever_the_keys(path: list[str]) -> None:
    assert pointer(path).isascii()
    assert pointer(path).count("/") == len(path)


# As deep as a body may be, with room for what `max_leaves` alone does not bound.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~é"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_whatever_json_can_say_comes_through_unchanged(value: object) -> None:
    assert parsed(json.dumps(value, ensure_ascii=False)) == value
    assert parsed(json.dumps(value, ensure_ascii=True)) == value


@given(st.binary(max_size=50))
def test_whatever_bytes_come_the_answer_is_a_value_or_a_problem(body: bytes) -> None:
    try:
        value, code = parsed(body), None
    except Problem as problem:
        code = problem.code
    assert (value == json.loads(body)) if code is None else (code in {400, 422})


def test_the_depth_allowed_is_allowed_and_no_more() -> None:
    parsed("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(Problem, match=f"deeper than {MAX_DEPTH} levels"):
        parsed("[" * (MAX_DEPTH + 1) + "1" + "]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"],
)
def test_every_json_media_type_is_read(content_type: str) -> None:
    assert parsed("{}", content_type) == {}


def test_a_syntax_error_is_located() -> None:
    with pytest.raises(Problem, match="line 2, column 9"):
        parsed('{"a": 1,\n "b": 2 "c": 3}')


def test_a_chunked_body_may_be_exactly_as_long_as_is_allowed() -> None:
    limited = Flask(__name__)
    limited.config["MAX_CONTENT_LENGTH"] = 8
    environ = {"wsgi.input_terminated": True}

    def chunked(body: bytes) -> object:
        with limited.test_request_context(
            method="POST",
            data=body,
            content_type="application/json",
            environ_overrides=environ,
        ):
            del request.environ["CONTENT_LENGTH"]
            found: object = read_json(request)
            return found

    assert chunked(b'{"a": 1}') == {"a": 1}
    with pytest.raises(Exception, match="413"):
        chunked(b'{"a": 1}}')  # cut off after eight bytes it would be JSON
