"""`/questions/batch`: many changes of questions in one request, and in one transaction (68).

An operation needs the permission and the precondition that the same change by itself would need. A
failure is told as the problem that the single resource would answer, and points into the batch:
`#/operations/3/changes/topics/0`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, url_for
from flask_restful import Resource
from werkzeug.http import quote_etag

from api.access.identity import forbid, may, requires, signed_in_id
from api.access.questions import require_edit
from api.accounts.permissions import Action
from api.bank import batch
from api.bank.batch import Kind, Operation, OperationRefusedError, Outcome
from api.bank.editing import NumberTakenError
from api.bank.questions import neighbours
from api.bank.storing import Placed
from api.http.conditional import holds
from api.http.idempotency import idempotent
from api.http.limits import writes
from api.http.parsing import body, invalid
from api.http.problems import Problem, describe
from api.http.restful import output_json
from api.schemas.batch import CONTENT, BatchBody
from api.v1.domain_errors import problem_of
from api.v1.questions import etag_as_read

#: What a change answers by itself, when it succeeds.
SUCCESS = {Kind.CREATE: 201, Kind.REPLACE: 200, Kind.PATCH: 200, Kind.DELETE: 204}

#: Where in an operation the reason lies, for a problem that names no place of its own.
PLACES = {
    "forbidden": {"place": "", "code": "forbidden"},
    "not-found": {"place": "/number", "code": "not_found"},
    "conflict": {"place": "", "code": "conflict"},
}


class CallersGuard:
    """Holds a batch to the caller's permissions and to the ETags that the caller has read.

    An ETag is compared with the question as it stood before the batch: no later one can the caller
    have read, and what came since is the batch's own doing, links to new neighbours included.
    """

    refusal: type[Exception] = Problem

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._conditional = {each.number for each in operations if each.if_match is not None}
        self._tags: dict[int, str] = {}

    def begin(self, questions: Mapping[int, Placed]) -> None:
        """Make the ETags of the questions that stand, where one is asked for."""
        self._tags = {
            number: etag_as_read(question)
            for number, question in questions.items()
            if number in self._conditional
        }

    def permit(self, operation: Operation) -> None:
        """Ask for what the single resource asks for. Raises Problem (403)."""
        if operation.kind in {Kind.REPLACE, Kind.PATCH} and operation.number is not None:
            require_edit(operation.number)
            return
        create = operation.kind is Kind.CREATE
        action = Action.CREATE_QUESTION if create else Action.DELETE_QUESTION
        if not may(action):
            raise forbid(action)

    def match(self, operation: Operation, *, made_here: bool) -> None:
        """Compare the operation's ETag. Raises Problem: 428 without one, 412 for another one."""
        if operation.if_match is None:
            raise Problem(
                "precondition-required",
                "Give if_match, with the ETag that you read; * stands for any.",
                errors=[{"pointer": "#/if_match", "detail": "Missing.", "code": "required"}],
            )
        before = None if made_here else self._tags.get(operation.number or 0)
        if not holds(operation.if_match, before, there=True):
            now = (
                "The batch itself made this question: nobody has read an ETag of it; only * holds."
            )
            if before is not None:
                now = f"The current ETag is {quote_etag(before)}."
            raise Problem(
                "precondition-failed",
                f"if_match does not hold. {now}",
                errors=[{"pointer": "#/if_match", "detail": now, "code": "stale"}],
            )


def located(error: Exception, place: int, operation: Operation) -> Problem:
    """Return the problem that an operation's failure is, its places as those of the batch.

    :param place: the operation's, counted from 0 as JSON Pointers do.
    """
    problem, base = problem_of(error), f"#/operations/{place}"
    if problem.kind.slug == "invalid-parameters":
        content, _ = CONTENT[operation.kind]
        inner = f"{base}/{content}"
        return invalid([{**e, "pointer": inner + e["pointer"][1:]} for e in problem.errors])
    if problem.errors:
        problem.errors = [{**e, "pointer": base + e["pointer"][1:]} for e in problem.errors]
    else:
        about = PLACES[problem.kind.slug]
        taken = isinstance(error, NumberTakenError) and operation.number is not None
        pointer, code = base + ("/question/number" if taken else about["place"]), about["code"]
        problem.errors = [{"pointer": pointer, "detail": problem.description, "code": code}]
    return problem


def represent(operations: Sequence[Operation], outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Represent what became of each operation.

    The ETag is that of the question as the whole batch has left it: the one that the next change must
    name. Where a later operation deleted it there is none.
    """
    last = {each.number: each.document for each in outcomes if each.error is None}
    tags = {
        number: quote_etag(etag_as_read(Placed(document, *neighbours(document.number))))
        if document
        else None
        for number, document in last.items()
    }
    items = []
    for place, (operation, outcome) in enumerate(zip(operations, outcomes, strict=True)):
        item: dict[str, Any] = {"op": operation.kind.value, "number": outcome.number}
        if outcome.error is not None:
            problem = located(outcome.error, place, operation)
            told = describe(
                problem.kind, problem.description or "", problem.errors, problem.members
            )
            item |= {"status": problem.code, "problem": told}
        else:
            item["status"] = SUCCESS[operation.kind]
            if operation.kind is not Kind.DELETE:
                item["etag"] = tags[outcome.number]
            if operation.kind is Kind.CREATE:
                item["location"] = url_for("v1.question", number=outcome.number, _external=True)
        items.append(item)
    return items


class Batch(Resource):
    """Many changes of questions at once: all or none of them, or each on its own."""

    @writes
    @requires(Action.USE_OWN_ACCOUNT)
    @idempotent
    @body(BatchBody)
    def post(self, args: dict[str, Any]) -> Response:
        """Carry out the operations in their order, in one transaction."""
        operations, mode = args["operations"], args["mode"]
        try:
            outcomes = batch.run(operations, mode, signed_in_id(), CallersGuard(operations))
        except OperationRefusedError as error:
            refused = operations[error.place]
            raise located(error.cause, error.place, refused) from error
        failed = sum(each.error is not None for each in outcomes)
        return output_json(
            {
                "mode": mode.value,
                "succeeded": len(outcomes) - failed,
                "failed": failed,
                "operations": represent(operations, outcomes),
            },
            200,
        )
