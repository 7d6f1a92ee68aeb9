"""`/users` and `/me`: registering, one's own account, the password, and who has which role."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.accounts.permissions import Role
from tests.accounts.tools import (
    ME,
    OTHER,
    PASSWORD,
    SIGN_INS,
    USERS,
    bearer,
    change_user,
    device_in,
    device_of,
    log_in,
    make_user,
    new_device,
    password_hash,
    pointers,
    refreshed,
    refused,
)
from tests.http.helpers import at_once
from tests.v1.tools import sqlite_only


def register(client: FlaskClient, **body: Any) -> Any:
    return client.post(USERS, json={"username": "ada", "password": PASSWORD, **body})


def test_everybody_starts_as_a_reader(client: FlaskClient) -> None:
    answer = register(client, email="Ada@Example.org")
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://localhost{ME}"
    body = answer.get_json()
    assert set(body) == {
        "username", "email", "pending_email", "roles", "permissions", "created_at",
        "password_changed_at",
    }  # fmt: skip
    assert (body["username"], body["email"]) == ("ada", None)
    assert body["pending_email"] == "ada@example.org"
    assert (body["roles"], body["permissions"]) == (["reader"], ["account.use-own"])
    assert log_in(client).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "administrator"),
        ("roles", ["administrator"]),
        ("permissions", ["user.manage"]),
        ("active", True),
        ("id", 1),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("password_changed_at", "2020-01-01T00:00:00Z"),
    ],
)
@sqlite_only
def test_no_body_takes_what_is_not_the_callers_to_give(
    app: Flask, client: FlaskClient, field: str, value: Any
) -> None:
    more = {field: value}
    assert pointers(register(client, **more)) == {f"#/{field}"}
    device = new_device(app)
    change = {"current_password": PASSWORD, "new_password": OTHER}
    for answer in (
        client.patch(ME, json={"email": "a@example.org", **more}, headers=device.headers),
        client.put(f"{ME}/password", json={**change, **more}, headers=device.headers),
        client.post(SIGN_INS, json={"username": "ada", "password": PASSWORD, **more}),
        client.post(f"{SIGN_INS}/refresh", json={"refresh_token": device.refresh, **more}),
    ):
        assert pointers(answer) == {f"#/{field}"}
    me = client.get(ME, headers=device.headers).get_json()
    assert (me["roles"], me["email"]) == (["reader"], None)


@pytest.mark.parametrize(
    "username",
    [
        "", " ", "a" * 61, "ada\0", "ada\n", " ada", "ada ", "a da", ".ada", "ada-", "_", "ada@b.co",
        "ада", "ad\u0430", "ad\u200ba", "\u202eada", "ａｄａ", "adä", "../me", "a/b", "<b>", "'--",
        None, 5, ["ada"],
    ],
)  # fmt: skip
@sqlite_only
def test_a_name_that_could_pass_for_another_is_refused(client: FlaskClient, username: Any) -> None:
    assert pointers(register(client, username=username)) == {"#/username"}


@pytest.mark.parametrize("username", ["a", "7", "a" * 60, "Ada.Love-lace_1815"])
def test_a_plain_name_is_taken(client: FlaskClient, username: str) -> None:
    assert register(client, username=username).status_code == 201
    assert log_in(client, username).status_code == 201


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("password123", "easy to guess"),
        ("ada-lovelace", "easy to guess"),
        ("plum-otter-" + "ü" * 31, "73 bytes"),
        ("plum-ott", "Shorter than 10"),
    ],
)
@sqlite_only
def test_a_weak_password_is_refused_at_registration_and_at_a_change(
    app: Flask, client: FlaskClient, password: str, said: str
) -> None:
    answer = register(client, username="ada-lovelace", password=password)
    assert pointers(answer) == {"#/password"}
    assert said in answer.get_json()["errors"][0]["detail"]
    device = new_device(app, "ada-lovelace")
    before = password_hash(app, "ada-lovelace")
    change = {"current_password": PASSWORD, "new_password": password}
    answer = client.put(f"{ME}/password", json=change, headers=device.headers)
    assert pointers(answer) == {"#/new_password"}
    assert said in answer.get_json()["errors"][0]["detail"]
    assert password_hash(app, "ada-lovelace") == before


@pytest.mark.parametrize(
    "email", ["ada", "ada@", "@example.org", "a@b@c.org", "ada@example.org\n", "x" * 250 + "@b.co"]
)
@sqlite_only
def test_what_is_no_address_is_refused(app: Flask, client: FlaskClient, email: str) -> None:
    assert "#/email" in pointers(register(client, email=email))
    device = new_device(app, "bob")
    assert "#/email" in pointers(client.patch(ME, json={"email": email}, headers=device.headers))


def test_an_address_that_grows_in_lower_case_fails_nothing(client: FlaskClient) -> None:
    answer = register(client, email="\u0130" * 60 + "@" + ("a" * 60 + ".") * 3 + "org")
    assert answer.status_code in {201, 422}


def test_a_name_can_be_registered_once(client: FlaskClient) -> None:
    assert register(client, email="ada@example.org").status_code == 201
    assert pointers(register(client)) == {"#/username"}
    assert pointers(register(client, username="ADA", email="b@example.org")) == {"#/username"}


def test_a_name_is_one_name_in_every_case(app: Flask, client: FlaskClient) -> None:
    assert register(client, username="Ada-L").get_json()["username"] == "Ada-L"
    for name in ("ada-l", "ADA-L", "aDa-L"):
        assert pointers(register(client, username=name)) == {"#/username"}
        signed_in = log_in(client, name)
        assert signed_in.status_code == 201
        headers = device_in(signed_in).headers
        assert client.get(ME, headers=headers).get_json()["username"] == "Ada-L"  # as registered
    root = new_device(app, "rosa", Role.ADMINISTRATOR)
    answer = client.put(f"{USERS}/ADA-l/roles/editor", headers=root.headers)
    assert answer.get_json()["username"] == "Ada-L"


def test_of_two_who_register_one_name_at_once_one_gets_it(app: Flask) -> None:
    def one(index: int) -> int:
        name = "".join(c.upper() if index >> i & 1 else c for i, c in enumerate("ada"))
        status: int = register(app.test_client(), username=name).status_code
        return status

    assert sorted(at_once(one, 8)) == [201] + [422] * 7


def test_a_profile_changes_by_what_is_given(app: Flask, client: FlaskClient) -> None:
    device = new_device(app)

    def patch(**body: Any) -> Any:
        return client.patch(ME, json=body, headers=device.headers)

    assert patch(email="Ada@example.org").get_json()["pending_email"] == "ada@example.org"
    assert patch().get_json()["pending_email"] == "ada@example.org"
    assert pointers(patch(username="bob")) == {"#/username"}
    me = client.get(ME, headers=device.headers).get_json()
    assert (me["username"], me["email"]) == ("ada", None)
    assert patch(email=None).get_json()["pending_email"] is None


@pytest.mark.parametrize("delivery", ["body", "cookies"])
def test_a_new_password_signs_every_device_out_and_this_one_in_anew(
    app: Flask, client: FlaskClient, delivery: str
) -> None:
    make_user(app)
    elsewhere, stranger = device_of(app), new_device(app, "bob")
    answer = client.post(
        SIGN_INS, json={"username": "ada", "password": PASSWORD, "delivery": delivery}
    )
    if delivery == "body":
        old = device_in(answer).headers
    else:
        token, twin = (
            client.get_cookie("access_token_cookie"),
            client.get_cookie("csrf_access_token"),
        )
        assert token is not None
        assert twin is not None
        old, copied = {"X-CSRF-TOKEN": twin.value}, token.value
    before = client.get(ME, headers=old).get_json()["password_changed_at"]
    body = {"current_password": OTHER, "new_password": OTHER}
    answer = client.put(f"{ME}/password", json=body, headers=old)
    assert pointers(answer) == {"#/current_password"}
    assert app.test_client().get(ME, headers=elsewhere.headers).status_code == 200

    body["current_password"] = PASSWORD
    answer = client.put(f"{ME}/password", json=body, headers=old)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"

    others = app.test_client()
    refused(others.get(ME, headers=elsewhere.headers), "token-revoked")
    refused(refreshed(others, elsewhere.refresh), "token-revoked")
    assert others.get(ME, headers=stranger.headers).status_code == 200
    if delivery == "body":
        refused(others.get(ME, headers=old), "token-revoked")
        new = device_in(answer)
        me = others.get(ME, headers=new.headers)
        assert refreshed(others, new.refresh).status_code == 200
    else:
        copy = app.test_client()
        copy.set_cookie("access_token_cookie", copied)
        refused(copy.get(ME), "token-revoked")
        assert "access_token" not in answer.get_json()
        me = client.get(ME)
    assert me.get_json()["password_changed_at"] > before
    assert answer.get_json()["device"]["current"]
    refused(log_in(others), "wrong-credentials")
    assert log_in(others, password=OTHER).status_code == 201


def test_a_deleted_account_is_gone(app: Flask, client: FlaskClient) -> None:
    make_user(app, email="ada@example.org")
    device = device_in(log_in(client))
    assert client.delete(ME, headers=device.headers).status_code == 204
    refused(log_in(client), "wrong-credentials")
    refused(client.delete(ME, headers=device.headers), "token-revoked")
    assert register(client, email="ada@example.org").status_code == 201


def test_administrators_see_every_account_by_name(app: Flask, client: FlaskClient) -> None:
    root = new_device(app, "rosa", Role.ADMINISTRATOR)
    for name in ("zoe", "bob"):
        make_user(app, name)
    answer = client.get(USERS, headers=root.headers)
    assert answer.status_code == 200
    assert [item["username"] for item in answer.get_json()["items"]] == ["bob", "rosa", "zoe"]
    assert "$2b$" not in answer.get_data(as_text=True)


def test_a_role_holds_from_the_next_request_on(app: Flask, client: FlaskClient) -> None:
    root, ada = new_device(app, "rosa", Role.ADMINISTRATOR), new_device(app)
    path = f"{USERS}/ada/roles/administrator"
    refused(client.get(USERS, headers=ada.headers), "forbidden", 403)
    for _ in range(2):  # as often as you like
        answer = client.put(path, headers=root.headers)
        assert answer.status_code == 200
        assert answer.get_json()["roles"] == ["administrator", "reader"]
    assert client.get(USERS, headers=ada.headers).status_code == 200  # by the token she had
    for _ in range(2):
        answer = client.delete(path, headers=root.headers)
        assert answer.status_code == 200
        assert answer.get_json()["roles"] == ["reader"]
    refused(client.get(USERS, headers=ada.headers), "forbidden", 403)


def test_the_last_administrator_stays_one(app: Flask, client: FlaskClient) -> None:
    root = new_device(app, "rosa", Role.ADMINISTRATOR)
    make_user(app, "away", Role.ADMINISTRATOR)
    change_user(app, "away", active=False)  # who cannot sign in can give no role
    make_user(app, "ada", Role.EDITOR)
    role = f"{USERS}/rosa/roles/administrator"
    for answer in (
        client.delete(role, headers=root.headers),
        client.delete(ME, headers=root.headers),
    ):
        assert "rosa is the last administrator" in refused(answer, "conflict", 409)["detail"]
    assert client.get(USERS, headers=root.headers).status_code == 200
    for other in ("ada", "away"):  # taking it from others is as it was
        path = f"{USERS}/{other}/roles/administrator"
        assert client.delete(path, headers=root.headers).status_code == 200
    client.put(f"{USERS}/ada/roles/administrator", headers=root.headers)
    assert client.delete(role, headers=root.headers).status_code == 200
    assert client.delete(ME, headers=device_of(app, "ada").headers).status_code == 409


@pytest.mark.parametrize("way", ["demote", "delete"])
def test_administrators_who_leave_at_once_leave_one_behind(app: Flask, way: str) -> None:
    names = ["rosa", "ruth", "rita", "rene"]
    devices = [new_device(app, name, Role.ADMINISTRATOR) for name in names]

    def leave(index: int) -> int:
        path = f"{USERS}/{names[index]}/roles/administrator" if way == "demote" else ME
        return app.test_client().delete(path, headers=devices[index].headers).status_code

    left = 200 if way == "demote" else 204
    assert sorted(at_once(leave, 4)) == [left, left, left, 409]


def test_an_account_that_is_deleted_twice_at_once_fails_nobody(app: Flask) -> None:
    device = new_device(app)

    def leave(_: int) -> int:
        return app.test_client().delete(ME, headers=device.headers).status_code

    answers = at_once(leave, 4)
    assert 204 in answers
    # 403: the roles were gone when they were read, the account a moment before was not.
    assert set(answers) <= {204, 401, 403}


def test_nobody_raises_themselves(app: Flask, client: FlaskClient) -> None:
    for role in (Role.READER, Role.CONTRIBUTOR, Role.EDITOR):
        device = new_device(app, role.value, role)
        path = f"{USERS}/{role.value}/roles/administrator"
        refused(client.put(path, headers=device.headers), "forbidden", 403)
        me = client.get(ME, headers=device.headers).get_json()
        assert me["roles"] == [role.value]


@pytest.mark.parametrize("name", ["nobody", "a%00b", "%F0%9F%A6%89", "x" * 500, "'%20OR%201=1"])
def test_a_role_of_nobody_is_not_there(app: Flask, client: FlaskClient, name: str) -> None:
    root = new_device(app, "rosa", Role.ADMINISTRATOR)
    for method in ("PUT", "DELETE"):
        path = f"{USERS}/{name}/roles/editor"
        refused(client.open(path, method=method, headers=root.headers), "not-found", 404)


@sqlite_only
def test_there_are_the_four_roles_and_no_other(app: Flask, client: FlaskClient) -> None:
    root = new_device(app, "rosa", Role.ADMINISTRATOR)
    for role in ("emperor", "Reader", "reader%20"):
        path = f"{USERS}/rosa/roles/{role}"
        refused(client.put(path, headers=root.headers), "not-found", 404)
    for role in Role:
        path = f"{USERS}/rosa/roles/{role.value}"
        assert client.put(path, headers=root.headers).status_code == 200


@sqlite_only
def test_a_token_without_any_role_may_nothing(app: Flask, client: FlaskClient) -> None:
    root, ada = new_device(app, "rosa", Role.ADMINISTRATOR), new_device(app)
    path = f"{USERS}/ada/roles/reader"
    assert client.delete(path, headers=root.headers).get_json()["roles"] == []
    problem = refused(client.get(ME, headers=bearer(ada.access)), "forbidden", 403)
    assert problem["required"] == "account.use-own"


@sqlite_only
def test_an_account_is_deleted_only_after_a_recent_password(
    app: Flask, client: FlaskClient
) -> None:
    device = new_device(app)
    stale = device_in(refreshed(client, device.refresh))
    refused(client.delete(ME, headers=stale.headers), "token-not-fresh")
    assert client.get(ME, headers=stale.headers).status_code == 200
    assert client.delete(ME, headers=device.headers).status_code == 204


@sqlite_only
def test_what_one_caller_is_told_stays_out_of_shared_caches(
    app: Flask, client: FlaskClient
) -> None:
    answer = client.get(ME, headers=new_device(app).headers)
    assert answer.headers["Cache-Control"] == "private, no-cache"
