"""Socket.IO's events: `connect`, `join`, `leave` (93).

A connection proves once who it is: by the access token in Socket.IO's `auth`, which lands in no log as
a query string does, or by the site's session cookie, which a browser sends with the handshake. Whoever
shows neither is nobody, and may watch what everybody may read. Every call is acknowledged: by what it
came to, or by a problem object.

`connect` takes its argument without a default, and catches everything: to Flask-SocketIO a TypeError
means a handler of the old kind, which it then calls without `auth`; a client would come in as nobody.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request
from flask_jwt_extended.exceptions import JWTDecodeError
from flask_socketio import ConnectionRefusedError, Namespace
from marshmallow import Schema, fields, validate
from marshmallow import ValidationError as Invalid

from api.access import bearer, identity
from api.demonstrations import demonstrates
from api.events import MAX_POSITION
from api.extensions import db
from api.http.parsing import check_text, invalid, pointer_errors
from api.http.problems import Problem
from api.models import User
from api.realtime.hub import ROOMS_MOST, Connection, Hub
from api.realtime.problems import refusal
from api.realtime.rooms import FORMS, ROOM, check_may_join
from api.schemas.fields import Whole

CALLS = "join, leave"


class RoomsSchema(Schema):
    """Which rooms."""

    rooms = fields.List(
        fields.String(validate=validate.Regexp(ROOM, error=f"Must be one of {FORMS}.")),
        required=True,
        validate=validate.Length(1, ROOMS_MOST),
    )


class JoinSchema(RoomsSchema):
    """Which rooms, and from where on."""

    after = Whole(load_default=None, validate=validate.Range(0, MAX_POSITION))


class AuthSchema(Schema):
    """What a client may say of itself when it connects."""

    token = fields.String(required=True, validate=validate.Length(1, 8192))


def _loaded(schema: Schema, data: Any) -> dict[str, Any]:
    """Read what was sent. Raises Problem (422)."""
    check_text(data)
    try:
        values: dict[str, Any] = schema.load({} if data is None else data)
    except Invalid as error:
        raise invalid(pointer_errors(error.messages)) from error
    return values


def acknowledged(call: Callable[[Any, dict[str, Any]], dict[str, Any]]) -> Any:
    """Answer a call by its result, and by a problem object whatever goes wrong."""

    @wraps(call)
    def wrapper(self: Any, *sent: Any) -> dict[str, Any]:
        try:
            if len(sent) != 1:
                raise Problem("malformed-request", "Send one object with the call.")
            return call(self, sent[0])
        except Exception as error:  # what is not answered here would not be answered at all
            db.session.rollback()
            return refusal(error)

    return wrapper


class Live(Namespace):
    """The namespace `/`: one instance for all connections of a process."""

    hub: Hub

    @demonstrates(
        93,
        at="GET v1.events",
        test="tests/realtime/test_doors.py::test_a_job_is_its_owners_to_watch",
    )
    def on_connect(self, auth: Any) -> None:
        """Let a client in, as the bearer of its token or as nobody."""
        try:
            self.hub.admit(_identified(auth))
        except Exception as error:
            problem = refusal(error)
            raise ConnectionRefusedError(problem["title"], problem) from error

    @demonstrates(
        93,
        at="GET v1.events",
        test="tests/realtime/test_live.py::test_nothing_is_lost_or_doubled_when_everything_breaks",
    )
    @acknowledged
    def on_join(self, data: Any) -> dict[str, Any]:
        """Watch rooms: `{"rooms": […], "after": 17}`. What happened since comes first."""
        connection = self.hub.connection(_sid())
        args = _loaded(JoinSchema(), data)
        user = _user(connection)
        for place, room in enumerate(args["rooms"]):
            check_may_join(room, user, f"#/rooms/{place}")
        db.session.rollback()  # what was asked needs no transaction; the replay has its own
        joined = self.hub.join(connection.sid, args["rooms"], args["after"])
        return {
            "rooms": joined.rooms,
            "position": joined.position,
            "replayed": joined.replayed,
            "reset": joined.reset,
            "start": joined.start,
        }

    @acknowledged
    def on_leave(self, data: Any) -> dict[str, Any]:
        """Watch rooms no longer: `{"rooms": […]}`."""
        connection = self.hub.connection(_sid())
        args = _loaded(RoomsSchema(), data)
        return {"rooms": self.hub.leave(connection.sid, args["rooms"])}

    def on_disconnect(self, _reason: str) -> None:
        """Forget the connection."""
        self.hub.forget(_sid())

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Hand an event to its method; one that there is none for is refused, not ignored."""
        if event in {"connect", "disconnect", "join", "leave"}:
            return super().trigger_event(event, *args)
        return self.socketio._handle_event(self._unknown(event), event, self.namespace, *args)

    @staticmethod
    def _unknown(event: str) -> Callable[..., dict[str, Any]]:
        def handler(*_: Any) -> dict[str, Any]:
            return refusal(Problem("not-found", f"There is no event {event!r:.80}; send {CALLS}."))

        return handler


def _sid() -> str:
    """Return the id of the connection whose event is being handled."""
    sid: str = request.sid  # type: ignore[attr-defined]  # Flask-SocketIO puts it there
    return sid


def _identified(auth: Any) -> Connection:
    """Find out who connects. Raises what a bad token raises, and Problem."""
    if auth:
        token = _loaded(AuthSchema(), auth)["token"]
        if not token.isascii():
            raise JWTDecodeError("Not ASCII")
        device, expires_at = bearer.device_of(token)
        return Connection(_sid(), device.user_id, device.id, expires_at)
    found = identity.device()
    return Connection(_sid(), found.user_id if found else None, found.id if found else None)


def _user(connection: Connection) -> User | None:
    """Return who is behind a connection, as the database has them now."""
    if connection.user_id is None:
        return None
    return db.session.get(User, connection.user_id)
