"""The fast read path: after a change an address is read again without Flask, and nobody can tell."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from api.accounts.permissions import Role
from tests.accounts.tools import Device, device_of, log_in, make_user, new_device, row_of
from tests.conftest import MakeApp, Settings
from tests.http.helpers import renamed, statements, until, write_elsewhere
from tests.http.test_front import HIT, ITEM, A, fields, watch
from tests.v1.tools import settle, sqlite_only

LIST = "/api/v1/questions?per_page=3&page=2&sort=number"
MISS = "question-bank; fwd=uri-miss; stored"
BYPASS = "question-bank; fwd=bypass"

READABLE = [
    LIST,
    "/api/v1/questions",
    f"{LIST}&fields=number,prompt,links&include=demonstrations&topic=rest,routing",
    "/api/v1/questions?number_from=5000",
    ITEM,
    f"{ITEM}?fields=references,topics,updated_at&include=demonstrations",
    "/api/v2/questions?limit=2&sort=-difficulty,number",
    "/api/v2/questions?limit=100",
    "/api/questions",
    f"/mounted{ITEM}",
]


def user_of(app: Flask, device: Device) -> int:
    """The id of a device's user."""
    return row_of(app, device.sid).user_id


@pytest.mark.parametrize("path", READABLE)
@sqlite_only
def test_what_is_read_again_says_what_flask_would_have_said(
    path: str, make_app: MakeApp, settings: Settings
) -> None:
    plain, fast = watch(make_app, RESPONSE_CACHE_BYTES="0"), watch(make_app)
    for method in ("GET", "HEAD"):
        for place, headers in enumerate(({}, {"Origin": A}, {"Accept": "application/json"})):
            old = fast.hit(path, method, **headers).headers["ETag"]
            write_elsewhere(settings, renamed(f"Once more {method} {place}?"))
            for condition in (old, plain.get(path)[0].headers["ETag"]):
                asked = headers | {"If_None_Match": condition}
                told, _ = plain.get(path, method, **asked)
                found, without_flask = fast.get(path, method, **asked)
                assert without_flask
                assert (found.status, found.data) == (told.status, told.data)
                assert set(found.headers.keys()) == set(told.headers.keys())
                same = fields(found), fields(told)
                for each in same:
                    each.pop("Cache-Status")
                assert same[0] == same[1]
            assert found.status_code == 304
            assert found.headers["Cache-Status"] == HIT


@sqlite_only
def test_a_second_reading_is_told_as_the_miss_it_is_with_what_it_cost(
    make_app: MakeApp, settings: Settings
) -> None:
    reader = watch(make_app)
    first = reader.get(ITEM)[0]
    write_elsewhere(settings, renamed("New?"))
    second, without_flask = reader.get(ITEM)
    assert without_flask
    assert second.get_json()["prompt"] == "New?"
    assert first.headers["Cache-Status"] == second.headers["Cache-Status"] == MISS
    assert statements(second) == 1
    assert re.search(r"db;dur=\d+\.\d", second.headers["Server-Timing"])
    third, _ = reader.get(ITEM)
    assert (third.headers["Cache-Status"], statements(third)) == (HIT, 0)
    assert third.headers["Date"] == second.headers["Date"]


@sqlite_only
def test_links_follow_what_came_and_what_went(make_app: MakeApp, settings: Settings) -> None:
    reader = watch(make_app)
    last = "/api/v1/questions?number_from=95&per_page=3&page=2"
    cursor = "/api/v2/questions?number_from=95&limit=6"
    neighbours = "/api/v1/questions/95"
    for path in (last, cursor, neighbours):
        reader.hit(path)
    write_elsewhere(settings, "DELETE FROM questions WHERE number IN (96, 100)")
    found = [reader.get(path) for path in (last, cursor, neighbours)]
    assert all(without_flask for _, without_flask in found)
    page, slice_, item = (response.get_json() for response, _ in found)
    assert (page["page"]["total_items"], page["page"]["total_pages"]) == (4, 2)
    assert "next" not in slice_["links"]
    assert item["links"]["next"].endswith("/questions/97")


@sqlite_only
def test_what_is_there_no_more_is_refused_by_flask_and_counted_once(
    make_app: MakeApp, settings: Settings
) -> None:
    reader = watch(make_app, RATELIMIT_READS="9 per minute")
    reader.hit(ITEM)
    write_elsewhere(settings, "DELETE FROM questions WHERE number = 51")
    gone, without_flask = reader.get(ITEM)
    assert (gone.status_code, without_flask) == (404, False)
    assert gone.content_type == "application/problem+json"
    assert ";r=6;" in gone.headers["RateLimit"]
    assert not reader.front._entries


@sqlite_only
def test_a_second_reading_counts_and_is_refused_when_the_quota_is_used_up(
    make_app: MakeApp, settings: Settings
) -> None:
    reader = watch(make_app, RATELIMIT_READS="3 per minute")
    reader.get(ITEM)
    told = []
    for n in range(3):
        write_elsewhere(settings, renamed(f"Version {n}?"))
        told.append(reader.get(ITEM))
    assert [response.status_code for response, _ in told] == [200, 200, 429]
    assert [without_flask for _, without_flask in told] == [True, True, False]


@sqlite_only
def test_with_the_cache_off_each_read_asks_the_database_and_only_the_first_asks_flask(
    make_app: MakeApp, settings: Settings
) -> None:
    reader = watch(make_app, CACHE_ENABLED="off")
    for n in range(3):
        write_elsewhere(settings, renamed(f"Version {n}?"))
        response, without_flask = reader.get(ITEM)
        assert response.get_json()["prompt"] == f"Version {n}?"
        assert response.headers["Cache-Status"] == BYPASS
        assert statements(response) == 1
        assert without_flask is (n > 0)
    assert len(reader.front._entries) == 1


def test_the_process_that_wrote_reads_its_write_without_flask_too(make_app: MakeApp) -> None:
    reader = watch(make_app)
    settle(reader.app)
    make_user(reader.app, role=Role.EDITOR)
    device: Any = log_in(reader.app.test_client()).json
    headers = {"Authorization": f"Bearer {device['access_token']}"}
    for n in range(3):
        etag = reader.client.get(ITEM).headers["ETag"]
        written = reader.client.patch(
            ITEM, json={"prompt": f"Version {n}?"}, headers=headers | {"If-Match": etag}
        )
        assert written.status_code == 200
        found, without_flask = reader.get(ITEM)
        assert without_flask
        assert found.get_json()["prompt"] == f"Version {n}?"


@sqlite_only
def test_a_search_for_the_words_of_an_address_finds_its_own_pages(make_app: MakeApp) -> None:
    reader = watch(make_app)
    answer = reader.client.get("/api/v1/questions?q=page%3D~~~place~~~%20flask%20or%20page&page=1")
    assert answer.status_code == 200
    links = answer.get_json()["links"]
    assert all("q=page%3D~~~place~~~" in link for link in links.values())


def test_a_reader_with_a_token_is_asked_for_each_time_and_else_answered_without_flask(
    make_app: MakeApp, settings: Settings
) -> None:
    plain, reader = watch(make_app, RESPONSE_CACHE_BYTES="0"), watch(make_app)
    settle(reader.app)
    device = new_device(reader.app)
    for n in range(3):
        told, _ = plain.get(ITEM, **device.headers)
        found = [reader.get(ITEM, **device.headers) for _ in range(2)]
        assert [without_flask for _, without_flask in found] == [n > 0, True]
        assert statements(found[1][0]) >= 1
        for response, _ in found:
            assert response.data == told.data
            same = fields(response), fields(told)
            assert [each.pop("Cache-Status") for each in same]
            assert same[0] == same[1]
        write_elsewhere(settings, renamed(f"Version {n}?"))


def test_who_is_signed_out_is_refused_by_the_next_read(
    make_app: MakeApp, settings: Settings
) -> None:
    reader = watch(make_app)
    ended = [
        "UPDATE sign_ins SET revoked_at = CURRENT_TIMESTAMP WHERE user_id = {}",
        "UPDATE sign_ins SET expires_at = CURRENT_TIMESTAMP WHERE user_id = {}",
        "UPDATE users SET active = false WHERE id = {}",
        "DELETE FROM sign_ins WHERE user_id = {}",
    ]
    for place, sql in enumerate(ended):
        device = new_device(reader.app, f"reader-{place}")
        for _ in range(2):
            answers = [reader.get(path, **device.headers) for path in (ITEM, LIST)]
            assert [response.status_code for response, _ in answers] == [200, 200]
        assert all(without_flask for _, without_flask in answers)
        write_elsewhere(settings, sql.format(user_of(reader.app, device)))
        for path in (ITEM, LIST, ITEM):
            response, without_flask = reader.get(path, **device.headers)
            assert (response.status_code, without_flask) == (401, False)


@sqlite_only
def test_a_token_that_expires_is_refused_though_its_answer_is_kept(make_app: MakeApp) -> None:
    reader = watch(make_app)
    reader.app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(seconds=2)
    device = new_device(reader.app)
    assert reader.get(ITEM, **device.headers)[0].status_code == 200
    assert reader.get(ITEM, **device.headers)[1]
    until(lambda: reader.get(ITEM, **device.headers)[0].status_code == 401)


@sqlite_only
def test_each_reader_has_a_quota_and_no_answer_of_anothers(make_app: MakeApp) -> None:
    reader = watch(make_app, RATELIMIT_READS="6 per minute")
    ada, ben = new_device(reader.app, "ada"), new_device(reader.app, "ben")
    left = [
        reader.get(path, **headers)[0].headers["RateLimit"]
        for headers in (ada.headers, ben.headers, {})
        for path in (ITEM, ITEM, LIST)
    ]
    assert [re.findall(r";r=(\d+);", told) for told in left] == [["5"], ["4"], ["3"]] * 3
    other = device_of(reader.app, "ada")
    assert ";r=2;" in reader.get(ITEM, **other.headers)[0].headers["RateLimit"]
    assert not any(ada.access in repr((key, entry)) for key, entry in reader.front._entries.items())
    for refused in ("Bearer nonsense", f"Bearer {ada.access}x", f"Bearer {ada.refresh}"):
        assert reader.get(ITEM, Authorization=refused)[0].status_code == 401
