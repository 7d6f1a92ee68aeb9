"""PATCH of a question: merge patch, preconditions, one set of rules, one writer at a time."""

import threading
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from api.accounts.permissions import Role
from api.bank import loading, storing
from api.extensions import db
from api.models import Question
from tests.accounts.tools import Device, new_device, pointers, refused
from tests.conftest import MakeApp
from tests.http.helpers import at_once
from tests.v1.tools import numbers, postgresql_only, sqlite_only

PATH = "/api/v1/questions/51"


@pytest.fixture
def editor(app: Flask) -> Device:
    return new_device(app, "ed", Role.EDITOR)


def etag(client: FlaskClient, path: str = PATH) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.headers["ETag"]


def patch(client: FlaskClient, editor: Device, body: Any, match: str | None = None) -> Any:
    """Change question 51 from the state that stands, or from another."""
    headers = {**editor.headers, "If-Match": match or etag(client)}
    return client.patch(PATH, json=body, headers=headers)


VOLATILE = {"updated_at"}


def test_what_is_given_changes_and_the_rest_stays(client: FlaskClient, editor: Device) -> None:
    before = client.get(PATH).get_json()
    answer = patch(client, editor, {"prompt": "What is new?", "difficulty": "advanced"})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    after = client.get(PATH).get_json()
    assert answer.get_json() == after
    assert answer.headers["ETag"] == etag(client)  # what the next change must name
    assert (after["prompt"], after["difficulty"]) == ("What is new?", "advanced")
    assert after["updated_at"] > before["updated_at"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed - VOLATILE <= {"prompt", "difficulty"}
    assert after["created_at"] == before["created_at"]


def test_null_removes_what_may_be_absent(client: FlaskClient, editor: Device) -> None:
    gone = dict.fromkeys(
        ("in_practice", "try_it", "technique", "difficulty", "topics", "references")
    )
    answer = patch(client, editor, gone)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body = answer.get_json()
    for name in gone:
        assert not body[name], name
    assert (body["topics"], body["references"]) == ([], [])


def test_a_list_is_replaced_as_a_whole_in_its_order(client: FlaskClient, editor: Device) -> None:
    references = [
        {"title": "Second", "url": "https://example.org/2"},
        {"title": "First", "url": "https://example.org/1"},
    ]
    body = {"topics": ["zebras", "security"], "references": references}
    answer = patch(client, editor, body).get_json()
    assert (answer["topics"], answer["references"]) == (body["topics"], references)
    assert client.get("/api/v1/topics/zebras").status_code == 200
    assert numbers(client.get("/api/v1/questions?topic=zebras")) == [51]


def test_a_merge_patch_may_be_called_one(client: FlaskClient, editor: Device) -> None:
    headers = {**editor.headers, "If-Match": etag(client)}
    answer = client.patch(
        PATH,
        data=b'{"prompt": "Merged?"}',
        headers=headers,
        content_type="application/merge-patch+json",
    )
    assert answer.status_code == 200
    assert answer.get_json()["prompt"] == "Merged?"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"prompt": None}, {"#/prompt"}),
        ({"answer": None}, {"#/answer"}),
        ({"prompt": ""}, {"#/prompt"}),
        ({"prompt": 5}, {"#/prompt"}),
        ({"answer": {"a": 1}}, {"#/answer"}),
        ({"difficulty": "impossible"}, {"#/difficulty"}),
        ({"technique": "no-such-technique"}, {"#/technique"}),
        ({"topics": "security"}, {"#/topics"}),
        ({"topics": ["security", "Not A Slug"]}, {"#/topics/1"}),
        ({"topics": [None]}, {"#/topics/0"}),
        ({"references": [{"title": "x"}]}, {"#/references/0/url"}),
        ({"references": [{"title": "x", "url": "javascript:alert(1)"}]}, {"#/references/0/url"}),
        ({"number": 52}, {"#/number"}),
        ({"id": 1}, {"#/id"}),
        ({"created_at": "2020-01-01T00:00:00Z"}, {"#/created_at"}),
        ({"updated_at": "2020-01-01T00:00:00Z"}, {"#/updated_at"}),
        ({"edited_at": None}, {"#/edited_at"}),
        ({"file_digest": "x"}, {"#/file_digest"}),
        ({"links": {}}, {"#/links"}),
        ({"prompt": "a\0b"}, {"#/prompt"}),
        ({"prompt": 5, "difficulty": 5}, {"#/prompt", "#/difficulty"}),
    ],
    # Sorted: a set prints in another order in each process, and all must collect the same names.
    ids=lambda value: repr(sorted(value) if isinstance(value, set) else value),
)
@sqlite_only
def test_what_is_wrong_is_named_and_nothing_is_changed(
    client: FlaskClient, editor: Device, body: dict[str, Any], named: set[str]
) -> None:
    before = etag(client)
    assert pointers(patch(client, editor, body)) == named
    assert etag(client) == before


@sqlite_only
def test_a_body_that_is_no_object_is_refused(client: FlaskClient, editor: Device) -> None:
    before = etag(client)
    headers = {**editor.headers, "If-Match": before, "Content-Type": "application/json"}
    for body in ("[]", '"x"', "5", "null"):
        refused(client.patch(PATH, data=body, headers=headers), "invalid-parameters", 422)
    assert etag(client) == before


def test_a_change_must_name_the_state_that_it_was_made_from(
    client: FlaskClient, editor: Device
) -> None:
    old = etag(client)
    change = {"prompt": "Changed?"}
    unconditional = client.patch(PATH, json=change, headers=editor.headers)
    refused(unconditional, "precondition-required", 428)
    assert patch(client, editor, change).status_code == 200
    new = etag(client)
    assert new != old
    for stale in (old, '"x"', f"W/{new}"):
        refused(patch(client, editor, {"prompt": "Again?"}, stale), "precondition-failed", 412)
    assert etag(client) == new
    assert patch(client, editor, {"prompt": "Again?"}, f'"x", {new}').status_code == 200
    assert patch(client, editor, {"prompt": "Once more?"}, "*").status_code == 200


def test_of_two_editors_at_once_one_is_told_to_read_again(app: Flask, editor: Device) -> None:
    for _ in range(3):
        match = etag(app.test_client())

        def change(place: int, match: str = match) -> int:
            body = {"prompt": f"Whose is it, {place}?"}
            status: int = patch(app.test_client(), editor, body, match).status_code
            return status

        assert Counter(at_once(change, 4)) == {200: 1, 412: 3}


def test_a_question_that_is_not_there_cannot_be_changed(
    client: FlaskClient, editor: Device
) -> None:
    headers = {**editor.headers, "If-Match": "*"}
    for number in (1, 2147483647):
        answer = client.patch(
            f"/api/v1/questions/{number}", json={"prompt": "Is it?"}, headers=headers
        )
        refused(answer, "not-found", 404)


def test_loading_the_files_keeps_an_edited_question(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    assert patch(client, editor, {"prompt": "Edited?"}).status_code == 200
    with app.app_context():
        row = db.session.scalars(select(Question).where(Question.number == 51)).one()
        assert row.edited_at is not None
        assert row.edited_at == row.updated_at
        assert row.file_digest is not None
        report = loading.load()
        assert (report.kept, report.updated, report.created) == ([51], [], [])
    assert client.get(PATH).get_json()["prompt"] == "Edited?"


def test_a_change_is_read_at_once_by_who_made_it_and_found(
    make_app: MakeApp, app: Flask, client: FlaskClient, editor: Device
) -> None:
    listed = "/api/v1/questions?q=zyzzyva"
    for path in (PATH, listed):
        for _ in range(2):
            client.get(path)
    assert numbers(client.get(listed)) == []
    assert patch(client, editor, {"prompt": "What is a zyzzyva?"}).status_code == 200
    assert client.get(PATH).get_json()["prompt"] == "What is a zyzzyva?"
    assert numbers(client.get(listed)) == [51]
    # Another node: at once for whoever sends a token.
    there = make_app().test_client()
    assert there.get(PATH, headers=editor.headers).get_json()["prompt"] == "What is a zyzzyva?"
    assert patch(client, editor, {"prompt": "What is a weevil?"}).status_code == 200
    assert there.get(PATH, headers=editor.headers).get_json()["prompt"] == "What is a weevil?"
    assert numbers(client.get(listed)) == []


@sqlite_only
def test_changed_back_the_content_is_the_same_again(client: FlaskClient, editor: Device) -> None:
    before = client.get(PATH).get_json()
    names = ("prompt", "answer", "in_practice", "try_it", "technique", "topics", "difficulty")
    whole = {name: before[name] for name in (*names, "references")}
    assert patch(client, editor, {"prompt": "Other?", "topics": []}).status_code == 200
    assert patch(client, editor, whole).status_code == 200
    after = client.get(PATH).get_json()
    assert {name for name in before if before[name] != after[name]} == VOLATILE
    assert patch(client, editor, {}).status_code == 200  # nothing asked, nothing lost
    assert client.get(PATH).get_json()["prompt"] == before["prompt"]


@sqlite_only
def test_only_editors_change_and_the_refused_learn_nothing(
    app: Flask, client: FlaskClient, editor: Device
) -> None:
    reader = new_device(app, "reader")
    match = etag(client)
    for number in (51, 1):
        answer = client.patch(
            f"/api/v1/questions/{number}",
            json={"prompt": "Mine?"},
            headers={**reader.headers, "If-Match": match},
        )
        assert refused(answer, "forbidden", 403)["required"] == "question.edit"
    assert etag(client) == match
    assert patch(client, editor, {}).status_code == 200


@postgresql_only
def test_a_bank_that_stays_locked_is_told_as_busy(
    app: Flask, client: FlaskClient, editor: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "WAIT_SECONDS", 1)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with app.app_context(), storing.writing():
            held.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        answer = patch(client, editor, {"prompt": "Busy?"})
        refused(answer, "service-unavailable", 503)
        assert answer.headers["Retry-After"] == "1"
    finally:
        release.set()
        holder.join()
    assert patch(client, editor, {"prompt": "Free?"}).status_code == 200
