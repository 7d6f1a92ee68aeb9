"""Requests that Schemathesis makes from openapi.yaml, valid and broken ones, against the application.

Every check of Schemathesis is on; what is excepted stands in schemathesis.toml with its reason. The
suite's runs are the same every time; `make fuzz` makes longer ones, different each time.

Preparing the requests of an operation takes longer than sending them, and `schema.parametrize()` does
it for every operation in every process of a parallel run, while it collects. Here a test prepares its own.
Source: https://schemathesis.readthedocs.io/en/stable/
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4
from zlib import crc32

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from sqlalchemy import delete, make_url

import api
import config
from api.accounts import tokens, users
from api.accounts.permissions import Role
from api.bank import drafts, editing, grants
from api.extensions import db
from api.models import Job, ScratchDocument
from tests.conftest import _execute, dispose, folders
from tests.contract import contract
from tests.jobs.tools import change, new_export, work

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Case: TypeAlias = schemathesis.Case[Any]

#: How many requests to make for each operation, beside those that follow from its schema.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
SETTINGS = settings(
    max_examples=int(EXAMPLES or 12),
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # it is about the machine, which may be busy
)
STATEFUL_SETTINGS = settings(SETTINGS, max_examples=int(EXAMPLES or 25), stateful_step_count=6)

CONFIG = SchemathesisConfig.from_path(Path(__file__).with_name("schemathesis.toml"))
schema = schemathesis.openapi.from_path(contract.PATH, config=CONFIG)

PASSWORD = "correct horse battery staple"
NEXT_PASSWORD = "violin teapot meridian"

#: These answer without the database, which is held below, so that one is enough to run them on.
WITHOUT_DATABASE = {
    "answerJson", "checkConfiguration", "compareEnvironments", "getConfiguration", "getContractJson",
    "getContractYaml", "getIndex", "getLiveness", "getProblemType", "hitLimit", "listErrorCauses",
    "listProblemTypes",
}  # fmt: skip
#: The databases alternate, so that a process that prepared an operation's requests sends them to both.
RUNS = [
    (f"{method.upper()} {path}", backend)
    for (method, path), operation in contract.operations().items()
    for backend in ("sqlite", "postgresql")
    if backend == "sqlite" or operation.node["operationId"] not in WITHOUT_DATABASE
]

#: These end the sign-in that asks for them, its account, or the password that the next one would
#: give: each request is made by an administrator of its own, or all after the first would be refused.
ENDING = {"deleteMe", "signOutEverywhere", "changePassword"}

#: Refusals of requests whose parameters are valid one by one: OpenAPI cannot say these rules.
TOGETHER = {
    *(
        (f"#/{name}", "Leave it out: numbers say which questions.")
        for name in ("topic", "difficulty", "size")
    ),
    ("number_to", "Must be greater than or equal to number_from."),
    ("sort", "A sort key is given twice."),
    ("sort", "Sorting by relevance needs a search: give q."),
    (
        "cursor",
        "Not a cursor of this list; follow the `next` link, or leave it out to start again.",
    ),
    ("cursor", "Belongs to another sort; start again without it."),
    ("Idempotency-Key", "Was used for another request; a key names one request."),
    ("#/username", "This name is taken."),
    ("#/current_password", "Is not the password of this account."),
    ("#/topic", "No question fits."),
    ("#/difficulty", "No question fits."),
    ("#/number_to", "Must be greater than or equal to number_from."),
    ("#", "The file is empty."),
    ("#/file", "Missing data: the part has no filename."),
}
#: Likewise, with what depends on the value.
TOLD = {
    "page": re.compile(r"Must be between 1 and \d+ for this per_page\."),
    "#/password": (
        weak := re.compile(r"Too easy to guess(: .+|\.)|Is \d+ bytes of UTF-8; bcrypt reads 72 .+")
    ),
    "#/new_password": weak,
    "#/size": re.compile(r"Only \d+ questions? fits?; ask for fewer, or leave size out\."),
    "#/file": re.compile(r"The (name says|file|file's name|picture|PDF) .+"),
}
TOPIC = re.compile(r"#/topics/\d+")
NUMBER = re.compile(r"#/numbers/\d+")
ADDRESS = re.compile(r"#(/operations/\d+/(question|changes))?/references/\d+/url")


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
        name = error.get("parameter") or error.get("pointer") or error.get("header")
        detail = error["detail"]
        told = name in TOLD and TOLD[name].fullmatch(detail)
        address = ADDRESS.fullmatch(name) and "is no http or https address" in detail
        topic = TOPIC.fullmatch(name) and "There is no topic" in detail
        number = NUMBER.fullmatch(name) and re.fullmatch(
            r"There is no question \d+\.|Given twice\.", detail
        )
        assert (name, detail) in TOGETHER or told or address or topic or number, (
            f"valid, yet refused: {error}"
        )


@schemathesis.check
def faults_of_a_batch_are_told(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Let a faulty batch be carried out only if some operation of it says that it was not."""
    if _id(case) != "batchQuestions" or case.method != "POST" or _is_valid(case):
        return
    if response.status_code == 200:
        assert response.json()["failed"], "carried out, although the contract does not take it"


@dataclass(frozen=True)
class Caller:
    """An administrator who is signed in."""

    username: str
    tokens: tokens.Pair
    device: str

    @property
    def headers(self) -> dict[str, str]:
        """What says who is calling."""
        return {"Authorization": f"Bearer {self.tokens.access_token}"}


def sign_in(app: Flask, username: str | None = None) -> Caller:
    """Sign a user in on one more device; by default a new administrator."""
    with app.app_context():
        if username is None:
            username = f"fuzz-{uuid4().hex}"
            users.create(username, PASSWORD, role=Role.ADMINISTRATOR)
        pair = tokens.sign_in(users.get(username), "192.0.2.1", "fuzz")
        return Caller(username, pair, pair.sign_in.id)


@pytest.fixture(scope="module")
def administrators() -> dict[str, Caller]:
    """The administrator on each database who makes all requests that leave a sign-in as it is."""
    return {}


@pytest.fixture
def administrator(backend: str, app: Flask, administrators: dict[str, Caller]) -> Caller:
    """The one of this test's database."""
    if backend not in administrators:
        administrators[backend] = sign_in(app)
    return administrators[backend]


#: What judges a question, once the precondition holds.
JUDGED = {"changeQuestion", "replaceQuestion", "changeDraft", "replaceDraft"}


def _fill(case: Case, **members: Any) -> None:
    assert isinstance(case.body, dict)
    case.body = {**case.body, **members}


def match_any_state(case: Case) -> None:
    """Let the precondition hold, else no faulty question would be judged: it comes first."""
    if _id(case) in JUDGED and (not _is_valid(case) or _every_second(case)):
        case.headers.pop("If-None-Match", None)
        case.headers["If-Match"] = "*"


def _question(case: Case, _: Flask, __: Caller) -> None:
    case.path_parameters["number"] = 51 + int(case.path_parameters["number"]) % 50


def _new_question(app: Flask, caller: Caller) -> int:
    """Create a question under a number that random ones do not reach; return it."""
    members = {"prompt": "Is it real?", "answer": "It is."}
    with app.app_context():
        author = users.get(caller.username).id
        return editing.create(
            members, 10**9 + uuid4().int % 10**9, author, lambda made: made.number
        )


def _own_question(case: Case, app: Flask, caller: Caller) -> None:
    case.path_parameters["number"] = _new_question(app, caller)
    case.headers.pop("If-None-Match", None)
    case.headers["If-Match"] = "*"


def _own_revision(case: Case, app: Flask, caller: Caller) -> None:
    _own_question(case, app, caller)
    case.path_parameters["revision"] = 1
    if case.method == "GET":
        del case.headers["If-Match"]


def _draft(case: Case, app: Flask, caller: Caller) -> None:
    members = {
        "prompt": "Is it real?",
        "answer": "It is.",
        "number": 2 * 10**9 + uuid4().int % 10**8,
    }
    with app.app_context():
        reader = drafts.Reader(user_id=users.get(caller.username).id, reviews=True)
        case.path_parameters["draft"] = drafts.create(members, reader).id
    case.headers.pop("If-None-Match", None)
    if case.method != "GET":
        case.headers["If-Match"] = "*"


def _unconditional(case: Case, app: Flask, caller: Caller) -> None:
    _question(case, app, caller)
    case.headers.pop("If-None-Match", None)


def _grantee(case: Case, app: Flask, caller: Caller) -> None:
    _question(case, app, caller)
    case.path_parameters["username"] = sign_in(app).username
    if case.method == "DELETE":
        with app.app_context():
            user = users.get(case.path_parameters["username"])
            grants.give(case.path_parameters["number"], user, user)


def _device(case: Case, app: Flask, caller: Caller) -> None:
    case.path_parameters["sid"] = sign_in(app, caller.username).device


def _round(case: Case, app: Flask, _: Caller) -> None:
    """Send the cookie of a round whose every answer has been revealed."""
    client = app.test_client()
    client.post("/api/v1/practice/round", json={"size": 2})
    for position in (1, 2):
        client.post(f"/api/v1/practice/round/cards/{position}/reveal")
    found = client.get_cookie("practice_round", path="/api/v1/practice")
    assert found is not None
    case.cookies["practice_round"] = found.value
    if "position" in case.path_parameters:
        case.path_parameters["position"] = 1 + int(case.path_parameters["position"]) % 2


def _job(case: Case, app: Flask, caller: Caller) -> None:
    case.path_parameters["jid"] = new_export(app, caller.username)
    case.headers.pop("If-None-Match", None)  # `*` holds for whatever is there


def _failed_job(case: Case, app: Flask, caller: Caller) -> None:
    _job(case, app, caller)
    change(app, case.path_parameters["jid"], state="failed")


def _written_job(case: Case, app: Flask, caller: Caller) -> None:
    _job(case, app, caller)
    work(app, case.path_parameters["jid"])


def _user(case: Case, app: Flask, _: Caller) -> None:
    case.path_parameters["username"] = sign_in(app).username


#: What cannot be drawn at random: names, passwords, ids and tokens that exist, and states that hold.
REAL: dict[str, Callable[[Case, Flask, Caller], None]] = {
    "createQuestion": lambda case, *_: _fill(case, number=10**9 + uuid4().int % 10**9),
    "batchQuestions": lambda case, *_: _fill(case, mode="independent"),
    "changeQuestion": _question,
    "replaceQuestion": _own_question,
    "deleteQuestion": _own_question,
    "listGrants": _unconditional,
    "grantQuestion": _grantee,
    "revokeQuestion": _grantee,
    "listRevisions": _unconditional,
    "getRevision": _own_revision,
    "restoreRevision": _own_revision,
    "getDraft": _draft,
    "replaceDraft": _draft,
    "changeDraft": _draft,
    "deleteDraft": _draft,
    "publishDraft": _draft,
    "createUser": lambda case, *_: _fill(case, username=uuid4().hex, password=PASSWORD),
    "signIn": lambda case, _, caller: _fill(case, username=caller.username, password=PASSWORD),
    "refreshSignIn": lambda case, app, _: _fill(
        case, refresh_token=sign_in(app).tokens.refresh_token
    ),
    "changePassword": lambda case, *_: _fill(
        case, current_password=PASSWORD, new_password=NEXT_PASSWORD
    ),
    "signOut": _device,
    "grantRole": _user,
    "revokeRole": _user,
    **dict.fromkeys(("getRound", "endRound", "getCard", "revealCard", "gradeCard"), _round),
    "getJob": _job,
    "cancelJob": _job,
    "retryJob": _failed_job,
    "downloadExport": _written_job,
}


def _every_second(case: Case) -> bool:
    return crc32(repr([case.path_parameters, case.query, case.body]).encode()) % 2 == 0


def make_real(case: Case, app: Flask, caller: Caller) -> bool:
    """Give every second valid request what it needs to succeed; tell whether this is one."""
    change = REAL.get(_id(case))
    if change is None or not _is_valid(case) or not _every_second(case):
        return False
    change(case, app, caller)
    return True


@pytest.fixture(autouse=True)
def room_for_jobs(app: Flask) -> None:
    """Let no earlier request count against the jobs that one user may have waiting."""
    with app.app_context():
        db.session.execute(delete(Job))
        db.session.commit()


def _unlimited(url: str, folder: Path) -> Flask:
    """Make an application without rate limits, which keeps its files in `folder`."""
    environ = {
        "APP_ENV": "testing",
        "DATABASE_URL": url,
        **folders(folder),
        "RATELIMIT_ENABLED": "false",
        "LOG_LEVEL": "CRITICAL",  # thousands of lines, which pytest would keep
    }
    return api.create_app(config.load(environ, None))


@pytest.fixture(scope="module")
def app_on_sqlite(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """An application on a file that this module's tests share."""
    path = tmp_path_factory.mktemp("fuzz") / "bank.sqlite3"
    shutil.copy(sqlite_template, path)
    made = _unlimited(f"sqlite:///{path}", path.parent)
    yield made
    dispose(made)


@pytest.fixture(scope="module")
def app_on_postgresql(
    postgres: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """An application on a PostgreSQL database that this module's tests share."""
    name = f"fuzz_{uuid4().hex[:12]}"
    _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    url = make_url(postgres).set(database=name).render_as_string(hide_password=False)
    made = _unlimited(url, tmp_path_factory.mktemp("fuzz"))
    yield made
    dispose(made)
    _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def app(backend: str, request: pytest.FixtureRequest) -> Flask:
    """The application on this test's database."""
    made: Flask = request.getfixturevalue(f"app_on_{backend}")
    return made


@cache
def requests_of(label: str) -> Callable[..., None]:
    """Prepare the requests of an operation; returns the test that sends them.

    Schemathesis does this with the same functions when it collects, and has no public name for them.
    """
    method, path = label.split(" ", 1)
    test: Callable[..., None] = build_operation_test(
        config=schema.config,
        operation=schema[path][method],
        test_func=judge,
        given_kwargs={},
        feedback=FeedbackSources(),
    )
    return test


@pytest.mark.parametrize(("operation", "backend"), RUNS)
def test_every_answer_is_as_the_contract_says(
    operation: str, app: Flask, administrator: Caller
) -> None:
    requests_of(operation)(app=app, administrator=administrator)


def closing(app: Flask) -> "WSGIApplication":
    """Close the application's answers, as a server does: Schemathesis leaves the files in them open."""

    def run(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        answer = app(environ, start_response)
        try:
            return list(answer)
        finally:
            getattr(answer, "close", lambda: None)()

    return run


@SETTINGS
def judge(case: Case, app: Flask, administrator: Caller) -> None:
    """Send one request, and fail unless the answer is as the contract says."""
    # `ignored_auth` makes requests of its own, and looks here for where to send them.
    case.operation.app = case.operation.schema.app = closing(app)
    ask_for_one_version(case)
    caller = sign_in(app) if _id(case) in ENDING else administrator
    match_any_state(case)
    must_succeed = make_real(case, app, caller)
    known = case.operation.definition.raw.get("security", [{}])
    answer = case.call_and_validate(headers=None if {} in known else caller.headers)
    if _id(case) in WITHOUT_DATABASE:
        assert '"0 statements"' in answer.headers["server-timing"][0]
    # A 422 is left to `refusals_are_explained`: some other value of the same request.
    assert answer.status_code < 400 or not must_succeed or answer.status_code == 422


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
