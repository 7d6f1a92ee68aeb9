"""Every route by every method as every role: who may is what the views' permissions say."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from api.accounts.permissions import Action, Role
from tests.accounts.tools import bearer, make_user, new_device, open_session, refused
from tests.conftest import MakeApp
from tests.v1.tools import sqlite_only

OWN, EDIT, MANAGE = Action.USE_OWN_ACCOUNT, Action.EDIT_QUESTION, Action.MANAGE_USERS
DRAFT, CREATE, DELETE = Action.CREATE_DRAFT, Action.CREATE_QUESTION, Action.DELETE_QUESTION
PUBLISH, GRANT = Action.PUBLISH_QUESTION, Action.GRANT_QUESTION
ATTACH, DETACH = Action.CREATE_ATTACHMENT, Action.DELETE_ATTACHMENT
IMPORT, JOBS = Action.IMPORT_QUESTIONS, Action.MANAGE_JOBS

#: What needs a permission, said a second time: a decorator that gets lost is to be noticed.
PROTECTED = {
    "GET /api/v1/sign-ins": OWN,
    "DELETE /api/v1/sign-ins": OWN,
    "DELETE /api/v1/sign-ins/<uuid:sid>": OWN,
    "GET /api/v1/me": OWN,
    "PATCH /api/v1/me": OWN,
    "DELETE /api/v1/me": OWN,
    "PUT /api/v1/me/password": OWN,
    "GET /api/v1/users": MANAGE,
    "PUT /api/v1/users/<username>/roles/<role>": MANAGE,
    "DELETE /api/v1/users/<username>/roles/<role>": MANAGE,
    "POST /api/v1/questions": CREATE,
    "POST /api/v1/questions/batch": OWN,  # and for each operation what it needs by itself
    "PUT /api/v1/questions/<number>": EDIT,
    "PATCH /api/v1/questions/<number>": EDIT,
    "DELETE /api/v1/questions/<number>": DELETE,
    "GET /api/v1/questions/<number>/grants": GRANT,
    "PUT /api/v1/questions/<number>/grants/<username>": GRANT,
    "DELETE /api/v1/questions/<number>/grants/<username>": GRANT,
    "GET /api/v1/questions/<number>/revisions": EDIT,
    "GET /api/v1/questions/<number>/revisions/<revision>": EDIT,
    "POST /api/v1/questions/<number>/revisions/<revision>/restoration": EDIT,
    "GET /api/v1/drafts": DRAFT,
    "POST /api/v1/drafts": DRAFT,
    "GET /api/v1/drafts/<draft>": DRAFT,
    "PUT /api/v1/drafts/<draft>": DRAFT,
    "PATCH /api/v1/drafts/<draft>": DRAFT,
    "DELETE /api/v1/drafts/<draft>": DRAFT,
    "POST /api/v1/drafts/<draft>/publication": PUBLISH,
    "POST /api/v1/questions/<number>/attachments": ATTACH,
    "DELETE /api/v1/attachments/<uuid:attachment>": OWN,  # one's own; DETACH for another's
    "GET /api/v1/me/attachments": OWN,
    "POST /api/v1/imports": IMPORT,
    "POST /api/v1/exports": OWN,
    "GET /api/v1/jobs": OWN,
    "GET /api/v1/jobs/<uuid:jid>": OWN,
    "PUT /api/v1/jobs/<uuid:jid>/cancellation": OWN,
    "POST /api/v1/jobs/<uuid:jid>/retries": OWN,
    "GET /api/v1/jobs/<uuid:jid>/file": OWN,
    "GET /account": OWN,
    "GET /account/address": OWN,
    "POST /account/address": OWN,
    "POST /account/devices/<uuid:sid>/sign-out": OWN,
    "POST /account/sign-out-everywhere": OWN,
    "GET /editing": EDIT,
    "GET /questions/new": DRAFT,
    "POST /questions/new": DRAFT,
    "GET /drafts": DRAFT,
    "GET /drafts/<draft>/edit": DRAFT,
    "POST /drafts/<draft>/edit": DRAFT,
    "POST /drafts/<draft>/publication": PUBLISH,
    "GET /drafts/<draft>/deletion": DRAFT,
    "POST /drafts/<draft>/deletion": DRAFT,
    "GET /questions/<number>/edit": EDIT,
    "POST /questions/<number>/edit": EDIT,
    "GET /questions/<number>/deletion": DELETE,
    "POST /questions/<number>/deletion": DELETE,
    "GET /questions/<number>/withdrawal": PUBLISH,
    "POST /questions/<number>/withdrawal": PUBLISH,
    "GET /questions/<number>/revisions": EDIT,
    "GET /questions/<number>/revisions/<revision>": EDIT,
    "POST /questions/<number>/revisions/<revision>/restoration": EDIT,
    "POST /questions/<number>/grants": GRANT,
    "POST /questions/<number>/grants/<username>/revocation": GRANT,
    "POST /preview": DRAFT,
    "POST /questions/<number>/preview": EDIT,
    "GET /import": IMPORT,
    "POST /import": IMPORT,
    "GET /export": OWN,
    "POST /export": OWN,
    "GET /jobs": OWN,
    "GET /jobs/<uuid:jid>": OWN,
    "POST /jobs/<uuid:jid>/cancellation": OWN,
    "POST /jobs/<uuid:jid>/retries": OWN,
    "GET /verify": OWN,
    "POST /verify": OWN,
    "GET /account/password": OWN,
    "POST /account/password": OWN,
    "GET /account/two-factor": OWN,
    "POST /account/two-factor": OWN,
    "POST /account/two-factor/<token>": OWN,
    "GET /account/recovery-codes": OWN,
    "POST /account/recovery-codes": OWN,
}

#: What changes something, or may, and is open to everybody.
#: What each table of the panel can do; Flask-Admin makes a route for each (tests/site/test_admin.py).
PANEL = {
    "questions": "new edit delete",
    "topics": "edit",
    "drafts": "delete",
    "grants": "new delete",
    "attachments": "",
    "users": "edit delete",
    "sign-ins": "",
    "jobs": "",
}
PROTECTED["GET /admin/"] = MANAGE
for _table, _able in PANEL.items():
    for _name in ("", "details/", "export/<export_type>/"):
        PROTECTED[f"GET /admin/{_table}/{_name}"] = MANAGE
    for _name in ("action", *_able.split()):
        PROTECTED[f"POST /admin/{_table}/{_name}/"] = MANAGE
    for _name in {"new", "edit"} & set(_able.split()):
        PROTECTED[f"GET /admin/{_table}/{_name}/"] = MANAGE

OPEN_CHANGES = {
    "POST /api/v1/sign-ins",
    "POST /api/v1/sign-ins/refresh",
    "POST /api/v1/users",
    "PUT /api/v1/scratch/<slug:key>",
    "DELETE /api/v1/scratch/<slug:key>",
    "POST /api/v1/configuration/check",
    "PATCH /api/v1/preferences",
    "DELETE /api/v1/preferences",
    "POST /api/v1/practice/round",
    "DELETE /api/v1/practice/round",
    "POST /api/v1/practice/round/cards/<int(max=2147483647):position>/reveal",
    "PUT /api/v1/practice/round/cards/<int(max=2147483647):position>/grade",
    "POST /preferences",
    # Forms of the door, which know for themselves whom they serve (tests/site/test_door.py).
    "POST /sign-in",
    "POST /sign-in/code",
    "POST /sign-in/help",
    "POST /sign-in/factor",
    "POST /sign-in/recovery-code",
    "POST /sign-out",
    "POST /register",
    "POST /confirm",
    "POST /confirm/<token>",
    "POST /recover",
    "POST /recover/<token>",
}

EDITORS = {OWN, DRAFT, ATTACH, DETACH, CREATE, EDIT, DELETE, PUBLISH, GRANT, IMPORT}

MAY = {
    None: set(),
    Role.READER: {OWN},
    Role.CONTRIBUTOR: {OWN, DRAFT, ATTACH},
    Role.EDITOR: EDITORS,
    Role.ADMINISTRATOR: EDITORS | {JOBS, MANAGE},
}

VALUES = {
    "number": "51",
    "revision": "1",
    "draft": "00000000-0000-4000-8000-000000000000",
    "sid": "00000000-0000-4000-8000-000000000000",
    "attachment": "00000000-0000-4000-8000-000000000000",
    "jid": "00000000-0000-4000-8000-000000000000",
    "username": "nobody-of-that-name",
    "role": "reader",
    "position": "1",
    "filename": "site.css",
}


@dataclass(frozen=True)
class Operation:
    """A method at a route, and the permission that its view asks for."""

    method: str
    rule: Rule
    needs: Action | None

    @property
    def name(self) -> str:
        """The method and the rule, without the converters that say nothing about who may."""
        rule = self.rule.rule
        for name in ("number", "revision", "role", "draft"):
            start, colon, rest = rule.partition(f":{name}>")
            rule = start[: start.rindex("<") + 1] + f"{name}>" + rest if colon else rule
        return f"{self.method} {rule}"

    @property
    def path(self) -> str:
        """An address of the route."""
        return "".join(
            VALUES.get(part.data, "no-such-thing") if part.is_dynamic else part.data
            for part in parts_of(self.rule)
        )


@dataclass(frozen=True)
class Part:
    is_dynamic: bool
    data: str


def parts_of(rule: Rule) -> list[Part]:
    """Cut a rule into its static and dynamic parts."""
    return [Part(dynamic, data) for dynamic, data in rule._trace if data != "|"]


def operations(app: Flask) -> Iterator[Operation]:
    """Walk everything that the application answers, OPTIONS and HEAD (which is GET) apart."""
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        cls = getattr(view, "view_class", None)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            handler = getattr(cls, method.lower()) if cls else view
            yield Operation(method, rule, getattr(handler, "required_action", None))


@pytest.fixture
def open_app(make_app: MakeApp) -> Flask:
    """An application whose quotas are not in the way; costly demonstrations run once."""
    many = "100000 per minute"
    return make_app(
        RATELIMIT_READS=many,
        RATELIMIT_WRITES=many,
        RATELIMIT_SIGN_INS=many,
        RATELIMIT_GUESSES=many,
        RATELIMIT_MAILS=many,
        RATELIMIT_REHEARSALS="1 per minute",
    )


def test_what_needs_a_permission_is_what_was_meant_to(app: Flask) -> None:
    found = {each.name: each.needs for each in operations(app)}
    assert {name: needs for name, needs in found.items() if needs} == PROTECTED
    unprotected = {
        name for name, needs in found.items() if not needs and not name.startswith("GET ")
    }
    assert unprotected == OPEN_CHANGES


def hold_to_permissions(each: Operation, role: Role | None, answer: TestResponse) -> None:
    """Fail unless an operation let a role in, or refused it, as its permission says."""
    if each.needs is None or each.needs in MAY[role]:
        assert answer.status_code not in {401, 403}, each.name
    elif role is None:
        refused(answer, "token-missing")
    else:
        problem = refused(answer, "forbidden", 403)
        assert problem["required"] == each.needs.value
        assert each.needs.value in problem["detail"]


@pytest.mark.parametrize("role", MAY, ids=lambda role: role or "anonymous")
@sqlite_only
def test_every_role_may_what_its_permissions_say(open_app: Flask, role: Role | None) -> None:
    client, names = open_app.test_client(), count()
    for each in operations(open_app):
        headers = {}
        if role is not None:  # a new one each time: some of these end their own account
            headers = new_device(open_app, f"{role}-{next(names)}", role).headers
        answer = client.open(each.path, method=each.method, headers=headers, buffered=True)
        # A token is for the API: at the site's addresses it makes nobody known.
        known = role if each.path.startswith("/api") else None
        hold_to_permissions(each, known, answer)


@pytest.mark.parametrize("role", [role for role in MAY if role])
@sqlite_only
def test_a_session_may_what_a_token_may_and_the_sites_pages_too(
    open_app: Flask, role: Role
) -> None:
    for number, each in enumerate(operations(open_app)):
        if each.needs is not None:
            make_user(open_app, f"{role}-{number}", role)
            client = open_app.test_client()
            token = open_session(client, f"{role}-{number}")
            answer = client.open(
                each.path,
                method=each.method,
                headers={"X-CSRF-Token": token},
                data={} if each.path.startswith("/api") else {"csrf_token": token},
            )
            hold_to_permissions(each, role, answer)


@sqlite_only
def test_no_change_by_a_session_does_without_its_csrf_token(open_app: Flask) -> None:
    make_user(open_app, "root", Role.ADMINISTRATOR)
    client = open_app.test_client()
    open_session(client, "root")
    for each in operations(open_app):
        if each.needs is not None and each.method != "GET" and each.path.startswith("/api"):
            for headers in ({}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": "\u00fc"}):
                answer = client.open(each.path, method=each.method, headers=headers)
                refused(answer, "csrf-failed")
    assert client.get("/api/v1/me").status_code == 200


@sqlite_only
def test_nothing_that_needs_a_permission_takes_a_bad_token(open_app: Flask) -> None:
    client = open_app.test_client()
    for each in operations(open_app):
        if each.needs is not None and each.path.startswith("/api"):
            answer = client.open(each.path, method=each.method, headers=bearer("a.b.c"))
            refused(answer, "token-malformed")


@sqlite_only
def test_a_preflight_needs_no_token(open_app: Flask) -> None:
    client = open_app.test_client()
    for each in operations(open_app):
        if each.needs is not None:
            assert client.options(each.path).status_code == 200


@sqlite_only
def test_head_is_guarded_like_get(app: Flask, client: FlaskClient) -> None:
    reader = new_device(app)
    assert client.head("/api/v1/users").status_code == 401
    assert client.head("/api/v1/users", headers=reader.headers).status_code == 403
    assert client.head("/api/v1/me", headers=reader.headers).status_code == 200


@sqlite_only
def test_the_alias_is_no_back_door(app: Flask, client: FlaskClient) -> None:
    reader = new_device(app)
    refused(client.get("/mounted/api/v1/users"), "token-missing")
    refused(client.get("/mounted/api/v1/users", headers=reader.headers), "forbidden", 403)
