"""Users in the domain: what may collide, collides in the database and not on the way there."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from api.accounts import permissions, users
from api.accounts.permissions import Action, Role, actions_of
from api.extensions import db
from api.models import RoleRow, SignIn, User, UserRole
from tests.accounts.tools import PASSWORD, make_user, new_device
from tests.http.helpers import at_once


def in_threads(app: Flask, function: object, count: int = 6) -> list[str]:
    """Call a function in as many threads, each with a context of its own; tell how each ended."""

    def run(place: int) -> str:
        with app.app_context():
            try:
                function(place)  # type: ignore[operator]  # any callable of one number
            except users.AccountError as error:
                return ", ".join(error.faults)
            return "done"

    return at_once(run, count)


def count_of(app: Flask, model: type) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_of_those_who_register_a_name_at_once_one_gets_it(app: Flask) -> None:
    ended = in_threads(app, lambda _: users.create("ada", PASSWORD))
    assert sorted(ended) == ["done", *["username"] * 5]
    assert count_of(app, User) == 1


def test_of_accounts_that_an_operator_makes_with_one_address_at_once_one_gets_it(
    app: Flask,
) -> None:
    ended = in_threads(
        app,
        lambda place: users.create(
            f"user-{place}", PASSWORD, "Ada@Example.org" if place % 2 else "ada@example.ORG"
        ),
    )
    assert sorted(ended) == ["done", *["email"] * 5]
    assert count_of(app, User) == 1


def test_a_role_given_or_taken_by_several_at_once_is_given_or_taken(app: Flask) -> None:
    make_user(app)
    for _ in range(3):
        ended = in_threads(app, lambda _: users.grant_role(users.get("ada"), Role.EDITOR))
        assert set(ended) == {"done"}
        assert count_of(app, UserRole) == 2
        ended = in_threads(app, lambda _: users.revoke_role(users.get("ada"), Role.EDITOR))
        assert set(ended) == {"done"}
        assert count_of(app, UserRole) == 1


def test_deleting_a_user_takes_devices_and_roles_along_and_nobody_elses(app: Flask) -> None:
    new_device(app)
    kept = new_device(app, "bob")
    with app.app_context():
        users.delete(users.get("ada"))
        assert db.session.scalars(select(User.username)).all() == ["bob"]
        assert db.session.scalars(select(SignIn.id)).all() == [kept.sid]
        assert len(db.session.scalars(select(UserRole)).all()) == 1
        assert db.session.scalars(select(RoleRow.name)).all() == [role.value for role in Role]
        with pytest.raises(users.UserUnknownError, match="'ada'"):
            users.get("ada")


def test_a_higher_role_permits_what_the_lower_ones_do() -> None:
    before: frozenset[Action] = frozenset()
    for role in Role:
        actions = permissions.actions_of(role)
        assert before <= actions
        before = actions
    assert before == frozenset(Action)


def test_a_user_may_what_any_of_the_roles_permits_and_nothing_by_an_unknown_one(app: Flask) -> None:
    make_user(app)
    with app.app_context():
        user = users.get("ada")
        user.roles = []
        db.session.commit()
        assert users.actions(user) == frozenset()
        user.roles = [RoleRow(name="emperor")]
        db.session.commit()
        assert users.actions(user) == frozenset()
        users.grant_role(user, Role.READER)
        users.grant_role(user, Role.EDITOR)
        assert users.actions(user) == actions_of(Role.EDITOR)
