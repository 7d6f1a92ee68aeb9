"""Routes and contract, held to each other both ways; and what the contract says of itself."""

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from werkzeug.routing import Rule

from api.accounts.permissions import Action, Role
from api.attachments.names import KINDS
from api.attachments.refusals import Reason
from api.bank import batch, history
from api.bank.catalogue import TECHNIQUES
from api.bank.editing import EDITABLE
from api.bank.formats import WRITABLE, Format
from api.http import parsing
from api.http.demonstrations import path_template
from api.http.preferences import LANGUAGES, THEMES
from api.http.problems import CATALOGUE
from api.models import Difficulty, JobKind, JobState
from api.practice.rounds import Grade
from api.schemas.questions import QUESTION_FIELDS, SORT_CHOICES
from api.v1.errors import CAUSES
from api.v1.limits import STRATEGIES as LIMIT_STRATEGIES
from api.v1.loading import STRATEGIES as LOADING_STRATEGIES
from tests.accounts.tools import new_device
from tests.contract import contract

ROOT = contract.PATH.parent
NUMBER = ("number",)
OPERATIONS = contract.operations()
COMPONENTS: dict[str, Any] = contract.document()["components"]
EVERY_OPERATION = pytest.mark.parametrize(
    "operation", OPERATIONS.values(), ids=lambda operation: f"{operation.method} {operation.path}"
)


def api_rules(app: Flask) -> list[Rule]:
    """Return the routes of the API."""
    return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api")]


def address(operation: contract.Operation) -> str:
    """Return a real address of an operation: its path with the parameters' examples."""
    values = {p["name"]: p["example"] for p in operation.parameters if p["in"] == "path"}
    return operation.path.format(**values)


def references(node: Any) -> Iterator[str]:
    """Walk every `$ref` of the document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


#: The 405 belongs to every address and to no operation.
NO_OPERATIONS = {"#/components/responses/MethodNotAllowed"}


def enum(name: str) -> list[str]:
    """Return the values that a schema lists."""
    values: list[str] = COMPONENTS["schemas"][name]["enum"]
    return values


def test_every_route_is_in_the_contract_and_every_operation_has_a_route(app: Flask) -> None:
    routed = {
        (method.lower(), path_template(rule.rule))
        for rule in api_rules(app)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routed == OPERATIONS.keys()


def test_path_parameters_are_those_of_the_route_with_the_converters_bounds(app: Flask) -> None:
    for rule in api_rules(app):
        path = path_template(rule.rule)
        for method in {m for m, where in OPERATIONS if where == path}:
            documented = {
                p["name"]: p for p in OPERATIONS[method, path].parameters if p["in"] == "path"
            }
            assert documented.keys() == rule.arguments
            for name, parameter in documented.items():
                assert parameter["required"]
                schema, _ = contract.resolve(parameter["schema"])
                converter = rule._converters[name]
                if schema["type"] == "integer":
                    assert schema["maximum"] == getattr(converter, "max", None)
                else:
                    assert all(
                        re.fullmatch(converter.regex, slug) for slug in schema.get("enum", [])
                    )


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a-b",
        "a1",
        "1",
        "a" * 60,
        "a" * 61,
        "",
        "-",
        "a-",
        "-a",
        "a--b",
        "A",
        "ä",
        "a b",
        "a\n",
    ],
)
def test_the_contracts_slug_is_the_routes_slug(app: Flask, text: str) -> None:
    routed = re.fullmatch(app.url_map.converters["slug"].regex, text) is not None
    assert contract.validator("components", "schemas", "Slug").is_valid(text) == routed


@EVERY_OPERATION
def test_the_documented_query_parameters_are_the_known_ones(
    client: FlaskClient, operation: contract.Operation
) -> None:
    # Whoever sends an unknown parameter is told the known ones.
    accepts = [f"application/vnd.question-bank.v{n}+json" for n in (1, 2)]
    negotiated = operation.path == "/api/questions"
    allowed = {}
    if "security" in operation.node and operation.query_names:
        allowed = new_device(client.application, "root", Role.ADMINISTRATOR).headers
    known: set[str] = set()
    for accept in accepts if negotiated else ["*/*"]:
        answer = client.open(
            address(operation),
            method=operation.method.upper(),
            query_string={"no_such_parameter": "1"},
            headers={"Accept": accept, "If-Match": "*", **allowed},
            json={} if "requestBody" in operation.node else None,
        )
        assert answer.status_code == 422
        errors = [e for e in answer.json["errors"] if e.get("parameter") == "no_such_parameter"]  # type: ignore[index]  # checked against the contract
        _, _, listed = errors[0]["detail"].partition("known are ")
        known |= {name.strip(" .") for name in listed.split(",") if name}
    assert known == operation.query_names


@pytest.mark.parametrize("path", contract.document()["paths"])
def test_other_methods_answer_405_with_the_documented_methods_in_allow(
    client: FlaskClient, path: str
) -> None:
    known = contract.methods_of(path)
    where = address(next(o for o in OPERATIONS.values() if o.path == path))
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - known:
        answer = client.open(where, method=method)
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == known
    answer = client.open(where, method="OPTIONS")
    assert set(answer.headers["Allow"].split(", ")) == known


@pytest.mark.parametrize("prefix", ["", "/mounted"])
def test_the_served_contract_is_the_file_with_this_server(client: FlaskClient, prefix: str) -> None:
    served = client.get(f"{prefix}/api/v1/openapi.json").json
    assert served == {**contract.document(), "servers": [{"url": f"http://localhost{prefix}"}]}
    assert client.get(f"{prefix}/api/v1/openapi.yaml").get_data() == contract.PATH.read_bytes()


def test_the_contract_is_valid_openapi() -> None:
    validate(contract.document())


def test_every_example_fits_its_schema() -> None:
    found = list(contract.examples(contract.document()))
    assert len(found) > 100
    for place, value in found:
        faults = [error.message for error in contract.validator(*place).iter_errors(value)]
        assert not faults, f"{contract.pointer(*place)}: {value!r}"


def test_every_documented_header_example_passes_the_checker() -> None:
    for name in COMPONENTS["headers"]:
        node, place = contract.resolve({"$ref": f"#/components/headers/{name}"})
        header = contract.Header(name, True, node["schema"], place)
        assert header.faults(str(node["example"])) == []
        assert header.faults("\x00") != []


@EVERY_OPERATION
def test_an_operation_is_described_whole(operation: contract.Operation) -> None:
    node = operation.node
    tags = {tag["name"] for tag in contract.document()["tags"]}
    assert node["operationId"]
    assert node["summary"]
    assert node["description"]
    assert set(node["tags"]) <= tags
    assert {"400", "422", "500"} <= operation.responses.keys()
    if "200" in operation.responses and operation.method == "get":
        assert "304" in operation.responses
    if operation.path != "/api/v1/errors/{cause}":  # it exists to fail
        assert any(status.startswith("2") for status in operation.responses)
    for response in operation.responses.values():
        required = {name for name, header in response.headers.items() if header.required}
        assert required >= {"x-request-id", "server-timing", "vary"}
        for media in response.content.values():
            assert "example" in media or media.get("examples") or "schema" not in media


def view_of(app: Flask, operation: contract.Operation) -> Any:
    """Return the function that answers an operation."""
    (rule,) = [r for r in api_rules(app) if path_template(r.rule) == operation.path]
    view = app.view_functions[rule.endpoint]
    cls = getattr(view, "view_class", None)
    return getattr(cls, operation.method) if cls else view


def test_security_is_documented_where_the_code_asks_for_a_permission(app: Flask) -> None:
    for operation in OPERATIONS.values():
        view, name = view_of(app, operation), operation.node["operationId"]
        places = {status: found.place[-1] for status, found in operation.responses.items()}
        asked = getattr(view, "required_action", None)
        if asked:
            twin: dict[str, list[str]] = {} if operation.method == "get" else {"csrf": []}
            ways = [{"bearer": []}, {"cookie": [], **twin}, {"session": [], **twin}]
            assert operation.node["security"] == ways, name
            fresh = getattr(view, "required_fresh", False)
            nobody = "UnauthorizedOrNotFresh" if fresh else "Unauthorized"
            assert (places["401"], places["403"]) == (nobody, "Forbidden"), name
            continue
        assert "403" not in places, name
        if not getattr(view, "takes_no_identity", False):
            assert "security" not in operation.node, name
            assert places["401"] == "BadToken", name


@EVERY_OPERATION
def test_a_bad_token_is_refused_wherever_one_is_read(
    client: FlaskClient, operation: contract.Operation
) -> None:
    answer = client.open(
        address(operation),
        method=operation.method.upper(),
        headers={"Authorization": "Bearer none"},
        json={} if "requestBody" in operation.node else None,
    )
    read = not getattr(view_of(client.application, operation), "takes_no_identity", False)
    refused = answer.status_code == 401 and "error=" in answer.headers["WWW-Authenticate"]
    assert refused == read


#: What creates and takes no key. The answer of a sign-in holds tokens, which are not kept; a round of
#: practice replaces the one before and is the session's own. A second one does no harm.
WITHOUT_KEY = {"/api/v1/sign-ins", "/api/v1/practice/round"}
#: What may create, and tells so in the body of a 200.
CREATING_BESIDE = {"/api/v1/questions/batch"}


def test_every_post_that_creates_can_be_repeated_under_a_key_and_says_so(app: Flask) -> None:
    repeatable = set()
    for rule in api_rules(app):
        cls = getattr(app.view_functions[rule.endpoint], "view_class", None)
        if getattr(getattr(cls, "post", None), "idempotent", False):
            repeatable.add(path_template(rule.rule))
    creating, documented = set(CREATING_BESIDE), set()
    for (method, path), operation in OPERATIONS.items():
        if method == "post" and operation.responses.keys() & {"201", "202"}:
            creating.add(path)
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.parameters):
            documented.add(path)
            assert {"400", "409", "422"} <= operation.responses.keys()
            made = [r for status, r in operation.responses.items() if status.startswith("2")]
            assert all("idempotent-replayed" in response.headers for response in made)
    assert documented == repeatable == creating - WITHOUT_KEY


def test_operation_ids_are_unique() -> None:
    ids = [operation.node["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


def test_only_the_index_ends_in_a_slash() -> None:
    assert [path for path in contract.document()["paths"] if path.endswith("/")] == ["/api/v1/"]


def test_every_component_is_used() -> None:
    used = set(references(contract.document()))
    unused = {
        f"#/components/{kind}/{name}" for kind, named in COMPONENTS.items() for name in named
    } - used
    schemes = {f"#/components/securitySchemes/{name}" for name in COMPONENTS["securitySchemes"]}
    assert unused - schemes == NO_OPERATIONS


def test_every_security_scheme_is_used_and_no_other() -> None:
    required = [r for o in OPERATIONS.values() for r in o.node.get("security", [])]
    assert {name for r in required for name in r} == COMPONENTS["securitySchemes"].keys()


def test_every_problem_type_is_answered_somewhere_and_no_other_is() -> None:
    answered = set()
    for operation in OPERATIONS.values():
        for response in [
            *operation.responses.values(),
            *(contract.component_response(name.rpartition("/")[2]) for name in NO_OPERATIONS),
        ]:
            media = response.content.get("application/problem+json", {})
            answered |= {
                name.removeprefix("#/components/schemas/")
                for name in references(media.get("schema"))
            }
    named = {slug.title().replace("-", "") + "Problem": kind for slug, kind in CATALOGUE.items()}
    assert answered == named.keys()
    for name, kind in named.items():
        properties = COMPONENTS["schemas"][name]["properties"]
        assert properties["type"]["pattern"] == f"/problems/{kind.slug}$"
        assert properties["status"]["const"] == kind.status


def test_the_examples_of_problems_are_of_the_catalogue() -> None:
    problems = [example["value"] for example in COMPONENTS["examples"].values()]
    for problem in problems:
        kind = CATALOGUE[problem["type"].rpartition("/")[2]]
        assert (problem["title"], problem["status"]) == (kind.title, kind.status)
    assert {problem["status"] for problem in problems} == {
        kind.status for kind in CATALOGUE.values()
    }


def test_error_codes_are_those_that_the_code_can_give() -> None:
    given = {code for _, code in parsing._CODES} | {parsing.code_of("")}
    given |= {reason.value for reason in Reason}
    for path in (ROOT / "api").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                given |= {
                    value.value
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == "code"
                    if isinstance(value, ast.Constant) and isinstance(value.value, str)
                }
    assert set(enum("ErrorCode")) == given


def test_the_values_that_the_contract_lists_are_those_of_the_code() -> None:
    assert enum("Technique") == list(TECHNIQUES)
    assert enum("Difficulty") == [level.value for level in Difficulty]
    assert enum("QuestionMember") == list(QUESTION_FIELDS)
    assert enum("SortKey") == [key for choice in SORT_CHOICES for key in (choice, f"-{choice}")]
    assert enum("ProblemTypeSlug") == list(CATALOGUE)
    assert enum("Role") == [role.value for role in Role]
    assert enum("Permission") == [action.value for action in Action]
    assert enum("OperationKind") == [kind.value for kind in batch.Kind]
    modes = COMPONENTS["schemas"]["Batch"]["properties"]["mode"]["enum"]
    assert modes == [mode.value for mode in batch.Mode]
    assert enum("RevisionAction") == [action.value for action in history.Action]
    for schema, more in (
        ("QuestionPatch", ()),
        ("QuestionReplacement", ()),
        ("NewQuestion", NUMBER),
        ("DraftPatch", NUMBER),
    ):
        assert tuple(COMPONENTS["schemas"][schema]["properties"]) == (*EDITABLE, *more)
    kinds = COMPONENTS["schemas"]["Attachment"]["properties"]["media_type"]["enum"]
    assert set(kinds) == set(KINDS.values())
    assert enum("JobState") == [state.value for state in JobState]
    assert enum("JobKind") == [kind.value for kind in JobKind]
    assert enum("ImportFormat") == [each.value for each in Format]
    assert enum("ExportFormat") == [each.value for each in WRITABLE]
    assert enum("Grade") == [grade.value for grade in Grade]
    assert (enum("Language"), enum("Theme")) == (list(LANGUAGES), list(THEMES))
    assert enum("ErrorCause") == list(CAUSES)
    assert enum("LimitStrategy") == list(LIMIT_STRATEGIES)
    assert enum("LoadingStrategy") == list(LOADING_STRATEGIES)


def test_the_forms_of_json_that_the_contract_lists_are_those_that_are_known(
    client: FlaskClient,
) -> None:
    forms = enum("JsonForm")
    assert all(client.get(f"/api/v1/json/{form}").status_code == 200 for form in forms)
    detail = client.get("/api/v1/json/no-such-form").json["detail"]  # type: ignore[index]  # checked against the contract
    assert detail.rpartition("known are ")[2].rstrip(".").split(", ") == forms


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_npm_the_linter_says_so_and_fails_under_ci_alone(
    tmp_path: Path, ci: str, status: int
) -> None:
    for command in ("sh", "dirname"):
        (tmp_path / command).symlink_to(shutil.which(command) or "")
    done = subprocess.run(
        [Path(__file__).with_name("lint")],
        env={**os.environ, "PATH": str(tmp_path), "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert done.stderr.splitlines() == [
        "tests/contract/lint: npm is not installed; openapi.yaml was not linted."
    ]
