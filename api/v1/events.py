"""`/events`: the outbox by plain HTTP, for who has no socket (93).

A feed has no end: `next` is always there, and asked again later it answers what has happened since. The
same position that a socket's client names when it joins its rooms goes into `after` here.
"""

from typing import Any

from flask import url_for
from flask_restful import Resource
from marshmallow import Schema, validate

from api import events
from api.demonstrations import demonstrates
from api.events import MAX_POSITION
from api.extensions import db
from api.http.pagination import address, collection, link_header
from api.http.parsing import query
from api.http.problems import Problem
from api.http.realtime import PATH, url_for_client
from api.schemas.fields import Whole


class EventsQuery(Schema):
    """From where on, and how many."""

    after = Whole(load_default=None, validate=validate.Range(0, MAX_POSITION))
    limit = Whole(load_default=50, validate=validate.Range(1, 100))


class EventList(Resource):
    """What happened to the questions, in order, from a position on."""

    @demonstrates(93, test="tests/v1/test_events.py::test_the_feed_tells_every_change_once")
    @query(EventsQuery)
    def get(self, args: dict[str, Any]) -> Any:
        """Answer the public events after a position, and where to get them pushed."""
        after, limit = args["after"], args["limit"]
        with db.engine.connect() as connection:
            reach = events.reach(connection)
            if after is None:
                after = reach.start
            if not reach.covers(after):
                raise _gone(after, reach)
            rows = events.read(connection, after, limit, public=True)
        # A short page has everything: what was passed over is private, and need not be read again.
        seen = rows[-1].position if rows else after
        last = seen if len(rows) == limit else max(seen, reach.newest)
        links = {"self": address(), "next": address(after=last)}
        about = {"limit": limit, "after": after, "newest": reach.newest}
        body = collection([events.represent(row) for row in rows], about, links)
        body["realtime"] = {"url": url_for_client(), "path": PATH}
        return body, 200, {"Link": link_header(links)}


def _gone(after: int, reach: events.Reach) -> Problem:
    """Say that the outbox does not tell what happened after a position."""
    happened = (
        f"Events up to {reach.start} have been trimmed"
        if after < reach.start
        else f"The last event is {reach.newest}"
    )
    return Problem(
        "events-gone",
        f"{happened}; what came after {after} cannot be told. Read the questions again, and go on "
        f"after {reach.newest}.",
        start=reach.start,
        newest=reach.newest,
        links={
            "next": url_for("v1.events", after=reach.newest, _external=True),
            "questions": url_for("v1.questions", _external=True),
        },
    )
