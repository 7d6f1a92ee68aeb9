"""`/identity`: who is calling, as Flask-Principal knows them (77)."""

from typing import Any

from flask import g
from flask_restful import Resource

from api.access import identity, site_sessions
from api.demonstrations import demonstrates
from api.schemas.accounts import represent_identity


class CallerIdentity(Resource):
    """The identity of whoever asks, and the needs that it provides."""

    @demonstrates(77, test="tests/access/test_sessions.py::test_both_doors_load_the_same_identity")
    def get(self) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Show it: by a token or by a session of the site the needs are the same; nobody has none."""
        if unreadable := site_sessions.unreadable():
            raise unreadable
        told = represent_identity(g.identity, identity.door())
        token = site_sessions.csrf_token() if told["door"] == site_sessions.DOOR else None
        return {**told, "csrf_token": token}, 200, {"Cache-Control": "no-store"}
