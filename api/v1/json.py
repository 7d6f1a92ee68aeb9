"""`/json/{form}`: a plain Flask view answering JSON in five ways (87).

A returned dict becomes JSON since Flask 1.1, a list since 2.2; `jsonify` is left for what neither
is, such as null. All of them go through the application's JSON provider, `api.http.json`.
Source: https://flask.palletsprojects.com/en/stable/quickstart/#apis-with-json
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import current_app, jsonify

from api.demonstrations import demonstrates
from api.http.problems import Problem

#: Values that the standard library's `json` would refuse.
SAMPLE: dict[str, Any] = {
    "when": datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
    "id": UUID("12345678-1234-5678-1234-567812345678"),
    "price": Decimal("9.90"),
}


@demonstrates(87, test="tests/v1/test_json.py::test_every_form_sends_the_same_json")
def json_form(form: str) -> Any:
    """Answer the same object, returned in the way that the address names."""
    match form:
        case "jsonify":
            return jsonify(SAMPLE)
        case "keywords":
            return jsonify(**SAMPLE)
        case "dict":
            return SAMPLE
        case "list":
            return [SAMPLE]
        case "provider":
            return current_app.json.response(SAMPLE)
        case _:
            known = "jsonify, keywords, dict, list, provider"
            raise Problem("not-found", f"There is no form {form!r}; known are {known}.")
