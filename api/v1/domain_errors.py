"""What the domain raises, as problems: the one place where the bank's exceptions meet HTTP."""

from flask import Flask
from marshmallow import ValidationError
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response

from api.access import bearer
from api.accounts.tokens import SignInEndedError, SignInUnknownError
from api.accounts.users import AccountError, LastAdministratorError, UserUnknownError
from api.attachments.refusals import (
    AttachmentUnknownError,
    FileKindError,
    FileRefusedError,
    QuotaExceededError,
)
from api.bank.drafts import DraftUnknownError
from api.bank.grants import GrantUnknownError
from api.bank.history import RevisionUnknownError
from api.bank.questions import QuestionUnknownError
from api.bank.scratch import ScratchUnknownError
from api.bank.storing import BankBusyError, BankConflictError, is_busy
from api.bank.topics import TopicUnknownError
from api.http.errors import answer_http_error, answer_unforeseen
from api.http.parsing import invalid, pointer_errors
from api.http.problems import Problem
from api.jobs.queue import JobConflictError, JobUnknownError
from api.practice.rounds import CardUnknownError, NotRevealedError, TooFewQuestionsError


def problem_of(error: Exception) -> Problem:
    """Return the problem that a refusal of the bank's is.

    Of what is invalid it names the fields, never the values: the input may hold a password.
    """
    match error:
        case Problem():
            return error
        case LookupError():
            return Problem("not-found", str(error))
        case ValidationError():
            return invalid(pointer_errors(error.messages))
        case BankConflictError():
            detail = str(error)
            return Problem("conflict", detail if detail.endswith(".") else f"{detail}.")
    raise error


def _refusal(error: Exception) -> Response:
    return answer_http_error(problem_of(error))


def _refused(error: AccountError) -> Response:
    return answer_http_error(invalid(pointer_errors(error.faults)))


def _ended(error: SignInEndedError) -> Response:
    return answer_http_error(bearer.refusal("token-revoked", str(error)))


def _conflict(error: LastAdministratorError) -> Response:
    return answer_http_error(Problem("conflict", str(error)))


def _busy(error: BankBusyError) -> Response:
    wait = {"Retry-After": "1"}
    return answer_http_error(Problem("service-unavailable", f"{error}.", headers=wait))


def _too_few(error: TooFewQuestionsError) -> Response:
    """Point at what asks for too much: the size, or the filters where nothing fits them at all."""
    if error.found:
        only = "Only 1 question fits" if error.found == 1 else f"Only {error.found} questions fit"
        faults = {"size": [f"{only}; ask for fewer, or leave size out."]}
    elif error.filters:
        faults = {name: ["No question fits."] for name in error.filters}
    else:
        faults = {"_schema": ["The bank is empty."]}
    return answer_http_error(invalid(pointer_errors(faults)))


def _not_revealed(error: NotRevealedError) -> Response:
    return answer_http_error(Problem("card-not-revealed", str(error)))


def _file_refused(error: FileRefusedError) -> Response:
    errors = [{"pointer": "#/file", "detail": str(error), "code": error.reason.value}]
    return answer_http_error(Problem("file-refused", str(error), errors=errors))


def _kind_refused(error: FileKindError) -> Response:
    errors = [{"pointer": "#/file", "detail": str(error), "code": "not_allowed"}]
    return answer_http_error(Problem("file-kind-refused", str(error), errors=errors))


def _no_room(error: QuotaExceededError) -> Response:
    return answer_http_error(Problem("quota-exceeded", str(error), **error.numbers))


def _operational(error: OperationalError) -> Response:
    """Tell a database that is busy, which passes, from one that fails."""
    if not is_busy(error):
        return answer_unforeseen(error)
    return _busy(BankBusyError("Another program is writing to the database; try again"))


def _job_conflict(error: JobConflictError) -> Response:
    return answer_http_error(Problem("conflict", str(error)))


def init_app(app: Flask) -> None:
    """Register the handlers."""
    for kind in (
        QuestionUnknownError,
        TopicUnknownError,
        ScratchUnknownError,
        RevisionUnknownError,
        GrantUnknownError,
        DraftUnknownError,
        UserUnknownError,
        SignInUnknownError,
        CardUnknownError,
        AttachmentUnknownError,
        JobUnknownError,
    ):
        app.register_error_handler(kind, _refusal)
    app.register_error_handler(ValidationError, _refusal)
    app.register_error_handler(AccountError, _refused)
    app.register_error_handler(SignInEndedError, _ended)
    app.register_error_handler(LastAdministratorError, _conflict)
    app.register_error_handler(BankBusyError, _busy)
    app.register_error_handler(TooFewQuestionsError, _too_few)
    app.register_error_handler(NotRevealedError, _not_revealed)
    app.register_error_handler(BankConflictError, _refusal)
    app.register_error_handler(FileRefusedError, _file_refused)
    app.register_error_handler(FileKindError, _kind_refused)
    app.register_error_handler(QuotaExceededError, _no_room)
    app.register_error_handler(OperationalError, _operational)
    app.register_error_handler(JobConflictError, _job_conflict)
