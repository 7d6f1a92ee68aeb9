"""Who gets in, into which rooms, and what is refused: one real process, many clients."""

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import websocket
from flask import Flask
from sqlalchemy import insert, select
from werkzeug.test import run_wsgi_app

import api
import config
from api.accounts import tokens
from api.accounts.permissions import Role
from api.extensions import db
from api.models import Job, User
from api.models.types import now
from api.realtime.guard import Guard
from api.realtime.hub import CALLS_MOST, ROOMS_MOST
from tests.accounts.tools import Device, change_device, change_user, device_of, new_device
from tests.conftest import dispose
from tests.realtime.tools import PATIENCE, Ear, Realtime, listening, realtime, refusal_of
from tests.test_events import note, transaction
from tests.v1.tools import wait_for

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JOB = "0b7f6f0e-4a4b-4d5e-9c55-3f1a9a0c9d11"
OTHERS_JOB = "11111111-2222-4333-8444-555555555555"
NOBODYS_JOB = "99999999-2222-4333-8444-555555555555"


@dataclass(frozen=True)
class Bank:
    """The process, and an application on its database to change things with."""

    process: Realtime
    app: Flask

    @property
    def url(self) -> str:
        return self.process.url


@pytest.fixture(scope="module")
def bank(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    path = tmp_path_factory.mktemp("doors") / "bank.sqlite3"
    shutil.copy(sqlite_template, path)
    settings = {
        "APP_ENV": "testing",
        "DATABASE_URL": f"sqlite:///{path}",
        "PORT": "5000",
        "CORS_ORIGINS": "https://app.example.org",
        "REALTIME_CONNECTIONS_PER_ADDRESS": "12",
        "TRUSTED_HOSTS": "127.0.0.1",
    }
    app = api.create_app(config.load(settings, None))
    with realtime(settings) as process:
        yield Bank(process, app)
    dispose(app)


@pytest.fixture(scope="module")
def ada(bank: Bank) -> Device:
    """Somebody with a job of their own."""
    device = new_device(bank.app, "ada")
    new_device(bank.app, "eve")
    for name, job in (("ada", JOB), ("eve", OTHERS_JOB)):
        with transaction(bank.app) as connection:
            connection.execute(
                insert(Job).values(
                    id=job, kind="export", user_id=user_id(bank, name), parameters={}
                )
            )
        note(bank.app, "job.queued", job=job, owner=user_id(bank, name))
    return device


def user_id(bank: Bank, name: str) -> int:
    with bank.app.app_context():
        return db.session.scalars(select(User.id).where(User.username == name)).one()


def slug(problem: dict[str, Any]) -> str:
    assert problem.keys() >= {"type", "title", "status", "detail", "instance"}, problem
    return str(problem["type"]).rpartition("/problems/")[2]


def auth(device: Device) -> dict[str, str]:
    return {"token": device.access}


# --- Jobs ---


def test_a_job_is_its_owners_to_watch(bank: Bank, ada: Device) -> None:
    with listening(bank.url, auth(ada)) as ear:
        assert ear.join(f"job:{JOB}", after=0)["replayed"] == 1
        assert ear.next()["kind"] == "job.queued"
        note(bank.app, "job.progress", job=OTHERS_JOB, owner=user_id(bank, "eve"))
        note(bank.app, "job.progress", job=JOB, owner=user_id(bank, "ada"), data={"done": 3})
        event = ear.next()
        assert (event["kind"], event["job"], event["data"]) == ("job.progress", JOB, {"done": 3})
        for job in (OTHERS_JOB, NOBODYS_JOB):
            answer = ear.join("bank", f"job:{job}")
            assert (answer["status"], slug(answer)) == (404, "not-found")
            assert answer["errors"][0]["pointer"] == "#/rooms/1"
        assert ear.call("leave", {"rooms": ["bank"]}) == {"rooms": [f"job:{JOB}"]}  # not joined


def test_nobody_watches_a_job_without_a_token(bank: Bank, ada: Device) -> None:
    with listening(bank.url) as ear:
        answer = ear.join(f"job:{JOB}", after=0)
        assert (answer["status"], slug(answer)) == (401, "token-missing")
        ear.join("bank", after=0)
        note(bank.app, "job.progress", job=JOB, owner=user_id(bank, "ada"))
        note(bank.app, "question.updated", questions=[51])
        kinds = set()
        while "question.updated" not in kinds:
            kinds.add(ear.next()["kind"])
        assert kinds == {"question.created", "question.updated"}


def test_an_administrator_may_watch_any_job_that_there_is(bank: Bank, ada: Device) -> None:
    root = new_device(bank.app, "root", Role.ADMINISTRATOR)
    with listening(bank.url, auth(root)) as ear:
        assert ear.join(f"job:{JOB}", f"job:{OTHERS_JOB}")["rooms"] == [
            f"job:{JOB}",
            f"job:{OTHERS_JOB}",
        ]
        assert slug(ear.join(f"job:{NOBODYS_JOB}")) == "not-found"


# --- Tokens ---


def test_a_token_that_is_no_good_is_refused_and_the_problem_says_why(
    bank: Bank, ada: Device
) -> None:
    assert slug(refusal_of(bank.url, {"token": "a.b.c"})) == "token-malformed"
    assert slug(refusal_of(bank.url, {"token": "ä"})) == "token-malformed"
    assert slug(refusal_of(bank.url, {"token": ada.refresh})) == "token-wrong-kind"
    gone = device_of(bank.app, "ada")
    with bank.app.app_context():
        tokens.revoke(tokens.get_own(db.session.get_one(User, user_id(bank, "ada")), gone.sid))
    assert slug(refusal_of(bank.url, auth(gone))) == "token-revoked"


@pytest.mark.parametrize(
    "sent",
    [
        {"token": 1},
        {"token": ""},
        {"token": None},
        {"token": "a.b.c", "admin": True},
        {"nonsense": {}},
        {"token": "a\0b"},
        ["token"],
        "a.b.c",
        True,
    ],
)
def test_whoever_sends_something_else_as_auth_does_not_come_in_as_nobody(
    bank: Bank, sent: Any
) -> None:
    problem = refusal_of(bank.url, sent)
    assert (problem["status"], slug(problem)) == (422, "invalid-parameters")


def test_a_revoked_device_is_dropped_and_told_why(bank: Bank) -> None:
    device = new_device(bank.app, "mallory")
    with listening(bank.url, auth(device)) as ear, listening(bank.url) as anonymous:
        assert ear.join("bank")["rooms"] == ["bank"]
        change_device(bank.app, device.sid, revoked_at=now())
        assert slug(ear.ended.get(timeout=PATIENCE)) == "token-revoked"
        wait_for(lambda: not ear.client.connected, PATIENCE)
        assert anonymous.join("bank")["rooms"] == ["bank"]


def test_a_deactivated_account_is_dropped(bank: Bank) -> None:
    device = new_device(bank.app, "trent")
    with listening(bank.url, auth(device)) as ear:
        change_user(bank.app, "trent", active=False)
        assert slug(ear.ended.get(timeout=PATIENCE)) == "token-revoked"


def test_a_connection_ends_with_its_token(bank: Bank) -> None:
    device = new_device(bank.app, "peggy")
    short = bank.app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    bank.app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(seconds=2)
    try:
        device = device_of(bank.app, "peggy")
    finally:
        bank.app.config["JWT_ACCESS_TOKEN_EXPIRES"] = short
    with listening(bank.url, auth(device)) as ear:
        assert slug(ear.ended.get(timeout=PATIENCE)) == "token-expired"
        wait_for(lambda: not ear.client.connected, PATIENCE)
    assert slug(refusal_of(bank.url, auth(device))) == "token-expired"


# --- Origins ---


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://app.example.org", True),
        ("http://127.0.0.1:5000", True),  # the site's own pages, on the web server's port
        ("https://evil.example.org", False),
        ("http://127.0.0.1:5999", False),
        ("https://127.0.0.1:5000", False),
        ("http://localhost:5000", False),
        ("null", False),
        ("http://127.0.0.1:99999999", False),
    ],
)
def test_only_pages_of_known_origins_may_connect(bank: Bank, origin: str, allowed: bool) -> None:
    address = bank.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    if allowed:
        websocket.create_connection(address, origin=origin, timeout=PATIENCE).close()
    else:
        with pytest.raises(websocket.WebSocketBadStatusException, match="Handshake status 400"):
            websocket.create_connection(address, origin=origin, timeout=PATIENCE)


def test_a_strange_name_for_this_host_is_no_origin_of_ours(bank: Bank) -> None:
    address = bank.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    host = f"evil.example.org:{bank.process.port}"  # which its owner has lead to 127.0.0.1
    with pytest.raises(websocket.WebSocketBadStatusException, match="not served here"):
        websocket.create_connection(address, host=host, origin=f"http://{host}", timeout=PATIENCE)


# --- Calls ---


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({}, "#/rooms"),
        ({"rooms": []}, "#/rooms"),
        ({"rooms": "bank"}, "#/rooms"),
        ({"rooms": ["bank", "lobby"]}, "#/rooms/1"),
        ({"rooms": ["bank\n"]}, "#/rooms/0"),
        ({"rooms": ["topic:Async"]}, "#/rooms/0"),
        ({"rooms": ["topic:" + "a" * 61]}, "#/rooms/0"),
        ({"rooms": ["question:0"]}, "#/rooms/0"),
        ({"rooms": ["question:٣"]}, "#/rooms/0"),
        ({"rooms": ["job:1"]}, "#/rooms/0"),
        ({"rooms": [None]}, "#/rooms/0"),
        ({"rooms": ["bank"], "after": -1}, "#/after"),
        ({"rooms": ["bank"], "after": 2**63}, "#/after"),
        ({"rooms": ["bank"], "after": 1.5}, "#/after"),
        ({"rooms": ["bank"], "since": 1}, "#/since"),
        ({"rooms": ["bank\0"]}, "#/rooms/0"),
        ({"rooms": [f"question:{number}" for number in range(1, ROOMS_MOST + 2)]}, "#/rooms"),
        ([], "#"),
        (7, "#"),
    ],
)
def test_a_call_that_cannot_be_is_refused_by_name(bank: Bank, sent: Any, pointer: str) -> None:
    with listening(bank.url) as ear:
        answer = ear.call("join", sent)
        assert (answer["status"], slug(answer)) == (422, "invalid-parameters")
        assert pointer in [error["pointer"] for error in answer["errors"]], answer


def test_every_call_is_answered_also_one_that_there_is_not(bank: Bank) -> None:
    with listening(bank.url) as ear:
        assert slug(ear.call("subscribe", {})) == "not-found"
        assert slug(ear.call("trigger_event", {})) == "not-found"
        assert slug(ear.client.call("join", timeout=PATIENCE)) == "malformed-request"
        assert slug(ear.client.call("join", ({}, {}), timeout=PATIENCE)) == "malformed-request"


def test_the_rooms_of_a_connection_are_limited(bank: Bank) -> None:
    with listening(bank.url) as ear:
        rooms = [f"question:{number}" for number in range(1, ROOMS_MOST + 1)]
        assert len(ear.join(*rooms)["rooms"]) == ROOMS_MOST
        assert slug(ear.join("bank")) == "invalid-parameters"
        assert len(ear.join(*rooms[:2])["rooms"]) == ROOMS_MOST
        assert len(ear.call("leave", {"rooms": rooms[:2]})["rooms"]) == ROOMS_MOST - 2
        assert "bank" in ear.join("bank")["rooms"]


def test_a_connection_that_calls_without_end_is_slowed_down(bank: Bank) -> None:
    with listening(bank.url) as ear:
        for _ in range(CALLS_MOST):
            assert "rooms" in ear.join("bank")
        assert slug(ear.join("bank")) == "too-many-requests"


# --- Messages that are none ---


def handshake(bank: Bank) -> websocket.WebSocket:
    """Open a bare WebSocket and connect to the namespace."""
    address = bank.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    connection = websocket.create_connection(address, timeout=PATIENCE)
    assert str(connection.recv()).startswith("0{")
    connection.send("40")
    assert str(connection.recv()).startswith("40{")
    return connection


def ends(connection: websocket.WebSocket) -> bool:
    """Tell whether the other side closes."""
    try:
        while connection.recv():
            pass
    except (websocket.WebSocketConnectionClosedException, OSError):
        pass
    connection.shutdown()  # type: ignore[no-untyped-call]  # the package leaves it untyped
    return True


@pytest.mark.parametrize(
    "sent",
    [
        "42" + json.dumps(["join", {"rooms": ["bank" * 20_000]}]),
        "451-" + json.dumps(["join", {"_placeholder": True, "num": 0}]),
        "42not json",
        "49",
        "",
        "\x00\x01",
        "٣",
        b"\x02\x00",
    ],
    ids=[
        "too big",
        "attachments",
        "broken",
        "no such packet",
        "empty",
        "control",
        "digit",
        "bytes",
    ],
)
def test_a_message_that_cannot_be_ends_the_connection_and_no_other(
    bank: Bank, sent: str | bytes
) -> None:
    with listening(bank.url) as ear:
        connection = handshake(bank)
        binary = isinstance(sent, bytes)
        connection.send(
            sent, websocket.ABNF.OPCODE_BINARY if binary else websocket.ABNF.OPCODE_TEXT
        )
        assert ends(connection)
        assert "bank" in ear.join("bank")["rooms"]


@pytest.mark.parametrize(
    "sent", [b"", b"nonsense", b"42\xff", b"451-[]", b"9", b"4" * 70_000, b"40\x1e" * 100]
)
def test_a_polling_client_that_sends_nonsense_gets_no_server_error(bank: Bank, sent: bytes) -> None:
    address = f"{bank.url}/socket.io/?EIO=4&transport=polling"
    with urlopen(address, timeout=PATIENCE) as response:
        sid = json.loads(response.read()[1:])["sid"]
    try:
        with urlopen(Request(f"{address}&sid={sid}", data=sent), timeout=PATIENCE) as response:
            assert response.status == 200
    except HTTPError as error:
        error.close()
        assert error.code in {400, 413}  # noqa: PT017  # which of the two outcomes, is Engine.IO's
    with listening(bank.url) as ear:
        assert "bank" in ear.join("bank")["rooms"]


def test_sockets_of_one_address_are_limited_and_freed_again(bank: Bank) -> None:
    def refused() -> HTTPError | None:
        try:
            urlopen(
                Request(f"{bank.url}/socket.io/?EIO=4&transport=polling"), timeout=PATIENCE
            ).close()
        except HTTPError as error:
            return error
        return None

    wait_for(lambda: refused() is None, PATIENCE)
    with ExitStack() as stack:
        held: list[Ear] = []
        while (answer := refused()) is None:
            held.append(stack.enter_context(listening(bank.url)))
            assert len(held) <= 12
        problem = json.load(answer)
        answer.close()
        assert (answer.code, answer.headers["Retry-After"]) == (429, "5")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert slug(problem) == "too-many-requests"
        assert "bank" in held[0].join("bank")["rooms"]
    wait_for(lambda: refused() is None, PATIENCE)


def test_sockets_of_all_addresses_together_are_limited() -> None:
    answers: list[tuple[str, bytes]] = []

    def inner(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        if environ["REMOTE_ADDR"] == "192.0.2.1":  # while that one is open, another one comes
            answers.append(ask("192.0.2.2"))
        start_response("200 OK", [])
        return [b"open"]

    guard = Guard(inner, most=1, most_per_address=1)

    def ask(address: str) -> tuple[str, bytes]:
        chunks, status, _ = run_wsgi_app(guard, {"REMOTE_ADDR": address})
        return status, b"".join(chunks)

    assert ask("192.0.2.1") == ("200 OK", b"open")
    ((status, body),) = answers
    assert status == "503 Service Unavailable"
    assert slug(json.loads(body) | {"instance": ""}) == "service-unavailable"
    assert ask("192.0.2.2") == ("200 OK", b"open")


def test_what_is_not_socket_io_is_answered_by_the_application(bank: Bank) -> None:
    with urlopen(f"{bank.url}/api/v1/problems/token-expired", timeout=PATIENCE) as response:
        assert json.load(response)["slug"] == "token-expired"


def test_a_polling_client_hears_the_same(bank: Bank) -> None:
    with listening(bank.url, transports=("polling",)) as ear:
        ear.join("question:52")
        note(bank.app, "question.updated", questions=[52])
        assert ear.next()["questions"] == [52]


def test_a_socket_that_says_nothing_keeps_nobody_else_out(bank: Bank) -> None:
    with socket.create_connection(("127.0.0.1", bank.process.port), timeout=PATIENCE) as silent:
        silent.send(b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n")
        with listening(bank.url) as ear:
            assert "bank" in ear.join("bank")["rooms"]


# --- flask bank watch ---


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--room", "job:0b7f6f0e-4a4b-4d5e-9c55-3f1a9a0c9d11"), "is private: connect with"),
        (("--token", "a.b.c"), "is not one of ours"),
        (("--room", "lobby"), "is no room; there are bank, topic:"),
        (("--after", "-1"), "-1 is not in the range"),
    ],
)
def test_watch_says_in_one_line_why_it_may_not(
    bank: Bank, arguments: tuple[str, ...], said: str
) -> None:
    done = bank.app.test_cli_runner().invoke(
        args=["bank", "watch", "--url", bank.url, *arguments], standalone_mode=True
    )
    assert done.exit_code != 0
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_watch_can_end_by_itself(bank: Bank) -> None:
    done = bank.app.test_cli_runner().invoke(
        args=["bank", "watch", "--url", bank.url, "--after", "0", "--count", "1"]
    )
    assert done.exit_code == 0
    assert '"kind": "question.created"' in done.stdout
