"""`/schema`: the database's revision, head, history and drift, and two rehearsals (56, 72, 84)."""

from dataclasses import asdict
from typing import Any

from flask import url_for
from flask_restful import Resource

from api.demonstrations import demonstrates
from api.extensions import db
from api.http.limits import rehearsals
from api.models import rehearsal, revisions


class SchemaState(Resource):
    """Where the database stands: revision, head, history, drift."""

    @demonstrates(56, test="tests/v1/test_schema.py::test_the_schema_is_at_head_without_drift")
    def get(self) -> dict[str, Any]:
        """Answer what `flask db current`, `heads`, `history` and `check` print."""
        state = revisions.state(db.engine)
        return {
            "database": db.engine.dialect.name,
            "current": state.current,
            "head": state.head,
            "is_current": state.is_current,
            "drift": revisions.drift(db.engine),
            "history": [asdict(revision) for revision in revisions.history()],
            "links": {
                "create_all": url_for("v1.create_all", _external=True),
                "rehearsal": url_for("v1.rehearsal", _external=True),
            },
        }


class CreateAll(Resource):
    """What `db.create_all()` does on an empty database, and what it leaves undone."""

    @demonstrates(
        72, test="tests/v1/test_schema.py::test_create_all_adds_tables_but_never_alters_one"
    )
    @rehearsals
    def get(self) -> dict[str, Any]:
        """Run it on a throw-away database, beside a migration that does the rest."""
        return rehearsal.create_all()


class MigrationRehearsal(Resource):
    """Every migration up and down on a throw-away database that holds rows."""

    @demonstrates(84, test="tests/v1/test_schema.py::test_the_rehearsal_keeps_every_row")
    @rehearsals
    def get(self) -> dict[str, Any]:
        """Run the whole history and count the rows after each step."""
        steps = rehearsal.rehearse()
        return {
            "steps": [asdict(step) for step in steps],
            "rows_lost": steps[0].rows - steps[-1].rows,
        }
