"""A version per scope of data, raised by triggers in the transaction that changes it.

A trigger sees every writer, whatever program it is. On PostgreSQL the row lock makes writers of one
scope take turns, so versions rise in the order of the commits; NOTIFY leaves with the commit.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-22
"""

from time import time

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCOPES = {
    "bank": ("questions", "topics", "question_topics", "question_references"),
    "scratch": ("scratch_documents",),
}

FUNCTION = """
CREATE FUNCTION raise_data_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE data_versions SET version = version + 1 WHERE scope = TG_ARGV[0];
    PERFORM pg_notify('data_versions', TG_ARGV[0]);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "data_versions",
        sa.Column("scope", sa.String(20), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_data_versions"),
    )
    # Milliseconds of the epoch: a database made anew or restored never repeats versions under which
    # a shared cache may still hold answers.
    start = int(time() * 1000)
    for scope in SCOPES:
        op.execute(
            sa.text(
                "INSERT INTO data_versions (scope, version) VALUES (:scope, :start)"
            ).bindparams(scope=scope, start=start)
        )
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute(FUNCTION)
    for scope, tables in SCOPES.items():
        for table in tables:
            if postgresql:
                op.execute(
                    f"CREATE TRIGGER {table}_version "
                    f"AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION raise_data_version('{scope}')"
                )
                continue
            for event in ("INSERT", "UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_version_{event.lower()} AFTER {event} ON {table} "
                    "BEGIN UPDATE data_versions SET version = version + 1 "
                    f"WHERE scope = '{scope}'; END"
                )


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for tables in SCOPES.values():
        for table in tables:
            if postgresql:
                op.execute(f"DROP TRIGGER {table}_version ON {table}")
                continue
            for event in ("insert", "update", "delete"):
                op.execute(f"DROP TRIGGER {table}_version_{event}")
    if postgresql:
        op.execute("DROP FUNCTION raise_data_version()")
    op.drop_table("data_versions")
