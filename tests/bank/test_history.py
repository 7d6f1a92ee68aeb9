"""Every change leaves a revision, in its own transaction, whichever way it comes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, func, select

from api.accounts import users
from api.bank import editing, history, importing, loading, storing
from api.bank.formats import Format, QuestionDocument, Reading
from api.bank.importing import OnConflict
from api.bank.questions import QuestionUnknownError
from api.extensions import db
from api.models import QuestionRevision
from tests.accounts.tools import PASSWORD

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def ada(bank: None) -> int:
    return users.create("ada", PASSWORD).id


def document(number: int, answer: str = "Because.", **members: Any) -> QuestionDocument:
    return QuestionDocument(number=number, prompt=f"Why {number}?", answer=answer, **members)


def bring(*documents: QuestionDocument) -> importing.ImportReport:
    return importing.run(Reading(list(documents), [], Format.JSON), OnConflict.UPDATE)


def rows() -> int:
    return db.session.scalar(select(func.count()).select_from(QuestionRevision)) or 0


def told(number: int) -> list[tuple[int, str, str | None]]:
    found, total = history.find_page(number, 1, 100)
    assert total == len(found)
    return [(each.revision, each.action.value, each.author) for each in found]


def same(question: storing.Placed) -> storing.Placed:
    """Return what was made."""
    return question


def nothing(_: storing.Stored | None) -> None:
    """Check nothing."""


def test_what_nobody_changed_has_a_history_and_costs_no_row(bank: None) -> None:
    assert bring(*(document(n) for n in range(1001, 1101))).kept
    assert rows() == 0
    assert told(51) == [(1, "loaded", None)]
    assert told(1001) == [(1, "imported", None)]
    first, before = history.get(1001, 1)
    assert before is None
    stored = storing.read_by_number(db.session.connection(), [1001])[1001]
    assert first.document == stored.document
    assert first.at == stored.document.updated_at
    assert rows() == 0


def test_the_first_change_writes_down_what_was_before_it(bank: None, ada: int) -> None:
    before = storing.read_by_number(db.session.connection(), [51])[51].document
    editing.patch(51, {"prompt": "Changed?"}, ada, nothing)
    assert told(51) == [(2, "updated", "ada"), (1, "loaded", None)]
    assert rows() == 2
    second, first = history.get(51, 2)
    assert first is not None
    assert first.document == before
    assert second.document is not None
    assert second.document.prompt == "Changed?"
    assert history.get(51, 1)[0] == first


def test_every_way_in_leaves_a_revision(bank: None, ada: int, tmp_path: Any) -> None:
    editing.create({"prompt": "Why 501?", "answer": "Because."}, 501, ada, same)
    bring(document(501, "Imported."), document(71, "Imported."))
    assert told(501) == [(2, "imported", None), (1, "created", "ada")]
    assert told(71) == [(2, "imported", None), (1, "loaded", None)]
    (path,) = loading.FILES.glob("072-*.md")
    changed = path.read_text("utf-8").replace("\n## In practice", "\nMore.\n\n## In practice")
    (tmp_path / path.name).write_text(changed, "utf-8")
    assert loading.load(tmp_path).updated == [72]
    assert told(72) == [(2, "loaded", None), (1, "loaded", None)]
    editing.replace(501, {"prompt": "Why?", "answer": "So."}, ada, nothing)
    editing.delete(501, ada, nothing)
    assert told(501)[0] == (4, "deleted", "ada")
    bring(document(501))
    assert told(501)[0] == (5, "imported", None)


def test_a_change_that_is_not_kept_leaves_no_revision(bank: None, ada: int) -> None:
    def refuse(_: storing.Stored | None) -> None:
        raise PermissionError

    for change in (
        lambda: editing.patch(51, {"prompt": "No?"}, ada, refuse),
        lambda: editing.delete(51, ada, refuse),
        lambda: editing.restore(51, 1, ada, refuse),
    ):
        with pytest.raises(PermissionError):
            change()

    def interrupted() -> None:
        with storing.writing() as connection:
            change = history.Change(action=history.Action.UPDATED, at=AT, author_id=ada)
            stored = storing.read_by_number(connection, [51])[51]
            entry = storing.Entry(document=stored.document)
            storing.replace(connection, [entry], change, {51: stored})
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    assert rows() == 0
    assert told(51) == [(1, "loaded", None)]


def test_a_restored_question_is_its_authors_again(bank: None, ada: int) -> None:
    made = editing.create({"prompt": "Why?", "answer": "So."}, None, ada, same)
    editing.patch(made.number, {"answer": "Otherwise."}, ada, nothing)
    editing.delete(made.number, ada, nothing)
    back, was_gone = editing.restore(made.number, 1, ada, nothing)
    assert was_gone
    assert (back.document.answer, back.document.created_at) == ("So.", made.document.created_at)
    stored = storing.read_by_number(db.session.connection(), [made.number])[made.number]
    assert (stored.author_id, stored.document) == (ada, back.document)
    assert told(made.number)[0] == (4, "restored", "ada")
    again, was_gone = editing.restore(made.number, 2, ada, nothing)
    assert (again.document.answer, was_gone) == ("Otherwise.", False)
    with pytest.raises(editing.NothingToRestoreError, match="Revision 3 is the deletion"):
        editing.restore(made.number, 3, ada, nothing)


def test_what_never_was_has_no_history(bank: None, ada: int) -> None:
    with pytest.raises(QuestionUnknownError):
        history.find_page(1, 1, 20)
    with pytest.raises(QuestionUnknownError):
        history.get(1, 1)
    with pytest.raises(history.RevisionUnknownError):
        history.get(51, 2)
    with pytest.raises(QuestionUnknownError):
        editing.restore(1, 1, ada, nothing)
    editing.patch(51, {}, ada, nothing)
    with pytest.raises(history.RevisionUnknownError):
        history.get(51, 3)


def test_an_update_of_many_is_a_few_statements(bank: None) -> None:
    bring(*(document(n) for n in range(1001, 2001)))
    statements: list[str] = []

    def sent(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", sent)
    try:
        bring(*(document(n, "Otherwise.") for n in range(1001, 2001)))
    finally:
        event.remove(db.engine, "before_cursor_execute", sent)
    # SQLite and PostgreSQL take so many rows at a time; a statement per row would be thousands.
    assert len(statements) < 40, statements
    assert rows() == 2000
    assert told(1500) == [(2, "imported", None), (1, "imported", None)]


# --- the difference -------------------------------------------------------------------------------


def test_the_difference_names_what_changed_and_nothing_else() -> None:
    before = document(1, "One.\n\nTwo.\n\nThree.", topics=("rest",), difficulty="beginner")
    after = document(1, "One.\n\n2.\n\nThree.", topics=("rest", "testing"), in_practice="New.")
    assert history.difference(before, after) == {
        "answer": {"diff": ["@@ -1,5 +1,5 @@", " One.", " ", "-Two.", "+2.", " ", " Three."]},
        "in_practice": {"diff": ["@@ -0,0 +1 @@", "+New."]},
        "topics": {"before": ["rest"], "after": ["rest", "testing"]},
        "difficulty": {"before": "beginner", "after": None},
    }
    assert history.difference(before, before) == {}
    assert set(history.difference(None, before)) == {"prompt", "answer", "topics", "difficulty"}
    gone = history.difference(before, None)
    assert gone["prompt"] == {"diff": ["@@ -1 +0,0 @@", "-Why 1?"]}


def test_texts_of_too_many_lines_are_told_whole() -> None:
    # What takes difflib longest: many lines, all different, none in its place.
    old = "\n".join(f"{n}" for n in range(9000))
    new = "\n".join(f"{n}" for n in sorted(range(9000), key=lambda n: n * 7919 % 9001))
    lines = history.difference(document(1, old), document(1, new))["answer"]["diff"]
    assert lines[0] == "@@ -1,9000 +1,9000 @@"
    assert [line[1:] for line in lines if line[0] == "-"] == old.split("\n")
    assert [line[1:] for line in lines if line[0] == "+"] == new.split("\n")
