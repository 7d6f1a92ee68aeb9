"""Runs migrations: on the application's database, or on a connection handed in (a rehearsal).

Logging stays as the application set it up: Flask-Migrate's template would disable its loggers.
"""

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from api.extensions import db
from api.models.revisions import include_object


def run(connection: Connection) -> None:
    """Migrate over `connection`, the whole run in one transaction.

    Batch mode on SQLite drops and recreates a table; with foreign keys on, the drop would empty
    every table that references it by ON DELETE CASCADE. The pragma works only outside a transaction.
    Source: https://www.sqlite.org/lang_altertable.html#otheralter
    """
    sqlite = connection.dialect.name == "sqlite"
    enforced = sqlite and connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
    if enforced:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        include_object=include_object,
        compare_type=True,
        render_as_batch=True,
        process_revision_directives=_say_when_nothing_changed,
    )
    with context.begin_transaction():
        context.run_migrations()
        if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise RuntimeError(f"the migration leaves rows that reference nothing: {broken[:5]}")
    if enforced:
        connection.commit()
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.commit()


def _say_when_nothing_changed(ctx: Any, revision: Any, directives: list[Any]) -> None:
    """Write no empty revision when autogenerate finds nothing to do."""
    if (
        getattr(context.config.cmd_opts, "autogenerate", False)
        and directives[0].upgrade_ops.is_empty()
    ):
        directives[:] = []
        current_app.logger.info("The models and the database agree; no revision was written.")


if context.is_offline_mode():
    context.configure(
        url=current_app.config["SQLALCHEMY_DATABASE_URI"],
        target_metadata=db.metadata,
        literal_binds=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:
        run(given)
    else:
        with db.engine.connect() as opened:
            run(opened)
