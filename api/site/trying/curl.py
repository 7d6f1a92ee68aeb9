"""Calls of curl as requests that a page can send with fetch.

Sources: https://curl.se/docs/manpage.html and
https://fetch.spec.whatwg.org/#forbidden-request-header
"""

import base64
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

from flask_babel import gettext

from api.bank.checking import BASE
from api.site.trying.shell import NeedsShellError, Part, Series, Text, Variable, plain

#: What is sent: a text with its variables, or bytes that are no text.
Content: TypeAlias = Text | bytes


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a form of several parts; a file, where it has a name."""

    name: str
    content: Content
    filename: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `cookies` tells whether the browser's own go along and are kept."""

    method: str
    target: Text
    headers: tuple[tuple[str, Text], ...] = ()
    body: "Content | tuple[Field, ...] | None" = None
    form: bool = False
    cookies: bool = False

    def variables(self) -> Iterator[str]:
        """Walk the names of the variables in it."""
        texts: list[Any] = [self.target, *(value for _, value in self.headers)]
        texts += [f.content for f in self.fields] if self.form else [self.body]
        for text in texts:
            for part in text if isinstance(text, tuple) else ():
                if isinstance(part, Variable):
                    yield part.name

    @property
    def fields(self) -> tuple[Field, ...]:
        """The parts of the form, where it is one."""
        return self.body if self.form else ()  # type: ignore[return-value]  # by `form`

    def plan(self) -> dict[str, Any]:
        """Return it as JSON."""
        body: Any = None
        if self.form:
            body = {
                "form": [
                    {
                        "name": field.name,
                        "content": _content(field.content),
                        "filename": field.filename,
                        "type": field.media_type,
                    }
                    for field in self.fields
                ]
            }
        elif self.body is not None:
            body = _content(self.body)  # type: ignore[arg-type]  # no fields without `form`
        return {
            "method": self.method,
            "target": parts(self.target),
            "headers": [[name, parts(value)] for name, value in self.headers],
            "body": body,
            "cookies": self.cookies,
        }


def parts(text: Text) -> list[Any]:
    """Return a text as JSON, what is plain in one piece."""
    found: list[Any] = []
    for part in text:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part if isinstance(part, str) else asdict(part))
    return found


def _content(content: Content) -> dict[str, Any]:
    if isinstance(content, bytes):
        return {"base64": base64.b64encode(content).decode()}
    return {"text": parts(content)}


#: Requests of one call that are counted at all.
MANY = 100
_FLAGS = set("sSivfgkLNIG")
_VALUES = set("XHdwoDbcrAemF")
_LONG = {
    "--json": "json",
    "--request": "X",
    "--header": "H",
    "--data": "d",
    "--data-raw": "raw",
    "--data-binary": "binary",
    "--data-urlencode": "urlencode",
    "--form": "F",
    "--range": "r",
    "--write-out": "w",
    "--output": "o",
    "--interface": "interface",
    "--max-time": "m",
}
_LONG_FLAGS = {"--head": "I", "--get": "G", "--include": "i", "--silent": "s", "--compressed": "s"}
_FORBIDDEN = re.compile(
    r"(accept-(charset|encoding)|access-control-request-.*|connection|content-length|cookie2?|date|dnt|"
    r"expect|host|keep-alive|origin|referer|te|trailer|transfer-encoding|upgrade|via|(proxy|sec)-.*)",
    re.IGNORECASE,
)
_WORDS = {"%{content_type}": "content-type", "%{redirect_url}": "location"}
#: The types that curl gives to files, by the extension of the name.
_TYPES = {
    ".gif": "image/gif", ".html": "text/html", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
    ".pdf": "application/pdf", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain",
    ".xml": "application/xml",
}  # fmt: skip


def _made_by_shell() -> NeedsShellError:
    return NeedsShellError("sent", gettext("What it sends is made by the shell."))


class Call:
    """The words after `curl`, sorted.

    :param piped: what is printed into it.
    :param jars: variables that name a file of cookies or a folder of such, each with a number of its
        own.
    """

    def __init__(
        self, words: Sequence[Text], piped: Content | None, jars: Mapping[str, int]
    ) -> None:
        self.addresses: list[Text] = []
        self.headers: list[tuple[str, Text]] = []
        self.data: list[Content] = []
        self.fields: list[Field] = []
        self.flags: set[str] = set()
        self.method: str | None = None
        self.written = ""
        self.json = False
        #: The files of cookies that it sends or writes.
        self.jars: set[str] = set()
        self._piped, self._known_jars = piped, jars
        rest = iter(words)
        for word in rest:
            option = plain(word)
            if not option.startswith("-") or option == "-":
                self.addresses.append(word)
            elif option in _LONG:
                self._take(_LONG[option], next(rest, ()))
            elif option in _LONG_FLAGS:
                self.flags.add(_LONG_FLAGS[option])
            elif len(option) == 2 and option[1] in _VALUES:
                self._take(option[1], next(rest, ()))
            elif set(option[1:-1]) <= _FLAGS and option[-1] in _VALUES:
                self.flags |= set(option[1:-1])
                self._take(option[-1], next(rest, ()))
            elif set(option[1:]) <= _FLAGS:
                self.flags |= set(option[1:])
            else:
                raise NeedsShellError(
                    "option",
                    gettext("A page cannot do what curl does by %(option)s.", option=option),
                )

    def _take(self, option: str, value: Text) -> None:
        match option:
            case "X":
                self.method = plain(value)
            case "H":
                self._header(value)
            case "json" | "d" | "raw" | "binary":
                self.json = self.json or option == "json"
                self.data.append(value if option == "raw" else self._sent(value, option))
            case "urlencode":
                self.data.append(_encoded(value))
            case "F":
                self.fields.append(self._field(value))
            case "r":
                self.headers.append(("Range", ("bytes=", *value)))
            case "w":
                self.written = plain(value)
            case "b" | "c":
                self._jar(value)
            case "interface":
                raise NeedsShellError(
                    "interface", gettext("A page cannot choose the address that it calls from.")
                )
            case _:
                pass

    def _jar(self, value: Text) -> None:
        """A jar is the browser's own set of cookies, of which it has one."""
        first = value[0] if value else ""
        name = first.name if isinstance(first, Variable) else ""
        if name not in self._known_jars or "=" in plain(value):
            raise NeedsShellError(
                "cookie", gettext("A browser lets no page choose the cookies that it sends.")
            )
        self.jars.add(f"{self._known_jars[name]}{plain(value[1:])}")

    def _header(self, value: Text) -> None:
        first = value[0] if value else ""
        name, colon, start = (first if isinstance(first, str) else "").partition(":")
        if not colon:
            raise NeedsShellError("header", gettext("It sends a header that a page cannot make."))
        if _FORBIDDEN.fullmatch(name):
            raise NeedsShellError(
                name.lower(), gettext("A browser lets no page set the header %(name)s.", name=name)
            )
        self.headers.append((name, tuple(p for p in (start.lstrip(), *value[1:]) if p != "")))

    def _sent(self, value: Text, option: str) -> Content:
        if plain(value) == "@-":
            if self._piped is None:
                raise _made_by_shell()
            if option == "d" and isinstance(self._piped, tuple):
                lines = str.maketrans("", "", "\r\n")
                return tuple(p.translate(lines) if isinstance(p, str) else p for p in self._piped)
            return self._piped
        if plain(value).startswith("@"):
            raise NeedsShellError("file", gettext("It sends a file."))
        return value

    def _field(self, value: Text) -> Field:
        """Read `name=value` or `name=@-;filename=…;type=…`, as `-F` takes them."""
        first = value[0] if value else ""
        name, equals, start = (first if isinstance(first, str) else "").partition("=")
        if not equals:
            raise NeedsShellError("form", gettext("It sends a form that a page cannot make."))
        if not start.startswith(("@", "<")):
            return Field(name, tuple(p for p in (start, *value[1:]) if p != ""))
        if len(value) > 1 or not re.match(r"@-(;|$)", start):
            raise NeedsShellError("file", gettext("It sends a file."))
        if self._piped is None:
            raise _made_by_shell()
        given = dict(re.findall(r';(\w+)=("(?:[^"\\]|\\.)*"|[^;]*)', start))
        filename = re.sub(r"\\(.)", r"\1", given.get("filename", "-").strip('"'))
        guessed = _TYPES.get(PurePosixPath(filename).suffix, "application/octet-stream")
        return Field(name, self._piped, filename, given.get("type", guessed))

    def requests(self) -> Iterator[Request]:
        """Make the requests of the call. Raises NeedsShellError."""
        headers = list(self.headers)
        named = {name.lower() for name, _ in headers}
        queries = "G" in self.flags
        body: Any = tuple(self.fields) or None
        if self.data and not queries:
            body = self._joined()
            kind = "application/json" if self.json else "application/x-www-form-urlencoded"
            if "content-type" not in named:
                headers.append(("Content-Type", (kind,)))
            if self.json and "accept" not in named:
                headers.append(("Accept", (kind,)))
        head = "HEAD" if "I" in self.flags else "GET"
        method = self.method or ("POST" if body is not None else head)
        if method in {"CONNECT", "TRACE", "TRACK"}:
            raise NeedsShellError(
                "method", gettext("A browser lets no page send %(method)s.", method=method)
            )
        targets = [target for address in self.addresses for target in _targets(address)]
        if not targets:
            raise NeedsShellError("elsewhere", gettext("It names no address of this server."))
        for target in targets:
            asked = target
            if queries and self.data:
                asked = (*target, "?", *_join("&", [_text(each) for each in self.data]))
            yield Request(method, asked, tuple(headers), body, bool(self.fields), bool(self.jars))

    def _joined(self) -> Content:
        if len(self.data) == 1:
            return self.data[0]
        return _join("" if self.json else "&", [_text(each) for each in self.data])

    def tells(self) -> tuple[str, ...]:
        """Return the headers that the call prints, in lower case."""
        named = re.findall(r"%header\{([\w-]+)\}", self.written)
        named += [header for word, header in _WORDS.items() if word in self.written]
        return tuple(dict.fromkeys(name.lower() for name in named))


def _text(content: Content) -> Text:
    if not isinstance(content, tuple):
        raise _made_by_shell()
    return content


def _encoded(value: Text) -> Text:
    """Encode what follows the first `=`, as `--data-urlencode` does."""
    first = value[0] if value else ""
    name, equals, start = (first if isinstance(first, str) else "").partition("=")
    if not equals:
        raise NeedsShellError("form", gettext("It sends a form that a page cannot make."))
    rest = (
        quote(p, safe="") if isinstance(p, str) else Variable(p.name, encoded=True)
        for p in (start, *value[1:])
        if not isinstance(p, Series)
    )
    return (f"{name}=", *(p for p in rest if p != ""))


def _join(separator: str, texts: Sequence[Text]) -> Text:
    joined: list[Part] = []
    for number, text in enumerate(texts):
        joined += [separator] if number and separator else []
        joined += text
    return tuple(joined)


def _targets(address: Text) -> Iterator[Text]:
    """Expand curl's globs in an address of this server, and leave the origin and fragment out.

    An address that a variable begins with is one that an answer told; the page's script looks whether
    it is of this server.
    """
    first = address[0] if address else ""
    told = isinstance(first, Variable) and not first.encoded
    if isinstance(first, str) and not first.startswith(BASE):
        raise NeedsShellError(
            "elsewhere", gettext("It calls an address that is not of this server.")
        )
    rest: Text = address if told else (str(first).removeprefix(BASE), *address[1:])
    choices = [_at_most(_expanded(part)) if isinstance(part, str) else [part] for part in rest]
    for chosen in _at_most(itertools.product(*choices)):
        text: list[Part] = []
        for part in chosen:
            if isinstance(part, str) and "#" in part:
                text.append(part.partition("#")[0])
                break
            text.append(part)
        yield tuple(text)


_T = TypeVar("_T")


def _at_most(found: Iterable[_T]) -> list[_T]:
    """Return what is found, where that is not beyond measure. Raises NeedsShellError."""
    taken = list(itertools.islice(found, MANY + 1))
    if len(taken) > MANY:
        raise NeedsShellError("many", gettext("It makes more requests than a page should."))
    return taken


def _expanded(text: str) -> Iterator[str]:
    found = re.search(r"\{([^{}]*,[^{}]*)\}|\[(\d{1,9})-(\d{1,9})\]", text)
    if found is None:
        yield text
        return
    if found[1] is not None:
        middles: Sequence[str] = found[1].split(",")
    else:
        low, high = int(found[2]), int(found[3])
        middles = [str(number) for number in range(low, min(high, low + MANY) + 1)]
    for middle in middles:
        yield from _expanded(text[: found.start()] + middle + text[found.end() :])
