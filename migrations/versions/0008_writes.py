"""Authors and grants of questions, drafts, and the history of every question.

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-22
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _reference(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"fk_{table}_{column}_{target}", ondelete=ondelete
    )


@contextmanager
def _questions() -> Iterator[BatchOperations]:
    """Alter `questions`. SQLite adds no constraint to a table: it is made anew, without its triggers
    (search, versions), which are therefore made anew, too.

    `ALTER TABLE … ADD COLUMN … REFERENCES` would need neither; but neither SQLAlchemy nor the next
    batch migration could read back what such a column does ON DELETE.
    """
    bind = op.get_bind()
    triggers = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    kept: list[str] = []
    if bind.dialect.name == "sqlite":
        kept = list(bind.scalars(triggers.bindparams(table="questions")))
    with op.batch_alter_table("questions") as table:
        yield table
    for trigger in kept:
        bind.exec_driver_sql(trigger)


def upgrade() -> None:
    with _questions() as questions:
        questions.add_column(sa.Column("author_id", sa.Integer))
        questions.create_foreign_key(
            "fk_questions_author_id_users", "users", ["author_id"], ["id"], ondelete="SET NULL"
        )
    op.create_index("ix_questions_author_id", "questions", ["author_id"])
    op.create_table(
        "question_grants",
        sa.Column("question_id", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("granted_by_id", sa.Integer),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("question_id", "user_id", name="pk_question_grants"),
        _reference("question_grants", "question_id", "questions", "CASCADE"),
        _reference("question_grants", "user_id", "users", "CASCADE"),
        _reference("question_grants", "granted_by_id", "users", "SET NULL"),
    )
    op.create_index("ix_question_grants_user_id", "question_grants", ["user_id"])
    op.create_index("ix_question_grants_granted_by_id", "question_grants", ["granted_by_id"])
    op.create_table(
        "question_revisions",
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("author_id", sa.Integer),
        sa.Column("owner_id", sa.Integer),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.JSON),
        sa.PrimaryKeyConstraint("number", "revision", name="pk_question_revisions"),
        _reference("question_revisions", "author_id", "users", "SET NULL"),
        _reference("question_revisions", "owner_id", "users", "SET NULL"),
    )
    op.create_index("ix_question_revisions_author_id", "question_revisions", ["author_id"])
    op.create_index("ix_question_revisions_owner_id", "question_revisions", ["owner_id"])
    op.create_table(
        "drafts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("author_id", sa.Integer, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drafts"),
        _reference("drafts", "author_id", "users", "CASCADE"),
    )
    op.create_index("ix_drafts_author_id", "drafts", ["author_id"])


def downgrade() -> None:
    for table in ("drafts", "question_revisions", "question_grants"):
        op.drop_table(table)
    op.drop_index("ix_questions_author_id", "questions")
    with _questions() as questions:
        questions.drop_constraint("fk_questions_author_id_users", type_="foreignkey")
        questions.drop_column("author_id")
