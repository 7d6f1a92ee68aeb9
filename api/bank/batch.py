"""Many changes in one transaction: all of them or none, or each in a savepoint of its own (68).

Shows what a transaction decides: *when one write fails, what becomes of the others*. In a batch that is
atomic the first failure ends it and everything is rolled back. In one that is not, each operation runs
in a savepoint; rolling back to it loses that operation, with all that it wrote (rows, revisions, the
event, the search index, versions that triggers raised), and nothing else.

Both run under the bank's writer's lock, in the transaction that `storing.writing` begins and commits.
Its `BEGIN IMMEDIATE` is also what makes savepoints work on SQLite: Python's driver begins no
transaction before a SAVEPOINT, and one outside of a transaction is a transaction, kept when released.
Sources: https://docs.sqlalchemy.org/en/21/orm/session_transaction.html#using-savepoint and
https://www.sqlite.org/lang_savepoint.html
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import uniform
from time import sleep
from typing import Any, Protocol, TypeVar

from marshmallow import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from api.bank import editing, storing
from api.bank.formats.documents import QuestionDocument
from api.bank.history import Action, Change
from api.bank.questions import QuestionUnknownError
from api.bank.storing import BankBusyError, BankConflictError, Placed, Stored
from api.demonstrations import demonstrates
from api.extensions import db
from api.models.types import now

T = TypeVar("T")

log = logging.getLogger(__name__)

TESTS = "tests/v1/test_batch.py"

MAX_OPERATIONS = 100
"""Operations in a batch: other writers wait until the last of them is done."""

ATTEMPTS = 3
"""How often a batch is begun at most. Each may wait `storing.WAIT_SECONDS` for its turn; together they
stay below the lease of an idempotency key, after which the request would be taken for dead."""

PAUSE_SECONDS = 0.05
"""The longest pause before the second attempt; twice as long before the next. A random part of it is
waited, so that two that collided do not collide again."""


class Kind(StrEnum):
    """What an operation does."""

    CREATE = "create"
    REPLACE = "replace"
    PATCH = "patch"
    DELETE = "delete"


class Mode(StrEnum):
    """What becomes of the others when one operation fails."""

    ATOMIC = "atomic"
    INDEPENDENT = "independent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One change that a batch asks for."""

    kind: Kind
    number: int | None = None
    """The question's; None where a new one shall get the next that is free."""
    members: Mapping[str, Any] = field(default_factory=dict)
    if_match: str | None = None
    """The state that the change was made from, in the words of whoever judges it (`Guard.match`)."""
    fault: ValidationError | None = None
    """What was wrong with the members when they were read; it counts at the operation's turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an operation: it failed with `error`, or left `document` (None: deleted)."""

    number: int | None
    document: QuestionDocument | None = None
    error: Exception | None = None


class OperationRefusedError(RuntimeError):
    """An operation of an atomic batch failed, so that nothing of the batch is kept."""

    def __init__(self, place: int, cause: Exception) -> None:
        super().__init__(f"Operation {place} failed: {cause}")
        self.place, self.cause = place, cause


class Guard(Protocol):
    """Who lets operations through: permissions and preconditions, which are the caller's matter.

    It is asked under the lock, so that what it finds cannot change before the operation is done; and
    anew in each attempt.
    """

    refusal: type[Exception]
    """What `permit` and `match` raise."""

    def begin(self, questions: Mapping[int, Placed]) -> None:
        """Look at the questions that the batch names, as they stand before it, by number."""

    def permit(self, operation: Operation) -> None:
        """Raise unless whoever asks may do this."""

    def match(self, operation: Operation, *, made_here: bool) -> None:
        """Raise unless the question is in the state that the operation was made from.

        :param made_here: the question is one that the batch itself has created.
        """


def run(operations: Sequence[Operation], mode: Mode, author_id: int, guard: Guard) -> list[Outcome]:
    """Carry out a batch in one transaction; return an outcome for each operation, in their order.

    :param author_id: the user who changes the questions, and whose the new ones will be.
    Raises OperationRefusedError (atomic: nothing is kept), storing.BankBusyError when the last attempt
    met a conflict, storing.BankConflictError.
    """
    carry_out = all_or_nothing if mode is Mode.ATOMIC else each_on_its_own

    def attempt() -> list[Outcome]:
        with storing.writing() as connection:
            numbers = {each.number for each in operations if each.number is not None}
            there = storing.read_by_number(connection, sorted(numbers))
            guard.begin({number: stored.placed for number, stored in there.items()})
            return carry_out(operations, Turn(author_id, guard))

    return retried(attempt)


def retried(attempt: Callable[[], T]) -> T:
    """Call what is a transaction of its own, again where it lost against another one.

    A deadlock, a serialization failure or a lock that did not come in time is nobody's fault, and all
    that the attempt did was rolled back: so the whole of it is done again, `ATTEMPTS` times at most.
    A statement alone could not be repeated: what was read before it may hold no more.
    Source: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html

    Raises storing.BankBusyError when the last attempt fails like that.
    """
    for number in range(1, ATTEMPTS):
        try:
            return attempt()
        except BankBusyError as error:
            log.info("attempt %d of %d met a conflict: %s", number, ATTEMPTS, error.__cause__)
            longest = PAUSE_SECONDS * 2 ** (number - 1)
            sleep(uniform(0, longest))  # noqa: S311  # a pause is no secret
    return attempt()


class Turn:
    """Carries out one operation after the other; knows which questions the batch has made."""

    def __init__(self, author_id: int, guard: Guard) -> None:
        self._author_id, self._guard = author_id, guard
        self._made: set[int] = set()
        #: What is an operation's failure, and not the database's or the program's.
        self.refusals = (guard.refusal, QuestionUnknownError, ValidationError, BankConflictError)

    def take(self, operation: Operation) -> Outcome:
        """Carry out an operation in the transaction, or the savepoint, that is open.

        Raises one of `refusals`; and what ends the whole attempt, such as a deadlock.
        """
        # Asked of the session: its savepoint begins here, when the session first uses the connection.
        # Statements on a connection from before would run outside of it.
        connection = db.session.connection()
        self._guard.permit(operation)
        if operation.fault is not None:
            raise operation.fault
        try:
            document = self._write(connection, operation)
        except IntegrityError as error:
            raise storing.conflict(error) from error
        return Outcome(number=document.number if document else operation.number, document=document)

    def done(self, operation: Operation, outcome: Outcome) -> None:
        """Note that an operation stands, its savepoint released."""
        if operation.kind is Kind.CREATE and outcome.number is not None:
            self._made.add(outcome.number)

    def _write(self, connection: Connection, operation: Operation) -> QuestionDocument | None:
        number, author_id = operation.number, self._author_id
        if operation.kind is Kind.CREATE or number is None:
            document = editing.judged(operation.members, number)
            change = Change(action=Action.CREATED, at=now(), author_id=author_id)
            return editing.insert(connection, document, number, change, author_id).document

        def check(_: Stored) -> None:
            self._guard.match(operation, made_here=number in self._made)

        if operation.kind is Kind.DELETE:
            editing.remove(connection, number, author_id, check)
            return None
        make = editing.patching if operation.kind is Kind.PATCH else editing.replacing
        changed = editing.change(connection, number, author_id, check, make(operation.members))
        return changed.document


@demonstrates(68, at="POST v1.batch", test=f"{TESTS}::test_when_one_fails_nothing_is_kept")
def all_or_nothing(operations: Sequence[Operation], turn: Turn) -> list[Outcome]:
    """Carry out all operations; the first that fails ends the transaction.

    Raises OperationRefusedError, upon which `storing.writing` rolls back whatever came before.
    """
    outcomes = []
    for place, operation in enumerate(operations):
        try:
            outcome = turn.take(operation)
        except turn.refusals as error:
            raise OperationRefusedError(place, error) from error
        turn.done(operation, outcome)
        outcomes.append(outcome)
    return outcomes


@demonstrates(
    68, at="POST v1.batch", test=f"{TESTS}::test_by_savepoint_only_the_failed_one_is_lost"
)
def each_on_its_own(operations: Sequence[Operation], turn: Turn) -> list[Outcome]:
    """Carry out each operation in a savepoint; one that fails is rolled back to where it began.

    The `except` stands outside of the `with`: leaving the block is what rolls back or releases. What
    is no refusal (a deadlock, say) ends the whole transaction: its locks are gone.
    """
    outcomes = []
    for operation in operations:
        try:
            with db.session.begin_nested():
                outcome = turn.take(operation)
        except turn.refusals as error:
            outcome = Outcome(number=operation.number, error=error)
        else:
            turn.done(operation, outcome)
        outcomes.append(outcome)
    return outcomes
