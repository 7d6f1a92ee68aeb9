"""`/sign-ins`: log in, refresh, see your devices, log one or all of them out (53).

A sign-in is a resource: made by a password, listed, deleted. OAuth 2.0 is the right choice instead
when other people's applications act for your users, or when one identity serves many services.
"""

from typing import Any
from uuid import UUID

from flask import Response, current_app, request, url_for
from flask_restful import Resource

from api.access import admission, bearer, guesses
from api.access.bearer import takes_no_identity
from api.access.identity import current_device, door, leave, requires, signed_in
from api.accounts import tokens
from api.accounts.permissions import Action
from api.demonstrations import demonstrates
from api.http.limits import sign_in_attempts
from api.http.parsing import body
from api.http.responses import no_content
from api.schemas.accounts import RefreshBody, SignInBody, represent_device


def _answer(pair: tokens.Pair, delivery: str, status: int) -> Response:
    device = represent_device(pair.sign_in, pair.sign_in.id)
    return bearer.hand_over(pair, device, delivery, status)


class SignInList(Resource):
    """Your signed-in devices."""

    @takes_no_identity
    @demonstrates(99, test="tests/v1/test_second_factor.py::test_the_api_asks_for_the_code_too")
    @demonstrates(
        53, 91, test="tests/v1/test_sign_ins.py::test_log_in_call_refresh_log_out_and_be_refused"
    )
    @sign_in_attempts
    @body(SignInBody)
    def post(self, args: dict[str, Any]) -> Response:
        """Log in. The refusal is the same, and takes as long, whether or not the name exists.

        Without `Idempotency-Key`: the answer holds tokens, which are kept nowhere, and a second device
        does no harm.
        """
        user = guesses.authenticate(args["username"], args["password"])
        if user is None:
            raise bearer.refusal("wrong-credentials", "Name and password do not match.", None)
        admission.admit(user, args["code"])
        pair = tokens.sign_in(user, request.remote_addr or "", request.user_agent.string)
        response = _answer(pair, args["delivery"], 201)
        if args["delivery"] == "cookies":
            guesses.remember_device(response, user)
        response.headers["Location"] = url_for("v1.sign_in", sid=pair.sign_in.id, _external=True)
        return response

    @requires(Action.USE_OWN_ACCOUNT)
    def get(self) -> dict[str, Any]:
        """List your signed-in devices, the newest first."""
        found = tokens.devices(signed_in())
        return {"items": [represent_device(device, current_device()) for device in found]}

    @requires(Action.USE_OWN_ACCOUNT)
    def delete(self) -> Response:
        """Log out everywhere."""
        response = current_app.make_response({"signed_out": tokens.revoke_all(signed_in())})
        leave(response, door())
        return response


class SignInItem(Resource):
    """One of your signed-in devices."""

    @requires(Action.USE_OWN_ACCOUNT)
    def delete(self, sid: UUID) -> Response:
        """Log the device out; its tokens are refused from now on, on every node."""
        device = tokens.get_own(signed_in(), str(sid))
        tokens.revoke(device)
        response = no_content()
        if device.id == current_device():
            leave(response, device.door)
        return response


class Refresh(Resource):
    """A new pair of tokens for an old refresh token."""

    @takes_no_identity
    @demonstrates(
        53, test="tests/v1/test_sign_ins.py::test_a_replayed_refresh_token_ends_its_family_only"
    )
    @sign_in_attempts
    @body(RefreshBody)
    def post(self, args: dict[str, Any]) -> Response:
        """Rotate: the token that was sent is used up; sending it again ends this sign-in."""
        if args["refresh_token"]:
            claims, delivery = bearer.refresh_claims(args["refresh_token"]), "body"
        else:
            claims, delivery = bearer.refresh_claims_of_cookie(), "cookies"
        return _answer(tokens.refresh(claims["sid"], claims["jti"]), delivery, 200)
