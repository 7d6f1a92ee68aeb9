"""`/restx`: the bank read through Flask-RESTX, with the documentation that it generates (89).

Flask-RESTX is the living fork of Flask-RESTPlus. What stands here is a second way of building what
`api.v1` builds by hand: models and parsers are declared on namespaces, and the Swagger 2.0 file and its
page follow from them. It is no part of the contract, `openapi.yaml`: it documents itself, at
`/restx/swagger.json`, and a test holds every answer to that file. Nothing is loaded from elsewhere;
Swagger UI comes with the package.
Sources: https://flask-restx.readthedocs.io/en/latest/swagger.html and
https://flask-restx.readthedocs.io/en/latest/scaling.html
"""

from flask import Blueprint, Flask, Response, render_template, request
from flask_restx.mask import MaskError
from werkzeug.wrappers import Response as BaseResponse

from api.demonstrations import demonstrates
from api.http.errors import answer_http_error
from api.http.parsing import invalid
from api.restx import questions, topics
from api.restx.documented import Api

#: Swagger UI's own style sheet shows its arrows from `data:` addresses.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

TESTS = "tests/restx/test_documented.py"


@demonstrates(89, at="GET restx.doc", test=f"{TESTS}::test_the_page_loads_nothing_from_elsewhere")
def documentation() -> str:
    """Swagger UI without the inline script and style of the package's own page."""
    return render_template("restx/swagger.html")


def finish(response: Response) -> Response:
    """Tell caches what the answer depends on, and let the page load what it needs from here."""
    response.vary.add("X-Fields")
    if request.endpoint == "restx.doc" and response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = POLICY
    return response


def refuse_blank_mask() -> None:
    """Refuse a mask of white space: Flask-RESTX 1.3.2 fails on it. Raises MaskError."""
    mask = request.headers.get("X-Fields")
    if mask is not None and not mask.strip():
        raise MaskError("The mask is blank")


def refuse_mask(error: MaskError) -> BaseResponse:
    """Answer a mask of fields that cannot be read or does not fit, as a problem."""
    return answer_http_error(
        invalid([{"header": "X-Fields", "detail": f"{error}.", "code": "invalid"}])
    )


def init_app(app: Flask) -> None:
    """Mount a new `Api` with its namespaces at `/restx`. One `Api` belongs to one application."""
    blueprint = Blueprint(
        "restx",
        __name__,
        url_prefix="/restx",
        template_folder="templates",
        static_folder="static",
    )
    api = Api(
        version="1.0",
        title="Flask question bank, by Flask-RESTX",
        description="The bank, read-only. The API itself stands at /api/v1.",
        default_mediatype="application/json",
    )
    api.namespaces.clear()  # of the default namespace, which has nothing in it
    api.documentation(documentation)
    for namespace in (questions.namespace, topics.namespace):
        namespace.apis.clear()  # it lives as long as the process: an application need not
        api.add_namespace(namespace)
    api.init_app(blueprint)
    blueprint.before_request(refuse_blank_mask)
    blueprint.after_request(finish)
    app.register_blueprint(blueprint)
    app.register_error_handler(MaskError, refuse_mask)
