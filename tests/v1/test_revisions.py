"""`/questions/{number}/revisions`: reading the history of a question, and restoring from it."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.accounts.permissions import Role
from tests.accounts.tools import Device, new_device, refused
from tests.conftest import MakeApp
from tests.v1.tools import numbers, sqlite_only
from tests.v1.writing import BODY, QUESTIONS, change, etag, make_question, question_of

PATH = f"{QUESTIONS}/51"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application whose quota of writes is not in the way."""
    return make_app(RATELIMIT_WRITES="100000 per minute")


@pytest.fixture
def editor(app: Flask) -> Device:
    return new_device(app, "ed", Role.EDITOR)


def read(client: FlaskClient, path: str, device: Device) -> Any:
    answer = client.get(path, headers=device.headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    return answer.get_json()


def restored(
    client: FlaskClient, path: str, revision: int, device: Device, **headers: str
) -> TestResponse:
    where = f"{path}/revisions/{revision}/restoration"
    return client.post(where, headers={**device.headers, **headers})


def test_a_history_tells_who_changed_what_and_when(client: FlaskClient, editor: Device) -> None:
    before = client.get(PATH).get_json()
    after = change(client, "PATCH", PATH, editor, json={"difficulty": None}).get_json()
    listed = read(client, f"{PATH}/revisions", editor)
    assert listed["page"]["total_items"] == 2
    second, first = listed["items"]
    assert (second["revision"], second["action"], second["author"]) == (2, "updated", "ed")
    assert (first["revision"], first["action"], first["author"]) == (1, "loaded", None)
    assert second["at"] == after["updated_at"]
    told = read(client, second["links"]["self"], editor)
    assert {name: told[name] for name in second} == second
    assert told["changes"] == {"difficulty": {"before": before["difficulty"], "after": None}}
    assert told["document"] == {name: after[name] for name in told["document"]}
    told = read(client, first["links"]["self"], editor)
    assert told["document"]["answer"] == before["answer"]
    assert told["changes"]["answer"]["diff"][1:] == [
        f"+{line}" for line in before["answer"].split("\n")
    ]


def test_pages_of_a_history_link_their_neighbours(client: FlaskClient, editor: Device) -> None:
    for level in ("beginner", "advanced", "beginner", "advanced"):
        assert change(client, "PATCH", PATH, editor, json={"difficulty": level}).status_code == 200
    address, seen = f"{PATH}/revisions?per_page=2", []
    while address:
        page = read(client, address, editor)
        seen += [item["revision"] for item in page["items"]]
        address = page["links"].get("next")
    assert seen == [5, 4, 3, 2, 1]
    assert read(client, f"{PATH}/revisions?page=9", editor)["items"] == []


def test_a_restored_revision_is_a_new_one(client: FlaskClient, editor: Device) -> None:
    original = client.get(PATH).get_json()
    change(client, "PUT", PATH, editor, json=BODY)
    assert numbers(client.get(f"{QUESTIONS}?q=zyzzyva")) == [51]
    refused(restored(client, PATH, 1, editor), "precondition-required", 428)
    refused(restored(client, PATH, 1, editor, **{"If-Match": '"x"'}), "precondition-failed", 412)
    answer = restored(client, PATH, 1, editor, **{"If-Match": etag(client, PATH)})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    told = answer.get_json()
    assert {name for name in told if told[name] != original[name]} == {"updated_at"}
    assert answer.headers["ETag"] == etag(client, PATH)
    assert client.get(PATH).get_json() == told
    assert numbers(client.get(f"{QUESTIONS}?q=zyzzyva")) == []
    items = read(client, f"{PATH}/revisions", editor)["items"]
    assert [item["action"] for item in items] == ["restored", "updated", "loaded"]


def test_a_deleted_question_comes_back_from_its_history(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    ada = new_device(app, "ada", Role.CONTRIBUTOR)
    number = question_of(client, ada, editor)
    path = f"{QUESTIONS}/{number}"
    assert client.put(f"{path}/grants/ada", headers=editor.headers).status_code == 201
    was = client.get(path).get_json()
    assert change(client, "DELETE", path, editor).status_code == 204
    refused(client.get(path), "not-found", 404)
    last = read(client, f"{path}/revisions", editor)["items"][0]
    assert (last["action"], last["author"]) == ("deleted", "ed")
    gone = read(client, last["links"]["self"], editor)
    assert gone["document"] is None
    assert set(gone["changes"]) == {"prompt", "answer"}
    # There is no row that could say whose it was: the history of a deleted question is editors'.
    refused(client.get(f"{path}/revisions", headers=ada.headers), "forbidden", 403)
    refused(restored(client, path, 1, ada), "forbidden", 403)

    refused(restored(client, path, 2, editor), "conflict", 409)  # the deletion itself
    refused(restored(client, path, 1, editor, **{"If-Match": "*"}), "precondition-failed", 412)
    answer = restored(client, path, 1, editor, **{"If-None-Match": "*"})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    assert answer.headers["Location"].endswith(path)
    told = client.get(path).get_json()
    assert answer.get_json() == told
    assert {name for name in told if told[name] != was[name]} == {"updated_at"}
    assert numbers(client.get(f"{QUESTIONS}?q=zyzzyva")) == [number]
    # It is its author's again; grants are not given a second time by themselves.
    grants = client.get(f"{path}/grants", headers=editor.headers).get_json()
    assert (grants["author"], grants["items"]) == ("ada", [])
    assert change(client, "PATCH", path, ada, json={"difficulty": "advanced"}).status_code == 200
    # Somebody else has restored it by now: then there is a state to name.
    refused(restored(client, path, 1, editor), "precondition-required", 428)


@sqlite_only
def test_a_revision_that_is_not_there_is_not_found(client: FlaskClient, editor: Device) -> None:
    unknown = f"{QUESTIONS}/1/revisions"
    for path in (
        f"{PATH}/revisions/2",
        f"{PATH}/revisions/2147483647",
        unknown,
        f"{unknown}?page=2",
        f"{unknown}/1",
    ):
        refused(client.get(path, headers=editor.headers), "not-found", 404)
    for path, revision in ((PATH, 2), (f"{QUESTIONS}/1", 1)):
        refused(restored(client, path, revision, editor), "not-found", 404)
    for form in ("0", "x", "-1", "2147483648"):
        answer = client.get(f"{PATH}/revisions/{form}", headers=editor.headers)
        refused(answer, "not-found", 404)


@sqlite_only
def test_a_history_that_did_not_change_is_not_sent_again(
    client: FlaskClient, editor: Device
) -> None:
    number = make_question(client, editor)
    for path in (f"{QUESTIONS}/{number}/revisions", f"{QUESTIONS}/{number}/revisions/1"):
        tag = etag(client, path, editor)
        again = client.get(path, headers={**editor.headers, "If-None-Match": tag})
        assert again.status_code == 304
