"""Tell a question that was edited from one that still stands as its file has it.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-20
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("questions") as table:
        table.add_column(sa.Column("edited_at", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("file_digest", sa.String(64)))


def downgrade() -> None:
    with op.batch_alter_table("questions") as table:
        table.drop_column("file_digest")
        table.drop_column("edited_at")
