"""The site's door: confirmation, second factor, and where a device signed in.

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-22
"""

from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

USERS: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("must_confirm", sa.Boolean, {"nullable": False, "server_default": sa.false()}),
    ("confirmed_at", sa.DateTime(timezone=True), {}),
    ("fs_uniquifier", sa.String(64), {"nullable": False, "server_default": ""}),
    ("tf_primary_method", sa.String(20), {}),
    ("tf_totp_secret", sa.Text, {}),
    ("tf_last_counter", sa.BigInteger, {}),
    ("mf_recovery_codes", sa.Text, {}),
)


def upgrade() -> None:
    # One ALTER TABLE each: building `users` anew on SQLite would drop it, and what refers to it.
    for name, kind, more in USERS:
        op.add_column("users", sa.Column(name, kind, **more))
    users = sa.table("users", sa.column("id"), sa.column("fs_uniquifier"))
    connection = op.get_bind()
    for (number,) in connection.execute(sa.select(users.c.id)).all():
        connection.execute(
            sa.update(users).where(users.c.id == number).values(fs_uniquifier=uuid4().hex)
        )
    op.create_index("ix_users_fs_uniquifier", "users", ["fs_uniquifier"], unique=True)
    op.add_column(
        "sign_ins", sa.Column("door", sa.String(10), nullable=False, server_default="api")
    )


def downgrade() -> None:
    op.drop_column("sign_ins", "door")
    op.drop_index("ix_users_fs_uniquifier", "users")
    for name, _, _ in reversed(USERS):
        op.drop_column("users", name)
