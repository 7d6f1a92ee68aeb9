"""`/api/questions`: the version chosen by `Accept`, beside the version in the path (96).

One address for good, many representations: cache keys need `Vary: Accept`, and a browser's address
bar cannot ask for v2. The path is the plainer choice; this shows the other one.
Source: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
"""

from typing import Any

from flask import Blueprint, Response, after_this_request, current_app, request

from api.demonstrations import demonstrates
from api.http.parsing import parses_own_query
from api.http.problems import Problem

MEDIA_TYPE = "application/vnd.question-bank.{}+json"
VERSIONS = {MEDIA_TYPE.format(version): f"{version}.questions" for version in ("v2", "v1")}
#: What a client gets that asks for JSON of no particular version: the oldest, so as to break nobody.
DEFAULT = MEDIA_TYPE.format("v1")

blueprint = Blueprint("versions", __name__, url_prefix="/api")


def chosen() -> str:
    """Return the media type to answer in. Raises Problem (406) naming those there are."""
    if not request.accept_mimetypes:
        return DEFAULT
    offers = [DEFAULT, *VERSIONS, "application/json"]
    best = request.accept_mimetypes.best_match(offers)
    if best is None:
        raise Problem(
            "not-acceptable",
            f"Nothing in Accept can be produced; available are {', '.join(sorted(VERSIONS))}.",
            errors=[
                {"header": "Accept", "detail": "Names no version there is.", "code": "unknown"}
            ],
            available=[*sorted(VERSIONS), "application/json"],
        )
    return best


def _vary(response: Response) -> Response:
    """Refusals vary too: what v1 refuses v2 may take."""
    response.vary.add("Accept")
    return response


@blueprint.get("/questions")
@demonstrates(96, test="tests/test_versions.py::test_accept_chooses_the_version_and_406_names_them")
@parses_own_query
def questions() -> Any:
    """The questions of the bank, in the version that `Accept` asks for."""
    after_this_request(_vary)
    media_type = chosen()
    view = current_app.view_functions[VERSIONS.get(media_type, VERSIONS[DEFAULT])]
    response: Response = current_app.ensure_sync(view)()
    response.headers["Content-Type"] = media_type
    return response
