"""Where the database stands between the first revision and the last, and whether it drifted (56).

Source: https://alembic.sqlalchemy.org/en/latest/cookbook.html#test-current-database-revision-is-at-head-s
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from api.demonstrations import demonstrates
from api.extensions import db

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema's history."""

    id: str
    down: str | None
    message: str


@dataclass(frozen=True, slots=True)
class State:
    """The database's revision and the newest there is; None before the first."""

    current: str | None
    head: str | None

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to upgrade."""
        return self.current == self.head


def include_object(_object: Any, name: str | None, kind: str, reflected: bool, _to: Any) -> bool:
    """Leave out what only migrations know: the search structures of each database.

    Source: https://alembic.sqlalchemy.org/en/latest/autogenerate.html
    """
    ours = (name or "").startswith("questions_search") or name in {
        "search_vector",
        "ix_questions_search",
    }
    return not (reflected and ours and kind in {"table", "column", "index"})


def alembic_config() -> Config:
    """Return Alembic's configuration for this project's migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())


def history() -> list[Revision]:
    """Return every revision, the newest first."""
    return [
        Revision(script.revision, script.down_revision, script.doc.split("\n")[0])  # type: ignore[arg-type]  # a single base: no tuples
        for script in _scripts().walk_revisions()
    ]


def state(engine: Engine) -> State:
    """Return where the database of `engine` stands."""
    with engine.connect() as connection:
        return state_of(connection)


def state_of(connection: Connection) -> State:
    """Return where the database behind `connection` stands."""
    context = MigrationContext.configure(connection)
    return State(context.get_current_revision(), _scripts().get_current_head())


@demonstrates(
    56, at="GET v1.schema", test="tests/v1/test_schema.py::test_the_schema_is_at_head_without_drift"
)
def drift(engine: Engine) -> list[str]:
    """Return what `flask db migrate` would change: nothing, when models and database agree."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": include_object, "compare_type": True}
        )
        return [_sentence(item) for item in compare_metadata(context, db.metadata)]


def _sentence(difference: Any) -> str:
    if isinstance(difference, list):
        return "; ".join(_sentence(item) for item in difference)
    kind, *rest = difference
    names = [str(getattr(item, "name", item)) for item in rest if item is not None]
    return f"{kind.replace('_', ' ')}: {', '.join(names)}"
