"""What is exported comes back unchanged, byte for byte, through every format and database."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.bank import exporting, formats, importing, loading, storing
from api.bank.catalogue import TECHNIQUES
from api.bank.formats import (
    WRITABLE,
    Format,
    QuestionDocument,
    Reading,
    ReadOnlyFormatError,
    normalised,
)
from api.bank.importing import OnConflict
from api.bank.questions import QuestionUnknownError
from api.bank.topics import TopicUnknownError
from api.extensions import db
from tests.bank.conftest import clear
from tests.bank.test_formats_round_trip import DOCUMENTS, FILES

TECHNICAL = st.none() | st.sampled_from(sorted(TECHNIQUES))


def exported(format_: Format) -> bytes:
    with exporting.run(format_) as parts:
        return "".join(parts).encode()


def everything(
    numbers: Sequence[exporting.Numbers] = (), topics: Sequence[str] = ()
) -> list[QuestionDocument]:
    with exporting.documents(numbers, topics) as found:
        return list(found)


def bring(data: bytes, format_: Format | None = None) -> None:
    report = importing.run(formats.read(data, format_))
    assert report.refused == []
    assert report.kept


def of(*numbers: int) -> Reading:
    return Reading(
        [QuestionDocument(number=number, prompt="?", answer="!") for number in numbers],
        [],
        Format.JSON,
    )


@pytest.mark.parametrize("format_", WRITABLE)
def test_the_bank_comes_back_unchanged(bank: None, format_: Format) -> None:
    first = exported(format_)
    clear()
    bring(first)
    assert exported(format_) == first


@settings(
    deadline=None,
    max_examples=15,
    # Each example clears the bank itself.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(documents=FILES, data=st.data())
def test_any_question_comes_back_unchanged(
    bank: None, documents: list[QuestionDocument], data: st.DataObject
) -> None:
    technical = [replace(each, technique=data.draw(TECHNICAL)) for each in documents]
    wanted = sorted(map(normalised, technical), key=lambda document: document.number)
    clear()
    assert importing.run(Reading(wanted, [], Format.JSON)).kept
    first = {format_: exported(format_) for format_ in WRITABLE}
    for document, found in zip(wanted, everything(), strict=True):
        # Times that were missing are those of the import.
        created_at = document.created_at and found.created_at
        updated_at = document.updated_at and found.updated_at
        assert replace(found, created_at=created_at, updated_at=updated_at) == document
    for format_ in WRITABLE:
        clear()
        bring(first[format_], format_)
        assert {each: exported(each) for each in WRITABLE} == first


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=DOCUMENTS, after=DOCUMENTS)
def test_an_update_says_what_the_file_says_from_then_on(
    bank: None, before: QuestionDocument, after: QuestionDocument
) -> None:
    clear()
    one, two = (normalised(replace(each, number=1, technique=None)) for each in (before, after))
    importing.run(Reading([one], [], Format.JSON))
    importing.run(Reading([two], [], Format.JSON), OnConflict.UPDATE)
    (found,) = everything()
    for member in importing.MEMBERS:
        assert getattr(found, member) == (getattr(two, member) or getattr(one, member)), member
    again = importing.run(Reading([two], [], Format.JSON))
    assert again.unchanged == [1]


def test_questions_come_in_the_order_of_their_numbers(
    empty_bank: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 2)
    importing.run(of(9, 3, 2_147_483_647, 1, 5))
    found = [document.number for document in everything()]
    assert found == [1, 3, 5, 9, 2_147_483_647]


def test_a_selection_by_number_range_and_topic(bank: None) -> None:
    def found(numbers: Sequence[exporting.Numbers] = (), topics: Sequence[str] = ()) -> list[int]:
        return [each.number for each in everything(numbers, topics)]

    assert found([(71, 71), (51, 53), (52, 54)]) == [51, 52, 53, 54, 71]
    by_topic = {
        slug: {each.number for each in loading.read_files().values() if slug in each.topics}
        for slug in ("uploads", "sessions")
    }
    assert found(topics=["uploads", "sessions"]) == sorted(set.union(*by_topic.values()))
    assert found([(51, 60)], ["uploads"]) == sorted(by_topic["uploads"] & set(range(51, 61)))
    assert found([(200, 300)]) == []


@pytest.mark.parametrize("format_", WRITABLE)
def test_what_is_not_there_is_an_error_before_anything_is_written(
    bank: None, format_: Format
) -> None:
    for error, numbers, topics in (
        (QuestionUnknownError, [(51, 51), (7, 7)], []),
        (TopicUnknownError, [], ["rest", "nope"]),
    ):
        with pytest.raises(error), exporting.run(format_, numbers, topics):
            pytest.fail("the export was opened")


def test_a_numbered_list_is_not_written(bank: None) -> None:
    with pytest.raises(ReadOnlyFormatError), exporting.run(Format.NUMBERED):
        pytest.fail("the export was opened")


def test_an_export_shows_one_state_of_the_bank(
    empty_bank: None, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 2)
    importing.run(of(1, 2, 3, 4))

    def write() -> None:
        with app.app_context():
            importing.run(of(5, 6))

    with exporting.documents() as found:
        seen = [next(found).number]
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(timeout=30)
        assert set(storing.read_by_number(db.session.connection(), [5, 6])) == {5, 6}
        seen += [document.number for document in found]
    assert seen == [1, 2, 3, 4]
