"""On the real server: what a socket sees when a body is too large, or ends before its time."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.attachments.samples import picture
from tests.examples.server import serving
from tests.v1.tools import wait_for

LIMIT = 200_000
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(
        DATABASE_URL=f"sqlite:///{folder}/bank.sqlite3",
        ATTACHMENTS_FOLDER=str(folder / "attachments"),
        ATTACHMENT_BYTES=str(LIMIT),
        BCRYPT_LOG_ROUNDS="4",
        THREADS="1",  # so that an upload that hangs would be noticed
    ) as running:
        yield running


@pytest.fixture(scope="module")
def token(address: str) -> str:
    body = {"username": "contributor", "password": "demo-contributor-password"}
    request = Request(
        f"{address}/api/v1/sign-ins",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=20) as answer:
        found: str = json.load(answer)["access_token"]
        return found


@contextmanager
def uploading(address: str, token: str, length: str) -> Iterator[socket.socket]:
    """A connection on which the head of an upload has been sent, and nothing of its body."""
    with socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=20) as line:
        line.sendall(
            b"POST /api/v1/questions/51/attachments HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n"
            + f"Authorization: Bearer {token}\r\n{length}\r\n\r\n".encode()
        )
        yield line


def status(line: socket.socket) -> int:
    """Read until the status line is there."""
    received = b""
    while b"\r\n" not in received:
        piece = line.recv(4096)
        assert piece, "the server hung up without a word"
        received += piece
    return int(received.split()[1])


def stored(folder: Path) -> list[Path]:
    return [path for path in (folder / "attachments").rglob("*") if path.is_file()]


def test_too_large_a_body_is_refused_before_it_is_sent(address: str, token: str) -> None:
    with uploading(address, token, f"Content-Length: {LIMIT + 1}") as line:
        assert status(line) == 413  # not a byte of the body has left
    with uploading(address, token, "Content-Length: 99999999999999999999") as line:
        assert status(line) in {400, 413}


def test_a_body_is_not_asked_for_where_it_would_be_refused(address: str, token: str) -> None:
    more = "Expect: 100-continue\r\n"
    with uploading(address, token, f"{more}Content-Length: {LIMIT + 1}") as line:
        assert status(line) == 413
    with uploading(address, "no-token", f"{more}Content-Length: 10") as line:
        assert status(line) == 401
    with uploading(address, token, f"{more}Content-Length: 10") as line:
        assert status(line) == 100


def test_an_endless_body_is_refused_at_the_limit(address: str, token: str, folder: Path) -> None:
    with uploading(address, token, "Transfer-Encoding: chunked") as line:
        chunk = bytes(10_000)
        try:
            line.sendall(b"%x\r\n%s\r\n" % (len(HEAD), HEAD))
            for _ in range(2 * LIMIT // len(chunk)):
                line.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        except OSError:
            pass  # the server has seen enough
        else:
            assert status(line) == 413
    assert stored(folder) == []


@pytest.mark.parametrize("length", [f"Content-Length: {LIMIT}", "Transfer-Encoding: chunked"])
def test_an_upload_that_is_cut_off_leaves_nothing_behind(
    address: str, token: str, folder: Path, length: str
) -> None:
    for _ in range(3):  # there is one thread: were one of these kept, the last request would hang
        with uploading(address, token, length) as line:
            body = HEAD + picture()
            line.sendall(body if "Length" in length else b"%x\r\n%s\r\n" % (len(body), body))
    with urlopen(f"{address}/api/v1/questions/51/attachments", timeout=20) as answer:
        assert json.load(answer)["items"] == []
    assert stored(folder) == []


def test_a_whole_upload_is_taken_after_all_that(address: str, token: str, folder: Path) -> None:
    body = HEAD + picture() + b"\r\n--x--\r\n"
    with uploading(address, token, f"Content-Length: {len(body)}") as line:
        line.sendall(body)
        assert status(line) == 201
    wait_for(lambda: len(stored(folder)) == 1)
