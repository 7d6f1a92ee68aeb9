"""Requests that Schemathesis makes from openapi.yaml, valid and broken ones, against the application.

Every check of Schemathesis is on; what is excepted stands in schemathesis.toml with its reason. The
suite's runs are the same every time; `make fuzz` makes longer ones, different each time.
Source: https://schemathesis.readthedocs.io/en/stable/
"""

import os
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4
from zlib import crc32

import pytest
import schemathesis
from flask import Flask
from hypothesis import settings
from schemathesis.config import SchemathesisConfig
from sqlalchemy import delete, make_url

import api
import config
from api.extensions import db
from api.models import ScratchDocument
from tests.conftest import _execute, dispose
from tests.contract import contract

Case: TypeAlias = schemathesis.Case[Any]

#: How many requests to make for each operation, beside those that follow from its schema.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
SETTINGS = settings(
    max_examples=int(EXAMPLES or 12), derandomize=not EXAMPLES, deadline=None, database=None
)
STATEFUL_SETTINGS = settings(SETTINGS, max_examples=int(EXAMPLES or 25), stateful_step_count=6)

CONFIG = SchemathesisConfig.from_path(Path(__file__).with_name("schemathesis.toml"))
schema = schemathesis.openapi.from_path(contract.PATH, config=CONFIG)

#: Refusals of requests whose parameters are valid one by one: OpenAPI cannot say these rules.
TOGETHER = {
    ("number_to", "Must be greater than or equal to number_from."),
    ("sort", "A sort key is given twice."),
    ("sort", "Sorting by relevance needs a search: give q."),
    (
        "cursor",
        "Not a cursor of this list; follow the `next` link, or leave it out to start again.",
    ),
    ("cursor", "Belongs to another sort; start again without it."),
}
BEYOND_THE_ROWS = re.compile(r"Must be between 1 and \d+ for this per_page\.")


def _id(case: Case) -> str:
    return str(case.operation.definition.raw["operationId"])


def _is_valid(case: Case) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def ask_for_one_version(case: Case) -> None:
    """Choose a version and keep its own parameters; the contract can only list those of both."""
    if _id(case) != "negotiateQuestions" or not _is_valid(case):
        return
    query = dict(case.query or {})
    version = 1 + crc32(repr(sorted(query.items())).encode()) % 2
    others = ("cursor", "limit") if version == 1 else ("page", "per_page", "fields", "include")
    case.query = {name: value for name, value in query.items() if name not in others}
    case.headers["Accept"] = f"application/vnd.question-bank.v{version}+json"


@schemathesis.check
def refusals_are_explained(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Let a valid request be refused only by a rule on several values together."""
    if response.status_code != 422 or not _is_valid(case) or _id(case) == "provokeError":
        return
    for error in response.json()["errors"]:
        name, detail = error.get("parameter"), error["detail"]
        beyond = name == "page" and BEYOND_THE_ROWS.fullmatch(detail)
        assert (name, detail) in TOGETHER or beyond, f"valid, yet refused: {error}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """An application without rate limits, on a database that this file's tests share."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("fuzz") / "bank.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server: str = request.getfixturevalue("postgres")
        template: str = request.getfixturevalue("postgres_template")
        name = f"fuzz_{uuid4().hex[:12]}"
        _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
    environ = {
        "APP_ENV": "testing",
        "DATABASE_URL": url,
        "RATELIMIT_ENABLED": "false",
        "LOG_LEVEL": "CRITICAL",  # thousands of lines, which pytest would keep
    }
    made = api.create_app(config.load(environ, None))
    yield made
    dispose(made)
    if request.param == "postgresql":
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@schema.parametrize()
@SETTINGS
def test_every_answer_is_as_the_contract_says(case: Case, app: Flask) -> None:
    ask_for_one_version(case)
    case.call_and_validate(app=app)


def test_what_is_created_can_be_read_and_what_is_deleted_is_gone(app: Flask) -> None:
    changes = set()
    path = "/api/v1/scratch/{key}"
    whole = deepcopy(contract.document())  # Schemathesis adds the links that it infers
    scratch = schemathesis.openapi.from_dict(
        {**whole, "paths": {path: whole["paths"][path]}}, config=CONFIG
    )

    class Client(scratch.as_state_machine()):  # type: ignore[misc]  # made at run time
        """Goes from answer to answer along the contract's links."""

        def setup(self) -> None:
            # The same steps must meet the same state, or Hypothesis cannot repeat them.
            with app.app_context():
                db.session.execute(delete(ScratchDocument))
                db.session.commit()

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"app": app}

        def before_call(self, case: Case) -> None:
            # Drawn at random, a precondition would never hold, and nothing would be created.
            if _id(case) == "putScratch" and _is_valid(case):
                case.headers.pop("If-Match", None)
                case.headers["If-None-Match"] = "*"
            elif _id(case) == "deleteScratch":
                case.headers.pop("If-None-Match", None)  # `If-Match` comes along the link

        def after_call(self, response: schemathesis.Response, case: Case) -> None:
            if response.status_code in {201, 204}:
                changes.add((case.method, response.status_code))

    Client.run(settings=STATEFUL_SETTINGS)
    assert changes == {("PUT", 201), ("DELETE", 204)}


def test_the_example_cursor_is_one_that_this_application_signed(app: Flask) -> None:
    # Else every request that Schemathesis makes for v2 from the examples would end at the cursor.
    parameters = contract.document()["components"]["parameters"]
    answer = app.test_client().get(
        "/api/v2/questions",
        query_string={
            "cursor": parameters["Cursor"]["example"],
            "sort": ",".join(parameters["Sort"]["example"]),
        },
    )
    assert answer.status_code == 200
