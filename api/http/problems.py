"""Problem details (RFC 9457): the types of error there are, and the exception that carries one.

Shows one shape for every error: `type` leads to a page that explains it, `errors` says where.
Source: https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import current_app, g, request, url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response

from api.http import languages

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of error: its slug, status and title, what it means and what the caller can do.

    The three texts are lazy: they are looked up in the caller's language when a problem is answered.
    """

    slug: str
    status: int
    title: LazyString
    meaning: LazyString
    remedy: LazyString


CATALOGUE: dict[str, ProblemType] = {
    kind.slug: kind
    for kind in (
        ProblemType(
            "malformed-request",
            400,
            _("Malformed request"),
            _(
                "The request could not be read: broken JSON, a key given twice, or bytes that are "
                "not UTF-8."
            ),
            _("Correct the syntax at the place that `detail` or `errors` names."),
        ),
        ProblemType(
            "session-tampered",
            400,
            _("Session cookie not genuine"),
            _(
                "The cookie that holds the practice round was changed after it was signed, or signed by a "
                "key that is not in force here."
            ),
            _("The answer clears the cookie. Start a new round with POST."),
        ),
        ProblemType(
            "token-missing",
            401,
            _("Token missing"),
            _("This needs to know who is calling, and no access token came with the request."),
            _("Sign in, and send the token: `Authorization: Bearer <token>`."),
        ),
        ProblemType(
            "token-malformed",
            401,
            _("Token malformed"),
            _("What was sent as a token is none, or was not signed by a key that is known here."),
            _("Send the token exactly as it was given to you."),
        ),
        ProblemType(
            "token-expired",
            401,
            _("Token expired"),
            _("The token was good, and its time is over."),
            _("Refresh an access token; sign in again where the refresh token has expired."),
        ),
        ProblemType(
            "token-revoked",
            401,
            _("Token revoked"),
            _(
                "The device that the token belongs to was signed out, or its refresh token was replayed."
            ),
            _("Sign in again."),
        ),
        ProblemType(
            "token-wrong-kind",
            401,
            _("Wrong kind of token"),
            _("A refresh token was sent where an access token belongs, or the other way round."),
            _(
                "Send the access token to the API, and the refresh token to `/sign-ins/refresh` only."
            ),
        ),
        ProblemType(
            "token-not-fresh",
            401,
            _("Recent sign-in needed"),
            _("What was asked for needs a password that was given a moment ago."),
            _("Sign in with the password and repeat the request with the new token."),
        ),
        ProblemType(
            "csrf-failed",
            401,
            _("CSRF token missing or wrong"),
            _("A change that is authorised by cookies must repeat the CSRF token in a header."),
            _(
                "Send the value of the `csrf_access_token` cookie as `X-CSRF-TOKEN`; with a session of the "
                "site, the `csrf_token` that `/identity` tells."
            ),
        ),
        ProblemType(
            "wrong-credentials",
            401,
            _("Wrong credentials"),
            _("Name and password do not belong together. Which of them is wrong is not told."),
            _("Check both. An account can be made at `/users`."),
        ),
        ProblemType(
            "code-needed",
            401,
            _("Code needed"),
            _("Name and password are right, and this account's sign-in takes a code as well."),
            _(
                "Send the code of the authenticator, or a recovery code, as `code`. Each is good once."
            ),
        ),
        ProblemType(
            "confirmation-needed",
            401,
            _("Confirmation needed"),
            _(
                "Name and password are right, and the account's e-mail address is not confirmed yet."
            ),
            _("Follow the link in the mail; the site sends another one at `/confirm`."),
        ),
        ProblemType(
            "forbidden",
            403,
            _("Forbidden"),
            _("It is known who is calling, and they may not do this."),
            _(
                "`required` names the permission that is missing; an administrator can give a role that "
                "has it."
            ),
        ),
        ProblemType(
            "not-found",
            404,
            _("Not found"),
            _(
                "Nothing stands at this address, or its form is wrong (a letter where a number belongs)."
            ),
            _("Start at the index of the API and follow its links."),
        ),
        ProblemType(
            "no-round",
            404,
            _("No practice round"),
            _(
                "No round came with the request: none was started, it was ended, or its time is over."
            ),
            _("Start one with POST, and send back the cookie that the answer sets."),
        ),
        ProblemType(
            "method-not-allowed",
            405,
            _("Method not allowed"),
            _("The resource is there, but it does not answer this method."),
            _("Use one of the methods that the `Allow` header lists."),
        ),
        ProblemType(
            "not-acceptable",
            406,
            _("Not acceptable"),
            _("None of the media types in `Accept` can be produced."),
            _("Ask for one of the media types that `available` lists."),
        ),
        ProblemType(
            "conflict",
            409,
            _("Conflict"),
            _("The request makes sense, but not in the state that the resource is in."),
            _("Read the resource again and decide from what you find."),
        ),
        ProblemType(
            "card-not-revealed",
            409,
            _("Card not revealed"),
            _("A card can be graded when its answer has been seen, and this one's has not."),
            _("Reveal the answer first: POST to the card's `reveal` link."),
        ),
        ProblemType(
            "quota-exceeded",
            409,
            _("Quota exceeded"),
            _("Your attachments take as many bytes as you may have, or would with this one."),
            _(
                "`used`, `allowed` and `needed` are in bytes; delete attachments that `/me/attachments` "
                "lists, and repeat the request."
            ),
        ),
        ProblemType(
            "idempotency-conflict",
            409,
            _("Idempotency key in use"),
            _(
                "An earlier request of this `Idempotency-Key` is still running, or it was carried out and "
                "its answer was lost: the `code` in `errors` tells which."
            ),
            _(
                "Send the same request again after the seconds that `Retry-After` gives. Where the answer "
                "was lost, look for what the request created; do not repeat it under another key."
            ),
        ),
        ProblemType(
            "session-expired",
            410,
            _("Session expired"),
            _("The signature of the practice cookie is good, and its time is over."),
            _("The answer clears the cookie. Start a new round with POST."),
        ),
        ProblemType(
            "events-gone",
            410,
            _("Events gone"),
            _(
                "The outbox does not tell all that happened after this position: it was trimmed since, or "
                "the position is of another database."
            ),
            _("Read the questions again, and go on from the position that `newest` names."),
        ),
        ProblemType(
            "length-required",
            411,
            _("Length required"),
            _(
                "The body came without its size, so that one which is cut off could not be told from a "
                "complete one."
            ),
            _("Send `Content-Length`, or the file as a part of a form."),
        ),
        ProblemType(
            "precondition-failed",
            412,
            _("Precondition failed"),
            _("The resource is no longer in the state that `If-Match` or `If-None-Match` names."),
            _("Read it again, apply your change to what you find, and send the new `ETag`."),
        ),
        ProblemType(
            "content-too-large",
            413,
            _("Content too large"),
            _("The body is larger than this resource takes."),
            _("Send less; `detail` names the limit in bytes."),
        ),
        ProblemType(
            "unsupported-media-type",
            415,
            _("Unsupported media type"),
            _("The body's `Content-Type` is missing or is not one that this resource reads."),
            _("Send the media type that `Accept` names in the answer, such as `application/json`."),
        ),
        ProblemType(
            "file-kind-refused",
            415,
            _("Kind of file not taken"),
            _(
                "The extension of an uploaded file is not on the list of what is taken. Nothing that a "
                "browser would run is on it, SVG and HTML among that."
            ),
            _("Send a file of a kind that `detail` lists."),
        ),
        ProblemType(
            "range-not-satisfiable",
            416,
            _("Range not satisfiable"),
            _("The part of a file that `Range` asks for begins behind its end."),
            _("`Content-Range` tells the length; ask for a part of it."),
        ),
        ProblemType(
            "invalid-parameters",
            422,
            _("Invalid parameters"),
            _(
                "The request was read, but a parameter or a field has a value that is not allowed here."
            ),
            _("Each entry of `errors` names one and says what is allowed."),
        ),
        ProblemType(
            "file-refused",
            422,
            _("File refused"),
            _(
                "An uploaded file is not what its name and type say, or is more than that: broken, empty, "
                "two formats at once, too costly to read, encrypted, able to act, or under a name that "
                "could harm whoever downloads it."
            ),
            _(
                "`code` tells which it is, `detail` what was found. Export the file anew from a program that "
                "you trust, and give it a plain name."
            ),
        ),
        ProblemType(
            "precondition-required",
            428,
            _("Precondition required"),
            _("A change must say which state of the resource it was made from."),
            _("Send `If-Match` with the `ETag` that you read, or `If-None-Match: *` to create."),
        ),
        ProblemType(
            "too-many-requests",
            429,
            _("Too many requests"),
            _("The quota of a rate limit is used up."),
            _("Wait for the seconds that `Retry-After` gives; `RateLimit` tells what is left."),
        ),
        ProblemType(
            "internal-error",
            500,
            _("Internal error"),
            _("Something failed that is not your fault. It has been logged under `request_id`."),
            _("Try again later; report the `request_id` if it stays."),
        ),
        ProblemType(
            "service-unavailable",
            503,
            _("Service unavailable"),
            _("A part that this request needs is not answering."),
            _("Try again after the seconds that `Retry-After` gives."),
        ),
    )
}

# The first of a status is its general case.
BY_STATUS = {kind.status: kind for kind in reversed(CATALOGUE.values())}


class Problem(HTTPException):
    """An error to be answered as problem details. Raise it anywhere under a request.

    :param slug: a key of `CATALOGUE`.
    :param detail: one sentence on this occurrence.
    :param errors: where it is wrong: `{"pointer" | "parameter" | "header", "detail", "code"}`.
    :param headers: response headers that belong to the error, such as `Retry-After`.
    :param members: further members of the problem object (RFC 9457, section 3.2).
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.kind = CATALOGUE[slug]
        self.code = self.kind.status
        self.errors = errors or []
        self.headers = dict(headers or {})
        self.members = members


def _type_uri(kind: ProblemType) -> str:
    """Return the address that explains `kind`.

    Flask refuses a forged `Host` before there is anything to build addresses from, and none may
    repeat that name: then the first of the trusted ones stands in.
    """
    if isinstance(request.routing_exception, SecurityError):
        host = current_app.config["TRUSTED_HOSTS"][0].removeprefix(".")
        adapter = current_app.url_map.bind(host, request.root_path, url_scheme=request.scheme)
        return adapter.build("v1.problem", {"slug": kind.slug}, force_external=True)
    return url_for("v1.problem", slug=kind.slug, _external=True)


def describe(
    kind: ProblemType,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    members: Mapping[str, Any] | None = None,
    *,
    status: int | None = None,
    title: str | None = None,
) -> dict[str, Any]:
    """Return a problem object; `render` says what the parameters are."""
    body: dict[str, Any] = {
        "type": _type_uri(kind),
        "title": title or str(kind.title),
        "status": status or kind.status,
        "detail": detail,
        "instance": quote(request.script_root + request.path),
        "request_id": g.get("request_id"),
    }
    if errors:
        body["errors"] = errors
    body.update(members or {})
    return body


def render(
    kind: ProblemType,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    members: Mapping[str, Any] | None = None,
    *,
    status: int | None = None,
    title: str | None = None,
) -> Response:
    """Answer a problem object.

    :param status: where the status is not the kind's own (an uncommon 4xx).
    :param title: likewise.
    """
    body = describe(kind, detail, errors, members, status=status, title=title)
    response = current_app.response_class(
        current_app.json.dumps(body) + "\n", status=status or kind.status, mimetype=MEDIA_TYPE
    )
    languages.mark(response)
    return response
