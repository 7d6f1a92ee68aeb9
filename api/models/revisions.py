"""Where the database stands between the first revision and the last, and whether it drifted (56).

Every start asks where it stands, and a start has nothing to migrate but once: the answer comes from a
row and the heads of the migrations' files. Alembic, which takes as long to import as SQLAlchemy's engine,
is imported where it has work to do.
Source: https://alembic.sqlalchemy.org/en/latest/cookbook.html#test-current-database-revision-is-at-head-s
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, inspect

from api.demonstrations import demonstrates
from api.extensions import db

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_HEADER = re.compile(r"^(revision|down_revision)\b[^=]*=(.+)$", re.MULTILINE)
_NAME = re.compile(r"""["']([^"']+)["']""")


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


def alembic_config() -> "Config":
    """Return Alembic's configuration for this project's migrations."""
    from alembic.config import Config  # only where there is work for it: see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@cache
def head() -> str | None:
    """Return the newest revision: the one that no other follows.

    Raises RuntimeError where are two, as where two branches of development met.
    """
    found: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for path in (MIGRATIONS / "versions").glob("*.py"):
        for name, value in _HEADER.findall(path.read_text(encoding="utf-8")):
            found[name].update(_NAME.findall(value))  # of none, one, or, after a merge, several
    newest = sorted(found["revision"] - found["down_revision"])
    if len(newest) > 1:
        raise RuntimeError(f"the migrations end in {', '.join(newest)}: flask db merge")
    return newest[0] if newest else None


@cache
def history() -> list[Revision]:
    """Return every revision, the newest first."""
    from alembic.script import ScriptDirectory  # only where there is work for it: see above

    return [
        Revision(script.revision, script.down_revision, script.doc.split("\n")[0])  # type: ignore[arg-type]  # a single base: no tuples
        for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    ]


def state(engine: Engine) -> State:
    """Return where the database of `engine` stands."""
    with engine.connect() as connection:
        return state_of(connection)


def state_of(connection: Connection) -> State:
    """Return where the database behind `connection` stands."""
    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return State(current, head())


@demonstrates(
    56, at="GET v1.schema", test="tests/v1/test_schema.py::test_the_schema_is_at_head_without_drift"
)
def drift(engine: Engine) -> list[str]:
    """Return what `flask db migrate` would change: nothing, when models and database agree."""
    from alembic.autogenerate import compare_metadata  # only where there is work for it: see above
    from alembic.migration import MigrationContext

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
