"""The response cache in front of Flask: a hit is told from Flask's own answer by nothing but its speed."""

import re
import subprocess
import sys
import threading
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.extensions import limiter
from api.http.counting import ProcessStorage
from api.http.front import Front
from tests.accounts.tools import log_in, make_user
from tests.conftest import MakeApp, Settings
from tests.http.helpers import logged_lines, renamed, target, threads, until, write_elsewhere
from tests.v1.tools import sqlite_only

LIST = "/api/v1/questions?per_page=3&sort=-number"
ITEM = "/api/v1/questions/51"
SCRATCH = "/api/v1/scratch/front"
HIT = "question-bank; hit"
A, B = "https://a.example.org", "https://b.example.org"

#: What each answer has of its own.
OWN = {"Date", "RateLimit", "Server-Timing", "X-Request-ID"}


class Watched:
    """An application with the cache, and whether a read of it reached Flask."""

    def __init__(self, app: Flask) -> None:
        self.app, self.reached = app, 0
        app.before_request_funcs[None].insert(0, self._count)  # before what may refuse the request
        self.client = app.test_client()

    def _count(self) -> None:
        self.reached += 1

    @property
    def front(self) -> Front:
        found: Any = self.app.wsgi_app
        while not isinstance(found, Front):
            found = found.app
        return found

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[TestResponse, bool]:
        """Read; returns the answer, and whether it came from the cache."""
        before = self.reached
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.open(path, method=method, headers=sent)
        return response, self.reached == before

    def hit(self, path: str, method: str = "GET", **headers: str) -> TestResponse:
        """Read until it comes from the cache; on PostgreSQL that is once the listener listens."""

        def read() -> TestResponse | None:
            response, hit = self.get(path, method, **headers)
            return response if hit else None

        found = until(read)
        assert found is not None
        return found


def watch(make_app: MakeApp, **changes: str) -> Watched:
    settings = {
        "RESPONSE_CACHE_BYTES": "33554432",
        "RATELIMIT_READS": "1000000 per minute",
        "CORS_ORIGINS": f"{A},{B}",
    }
    return Watched(make_app(**settings | changes))


@pytest.fixture
def watched(make_app: MakeApp) -> Watched:
    return watch(make_app)


def fields(response: TestResponse) -> dict[str, list[str]]:
    """The headers that two answers to the same request have in common."""
    names = set(response.headers.keys()) - OWN
    return {name: sorted(response.headers.getlist(name)) for name in names}


@pytest.mark.parametrize(
    "path",
    [
        LIST,
        ITEM,
        f"{ITEM}?fields=number,prompt",
        f"{ITEM}/demonstrations",
        "/api/v1/topics",
        "/api/v1/techniques",
        "/api/v2/questions?limit=2",
        "/api/questions",
        f"/mounted{LIST}",
    ],
)
@sqlite_only
def test_a_hit_says_what_flask_would_have_said(path: str, make_app: MakeApp) -> None:
    plain = watch(make_app, RESPONSE_CACHE_BYTES="0")
    fast = watch(make_app)
    etag = plain.get(path)[0].headers["ETag"]
    for method in ("GET", "HEAD"):
        for headers in (
            {},
            {"If_None_Match": etag},
            {"Origin": A},
            {"Origin": "https://evil.example.org"},
            {"Accept": "application/json", "Accept_Language": "ar", "Accept_Encoding": "gzip"},
        ):
            told, by_cache = plain.get(path, method, **headers)
            assert not by_cache
            fast.get(path, method, **headers)
            hit, by_cache = fast.get(path, method, **headers)
            assert by_cache, (method, headers)
            assert (hit.status, hit.data) == (told.status, told.data)
            assert fields(hit) == fields(told)
            assert set(hit.headers.keys()) == set(told.headers.keys())
            for name in ("RateLimit", "Server-Timing", "X-Request-ID"):
                shape = re.sub(r"[0-9a-f]", "0", told.headers[name])
                now = re.sub(r"[0-9a-f]", "0", hit.headers[name])
                assert re.sub("0+", "0", now) == re.sub("0+", "0", shape)


@sqlite_only
def test_a_hit_is_logged_and_named_like_any_request(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.get(f"{ITEM}?fields=number")
    assert len(logged_lines(capsys)) == 1
    response, by_cache = watched.get(f"{ITEM}?fields=number", X_Request_ID="mine-1")
    assert by_cache
    assert response.headers["X-Request-ID"] == "mine-1"
    (line,) = logged_lines(capsys)
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    message = rf"GET {ITEM}\?fields=number 200 \d+\.\dms"
    assert re.fullmatch(f"{moment} INFO api.access: {message}", line)
    forged, _ = watched.get(f"{ITEM}?fields=number", X_Request_ID="a b")
    assert re.fullmatch(r"[0-9a-f]{32}", forged.headers["X-Request-ID"])


@sqlite_only
def test_a_hit_counts_as_a_read_and_the_quota_ends_where_it_should(make_app: MakeApp) -> None:
    reader = watch(make_app, RATELIMIT_READS="5 per minute")
    told = [reader.get(ITEM) for _ in range(6)]
    assert [response.status_code for response, _ in told] == [200] * 5 + [429]
    assert [by_cache for _, by_cache in told] == [False] + [True] * 4 + [False]
    left = [re.findall(r";r=(\d+);", response.headers["RateLimit"]) for response, _ in told]
    assert left == [["4"], ["3"], ["2"], ["1"], ["0"], ["0"]]
    assert reader.client.get(LIST).status_code == 429  # the quota is of all reads
    elsewhere = reader.client.get(ITEM, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 200
    assert ";r=4;" in elsewhere.headers["RateLimit"]


@sqlite_only
def test_of_two_quotas_a_refused_hit_is_charged_to_each_once(make_app: MakeApp) -> None:
    reader = watch(make_app, RATELIMIT_READS="2 per minute; 9 per hour")
    plain = watch(make_app, RATELIMIT_READS="2 per minute; 9 per hour", RESPONSE_CACHE_BYTES="0")
    limiter.reset()
    told = [reader.get(ITEM)[0].headers["RateLimit"] for _ in range(5)]
    limiter.reset()
    assert told == [plain.get(ITEM)[0].headers["RateLimit"] for _ in range(5)]


@sqlite_only
def test_a_search_is_never_answered_past_its_own_quota(make_app: MakeApp) -> None:
    reader = watch(make_app, RATELIMIT_SEARCH="2 per minute")
    path = "/api/v1/questions?q=flask"
    assert [reader.get(path)[0].status_code for _ in range(3)] == [200, 200, 429]


@sqlite_only
def test_nothing_is_counted_where_limits_are_off(make_app: MakeApp) -> None:
    reader = watch(make_app, RATELIMIT_ENABLED="false", RATELIMIT_READS="1 per minute")
    for _ in range(3):
        response, _ = reader.get(ITEM)
        assert response.status_code == 200
        assert "RateLimit" not in response.headers


@sqlite_only
def test_readers_with_new_credentials_conditions_or_directives_are_answered_by_flask(
    watched: Watched,
) -> None:
    make_user(watched.app)
    device: Any = log_in(watched.app.test_client()).json
    watched.hit(ITEM)
    for headers in (
        {"Authorization": f"Bearer {device['access_token']}"},
        {"Authorization": "Bearer nonsense"},
        {"Cookie": "session=x"},
        {"Cache_Control": "no-cache"},
        {"Range": "bytes=0-9"},
        {"If_None_Match": "*"},
        {"If_None_Match": 'W/"x"'},
        {"If_None_Match": '"x", "y"'},
        {"If_None_Match": '"'},
        {"If_None_Match": ""},
        {"If_Modified_Since": "Sun, 22 Nov 2026 00:00:00 GMT"},
    ):
        if "Cookie" in headers:  # the client drops a header of that name
            watched.client.set_cookie("session", "x")
        response, by_cache = watched.get(ITEM, **headers)
        watched.client.delete_cookie("session")
        assert not by_cache, headers
        assert (response.status_code == 401) is (headers.get("Authorization") == "Bearer nonsense")
    anonymous, by_cache = watched.get(ITEM)
    assert by_cache
    assert anonymous.status_code == 200


@sqlite_only
def test_nothing_goes_from_one_origin_host_or_representation_to_another(watched: Watched) -> None:
    hits = [
        watched.hit("/api/questions", **headers)
        for headers in (
            {},
            {"Origin": A},
            {"Origin": B},
            {"Origin": "null"},
            {"Host": "evil.example.org"},
            {"Accept": "application/vnd.question-bank.v2+json"},
        )
    ]
    allowed = [hit.headers.get("Access-Control-Allow-Origin") for hit in hits]
    assert allowed == [None, A, B, None, None, None]
    assert [b"evil.example.org" in hit.data for hit in hits] == [False] * 4 + [True, False]
    assert [b"/api/v1/" in hit.data for hit in hits] == [True] * 5 + [True]
    assert ["answer" in hit.get_json()["items"][0] for hit in hits] == [True] * 5 + [False]


@sqlite_only
def test_a_refusal_is_answered_by_flask_each_time_in_the_readers_language(
    watched: Watched,
) -> None:
    for language in ("en", "de", "en"):
        for path in ("/api/v1/questions/1", "/api/v1/questions?page=0", "/api/v1/nothing"):
            response, by_cache = watched.get(path, Accept_Language=language)
            assert not by_cache
            assert response.status_code in {404, 422}


@sqlite_only
def test_what_is_kept_stays_within_its_bound_and_what_is_read_most_stays(
    make_app: MakeApp,
) -> None:
    most = 60_000
    reader = watch(make_app, RESPONSE_CACHE_BYTES=str(most))
    hot = f"{ITEM}?fields=number"
    reader.get(hot)
    for page in range(1, 40):
        reader.get(f"/api/v2/questions?limit=1&number_from={page}")
        assert reader.get(hot)[1]
        assert reader.front._size <= most
    kept = reader.front._entries
    assert reader.front._size == sum(entry.size for entry in kept.values())
    assert 2 < len(kept) < 40
    too_large = "/api/v1/questions?per_page=50"
    reader.get(too_large)
    assert not reader.get(too_large)[1]
    assert reader.front._size <= most


@sqlite_only
def test_old_versions_of_an_answer_are_given_up(watched: Watched, settings: Settings) -> None:
    for n in range(3):
        watched.hit("/api/v1/topics")
        write_elsewhere(settings, renamed(f"Version {n}?"))
        assert not watched.get("/api/v1/topics")[1]
        watched.hit(ITEM)
        assert len(watched.front._entries) == 2


@sqlite_only
def test_an_answer_is_kept_no_longer_than_the_setting_says(make_app: MakeApp) -> None:
    reader = watch(make_app, CACHE_TIMEOUT="1")
    reader.hit("/api/v1/topics")
    until(lambda: not reader.get("/api/v1/topics")[1])


@sqlite_only
def test_what_ends_by_itself_is_kept_no_longer_than_that(watched: Watched) -> None:
    client = watched.client
    client.put(SCRATCH, json={"content": {}}, headers={"If-None-Match": "*"})
    watched.hit(SCRATCH)
    (entry,) = watched.front._entries.values()
    whole = watched.app.config["CACHE_TIMEOUT"]
    with watched.app.app_context():
        watched.app.config["CACHE_DEFAULT_TIMEOUT"] = 10 * 24 * 3600
    client.put(f"{SCRATCH}-2", json={"content": {}}, headers={"If-None-Match": "*"})
    watched.hit(f"{SCRATCH}-2")
    _, other = watched.front._entries.values()
    assert entry.kept
    assert other.kept
    assert 0 < other.kept.ends - entry.kept.ends < 2 * 24 * 3600 - whole


def test_a_write_through_the_api_is_seen_by_the_next_read(watched: Watched) -> None:
    client = watched.client
    written = client.put(SCRATCH, json={"content": {"n": 0}}, headers={"If-None-Match": "*"})
    for n in range(1, 10):
        watched.hit(SCRATCH)
        etag = written.headers["ETag"]
        written = client.put(SCRATCH, json={"content": {"n": n}}, headers={"If-Match": etag})
        response, by_cache = watched.get(SCRATCH)
        assert not by_cache
        assert response.get_json()["content"] == {"n": n}


WRITER = """
import sys, {driver} as driver
connection = driver.connect(sys.argv[1])
for n in range(1, {count} + 1):
    connection.execute(f"UPDATE questions SET prompt = 'Version {{n}}?' WHERE number = 51")
    connection.commit()
    print(n, flush=True)
    sys.stdin.readline()
"""


def test_readers_beside_a_writing_process_never_read_what_is_out_of_date(
    make_app: MakeApp, settings: Settings, backend: str
) -> None:
    """On PostgreSQL an anonymous reader may be one notification late, so there it is the end that is held
    to (everybody arrives), and with credentials the rest as well.
    """
    count, readers = 60, 4
    reader = watch(make_app, RATELIMIT_ENABLED="false", LOG_LEVEL="WARNING")
    app = reader.app
    app.test_client_class = FlaskClient
    reader.hit(ITEM)
    kind, address = target(settings)
    driver = {"sqlite": "sqlite3", "postgresql": "psycopg"}[kind]
    written, done = [0], threading.Event()
    seen_by_cache: list[int] = []

    def version(client: FlaskClient, headers: dict[str, str]) -> int:
        prompt = client.get(ITEM, headers=headers).get_json()["prompt"]
        found = re.fullmatch(r"Version (\d+)\?", prompt)
        return int(found[1]) if found else 0

    def read() -> None:
        client, last = app.test_client(), 0
        while not done.is_set():
            before, reached = written[-1], reader.reached
            asked = version(client, {"Authorization": "Basic x"})
            assert asked >= before, "out of date"
            found = version(client, {})
            if kind == "sqlite":  # on PostgreSQL a hit may be one notification late
                assert found >= last, "back in time"
                assert found >= before, "out of date"
            last = found
            seen_by_cache.append(reader.reached - reached < 2)
        until(lambda: version(client, {}) == count)

    program = WRITER.format(driver=driver, count=count)
    with (
        subprocess.Popen(
            [sys.executable, "-c", program, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer,
        threads(*[read] * readers),
    ):
        try:
            assert writer.stdout is not None
            assert writer.stdin is not None
            for line in writer.stdout:
                written.append(int(line))
                reads = len(seen_by_cache)
                until(lambda reads=reads: len(seen_by_cache) > reads + 2)  # type: ignore[misc]  # bound at once
                writer.stdin.write("\n")
                writer.stdin.flush()
        finally:
            done.set()
    assert written[-1] == count
    assert any(seen_by_cache)


def test_counters_of_windows_that_ended_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessStorage, "SWEEP", 10)
    storage, clock = ProcessStorage(), [1000.0]
    monkeypatch.setattr("api.http.counting.time", lambda: clock[0])
    for n in range(500):
        clock[0] += 1
        storage.incr(f"key-{n}", 5)
        assert storage.get(f"key-{n}") == 1
    assert len(storage._counts) < 50
    assert storage.get("key-499") == 1
    assert storage.get_expiry("key-499") == clock[0] + 5
    assert storage.get("key-480") == 0
    assert storage.decr("key-499") == 0
    assert storage.reset() == len(storage._counts) or not storage._counts


def test_of_many_threads_that_count_at_once_none_is_lost() -> None:
    storage = ProcessStorage()
    with threads(*[lambda: [storage.incr("key", 60) for _ in range(500)]] * 8):
        pass
    assert storage.get("key") == 4000


@sqlite_only
def test_as_json_a_line_is_one_object_with_the_requests_id(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = watch(make_app, LOG_FORMAT="json")
    reader.hit(ITEM)
    logged_lines(capsys)
    response, by_cache = reader.get(ITEM)
    assert by_cache
    (line,) = logged_lines(capsys)
    told = orjson.loads(line)
    assert list(told) == ["time", "level", "logger", "message", "request_id"]
    assert told["request_id"] == response.headers["X-Request-ID"]
    assert re.fullmatch(rf"GET {ITEM} 200 \d+\.\dms", told["message"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", told["time"])


ENDING = """
import sys
from api.logs import access, logging
logging.getLogger("api.access").setLevel("INFO")
for n in range(300):
    access.tell("GET", f"/{n}", "200", 0.001, "an-id")
"""


def test_a_process_that_ends_writes_what_it_has_not_written_yet() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=60, check=True
    )
    told = [line.split(" ")[5] for line in done.stderr.splitlines()]
    assert told == [f"/{n}" for n in range(300)]
