"""The outbox of events, each given its position when its transaction commits.

A number taken from a sequence at the insert says nothing about the order of the commits: a reader
that has seen 8 would miss a 7 that commits later. So the position is the version of the scope
`events`, raised on PostgreSQL by a deferred trigger, which runs at the commit: the lock on that row is
held until the commit is visible and no longer, and it comes after every other lock, so that a long
transaction delays nobody. SQLite has one writer at a time, and so its trigger may run at once.
Sources: https://www.postgresql.org/docs/current/sql-createtrigger.html (CONSTRAINT TRIGGER) and
https://www.postgresql.org/docs/current/functions-sequence.html

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-22
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")

FUNCTION = """
CREATE FUNCTION place_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
BEGIN
    UPDATE data_versions SET version = version + 1 WHERE scope = 'events' RETURNING version INTO place;
    UPDATE events SET position = place WHERE id = NEW.id;
    PERFORM pg_notify('data_versions', 'events');
    RETURN NULL;
END $$
"""

TRIGGER = """
CREATE CONSTRAINT TRIGGER events_position AFTER INSERT ON events
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION place_event()
"""

SQLITE_TRIGGER = """
CREATE TRIGGER events_position AFTER INSERT ON events BEGIN
    UPDATE data_versions SET version = version + 1 WHERE scope = 'events';
    UPDATE events SET position = (SELECT version FROM data_versions WHERE scope = 'events')
    WHERE id = NEW.id;
END
"""


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", BIG, nullable=False),
        sa.Column("position", BIG),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("questions", sa.JSON, nullable=False),
        sa.Column("topics", sa.JSON, nullable=False),
        sa.Column("job_id", sa.String(36)),
        sa.Column("owner_id", sa.Integer),
        sa.Column("data", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("position", name="uq_events_position"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name="fk_events_owner_id_users", ondelete="CASCADE"
        ),
    )
    for column in ("at", "job_id", "owner_id"):
        op.create_index(f"ix_events_{column}", "events", [column])
    op.execute("INSERT INTO data_versions (scope, version) VALUES ('events', 0)")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FUNCTION)
        op.execute(TRIGGER)
    else:
        op.execute(SQLITE_TRIGGER)


def downgrade() -> None:
    op.drop_table("events")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION place_event()")
    op.execute("DELETE FROM data_versions WHERE scope = 'events'")
