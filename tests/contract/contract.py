"""openapi.yaml as data for the tests: operations found by path, JSON Schema validators built once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

PATH = Path(__file__).resolve().parents[2] / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "patch", "options", "head", "trace")
_URI = "urn:contract"


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast


def load_yaml(text: str | bytes) -> Any:
    """Read YAML. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  # either of the two is a safe loader


@cache
def document() -> dict[str, Any]:
    """Return openapi.yaml as written."""
    loaded: dict[str, Any] = load_yaml(PATH.read_bytes())
    return loaded


def pointer(*parts: str) -> str:
    """Write a place in the document as a JSON Pointer (RFC 6901)."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def resolve(node: Any, *place: str) -> tuple[Any, tuple[str, ...]]:
    """Follow a `$ref` of the document: the node meant, and the place where it stands."""
    while isinstance(node, dict) and set(node) == {"$ref"}:
        place = tuple(
            part.replace("~1", "/").replace("~0", "~")
            for part in node["$ref"].removeprefix("#/").split("/")
        )
        node = document()
        for part in place:
            node = node[part]
    return node, place


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(_URI, document())])


@cache
def validator(*place: str) -> jsonschema_rs.Draft202012Validator:
    """Return the validator of the schema that stands at a place of the document."""
    # An escaped pointer within a URI fragment: `{` and `}` of a path template are percent-encoded.
    fragment = pointer(*place).replace("{", "%7B").replace("}", "%7D")
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"{_URI}#{fragment}"}, registry=_registry(), validate_formats=True
    )


@dataclass(frozen=True)
class Header:
    """A documented response header."""

    name: str
    required: bool
    schema: Mapping[str, Any]
    place: tuple[str, ...]

    def faults(self, value: str) -> list[str]:
        """Say what is wrong with a value; a header's text is read as its schema's type."""
        whole = self.schema.get("type") == "integer" and re.fullmatch(r"[0-9]+", value)
        checked = int(value) if whole else value
        errors = validator(*self.place, "schema").iter_errors(checked)
        return [f"{self.name}: {error.message}" for error in errors]


@dataclass(frozen=True)
class Response:
    """A documented response."""

    node: Mapping[str, Any]
    place: tuple[str, ...]

    @cached_property
    def headers(self) -> dict[str, Header]:
        """The headers by lower-case name."""
        found = {}
        for name, written in self.node.get("headers", {}).items():
            node, place = resolve(written, *self.place, "headers", name)
            required = node.get("required", False)
            found[name.lower()] = Header(name, required, node["schema"], place)
        return found

    @property
    def content(self) -> Mapping[str, Any]:
        """The media types."""
        content: Mapping[str, Any] = self.node.get("content", {})
        return content

    def body_faults(self, media_type: str, body: Any) -> list[str]:
        """Say what is wrong with a body."""
        schema = validator(*self.place, "content", media_type, "schema")
        return [
            f"body at {'/'.join(map(str, error.instance_path)) or 'its root'}: {error.message}"
            for error in schema.iter_errors(body)
        ]


@dataclass(frozen=True)
class Operation:
    """A documented operation."""

    method: str
    path: str

    @property
    def node(self) -> Mapping[str, Any]:
        """What is written of it."""
        node: Mapping[str, Any] = document()["paths"][self.path][self.method]
        return node

    @cached_property
    def responses(self) -> dict[str, Response]:
        """The responses by status."""
        return {
            status: Response(
                *resolve(written, "paths", self.path, self.method, "responses", status)
            )
            for status, written in self.node["responses"].items()
        }

    @cached_property
    def parameters(self) -> list[dict[str, Any]]:
        """The parameters, those of the path included."""
        item = document()["paths"][self.path]
        written = [*item.get("parameters", []), *self.node.get("parameters", [])]
        return [resolve(parameter)[0] for parameter in written]

    @cached_property
    def query_names(self) -> frozenset[str]:
        """The names of the query parameters."""
        return frozenset(p["name"] for p in self.parameters if p["in"] == "query")


def component_response(name: str) -> Response:
    """Return a response that stands for itself, such as the 405 that every address may give."""
    return Response(document()["components"]["responses"][name], ("components", "responses", name))


@cache
def operations() -> dict[tuple[str, str], Operation]:
    """Return every operation by lower-case method and path."""
    return {
        (method, path): Operation(method, path)
        for path, item in document()["paths"].items()
        for method in METHODS
        if method in item
    }


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Paths with fewer variables first: `/questions/random` is no `/questions/{number}`."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [
        (re.compile("[^/]+".join(map(re.escape, re.split(r"\{[^{}]+\}", path)))), path)
        for path in paths
    ]


def find_path(path: str) -> str | None:
    """Return the path template that a request's path matches, or None."""
    return next((written for pattern, written in _patterns() if pattern.fullmatch(path)), None)


def methods_of(path: str) -> set[str]:
    """Return the methods that a path answers, in upper case, with those that come by themselves."""
    documented = {method.upper() for method, where in operations() if where == path}
    return documented | {"OPTIONS"} | ({"HEAD"} if "GET" in documented else set())


def examples(node: Any, *place: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk every example of the document: the place of the schema it must fit, and its value."""
    if isinstance(node, dict):
        if "schema" in node:
            if "example" in node:
                yield (*place, "schema"), node["example"]
            for written in node.get("examples", {}).values():
                yield (*place, "schema"), resolve(written)[0]["value"]
        for key, inner in node.items():
            if key not in {"example", "examples", "properties"}:
                yield from examples(inner, *place, key)
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from examples(inner, *place, str(index))
