"""Holds an answer to openapi.yaml: the suite's client hands every one of its answers in here."""

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml
from werkzeug.test import TestResponse

import config
from tests.contract.contract import (
    Operation,
    Response,
    component_response,
    find_path,
    load_yaml,
    methods_of,
    operations,
)

#: Headers that the contract leaves out: they say nothing of one operation.
UNDOCUMENTED = frozenset(
    {
        # What every HTTP message has.
        "connection", "content-length", "content-type", "date",
        # CORS, answered to origins on the list alike everywhere; tests/http holds them.
        "access-control-allow-credentials", "access-control-allow-headers",
        "access-control-allow-methods", "access-control-allow-origin",
        "access-control-expose-headers", "access-control-max-age",
        # Security headers, alike everywhere; tests/http holds them too.
        "content-security-policy", "referrer-policy", "strict-transport-security",
        "x-content-type-options",
    }
)  # fmt: skip

#: What an address that is not in the contract may answer, or one with a request too broken to route.
#: A bad token is refused there as everywhere.
_OUTSIDE = {"400": "BadRequest", "401": "BadToken", "404": "NotFound"}

#: Where a token comes in, beside the `Authorization` header.
_TOKEN_COOKIE = re.compile(r"(?:^|;\s*)(?:(?:access|refresh)_token_cookie|session)=")


@cache
def _prefix() -> re.Pattern[str]:
    """Match the API's paths, also where the whole application is mounted a second time."""
    alias = re.escape(config.Testing().MOUNT_ALIAS)
    return re.compile(rf"(?:{alias})?(/api(?:/.*)?)", re.DOTALL)


def check_response(response: TestResponse) -> None:
    """Fail unless the contract documents this answer.

    :param response: what a test client got. Those before it, where redirects were followed, are
        checked too. Addresses outside `/api` belong to the site and have no contract.
    """
    for earlier in response.history:
        check_response(earlier)
    request = response.request
    match = _prefix().fullmatch(request.path)
    if match is None:
        return
    faults = _faults(response, match[1])
    if faults:
        told = f"{request.method} {request.full_path.rstrip('?')} → {response.status}"
        pytest.fail("\n- ".join([f"{told} is not as openapi.yaml says:", *faults]), pytrace=False)


def _faults(response: TestResponse, path: str) -> list[str]:
    """Say everything in which the answer and the contract differ."""
    method, status = response.request.method.upper(), str(response.status_code)
    template = find_path(path)
    if template is None:
        return _outside(response, path)
    if method == "OPTIONS" and status == "200":
        return _allow_faults(response, template)
    # HEAD is GET without the body, and is documented by it.
    operation = operations().get(("get" if method == "HEAD" else method.lower(), template))
    if operation is None:
        if status == "405":
            documented = component_response("MethodNotAllowed")
            return _allow_faults(response, template) + _message_faults(response, documented)
        # A value that no route takes (letters for a number): then the address is not there at all.
        return _outside(response, path)
    documented_response = operation.responses.get(status)
    if documented_response is None:
        return [f"the status is none of {', '.join(operation.responses)}"]
    return [
        *_parameter_faults(response, operation),
        *_message_faults(response, documented_response),
        *_token_faults(response, documented_response),
    ]


def _outside(response: TestResponse, path: str) -> list[str]:
    """Check the answer at an address that the contract does not have."""
    status = str(response.status_code)
    if status == "308" and find_path(path + "/") is not None:
        return [] if "Location" in response.headers else ["Location is missing"]
    if status in _OUTSIDE:
        documented = component_response(_OUTSIDE[status])
        return _message_faults(response, documented) + _token_faults(response, documented)
    return ["the address is not in the contract"]


def _allow_faults(response: TestResponse, template: str) -> list[str]:
    told = {method.strip() for method in response.headers.get("Allow", "").split(",")}
    wanted = methods_of(template)
    return (
        [] if told == wanted else [f"Allow: {sorted(told)} where {sorted(wanted)} are documented"]
    )


def _parameter_faults(response: TestResponse, operation: Operation) -> list[str]:
    """Say which parameters were taken although the contract does not have them."""
    if response.status_code >= 400:
        return []
    stray = response.request.args.keys() - operation.query_names
    return [f"the undocumented parameter {name!r} was taken" for name in sorted(stray)]


def _token_faults(response: TestResponse, documented: Response) -> list[str]:
    """Fault a refused token that nobody sent: what is public asks nobody who they are."""
    if documented.place != component_response("BadToken").place:
        return []
    sent = response.request.headers
    if "Authorization" in sent or _TOKEN_COOKIE.search(sent.get("Cookie", "")):
        return []
    return ["a token is refused, and none was sent"]


def _message_faults(response: TestResponse, documented: Response) -> list[str]:
    """Compare headers and body with what is documented for them."""
    faults = []
    names = {name.lower() for name in response.headers.keys()}  # noqa: SIM118  # Headers iterates pairs
    for name, header in documented.headers.items():
        if name in names:
            lines = response.headers.getlist(name)
            # The one field whose lines cannot be joined: a date in it has a comma (RFC 9110, 5.3).
            values = lines if name == "set-cookie" else [", ".join(lines)]
            faults += [fault for value in values for fault in header.faults(value)]
        elif header.required:
            faults.append(f"the header {header.name} is missing")
    stray = names - documented.headers.keys() - UNDOCUMENTED
    faults += [f"the header {name} is not documented" for name in sorted(stray)]
    return faults + _body_faults(response, documented)


def _body_faults(response: TestResponse, documented: Response) -> list[str]:
    data, media_type = response.get_data(), response.mimetype or ""
    if response.request.method.upper() == "HEAD" or not documented.content:
        faults = ["there is a body where none belongs"] if data else []
        if response.request.method.upper() != "HEAD":
            return faults
        return faults + _type_faults(response, documented)
    faults = _type_faults(response, documented)
    if faults:
        return faults
    if "schema" not in documented.content[media_type]:  # bytes; OpenAPI 3.1 gives those none
        return [] if data else ["the body is empty"]
    try:
        body = _parse(media_type, data)
    except ValueError as error:
        return [f"the body is no {media_type}: {error}"]
    return documented.body_faults(media_type, body)


def _type_faults(response: TestResponse, documented: Response) -> list[str]:
    if not documented.content or response.mimetype in documented.content:
        return []
    known = ", ".join(documented.content)
    return [f"the media type is {response.content_type}, documented is {known}"]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _parse(media_type: str, data: bytes) -> Any:
    """Read a body by its media type. Raises ValueError."""
    if media_type == "application/yaml":
        return _parse_yaml(data)
    if media_type.startswith("text/"):
        return data.decode()
    return json.loads(data, parse_constant=_no_constant)


@cache
def _parse_yaml(data: bytes) -> Any:
    """Read YAML; one document is served again and again, and reading it is slow."""
    try:
        return load_yaml(data)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
