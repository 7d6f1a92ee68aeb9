"""The API reference: openapi.yaml as pages, made on the server. No CDN, no script, one page per operation.

Source: https://spec.openapis.org/oas/v3.1.1.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, render_template

from api.http.contract import document

METHODS = ("get", "post", "put", "patch", "delete")
#: Schemas within schemas are shown to this depth; deeper ones by their name.
DEPTH = 4

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a schema, or the schema itself: what it is called, what it may be, what is in it."""

    name: str
    kind: str
    required: bool = False
    description: str = ""
    limits: tuple[str, ...] = ()
    members: tuple["Member", ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A representation: its media type, its schema, and an example as it is sent."""

    media_type: str
    schema: Member | None
    examples: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back: status, meaning, headers by name, representations."""

    status: str
    phrase: str
    description: str
    headers: tuple[tuple[str, str], ...]
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    deprecated: bool
    doors: tuple[str, ...]
    parameters: tuple[tuple[str, Member], ...] = ()
    body: str = ""
    contents: tuple[Content, ...] = ()
    answers: tuple[Answer, ...] = field(default=())


def resolve(node: Node) -> Node:
    """Follow a reference within the contract."""
    while "$ref" in node:
        found: Any = document()
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


@cache
def operations() -> dict[str, Operation]:
    """Return every operation of the contract by its id, in the order of the document."""
    found = {}
    for path, item in document()["paths"].items():
        for method in METHODS:
            if method in item:
                operation = _operation(path, method, item, item[method])
                found[operation.id] = operation
    return found


@cache
def by_tag() -> list[tuple[str, str, list[Operation]]]:
    """Return name, description and operations of each tag, in the order of the document."""
    return [
        (
            tag["name"],
            tag.get("description", ""),
            [each for each in operations().values() if each.tag == tag["name"]],
        )
        for tag in document()["tags"]
    ]


def _operation(path: str, method: str, item: Node, node: Node) -> Operation:
    parameters = [
        resolve(each) for each in [*item.get("parameters", ()), *node.get("parameters", ())]
    ]
    body = resolve(node.get("requestBody", {}))
    doors = [" and ".join(way) for way in node.get("security", ()) if way]
    return Operation(
        id=node["operationId"],
        method=method.upper(),
        path=path,
        tag=node["tags"][0],
        summary=node.get("summary", ""),
        description=node.get("description", ""),
        deprecated=bool(node.get("deprecated")),
        doors=tuple(dict.fromkeys(doors)),
        parameters=tuple((each["in"], _parameter(each)) for each in parameters),
        body=body.get("description", ""),
        contents=_contents(body),
        answers=tuple(_answer(str(s), resolve(a)) for s, a in node["responses"].items()),
    )


def _parameter(node: Node) -> Member:
    schema = resolve(node.get("schema", {}))
    return Member(
        node["name"],
        _kind(node.get("schema", {})),
        bool(node.get("required")),
        node.get("description", ""),
        _limits(schema),
    )


def _answer(status: str, node: Node) -> Answer:
    phrase = HTTPStatus(int(status)).phrase if status.isdigit() else ""
    headers = tuple(
        (name, resolve(each).get("description", ""))
        for name, each in node.get("headers", {}).items()
    )
    return Answer(status, phrase, node.get("description", ""), headers, _contents(node))


def _contents(node: Node) -> tuple[Content, ...]:
    return tuple(
        Content(
            media_type,
            _member("", each["schema"], False, 0, ()) if "schema" in each else None,
            tuple(_examples(media_type, each)),
        )
        for media_type, each in node.get("content", {}).items()
    )


def _examples(media_type: str, node: Node) -> list[tuple[str, str, str]]:
    named = {name: resolve(each) for name, each in node.get("examples", {}).items()}
    values = [(each.get("summary", name), each.get("value")) for name, each in named.items()]
    if "example" in node:
        values.append(("", node["example"]))
    is_json = media_type.partition(";")[0].endswith("json")
    return [
        (title, json.dumps(value, indent=2, ensure_ascii=False, default=str), "json")
        if is_json
        else (title, str(value), "text")
        for title, value in values
        if value is not None
    ]


def _kind(node: Node) -> str:
    """Say in a few words what a schema allows."""
    named = str(node["$ref"]).rpartition("/")[2] if "$ref" in node else ""
    schema = resolve(node)
    kinds = schema.get("type", "")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if kinds == "array" and "items" in schema:
        text = f"array of {_kind(schema['items'])}"
    for key, word in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")):
        if key in schema and not text:
            text = word.join(dict.fromkeys(_kind(each) for each in schema[key]))
    if "const" in schema:
        text = json.dumps(schema["const"], ensure_ascii=False)
    if form := schema.get("format"):
        text = f"{text} ({form})"
    return named if named and text in {"", "object"} else text or "any"


_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "up to {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "pattern": "matches {}",
    "default": "by default {}",
}


def _limits(schema: Node) -> tuple[str, ...]:
    if schema.get("type") == "array" and "items" in schema:
        own = {name: value for name, value in schema.items() if name not in {"type", "items"}}
        return tuple(f"each {text}" for text in _limits(resolve(schema["items"]))) + _limits(own)
    told = [text.format(_plain(schema[key])) for key, text in _LIMITS.items() if key in schema]
    if "enum" in schema:
        told.insert(0, "one of " + ", ".join(map(_plain, schema["enum"])))
    return tuple(told)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _member(name: str, node: Node, required: bool, depth: int, seen: tuple[str, ...]) -> Member:
    own = str(node.get("$ref", ""))
    schema = resolve(node)
    members: tuple[Member, ...] = ()
    if depth < DEPTH and own not in seen:
        members = _members(schema, depth, (*seen, own) if own else seen)
    return Member(
        name, _kind(node), required, schema.get("description", ""), _limits(schema), members
    )


def _members(schema: Node, depth: int, seen: tuple[str, ...]) -> tuple[Member, ...]:
    if "items" in schema:
        return _members(resolve(schema["items"]), depth, seen)
    found: dict[str, Member] = {}
    for key in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(key, ()):
            found |= {each.name: each for each in _members(resolve(part), depth, seen)}
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        found[name] = _member(name, each, name in required, depth + 1, seen)
    return tuple(found.values())


def overview() -> str:
    """Every operation of the API by subject."""
    return render_template("reference.html", info=document()["info"], tags=by_tag())


def operation(operation_id: str) -> str:
    """One operation: parameters, body, every answer that it can give, examples."""
    found = operations().get(operation_id)
    if found is None:
        abort(404, f"The contract has no operation {operation_id!r}.")
    return render_template("operation.html", operation=found)


def add_routes(blueprint: Blueprint) -> None:
    """Add the pages to the site."""
    blueprint.add_url_rule("/reference", "reference", overview)
    blueprint.add_url_rule("/reference/<operation_id>", "operation", operation)
