"""`/users` and `/me`: register, your own account, and who has which role (53, 73)."""

from typing import Any

from flask import Response, url_for
from flask_restful import Resource

from api.access import bearer, guesses
from api.access.bearer import takes_no_identity
from api.access.identity import current_device, door, leave, requires, sign_in_anew, signed_in
from api.accounts import addresses, registration, users
from api.accounts.permissions import Action, Role
from api.demonstrations import demonstrates
from api.http import languages
from api.http.idempotency import idempotent
from api.http.limits import mails, sign_in_attempts, writes
from api.http.parsing import body
from api.http.responses import no_content
from api.schemas.accounts import (
    PasswordBody,
    ProfileBody,
    RegistrationBody,
    represent_device,
    represent_user,
)


class UserList(Resource):
    """The accounts."""

    @demonstrates(
        91,
        test="tests/accounts/test_addresses.py::test_no_answer_at_the_api_tells_whether_an_address_is_taken",
    )
    @takes_no_identity
    @sign_in_attempts
    @idempotent
    @body(RegistrationBody)
    def post(self, args: dict[str, Any]) -> Any:
        """Register. Everybody starts as a reader."""
        user = registration.register(**args, language=languages.current().language)
        return represent_user(user), 201, {"Location": url_for("v1.me", _external=True)}

    @demonstrates(
        73, test="tests/access/test_matrix.py::test_every_role_may_what_its_permissions_say"
    )
    @requires(Action.MANAGE_USERS)
    def get(self) -> dict[str, Any]:
        """List every account: for administrators."""
        return {"items": [represent_user(user) for user in users.list_users()]}


class UserRoleItem(Resource):
    """One role of one account."""

    @writes
    @requires(Action.MANAGE_USERS)
    def put(self, username: str, role: str) -> dict[str, Any]:
        """Give the role; it holds from the next request on."""
        user = users.get(username)
        users.grant_role(user, Role(role))
        return represent_user(user)

    @writes
    @requires(Action.MANAGE_USERS)
    def delete(self, username: str, role: str) -> dict[str, Any]:
        """Take the role; it is gone from the next request on."""
        user = users.get(username)
        users.revoke_role(user, Role(role))
        return represent_user(user)


class Me(Resource):
    """Your own account."""

    @demonstrates(
        53, test="tests/v1/test_sign_ins.py::test_log_in_call_refresh_log_out_and_be_refused"
    )
    @requires(Action.USE_OWN_ACCOUNT)
    def get(self) -> dict[str, Any]:
        """Show it, with what your roles permit."""
        return represent_user(signed_in())

    @mails
    @requires(Action.USE_OWN_ACCOUNT, fresh=True)
    @body(ProfileBody)
    def patch(self, args: dict[str, Any]) -> dict[str, Any]:
        """Change what is given. A new address counts once it is confirmed by the link mailed there.

        It takes a recent password: who has the address can set a new one.
        """
        user = signed_in()
        if "email" in args:
            addresses.change(user, args["email"])
        return represent_user(user)

    @writes
    @requires(Action.USE_OWN_ACCOUNT, fresh=True)
    def delete(self) -> Response:
        """Delete the account, which takes a recent password, and sign all its devices out."""
        user, by = signed_in(), door()
        user_id = user.id
        users.delete(user)
        response = no_content()
        leave(response, by)
        guesses.forget_device(response, user_id)
        return response


class Password(Resource):
    """Your password, which can be changed and not be read."""

    @sign_in_attempts
    @requires(Action.USE_OWN_ACCOUNT)
    @body(PasswordBody)
    def put(self, args: dict[str, Any]) -> Response:
        """Change it: every device is signed out, and this one in again, by new tokens or a new session."""
        user, delivery = signed_in(), bearer.delivery()
        sid, old, new = current_device(), args["current_password"], args["new_password"]
        guesses.change_password(user, old, new, sid)
        pair = sign_in_anew(user)
        if pair is None:
            return no_content()
        device = represent_device(pair.sign_in, pair.sign_in.id)
        return bearer.hand_over(pair, device, delivery, 200)
