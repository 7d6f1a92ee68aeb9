"""`/openapi.yaml` and `/openapi.json`: the contract, served as it stands in the repository."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from flask import Response, current_app, request

PATH = Path(__file__).resolve().parents[2] / "openapi.yaml"


@cache
def _text() -> str:
    return PATH.read_text(encoding="utf-8")


@cache
def document() -> dict[str, Any]:
    """Return the contract as it is written."""
    # libyaml's loader: the one in Python takes seconds for a document of this length.
    loaded: dict[str, Any] = yaml.load(_text(), Loader=yaml.CSafeLoader)
    return loaded


def contract_yaml() -> Response:
    """The contract as OpenAPI 3.1 in YAML."""
    return current_app.response_class(_text(), mimetype="application/yaml")


def contract_json() -> dict[str, Any]:
    """The contract as OpenAPI 3.1 in JSON, its server being this one."""
    return {**document(), "servers": [{"url": request.root_url.rstrip("/")}]}
