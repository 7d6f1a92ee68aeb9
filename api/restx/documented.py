"""Flask-RESTX without what it takes over: errors, JSON and the description's address (89).

Its `Api` puts itself in front of `app.handle_exception` and `handle_user_exception` and answers
errors of its endpoints as `{"message": …}`; its parser answers 400 with a shape of its own; the
description is written once, with the address of whoever asked first. This one registers resources,
documents them, and leaves the rest to the application.
"""

from typing import Any, NoReturn

import flask_restx
from flask import Flask, Request, request
from flask_restx.apidoc import apidoc
from flask_restx.reqparse import RequestParser
from werkzeug.exceptions import BadRequest

from api.demonstrations import demonstrates
from api.http.parsing import check_query_string, invalid, parameter_errors, unknown_parameter
from api.http.restful import output_json

TESTS = "tests/restx/test_documented.py"
#: Defaults that the parent sets while it takes errors over.
SETTINGS = {
    "RESTX_MASK_HEADER": "X-Fields",
    "RESTX_MASK_SWAGGER": True,
    "RESTX_INCLUDE_ALL_MODELS": False,
}


@demonstrates(
    89, at="GET restx.specs", test=f"{TESTS}::test_the_description_and_the_routes_name_each_other"
)
class Api(flask_restx.Api):
    """Registers and documents resources; errors and JSON stay the application's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.representations = {"application/json": output_json}

    def _init_app(self, app: Flask) -> None:
        """Register resources and Swagger UI's files; the parent also takes over error handling."""
        for resource, namespace, urls, kwargs in self.resources:
            self._register_view(app, resource, namespace, *urls, **kwargs)
        app.register_blueprint(apidoc, url_prefix="/restx")
        for name, value in SETTINGS.items():
            app.config.setdefault(name, value)

    @property
    def __schema__(self) -> dict[str, Any]:
        """The description for the address that this request came to (a mount, a proxy's prefix)."""
        return {**super().__schema__, "basePath": self.base_path.rstrip("/")}


class Parser(RequestParser):
    """A parser of query parameters that refuses as the API does: 422, each parameter named."""

    def __init__(self) -> None:
        super().__init__(bundle_errors=True)

    def parse_args(self, req: Request | None = None, strict: bool = True) -> Any:
        """Return the arguments. Raises Problem: 400 for a broken query string, else 422."""
        check_query_string(request)
        known = sorted(argument.name for argument in self.args)
        strays = [name for name in request.args if name not in known]
        if strays:
            raise invalid(parameter_errors(dict.fromkeys(strays, unknown_parameter(known))))
        try:
            return super().parse_args(req)
        except BadRequest as error:
            _refuse(error)


def _refuse(error: BadRequest) -> NoReturn:
    faults: dict[str, str] = getattr(error, "data", {}).get("errors", {})
    raise invalid(parameter_errors(faults)) from error
