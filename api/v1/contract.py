"""`/openapi.yaml` and `/openapi.json`: the contract, served as it stands in the repository."""

from typing import Any

from flask import Response, current_app, request

from api.http.contract import document, text


def contract_yaml() -> Response:
    """The contract as OpenAPI 3.1 in YAML."""
    return current_app.response_class(text(), mimetype="application/yaml")


def contract_json() -> dict[str, Any]:
    """The contract as OpenAPI 3.1 in JSON, its server being this one."""
    return {**document(), "servers": [{"url": request.root_url.rstrip("/")}]}
