"""Full-text search: FTS5 on SQLite, a generated tsvector on PostgreSQL.

From here on a batch operation that recreates `questions` on SQLite must drop and recreate the
triggers: a recreated table loses them.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-21
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# An external-content table keeps only the index; the triggers keep it in step with the rows.
# https://www.sqlite.org/fts5.html#external_content_tables
FTS5_TABLE = """
CREATE VIRTUAL TABLE questions_search USING fts5(
    prompt, answer, in_practice,
    content='questions', content_rowid='id', tokenize='porter unicode61'
)
"""
ADD = (
    "INSERT INTO questions_search(rowid, prompt, answer, in_practice) "
    "VALUES (new.id, new.prompt, new.answer, new.in_practice);"
)
REMOVE = (
    "INSERT INTO questions_search(questions_search, rowid, prompt, answer, in_practice) "
    "VALUES ('delete', old.id, old.prompt, old.answer, old.in_practice);"
)
TRIGGERS = {
    "questions_search_insert": f"AFTER INSERT ON questions BEGIN {ADD} END",
    "questions_search_delete": f"AFTER DELETE ON questions BEGIN {REMOVE} END",
    "questions_search_update": (
        f"AFTER UPDATE OF prompt, answer, in_practice ON questions BEGIN {REMOVE} {ADD} END"
    ),
}
VECTOR = """
ALTER TABLE questions ADD COLUMN search_vector tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', prompt), 'A') ||
    setweight(to_tsvector('english', answer), 'B') ||
    setweight(to_tsvector('english', coalesce(in_practice, '')), 'C')
) STORED
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(VECTOR)
        op.execute("CREATE INDEX ix_questions_search ON questions USING gin (search_vector)")
        return
    op.execute(FTS5_TABLE)
    for name, body in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {body}")
    op.execute("INSERT INTO questions_search(questions_search) VALUES ('rebuild')")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_questions_search")
        op.execute("ALTER TABLE questions DROP COLUMN search_vector")
        return
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name}")
    op.execute("DROP TABLE questions_search")
