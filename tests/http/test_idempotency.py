"""`Idempotency-Key`, attacked: replays, other bodies, races, dead processes, expiry."""

import gc
import io
import os
import re
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, Response, current_app
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

import config
from api import database
from api.bank import storing
from api.extensions import db
from api.http import idempotency
from api.http.idempotency import answered, idempotent, sweep
from api.http.problems import Problem
from api.http.uploads import Incoming, takes_file
from api.models import IdempotencyKey, ScratchDocument, User
from api.models.types import now
from tests.accounts.tools import ME, OTHER, PASSWORD, USERS, new_device, pointers, refused
from tests.conftest import MakeApp, Settings
from tests.http.helpers import at_once, threads
from tests.v1.tools import sqlite_only

KEY = "1f0d7d3e-6c1b-4f0e-9a0d-0a4f3f8a6b52"
THINGS = "/api/v1/things"
BODY = {"username": "ada", "password": PASSWORD, "email": "ada@example.org"}


def register(client: FlaskClient, key: str | None = KEY, **more: Any) -> TestResponse:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.post(USERS, json={**BODY, **more}, headers=headers)


def code(response: TestResponse, status: int) -> str:
    """Return what the one entry of a refusal says of the key."""
    slug = {400: "malformed-request", 409: "idempotency-conflict", 422: "invalid-parameters"}
    (entry,) = refused(response, slug[status], status)["errors"]
    assert entry["header"] == "Idempotency-Key"
    return str(entry["code"])


def count(app: Flask, model: Any = User) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def change_key(app: Flask, **values: Any) -> None:
    """Change every row of a key, where a test would otherwise have to wait."""
    with app.app_context():
        db.session.execute(update(IdempotencyKey).values(**values))
        db.session.commit()


def over() -> Any:
    return now() - timedelta(seconds=1)


Work = Callable[[], Any]


def things(app: Flask, work: Work, path: str = THINGS) -> FlaskClient:
    """A POST that is not in the contract and does `work`; a client of it."""
    app.test_client_class = FlaskClient
    app.add_url_rule(path, path, idempotent(work), methods=["POST"])
    return app.test_client()


def make_thing() -> Any:
    key = str(uuid4())
    db.session.add(ScratchDocument(key=key, content={}, expires_at=now() + timedelta(days=1)))
    db.session.commit()
    return {"made": key}, 201, {"Location": f"/{key}", "ETag": f'"{key}"', "X-Passing": key}


def post(client: FlaskClient, key: str = KEY, path: str = THINGS, **more: Any) -> TestResponse:
    headers = {"Idempotency-Key": key, **more.pop("headers", {})}
    return client.post(path, headers=headers, **more)


# Replays


def test_the_same_request_again_gets_the_same_answer_and_creates_nothing(
    app: Flask, client: FlaskClient
) -> None:
    first = register(client)
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    for key in (KEY, f'"{KEY}"'):  # plain, and as the draft writes it
        again = register(client, key)
        assert (again.status_code, again.data) == (201, first.data)
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
        assert "RateLimit" in again.headers  # a replay is counted
    assert count(app) == 1
    assert pointers(register(client, str(uuid4()))) == {"#/username"}
    assert pointers(register(client, None)) == {"#/username"}


def test_status_and_fields_of_the_answer_are_kept_and_passing_ones_are_not(app: Flask) -> None:
    client = things(app, make_thing)
    first, again = post(client), post(client)
    for name in ("Location", "ETag", "Content-Type"):
        assert first.headers[name] == again.headers[name]
    assert "X-Passing" not in again.headers
    assert first.data == again.data
    assert count(app, ScratchDocument) == 1


def test_the_same_key_with_another_request_is_refused(app: Flask, client: FlaskClient) -> None:
    assert register(client).status_code == 201
    for more in ({"username": "eve"}, {"password": OTHER}, {"email": None}):
        assert code(register(client, **more), 422) == "reused"
    assert count(app) == 1
    assert register(client).status_code == 201


@sqlite_only
def test_query_and_media_type_belong_to_the_request(app: Flask) -> None:
    client = things(app, make_thing)
    assert post(client, data=b"{}", content_type="application/json").status_code == 201
    assert code(post(client, data=b"{}", content_type="text/plain"), 422) == "reused"
    assert code(post(client, data=b"{} ", content_type="application/json"), 422) == "reused"


@sqlite_only
def test_preconditions_belong_to_the_request(app: Flask) -> None:
    client = things(app, make_thing)
    assert post(client, headers={"If-Match": '"a"'}).status_code == 201
    for headers in ({"If-Match": '"b"'}, {"If-None-Match": '"a"'}, {}):
        assert code(post(client, headers=headers), 422) == "reused"
    assert post(client, headers={"If-Match": '"a"'}).headers["Idempotent-Replayed"] == "true"


# Files


def file_things(app: Flask, limit: int) -> FlaskClient:
    """A POST that takes a file, of text or in a form, and answers how long it is."""
    app.test_client_class = FlaskClient
    app.config["LIMIT"] = limit

    def work(incoming: Incoming) -> Any:
        return {"bytes": len(incoming.receive().read()), "twice": incoming.receive().name}, 201

    view = takes_file("LIMIT", ["text/plain"])(idempotent(work))
    app.add_url_rule(THINGS, THINGS, view, methods=["POST"])
    return app.test_client()


@sqlite_only
def test_a_form_is_the_same_whatever_its_boundary(app: Flask) -> None:
    client = file_things(app, 1000)

    def send(content: bytes, name: str = "a.txt", kind: str = "text/plain") -> TestResponse:
        return post(client, data={"file": (io.BytesIO(content), name, kind)})

    first = send(b"one")
    assert first.get_json() == {"bytes": 3, "twice": "a.txt"}
    again = send(b"one")
    assert first.request.content_type != again.request.content_type
    assert again.headers["Idempotent-Replayed"] == "true"
    for other in ((b"two",), (b"one", "b.txt"), (b"one", "a.txt", "text/csv")):
        assert code(send(*other), 422) == "reused"
    assert code(post(client, data=b"one", content_type="text/plain"), 422) == "reused"


@sqlite_only
def test_a_large_file_is_never_held_in_memory_whole(app: Flask) -> None:
    size = 16 * 2**20
    client = file_things(app, size)
    app.view_functions[THINGS] = takes_file("LIMIT", ["text/plain"])(
        idempotent(lambda incoming: ({"name": incoming.receive().name}, 201))
    )
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(2):
            with tempfile.TemporaryFile() as body:
                body.truncate(size)
                answer = post(
                    client,
                    input_stream=body,
                    content_type="text/plain",
                    environ_overrides={"CONTENT_LENGTH": str(size)},
                )
                assert answer.status_code == 201
        assert answer.headers["Idempotent-Replayed"] == "true"
        assert tracemalloc.get_traced_memory()[1] < size / 2
    finally:
        tracemalloc.stop()


class Unread(io.BytesIO):
    """A body that nobody may read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("was read")

    readinto = read  # type: ignore[assignment]  # neither way


@sqlite_only
def test_a_file_over_the_limit_is_refused_unread_and_frees_its_key(app: Flask) -> None:
    client = file_things(app, 10)
    for kind, length, status in (("text/plain", 11, 413), ("image/png", 3, 415)):
        answer = post(
            client,
            input_stream=Unread(),
            content_type=kind,
            environ_overrides={"CONTENT_LENGTH": str(length)},
        )
        assert answer.status_code == status
    endless = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    answer = post(
        client,
        input_stream=io.BytesIO(bytes(11)),
        content_type="text/plain",
        environ_overrides=endless,
    )
    assert answer.status_code == 413
    assert count(app, IdempotencyKey) == 0
    answer = post(client, data=bytes(10), content_type="text/plain")
    assert answer.get_json() == {"bytes": 10, "twice": None}


@sqlite_only
@pytest.mark.parametrize("ends_itself", [True, False])
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
def test_a_cut_off_file_frees_its_key(app: Flask, kind: str, ends_itself: bool) -> None:
    client = file_things(app, 1000)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    part = head + b"one" if "form" in kind else b"one"
    whole = part + b"\r\n--x--\r\n" if "form" in kind else b"one and two"
    more: dict[str, Any] = {"CONTENT_LENGTH": str(len(whole))}
    if ends_itself:
        more["wsgi.input_terminated"] = True
    cut = post(client, input_stream=io.BytesIO(part), content_type=kind, environ_overrides=more)
    assert refused(cut, "malformed-request", 400)
    assert count(app, IdempotencyKey) == 0
    assert post(client, data=whole, content_type=kind).status_code == 201


# Whose key it is


def test_a_key_is_its_callers_own(app: Flask) -> None:
    ada, eve = new_device(app, "ada"), new_device(app, "eve")
    client = things(app, make_thing)
    made = [
        post(client, headers=ada.headers),
        post(client, headers=eve.headers),
        post(client),
        post(client, environ_base={"REMOTE_ADDR": "192.0.2.9"}),
    ]
    assert [answer.status_code for answer in made] == [201] * 4
    assert len({answer.data for answer in made}) == 4
    for first, headers in ((made[0], ada.headers), (made[1], eve.headers), (made[2], {})):
        assert post(client, headers=headers).data == first.data


@sqlite_only
def test_a_key_belongs_to_one_address(app: Flask) -> None:
    things(app, make_thing)
    client = things(app, make_thing, "/api/v1/others")
    assert post(client).data != post(client, path="/api/v1/others").data
    assert count(app, ScratchDocument) == 2


def test_an_account_takes_its_keys_with_it(app: Flask) -> None:
    ada = new_device(app)
    client = things(app, make_thing)
    assert post(client, headers=ada.headers).status_code == 201
    assert client.delete(ME, headers=ada.headers).status_code == 204
    assert count(app, IdempotencyKey) == 0


# Refusals and failures free the key


def test_a_refused_request_can_be_mended_under_its_key(app: Flask, client: FlaskClient) -> None:
    assert pointers(register(client, password="short")) == {"#/password"}
    headers = {"Idempotency-Key": KEY, "Content-Type": "application/json"}
    assert client.post(USERS, data=b"{", headers=headers).status_code == 400
    assert count(app, IdempotencyKey) == 0
    assert register(client).status_code == 201


def test_a_failed_request_can_be_tried_again_under_its_key(app: Flask) -> None:
    failures: list[Any] = [RuntimeError("boom"), Problem("service-unavailable", "Away.")]

    def work() -> Any:
        db.session.add(ScratchDocument(key="undone", content={}, expires_at=now()))
        db.session.flush()
        if failures:
            raise failures.pop(0)
        return make_thing()

    client = things(app, work)
    assert [post(client).status_code for _ in range(4)] == [500, 503, 201, 201]
    assert count(app, ScratchDocument) == 2  # of the failed ones nothing stayed


@sqlite_only
def test_a_response_that_refuses_frees_the_key_as_an_exception_does(app: Flask) -> None:
    statuses = [409, 500, 201]

    def work() -> Any:
        return {}, statuses.pop(0)

    client = things(app, work)
    assert [post(client).status_code for _ in range(4)] == [409, 500, 201, 201]


def test_what_was_done_before_a_failure_is_not_done_again(app: Flask) -> None:
    def work() -> Any:
        make_thing()
        raise RuntimeError("after the commit")

    client = things(app, work)
    assert post(client).status_code == 500
    for _ in range(2):
        answer = post(client)
        assert code(answer, 409) == "answer_lost"
        assert "Retry-After" not in answer.headers
    assert count(app, ScratchDocument) == 1


@pytest.mark.parametrize("commits", [1, 2])
def test_an_answer_that_is_known_before_the_commit_is_kept_with_the_work(
    app: Flask, commits: int
) -> None:
    def work() -> Any:
        key = str(uuid4())
        db.session.add(ScratchDocument(key=key, content={}, expires_at=now() + timedelta(days=1)))
        response = answered(current_app.make_response(({"made": key}, 201)))
        for _ in range(commits):
            db.session.execute(select(1))
            db.session.commit()
        if commits == 1:
            raise RuntimeError("after the commit")
        return response

    client = things(app, work)
    first, second = post(client), post(client)
    assert first.status_code == (500 if commits == 1 else 201)
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (201, "true")
    assert count(app, ScratchDocument) == 1


def test_an_answer_not_to_be_stored_is_not_kept_with_the_work_either(app: Flask) -> None:
    def work() -> Any:
        answered(current_app.response_class("secret", headers={"Cache-Control": "no-store"}))
        make_thing()
        raise RuntimeError("after the commit")

    client = things(app, work)
    assert post(client).status_code == 500
    assert code(post(client), 409) == "answer_lost"
    with app.app_context():
        assert db.session.scalars(select(IdempotencyKey.body)).all() == [None]


# Two at once


def test_of_many_at_once_one_creates_and_the_rest_wait_or_get_its_answer(app: Flask) -> None:
    def one(_: int) -> tuple[int, str | None]:
        answer = register(app.test_client())
        return answer.status_code, answer.headers.get("Idempotent-Replayed")

    answers = Counter(at_once(one, 8))
    assert answers[(201, None)] == 1
    assert answers.keys() <= {(201, None), (201, "true"), (409, None)}
    assert count(app) == 1


class Paused:
    """Work that stops before it does anything, until it is told to go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.first = True

    def __call__(self) -> Any:
        if self.first:
            self.first = False
            self.reached.set()
            assert self.go_on.wait(20)
        return make_thing()

    __name__ = "paused"


def test_while_the_first_runs_the_second_is_told_to_come_back(app: Flask) -> None:
    work, answers = Paused(), []
    client = things(app, work)
    with threads(lambda: answers.append(post(app.test_client()))):
        assert work.reached.wait(20)
        try:
            second = post(client)
        finally:
            work.go_on.set()
    assert code(second, 409) == "in_flight"
    assert second.headers["Retry-After"] == "1"
    assert answers[0].status_code == 201
    assert post(client).data == answers[0].data
    assert count(app, ScratchDocument) == 1


def test_who_was_taken_for_dead_cannot_commit_any_more(app: Flask) -> None:
    work, answers = Paused(), []
    client = things(app, work)
    with threads(lambda: answers.append(post(app.test_client()))):
        assert work.reached.wait(20)
        try:
            change_key(app, lease_expires_at=over())
            second = post(client)
        finally:
            work.go_on.set()
    assert second.status_code == 201
    assert code(answers[0], 409) == "in_flight"
    assert count(app, ScratchDocument) == 1
    assert post(client).data == second.data


def test_of_many_that_find_a_dead_request_one_takes_over(app: Flask) -> None:
    client = things(app, make_thing)
    assert post(client).status_code == 201
    with app.app_context():
        db.session.query(ScratchDocument).delete()
        db.session.commit()
    change_key(app, state="in_flight", lease_expires_at=over(), status=None)
    answers = Counter(at_once(lambda _: post(app.test_client()).status_code, 8))
    assert answers.keys() <= {201, 409}
    assert answers[201] >= 1
    assert count(app, ScratchDocument) == 1


# Processes that die

DIE = """
import os, sys
import api, config
from api.http.idempotency import idempotent
from tests.http.test_idempotency import KEY, THINGS, make_thing, post, things

def work():
    if sys.argv[1] == "before":
        os._exit(9)
    make_thing()
    os._exit(9)

post(things(api.create_app(config.load(os.environ, None)), work))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_dies_doubles_and_loses_nothing(
    app: Flask, settings: Settings, moment: str
) -> None:
    client = things(app, make_thing)
    done = subprocess.run(
        [sys.executable, "-c", DIE, moment],
        cwd=config.ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    assert code(post(client), 409) == "in_flight"  # as far as anybody can know
    change_key(app, lease_expires_at=over())
    if moment == "before":
        assert post(client).status_code == 201
        assert post(client).headers["Idempotent-Replayed"] == "true"
    else:
        assert code(post(client), 409) == "answer_lost"
    assert count(app, ScratchDocument) == 1


# Transactions of every kind


def test_the_banks_own_transaction_is_marked_too(app: Flask) -> None:
    failing = [True]

    def work() -> Any:
        with storing.writing():
            db.session.add(ScratchDocument(key="one", content={}, expires_at=now()))
            if failing.pop():
                raise Problem("conflict", "Not now.")
            failing.append(False)
        return {}, 201

    client = things(app, work)
    assert post(client).status_code == 409
    failing[:] = [False]
    assert [post(client).status_code for _ in range(2)] == [201, 201]
    assert count(app, ScratchDocument) == 1


def test_savepoints_and_several_commits_do_no_harm(app: Flask) -> None:
    def work() -> Any:
        for name in ("lost", "kept"):
            savepoint = db.session.begin_nested()
            db.session.add(ScratchDocument(key=name, content={}, expires_at=now()))
            savepoint.rollback() if name == "lost" else savepoint.commit()
        db.session.commit()
        return make_thing()

    client = things(app, work)
    assert post(client).data == post(client).data
    assert count(app, ScratchDocument) == 2


# Time


def test_an_expired_key_is_free_and_swept(app: Flask, client: FlaskClient) -> None:
    assert register(client).status_code == 201
    assert register(client, "another", username="eve", email=None).status_code == 201
    with app.app_context():
        rows = db.session.scalars(select(IdempotencyKey)).all()
        assert {row.expires_at - row.created_at > timedelta(hours=23.9) for row in rows} == {True}
        assert sweep() == 0
    change_key(app, expires_at=over())
    assert pointers(register(client)) == {"#/username"}  # carried out, and refused
    assert count(app, IdempotencyKey) == 0  # swept in passing
    assert register(client, username="bob", email=None).status_code == 201
    change_key(app, expires_at=over())
    with app.app_context():
        assert (sweep(), sweep()) == (1, 0)


@sqlite_only
def test_how_long_is_a_setting(make_app: MakeApp) -> None:
    app = make_app(IDEMPOTENCY_HOURS="2")
    register(app.test_client())
    with app.app_context():
        (row,) = db.session.scalars(select(IdempotencyKey))
        assert timedelta(hours=1.9) < row.expires_at - now() < timedelta(hours=2)


# The form of a key


@sqlite_only
@pytest.mark.parametrize(
    "key",
    [
        "", " ", "x" * 256, "x" * 100_000, '"' + "x" * 256 + '"', "\u00e9", "a\tb", "a\x7f", '"', '""',
        '"a', '"a"b"', '"a\\b"', '"a"; p=1', '"\u00e9"',
    ],
)  # fmt: skip
def test_a_malformed_key_is_refused(app: Flask, client: FlaskClient, key: str) -> None:
    assert code(register(client, key), 400) == "invalid"
    assert (count(app), count(app, IdempotencyKey)) == (0, 0)


@sqlite_only
@pytest.mark.parametrize("key", ["a", "x" * 255, "a b", "'--", "a,b", '"' + "x" * 255 + '"', 'a"b'])
def test_any_other_key_is_taken(client: FlaskClient, key: str) -> None:
    assert register(client, key).status_code == 201
    assert register(client, key).headers["Idempotent-Replayed"] == "true"


@sqlite_only
def test_a_quoted_key_is_unescaped(client: FlaskClient) -> None:
    assert register(client, r'"a\"b"').status_code == 201
    assert register(client, 'a"b').headers["Idempotent-Replayed"] == "true"


@sqlite_only
def test_a_setting_requires_the_key(make_app: MakeApp) -> None:
    client = make_app(IDEMPOTENCY_KEY_REQUIRED="true").test_client()
    assert code(register(client, None), 400) == "required"
    assert register(client).status_code == 201


# What is kept


@sqlite_only
def test_no_secret_is_kept(make_app: MakeApp) -> None:
    app = make_app(SECRET_KEY="the first key of this test which is long enough")
    assert register(app.test_client()).status_code == 201
    with app.app_context():
        (row,) = db.session.scalars(select(IdempotencyKey))
        assert PASSWORD not in str(vars(row))
        digest = row.digest
    # The request's digest tells nothing to who does not have the server's key: it cannot be guessed at.
    other = make_app(SECRET_KEY="the second key of this test which is long enough")
    assert code(register(other.test_client()), 422) == "reused"
    rotated = make_app(
        SECRET_KEY="the second key of this test which is long enough",
        SECRET_KEY_FALLBACKS="the first key of this test which is long enough",
    )
    assert register(rotated.test_client()).headers["Idempotent-Replayed"] == "true"
    assert re.fullmatch("[0-9a-f]{64}", digest)


@sqlite_only
def test_cookies_and_answers_not_to_be_stored_are_not_kept(app: Flask) -> None:
    def cookie() -> Response:
        response = current_app.make_response(({}, 201))
        response.set_cookie("token", "secret")
        return response

    def token() -> Any:
        make_thing()
        return {"token": "secret"}, 201, {"Cache-Control": "no-store"}

    things(app, cookie)
    client = things(app, token, "/api/v1/tokens")
    assert "Set-Cookie" in post(client).headers
    assert "Set-Cookie" not in post(client).headers
    assert post(client, path="/api/v1/tokens").status_code == 201
    assert code(post(client, path="/api/v1/tokens"), 409) == "answer_lost"
    with app.app_context():
        assert "secret" not in str(
            [vars(row) for row in db.session.scalars(select(IdempotencyKey))]
        )


def test_without_a_key_nothing_is_kept(app: Flask, client: FlaskClient) -> None:
    assert register(client, None).status_code == 201
    assert count(app, IdempotencyKey) == 0


def test_the_lease_outlasts_a_slow_writer() -> None:
    assert timedelta(seconds=2 * database.WAIT_SECONDS) < idempotency.LEASE
