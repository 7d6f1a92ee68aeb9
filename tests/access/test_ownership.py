"""Permission on one object: whose question it is, to whom it was granted, whose draft it is (86).

The rule: what everybody may know of and not everybody may change is a 403; what is private is a 404.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from api.access.questions import edit_need
from api.accounts import users
from api.accounts.permissions import Role
from api.extensions import db
from api.models import Draft, Question, QuestionGrant, QuestionRevision
from tests.access.test_matrix import Operation, operations, parts_of
from tests.accounts.tools import Device, device_of, new_device, refused
from tests.attachments.samples import picture
from tests.conftest import MakeApp
from tests.v1.tools import sqlite_only
from tests.v1.writing import (
    BODY,
    DRAFTS,
    QUESTIONS,
    change,
    make_draft,
    make_question,
    question_of,
)


@dataclass(frozen=True)
class Cast:
    """Who takes part: `owner` has written, uploaded and exported, `grantee` may edit the question."""

    owner: Device
    grantee: Device
    other: Device
    reader: Device
    editor: Device
    number: int
    draft: str
    attachment: str
    job: str
    device_at_home: str

    def device(self, name: str) -> Device | None:
        """Return somebody's device; nobody's for `anonymous`."""
        return None if name == "anonymous" else getattr(self, name)


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application whose quota of writes is not in the way."""
    return make_app(RATELIMIT_WRITES="100000 per minute")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def cast(app: Flask, client: FlaskClient) -> Cast:
    editor = new_device(app, "editor", Role.EDITOR)
    owner = new_device(app, "owner", Role.CONTRIBUTOR)
    grantee = new_device(app, "grantee", Role.CONTRIBUTOR)
    number = question_of(client, owner, editor)
    given = client.put(f"{QUESTIONS}/{number}/grants/grantee", headers=editor.headers)
    assert given.status_code == 201
    uploaded: Any = client.post(
        f"{QUESTIONS}/{number}/attachments",
        data={"file": (BytesIO(picture()), "dot.png", "image/png")},
        headers=owner.headers,
    ).get_json()
    exported: Any = client.post(
        "/api/v1/exports", json={}, headers={**owner.headers, "Prefer": "wait=20"}
    ).get_json()
    assert exported["state"] == "succeeded"
    return Cast(
        owner=owner,
        grantee=grantee,
        other=new_device(app, "other", Role.CONTRIBUTOR),
        reader=new_device(app, "reader"),
        editor=editor,
        number=number,
        draft=make_draft(client, owner).rpartition("/")[2],
        attachment=uploaded["id"],
        job=exported["id"],
        device_at_home=device_of(app, "owner").sid,
    )


#: What stands in an address for a question, a draft, an attachment, a job or a signed-in device.
OWNED = {"number", "draft", "attachment", "jid", "sid"}


def on_one_object(app: Flask) -> Iterator[Operation]:
    """Walk the operations on one object that somebody owns and that ask for a permission."""
    for each in operations(app):
        if each.needs is not None and OWNED & each.rule.arguments and each.path.startswith("/api"):
            yield each


def address(each: Operation, cast: Cast) -> str:
    values = {
        "number": cast.number,
        "draft": cast.draft,
        "attachment": cast.attachment,
        "jid": cast.job,
        "sid": cast.device_at_home,
        "revision": 1,
        "username": "grantee",
    }
    return "".join(
        str(values[part.data]) if part.is_dynamic else part.data for part in parts_of(each.rule)
    )


#: Who may what on the owner's question and the owner's draft, and how the others are refused.
MAY_EDIT = {"owner": 0, "grantee": 0, "editor": 0, "other": 403, "reader": 403, "anonymous": 401}
MAY_MANAGE = {**MAY_EDIT, "owner": 403, "grantee": 403}
MAY_DRAFT = {"owner": 0, "editor": 0, "grantee": 404, "other": 404, "reader": 403, "anonymous": 401}
#: Attachments are there for all to see, and only their uploader and editors take them away.
MAY_DETACH = {
    "owner": 0,
    "editor": 0,
    "grantee": 403,
    "other": 403,
    "reader": 403,
    "anonymous": 401,
}
#: Jobs and devices are their owner's business: to an editor, too, another's are not there.
MAY_USE = {"owner": 0, "editor": 404, "grantee": 404, "other": 404, "reader": 404, "anonymous": 401}
MAY_ATTACH = {"owner": 0, "editor": 0, "grantee": 0, "other": 0, "reader": 403, "anonymous": 401}
RULES = {
    "POST /api/v1/questions/<number>/attachments": MAY_ATTACH,
    "DELETE /api/v1/attachments/<uuid:attachment>": MAY_DETACH,
    "GET /api/v1/jobs/<uuid:jid>": MAY_USE,
    "PUT /api/v1/jobs/<uuid:jid>/cancellation": MAY_USE,
    "POST /api/v1/jobs/<uuid:jid>/retries": MAY_USE,
    "GET /api/v1/jobs/<uuid:jid>/file": MAY_USE,
    "DELETE /api/v1/sign-ins/<uuid:sid>": MAY_USE,
    "PUT /api/v1/questions/<number>": MAY_EDIT,
    "PATCH /api/v1/questions/<number>": MAY_EDIT,
    "DELETE /api/v1/questions/<number>": MAY_MANAGE,
    "GET /api/v1/questions/<number>/grants": MAY_MANAGE,
    "PUT /api/v1/questions/<number>/grants/<username>": MAY_MANAGE,
    "DELETE /api/v1/questions/<number>/grants/<username>": MAY_MANAGE,
    "GET /api/v1/questions/<number>/revisions": MAY_EDIT,
    "GET /api/v1/questions/<number>/revisions/<revision>": MAY_EDIT,
    "POST /api/v1/questions/<number>/revisions/<revision>/restoration": MAY_EDIT,
    "GET /api/v1/drafts/<draft>": MAY_DRAFT,
    "PUT /api/v1/drafts/<draft>": MAY_DRAFT,
    "PATCH /api/v1/drafts/<draft>": MAY_DRAFT,
    "DELETE /api/v1/drafts/<draft>": MAY_DRAFT,
    "POST /api/v1/drafts/<draft>/publication": MAY_MANAGE,
}
#: What whoever is let through gets where it is no success and no precondition that never holds.
DONE = {
    "POST /api/v1/questions/<number>/attachments": 415,  # no file was sent
    "PUT /api/v1/jobs/<uuid:jid>/cancellation": 409,  # it is done
    "POST /api/v1/jobs/<uuid:jid>/retries": 409,
    "DELETE /api/v1/sign-ins/<uuid:sid>": 204,
}
SLUGS = {401: "token-missing", 403: "forbidden", 404: "not-found"}


def test_every_operation_on_one_object_is_in_the_rules(app: Flask) -> None:
    assert {each.name for each in on_one_object(app)} == RULES.keys()


@pytest.mark.parametrize("who", MAY_EDIT)
@sqlite_only
def test_who_may_what_on_one_object(app: Flask, client: FlaskClient, cast: Cast, who: str) -> None:
    device = cast.device(who)
    for each in on_one_object(app):
        headers = dict(device.headers) if device else {}
        if each.method != "GET":
            headers["If-Match"] = '"never"'
        writes = each.method in {"PUT", "PATCH"} and {"number", "draft"} >= each.rule.arguments
        body: dict[str, Any] = {"json": BODY} if writes else {}
        answer = client.open(
            address(each, cast), method=each.method, headers=headers, buffered=True, **body
        )
        status = RULES[each.name][who]
        if status:
            refused(answer, SLUGS[status], status)
        elif each.name in DONE:
            assert answer.status_code == DONE[each.name], each.name
        else:
            no_state = each.method == "GET" or "grants" in each.name  # no state to name
            assert answer.status_code in ({200, 201, 204} if no_state else {412}), each.name


def patch(client: FlaskClient, device: Device, number: int) -> TestResponse:
    return change(client, "PATCH", f"{QUESTIONS}/{number}", device, json={"difficulty": "advanced"})


def test_a_right_on_one_question_is_given_and_taken(app: Flask, client: FlaskClient) -> None:
    editor = new_device(app, "editor", Role.EDITOR)
    ada = new_device(app, "ada", Role.CONTRIBUTOR)
    grace = new_device(app, "grace", Role.CONTRIBUTOR)
    number = question_of(client, ada, editor)
    another = question_of(client, ada, editor)
    grants = f"{QUESTIONS}/{number}/grants"
    told = client.get(grants, headers=editor.headers).get_json()
    assert (told["author"], told["items"]) == ("ada", [])
    assert patch(client, ada, number).status_code == 200
    problem = refused(patch(client, grace, number), "forbidden", 403)
    assert problem["required"] == "question.edit"
    assert f"neither the author of question {number}" in problem["detail"]

    given = client.put(f"{grants}/grace", headers=editor.headers)
    assert given.status_code == 201
    assert (given.get_json()["username"], given.get_json()["granted_by"]) == ("grace", "editor")
    assert patch(client, grace, number).status_code == 200  # with the token that was out before
    refused(patch(client, grace, another), "forbidden", 403)
    assert client.get(grants, headers=editor.headers).get_json()["items"] == [given.get_json()]
    again = client.put(f"{grants}/grace", headers=editor.headers)
    assert (again.status_code, again.get_json()) == (200, given.get_json())

    assert client.delete(f"{grants}/grace", headers=editor.headers).status_code == 204
    refused(patch(client, grace, number), "forbidden", 403)
    refused(client.delete(f"{grants}/grace", headers=editor.headers), "not-found", 404)
    assert patch(client, ada, number).status_code == 200


def test_anothers_draft_is_as_if_it_were_not_there(app: Flask, client: FlaskClient) -> None:
    ada = new_device(app, "ada", Role.CONTRIBUTOR)
    grace = new_device(app, "grace", Role.CONTRIBUTOR)
    editor = new_device(app, "editor", Role.EDITOR)
    there, missing = make_draft(client, ada), f"{DRAFTS}/00000000-0000-4000-8000-000000000000"
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        told = []
        for path in (there, missing):
            body: dict[str, Any] = {"json": BODY} if method in {"PUT", "PATCH"} else {}
            headers = {**grace.headers, "If-Match": "*"}
            problem = refused(
                client.open(path, method=method, headers=headers, **body), "not-found", 404
            )
            draft_id = path.rpartition("/")[2]
            told.append({k: str(v).replace(draft_id, "ID") for k, v in problem.items()})
        for member in ("type", "title", "detail", "instance"):
            assert told[0][member] == told[1][member], (method, member)
    assert client.get(DRAFTS, headers=grace.headers).get_json()["items"] == []
    for device in (ada, editor):
        (listed,) = client.get(DRAFTS, headers=device.headers).get_json()["items"]
        assert f"{DRAFTS}/{listed['id']}" == there
        assert client.get(there, headers=device.headers).get_json() == listed


@sqlite_only
def test_the_author_is_the_caller_whatever_the_body_says(client: FlaskClient, cast: Cast) -> None:
    for member in ("author", "author_id", "owner_id", "id"):
        for path, device in ((DRAFTS, cast.other), (QUESTIONS, cast.editor)):
            answer = client.post(path, json={**BODY, member: "owner"}, headers=device.headers)
            refused(answer, "invalid-parameters", 422)
    draft = client.get(make_draft(client, cast.other), headers=cast.other.headers).get_json()
    assert draft["author"] == "other"
    # An editor who changes a draft or a question does not become its author.
    path = f"{DRAFTS}/{draft['id']}"
    assert change(client, "PUT", path, cast.editor, json=BODY).get_json()["author"] == "other"
    assert patch(client, cast.editor, cast.number).status_code == 200
    grants = client.get(f"{QUESTIONS}/{cast.number}/grants", headers=cast.editor.headers)
    assert grants.get_json()["author"] == "owner"


@sqlite_only
def test_who_may_no_longer_write_no_longer_edits_what_they_wrote(
    app: Flask, client: FlaskClient, cast: Cast
) -> None:
    with app.app_context():
        for name in ("owner", "grantee"):
            users.grant_role(users.get(name), Role.READER)
            users.revoke_role(users.get(name), Role.CONTRIBUTOR)
    refused(patch(client, cast.owner, cast.number), "forbidden", 403)
    assert patch(client, cast.grantee, cast.number).status_code == 200  # granted by name
    refused(client.get(DRAFTS, headers=cast.owner.headers), "forbidden", 403)


@sqlite_only
def test_a_question_of_the_files_has_no_author_and_can_be_granted(
    app: Flask, client: FlaskClient, cast: Cast
) -> None:
    path = f"{QUESTIONS}/51/grants"
    assert client.get(path, headers=cast.editor.headers).get_json()["author"] is None
    refused(patch(client, cast.owner, 51), "forbidden", 403)
    assert client.put(f"{path}/reader", headers=cast.editor.headers).status_code == 201
    assert patch(client, cast.reader, 51).status_code == 200


@sqlite_only
def test_a_grant_needs_a_question_and_a_user(client: FlaskClient, cast: Cast) -> None:
    for path in (
        f"{QUESTIONS}/1/grants/owner",
        f"{QUESTIONS}/51/grants/nobody-of-that-name",
        f"{QUESTIONS}/51/grants/a%00b",
    ):
        for method in ("PUT", "DELETE"):
            answer = client.open(path, method=method, headers=cast.editor.headers)
            refused(answer, "not-found", 404)
    refused(client.get(f"{QUESTIONS}/1/grants", headers=cast.editor.headers), "not-found", 404)


@sqlite_only
def test_a_deleted_question_takes_its_grants_along_and_its_number_inherits_none(
    client: FlaskClient, cast: Cast
) -> None:
    path = f"{QUESTIONS}/{cast.number}"
    assert change(client, "DELETE", path, cast.editor).status_code == 204
    make_question(client, cast.editor, number=cast.number)
    for device in (cast.grantee, cast.owner):
        refused(patch(client, device, cast.number), "forbidden", 403)


def test_a_deleted_account_leaves_its_questions_without_an_author(
    app: Flask, client: FlaskClient, cast: Cast
) -> None:
    path = f"{QUESTIONS}/{cast.number}"
    assert patch(client, cast.grantee, cast.number).status_code == 200
    before = client.get(path).get_json()
    for device in (cast.owner, cast.grantee):
        assert client.delete("/api/v1/me", headers=device.headers).status_code == 204
    assert client.get(path).get_json() == before
    told = client.get(f"{path}/grants", headers=cast.editor.headers).get_json()
    assert (told["author"], told["items"]) == (None, [])
    history = client.get(f"{path}/revisions", headers=cast.editor.headers).get_json()["items"]
    assert [(each["action"], each["author"]) for each in history] == [
        ("updated", None),
        ("published", "editor"),
    ]
    with app.app_context():
        assert db.session.scalars(select(Draft)).all() == []
        assert db.session.scalars(select(QuestionGrant)).all() == []
        assert db.session.scalars(select(QuestionRevision.number)).all() == [cast.number] * 2
        row = db.session.scalars(select(Question).where(Question.number == cast.number)).one()
        assert row.author_id is None


def test_a_need_names_one_question_by_its_number() -> None:
    assert edit_need(51) == ("edit", 51, "question")
    assert edit_need(51) != ("edit", "51", "question")  # as a need read from an address would be


@sqlite_only
def test_needs_on_questions_are_found_out_only_where_a_view_asks(
    app: Flask, client: FlaskClient, cast: Cast
) -> None:
    def provided(path: str, device: Device) -> set[Any]:
        with client:  # keeps the request's context for a look
            client.get(path, headers=device.headers)
            return {need for need in g.identity.provides if len(need) == 3}

    path = f"{QUESTIONS}/{cast.number}"
    for device in (cast.owner, cast.grantee, cast.editor):
        assert provided("/api/v1/me", device) == provided(path, device) == set()
    for device in (cast.owner, cast.grantee):
        assert provided(f"{path}/revisions", device) == {edit_need(cast.number)}
    assert provided(f"{path}/revisions", cast.editor) == set()  # the role settles it
    assert provided(f"{path}/revisions", cast.other) == set()
