"""Full-text search on SQLite by the question's number instead of its row's id.

FTS5 yields the rows of a match in the order of their `rowid`, either way, from anywhere, and reads no
more of them than are taken. With the number there, the first twenty of half a million hits by number,
or the twenty after a cursor, cost as much as twenty of fifty.
Source: https://www.sqlite.org/fts5.html#external_content_tables

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-22
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _build(key: str) -> None:
    """Build index and triggers anew, with `key` of `questions` as the rowid of the index."""
    for event in ("insert", "delete", "update"):
        op.execute(f"DROP TRIGGER questions_search_{event}")
    op.execute("DROP TABLE questions_search")
    op.execute(
        "CREATE VIRTUAL TABLE questions_search USING fts5("
        f"prompt, answer, in_practice, content='questions', content_rowid='{key}', "
        "tokenize='porter unicode61')"
    )
    add = (
        "INSERT INTO questions_search(rowid, prompt, answer, in_practice) "
        f"VALUES (new.{key}, new.prompt, new.answer, new.in_practice);"
    )
    remove = (
        "INSERT INTO questions_search(questions_search, rowid, prompt, answer, in_practice) "
        f"VALUES ('delete', old.{key}, old.prompt, old.answer, old.in_practice);"
    )
    for name, body in {
        "insert": f"AFTER INSERT ON questions BEGIN {add} END",
        "delete": f"AFTER DELETE ON questions BEGIN {remove} END",
        "update": (
            f"AFTER UPDATE OF {key}, prompt, answer, in_practice ON questions "
            f"BEGIN {remove} {add} END"
        ),
    }.items():
        op.execute(f"CREATE TRIGGER questions_search_{name} {body}")
    op.execute("INSERT INTO questions_search(questions_search) VALUES ('rebuild')")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _build("number")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _build("id")
