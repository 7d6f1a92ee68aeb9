"""Query strings and bodies through webargs and marshmallow; whatever is wrong is named (67, 94).

Stricter than webargs by default: an unknown parameter or field, one given twice, a NUL, bytes
that are not UTF-8, a JSON key given twice are all refused.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from operator import itemgetter
from typing import Any, NoReturn
from urllib.parse import quote, unquote_to_bytes

import marshmallow as ma
from flask import Flask, Request, current_app, request
from webargs import core
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge

from api.http.hooks import in_api
from api.http.problems import Problem

MAX_DEPTH = 32

#: What a URI fragment may hold as it is (RFC 3986, section 3.5), `/` and `?` excepted.
_FRAGMENT = "~!$&'()*+,;=:@"

_CODES = (
    (re.compile(r"^Unknown"), "unknown"),
    (re.compile(r"^Missing data|cannot be empty|may not be null"), "required"),
    (re.compile(r"^Given \w+ times|given twice"), "duplicate"),
    (re.compile(r"^Must be (greater|less|between)|^(Short|Long)er than|^Length"), "out_of_range"),
    (re.compile(r"^Must be one of"), "not_allowed"),
)


def code_of(message: str) -> str:
    """Give a validation message the stable code that a client can switch on."""
    return next((code for pattern, code in _CODES if pattern.search(message)), "invalid")


def _flatten(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Walk marshmallow's nested messages as (path, message) pairs."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _flatten(inner, path if key == "_schema" else (*path, str(key)))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flatten(inner, path)
    else:
        yield path, str(messages)


def parameter_errors(messages: Any) -> list[dict[str, str]]:
    """Say of each faulty query parameter what is wrong.

    :param messages: marshmallow's messages by field name; an entry of a list by its index.
    """
    errors = []
    for path, message in _flatten(messages):
        place = f"Item {int(path[1]) + 1}: " if len(path) > 1 and path[1].isdigit() else ""
        errors.append(
            {
                "parameter": path[0] if path else "",
                "detail": place + message,
                "code": code_of(message),
            }
        )
    return sorted(errors, key=itemgetter("parameter"))  # marshmallow keeps the unknown in a set


def pointer(path: Iterable[str]) -> str:
    """Write a JSON Pointer as a URI fragment (RFC 6901, section 6); it is ASCII whatever the keys.

    :param path: keys and indexes from the body's root inwards.
    """
    parts = (part.replace("~", "~0").replace("/", "~1") for part in path)
    return "#" + "".join("/" + quote(part, safe=_FRAGMENT, errors="replace") for part in parts)


def pointer_errors(messages: Any) -> list[dict[str, str]]:
    """Say of each faulty field of a body what is wrong, by JSON Pointer (RFC 6901, section 6)."""
    errors = [
        {
            "pointer": pointer(path),
            "detail": message,
            "code": code_of(message),
        }
        for path, message in _flatten(messages)
    ]
    return sorted(errors, key=itemgetter("pointer"))


def invalid(errors: list[dict[str, str]]) -> Problem:
    """Make the problem that lists `errors`."""
    named = [e.get("parameter") or e.get("pointer") or e.get("header") or "" for e in errors]
    return Problem(
        "invalid-parameters",
        "Not accepted: " + ", ".join(dict.fromkeys(named)) + ".",
        errors=errors,
    )


def _no_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise Problem(
                "malformed-request",
                f"The key {key!r} stands twice in one object.",
                errors=[
                    {"pointer": "#", "detail": f"{key!r} is given twice.", "code": "duplicate"}
                ],
            )
        result[key] = value
    return result


def _no_constant(name: str) -> NoReturn:
    raise Problem("malformed-request", f"{name} is not JSON (RFC 8259, section 6).")


def check_text(value: Any, path: tuple[str, ...] = ()) -> None:
    """Refuse what a database cannot keep (NUL, lone surrogates) and what nests too deep."""
    if len(path) > MAX_DEPTH:
        raise Problem("malformed-request", f"The body nests deeper than {MAX_DEPTH} levels.")
    if isinstance(value, dict):
        for key, inner in value.items():
            check_text(key, (*path, key))
            check_text(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            check_text(inner, (*path, str(index)))
    elif isinstance(value, str):
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            message = "Holds a NUL character or half a surrogate pair."
            errors = pointer_errors([message])
            errors[0]["pointer"] = pointer(path)
            raise invalid(errors)
    elif isinstance(value, float) and not isfinite(value):
        errors = pointer_errors(["Must be between -1.7976931348623157e308 and its negative."])
        errors[0]["pointer"] = pointer(path)
        raise invalid(errors)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        errors = pointer_errors(["Must be between -2^63 and 2^63-1."])
        errors[0]["pointer"] = pointer(path)
        raise invalid(errors)


def read_json(req: Request) -> Any:
    """Read a JSON body strictly.

    Raises Problem: 415 for another content type, 400 for what is not JSON in UTF-8 (with the
    line and column), for a key given twice or nesting beyond `MAX_DEPTH`; 413 over the limit.
    """
    if not core.is_json(req.mimetype):
        raise Problem(
            "unsupported-media-type",
            f"Content-Type is {req.mimetype or 'missing'}; send application/json.",
            headers={"Accept": "application/json"},
        )
    raw = req.get_data(cache=True)
    # Of a chunked body Werkzeug reads as much as is allowed and keeps still about the rest.
    full = req.content_length is None and len(raw) == req.max_content_length
    if full and req.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_no_duplicate_keys, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Problem(
            "malformed-request", f"The body is not UTF-8 at byte {error.start}."
        ) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        what = "The body is empty" if not raw.strip() else f"{error.msg} at {where}"
        raise Problem("malformed-request", f"The body is not JSON: {what}.") from error
    except RecursionError as error:
        raise Problem(
            "malformed-request", f"The body nests deeper than {MAX_DEPTH} levels."
        ) from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise Problem("malformed-request", f"The body is not usable JSON: {error}.") from error
    check_text(value)
    return value


def check_query_string(req: Request) -> None:
    """Refuse a query string that is not UTF-8, a NUL in it, and a parameter given twice.

    Raises Problem (400, 422). Werkzeug would replace broken bytes by U+FFFD, and parsers would take
    one of the values, without a word.
    """
    try:
        unquote_to_bytes(req.query_string.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem("malformed-request", "The query string is not UTF-8.") from error
    faults = {}
    for name, values in req.args.lists():
        if len(values) > 1:
            faults[name] = [f"Given {len(values)} times; give it once, several values by commas."]
        if "\0" in name + "".join(values):
            faults[name] = ["Holds a NUL character."]
    if faults:
        raise invalid(parameter_errors(faults))


class Parser(FlaskParser):
    """webargs with nothing ignored and every refusal a problem."""

    DEFAULT_UNKNOWN_BY_LOCATION = dict.fromkeys(  # webargs reads it off the class
        FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, ma.RAISE
    )

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Read the body as JSON, strictly."""
        return read_json(req)

    def handle_error(
        self, error: ma.ValidationError, req: Request, schema: ma.Schema, **_: Any
    ) -> NoReturn:
        """Turn marshmallow's messages, keyed by location, into a 422 that names each place."""
        messages = error.messages
        by_location = messages if isinstance(messages, dict) else {"query": messages}
        errors: list[dict[str, str]] = []
        for location, inner in by_location.items():
            if location == "json":
                errors += pointer_errors(inner)
                continue
            known = sorted(field.data_key or name for name, field in schema.fields.items())
            for item in parameter_errors(inner):
                if item["code"] == "unknown":
                    item["detail"] = unknown_parameter(known)
                errors.append(item)
        raise invalid(errors) from error


def unknown_parameter(known: list[str]) -> str:
    """Say that a parameter is unknown, and which there are."""
    if not known:
        return "Unknown parameter; this address takes none."
    return f"Unknown parameter; known are {', '.join(known)}."


_parser = Parser()


def query(schema: ma.Schema | type[ma.Schema]) -> Callable[[Any], Any]:
    """Parse the query string by `schema` and pass the result as the first argument.

    Of a class one instance is made for good: webargs would make one, a copy of every field, per request.
    """
    use = _parser.use_args(schema() if isinstance(schema, type) else schema, location="query")

    def decorate(view: Any) -> Any:
        return parses_own_query(use(view))

    return decorate


def body(schema: ma.Schema | type[ma.Schema]) -> Callable[[Any], Any]:
    """Parse the JSON body by `schema` and pass the result as the first argument."""
    return _parser.use_args(schema() if isinstance(schema, type) else schema, location="json")


def parses_own_query(view: Any) -> Any:
    """Mark a view that reads the query string by other means (reqparse, 67)."""
    view.parses_query = True
    return view


def refuse_stray_parameters() -> None:
    """Refuse query parameters where a view takes none, and broken query strings everywhere."""
    if request.endpoint is None or not in_api():
        return
    check_query_string(request)
    view = current_app.view_functions[request.endpoint]
    cls = getattr(view, "view_class", None)
    method = "get" if request.method == "HEAD" else request.method.lower()
    handler = getattr(cls, method, None) if cls else view
    if request.args and request.method != "OPTIONS" and not getattr(handler, "parses_query", False):
        raise invalid(parameter_errors(dict.fromkeys(request.args, unknown_parameter([]))))


def init_app(app: Flask) -> None:
    """Run the check before every view of the API."""
    app.before_request(refuse_stray_parameters)
