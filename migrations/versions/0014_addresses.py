"""E-mail addresses: what was given and not confirmed stands apart, and is nobody's yet.

An address without `confirmed_at` becomes one that waits for its confirmation.

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-22
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

users = sa.table(
    "users",
    sa.column("id", sa.Integer),
    sa.column("email", sa.String),
    sa.column("pending_email", sa.String),
    sa.column("must_confirm", sa.Boolean),
    sa.column("confirmed_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    # One ALTER TABLE each: building `users` anew on SQLite would drop it, and what refers to it.
    op.add_column("users", sa.Column("pending_email", sa.String(254)))
    op.add_column("users", sa.Column("language", sa.String(5)))
    op.create_index("ix_users_pending_email", "users", ["pending_email"])
    op.execute(
        sa.update(users)
        .where(users.c.confirmed_at.is_(None))
        .values(pending_email=users.c.email, email=None)
    )
    op.execute(
        sa.update(users).where(users.c.confirmed_at.is_not(None)).values(must_confirm=sa.false())
    )
    op.execute(sa.update(users).where(users.c.email.is_(None)).values(confirmed_at=None))


def downgrade() -> None:
    # An address can be one account's only: the owner's, else that of the account which is oldest.
    connection = op.get_bind()
    taken = set(connection.scalars(sa.select(users.c.email).where(users.c.email.is_not(None))))
    waiting = sa.select(users.c.id, users.c.pending_email).where(
        users.c.email.is_(None), users.c.pending_email.is_not(None)
    )
    for number, address in connection.execute(waiting.order_by(users.c.id)).all():
        if address not in taken:
            taken.add(address)
            connection.execute(sa.update(users).where(users.c.id == number).values(email=address))
    op.drop_index("ix_users_pending_email", "users")
    op.drop_column("users", "language")
    op.drop_column("users", "pending_email")
