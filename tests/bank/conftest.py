"""Fixtures for what reads and writes the bank without HTTP."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import delete

from api.extensions import db
from api.models import Question, Topic


@pytest.fixture
def bank(app: Flask) -> Iterator[None]:
    """The bank with all fifty questions, for the code of the test itself."""
    with app.app_context():
        yield


def clear() -> None:
    """Take every question and every topic out of the bank."""
    db.session.execute(delete(Question))
    db.session.execute(delete(Topic))
    db.session.commit()


@pytest.fixture
def empty_bank(bank: None) -> None:
    """The bank without a question."""
    clear()
