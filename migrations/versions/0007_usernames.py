"""Usernames that differ only by case are one name.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-22
"""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

users = sa.table("users", sa.column("id"), sa.column("username"), sa.column("username_key"))


def upgrade() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.select(users.c.id, users.c.username)).all()
    _refuse_doubles([name for _, name in rows])
    op.add_column("users", sa.Column("username_key", sa.String(60)))
    for number, name in rows:
        connection.execute(
            users.update().where(users.c.id == number).values(username_key=name.casefold())
        )
    with op.batch_alter_table("users") as batch:
        batch.alter_column("username_key", existing_type=sa.String(60), nullable=False)
        batch.create_unique_constraint("uq_users_username_key", ["username_key"])


def _refuse_doubles(names: list[str]) -> None:
    """Leave it to people which of two accounts keeps its name: its owner signs in by it.

    Raises RuntimeError naming them all.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        alike[name.casefold()].append(name)
    doubles = [" and ".join(each) for each in alike.values() if len(each) > 1]
    if doubles:
        raise RuntimeError(
            "These usernames differ only by case, which is no longer a difference: "
            f"{'; '.join(doubles)}. Nothing was changed. Rename all but one of each and upgrade "
            "again: UPDATE users SET username = 'another-name' WHERE username = '…'"
        )


def downgrade() -> None:
    with op.batch_alter_table("users") as batch:
        batch.drop_constraint("uq_users_username_key", type_="unique")
        batch.drop_column("username_key")
