"""The console examples of an answer as requests that a page can send: curl commands read, not run.

A command of a "Try it" block becomes a step: the requests that its curl call makes, what it keeps in a
shell variable for later commands, and the headers that it is about. A page cannot do all that a shell
can; such a step says why not instead of doing something else.
Sources: https://curl.se/docs/manpage.html and
https://fetch.spec.whatwg.org/#forbidden-request-header
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

from flask_babel import gettext

from api.bank.checking import BASE
from api.bank.examples import Block


@dataclass(frozen=True, slots=True)
class Variable:
    """A shell variable in a text, to be percent-encoded where it stands in a form or not."""

    name: str
    encoded: bool = False


Text: TypeAlias = tuple["str | Variable", ...]

#: Requests that one command may make: `[1-11]` makes eleven.
MAX_REQUESTS = 12

_FLAGS = set("sSivfgkLNIG")
_VALUES = set("XHdwoDbcrAem")
_LONG = {
    "--json": "json",
    "--request": "X",
    "--header": "H",
    "--data": "d",
    "--data-raw": "d",
    "--data-binary": "d",
    "--data-urlencode": "urlencode",
    "--interface": "interface",
    "--max-time": "m",
}
_FORBIDDEN = re.compile(
    r"(accept-(charset|encoding)|access-control-request-.*|connection|content-length|cookie2?|date|dnt|"
    r"expect|host|keep-alive|origin|referer|te|trailer|transfer-encoding|upgrade|via|(proxy|sec)-.*)",
    re.IGNORECASE,
)
_WORDS = {"%{content_type}": "content-type", "%{redirect_url}": "location"}
_ASSIGNED = re.compile(r"(\w+)=\$\((.*)\)\s*", re.DOTALL)
_PATH = re.compile(r"\.\w+(\.\w+)*")


class NeedsShellError(ValueError):
    """A page cannot do what a command does; the message says why, in the reader's language."""


def _small_program() -> NeedsShellError:
    return NeedsShellError(gettext("It is a small program of the shell."))


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `cookies` tells whether the browser's own go along and are kept."""

    method: str
    target: Text
    headers: tuple[tuple[str, Text], ...] = ()
    body: Text | None = None
    cookies: bool = False

    def variables(self) -> Iterator[str]:
        """Walk the names of the variables in it."""
        texts = [self.target, *(value for _, value in self.headers), self.body or ()]
        return (part.name for text in texts for part in text if isinstance(part, Variable))


@dataclass(frozen=True, slots=True)
class Kept:
    """What a command keeps: the whole answer, a part of its JSON, or a header.

    :ivar source: the variable it is taken from, for a command that makes no request.
    """

    name: str
    path: tuple[str, ...] = ()
    pick: tuple[str, ...] = ()
    header: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a block.

    :ivar tells: headers that the command prints: those that the answer is about.
    :ivar pattern: a regular expression for such headers, where the command selects them by one.
    :ivar refusal: why a page cannot do it; None where it can.
    """

    command: str
    output: str
    requests: tuple[Request, ...] = ()
    kept: Kept | None = None
    tells: tuple[str, ...] = ()
    pattern: str | None = None
    refusal: str | None = None
    needs: tuple[str, ...] = field(default=())

    @property
    def runs(self) -> bool:
        """Tell whether a page can make its requests."""
        return bool(self.requests) and self.refusal is None

    def plan(self) -> dict[str, Any]:
        """Return what the page's script needs to know, as JSON."""
        kept = self.kept
        return {
            "requests": [
                {
                    "method": request.method,
                    "target": _parts(request.target),
                    "headers": [[name, _parts(value)] for name, value in request.headers],
                    "body": None if request.body is None else _parts(request.body),
                    "cookies": request.cookies,
                }
                for request in self.requests
            ],
            "kept": kept
            and {
                "name": kept.name,
                "path": kept.path,
                "pick": kept.pick,
                "header": kept.header,
                "source": kept.source,
            },
            "needs": self.needs,
            "tells": self.tells,
            "pattern": self.pattern,
            "runs": self.runs,
        }


def steps(block: Block) -> list[Step]:
    """Read every command of a block, in order: what one keeps, later ones may need."""
    found: list[Step] = []
    known: set[str] = set()
    jars: set[str] = set()
    for command in block.commands:
        step = _step(command.text, "\n".join(command.output), known, jars)
        if step.kept is not None and step.refusal is None:
            known.add(step.kept.name)
        found.append(step)
    return found


def _step(command: str, output: str, known: set[str], jars: set[str]) -> Step:
    try:
        return _read(command, output, known, jars)
    except NeedsShellError as why:
        return Step(command, output, refusal=str(why))


def _read(command: str, output: str, known: set[str], jars: set[str]) -> Step:
    if jar := re.fullmatch(r"(\w+)=\$\(mktemp -d\)(/\w+)?", command):
        jars.add(jar[1])
        return Step(command, output)
    assigned = _ASSIGNED.fullmatch(command)
    stages = _stages(_lex(assigned[2] if assigned else command))
    name = assigned[1] if assigned else None
    first = stages[0]
    if _plain(first[0]) == "echo" and len(first) == 2 and len(stages) == 2:
        (source,) = first[1] if len(first[1]) == 1 else (None,)
        if name and isinstance(source, Variable) and source.name in known:
            path, pick = _jq(stages[1])
            taken = Kept(name, path, pick, source=source.name)
            return Step(command, output, kept=taken, needs=(source.name,))
    piped: Text | None = None
    if _plain(first[0]) in {"echo", "printf"} and len(stages) > 1:
        piped, stages = _piped(first), stages[1:]
    if _plain(stages[0][0]) != "curl":
        raise NeedsShellError(gettext("It makes no request: it works on what the shell has."))
    call = _Call(stages[0][1:], piped, jars)
    requests = tuple(call.requests())
    needs = tuple(dict.fromkeys(v for request in requests for v in request.variables()))
    if missing := [variable for variable in needs if variable not in known]:
        raise NeedsShellError(
            gettext("It uses %(variable)s, which takes a shell to make.", variable=f"${missing[0]}")
        )
    filters = stages[1:]
    kept = _kept(name, call, filters) if name else None
    return Step(command, output, requests, kept, call.tells(), _pattern(filters), needs=needs)


def _kept(name: str, call: "_Call", filters: Sequence[Sequence[Text]]) -> Kept:
    if not filters:
        header = re.fullmatch(r"%header\{([\w-]+)\}", call.written)
        if call.written and not header:
            raise NeedsShellError(gettext("It keeps more than a page would know to keep."))
        return Kept(name, header=header[1] if header else None)
    if len(filters) > 1 or call.includes_head:
        raise NeedsShellError(gettext("It keeps what jq makes of the answer."))
    path, pick = _jq(filters[0])
    return Kept(name, path, pick)


def _jq(words: Sequence[Text]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the filters that name one member, or pick some."""
    rest = [_plain(word) for word in words[1:] if not re.fullmatch(r"-[rc]+", _plain(word))]
    if _plain(words[0]) == "jq" and len(rest) == 1:
        if _PATH.fullmatch(rest[0]):
            return tuple(rest[0][1:].split(".")), ()
        if picked := re.fullmatch(r"\{(\w+(, *\w+)*)\}", rest[0]):
            return (), tuple(re.split(", *", picked[1]))
    raise NeedsShellError(gettext("It keeps what jq makes of the answer."))


def _pattern(filters: Sequence[Sequence[Text]]) -> str | None:
    text = " ".join(_plain(word) for stage in filters for word in stage)
    found = re.search(r'test\("(\^[^"\\]*)"; "i"\)', text)
    return found[1] if found else None


def _piped(words: Sequence[Text]) -> Text:
    if len(words) != 2:
        raise NeedsShellError(gettext("What it sends is made by the shell."))
    text = words[1]
    if _plain(words[0]) == "printf":
        plain = _plain(text)
        if re.search(r"%|\\[^n]", plain):
            raise NeedsShellError(gettext("The bytes that it sends are made by the shell."))
        return (plain.replace("\\n", "\n"),)
    return (*text, "\n")


def _plain(text: Text) -> str:
    """Return a text without variables; one with any is no word that is looked for."""
    return "".join("$" if isinstance(part, Variable) else part for part in text)


class _Call:
    """The words after `curl`, sorted."""

    def __init__(self, words: Sequence[Text], piped: Text | None, jars: set[str]) -> None:
        self.addresses: list[Text] = []
        self.headers: list[tuple[str, Text]] = []
        self.data: list[Text] = []
        self.flags: set[str] = set()
        self.method: str | None = None
        self.written = ""
        self.json = self.cookies = False
        self._piped, self._jars = piped, jars
        rest = iter(words)
        for word in rest:
            option = _plain(word)
            if not option.startswith("-") or option == "-":
                self.addresses.append(word)
            elif option in _LONG:
                self._take(_LONG[option], next(rest, ()))
            elif len(option) == 2 and option[1] in _VALUES:
                self._take(option[1], next(rest, ()))
            elif set(option[1:]) <= _FLAGS:
                self.flags |= set(option[1:])
            else:
                raise NeedsShellError(
                    gettext("A page cannot do what curl does by %(option)s.", option=option)
                )

    @property
    def includes_head(self) -> bool:
        return "i" in self.flags

    def _take(self, option: str, value: Text) -> None:
        match option:
            case "X":
                self.method = _plain(value)
            case "H":
                self._header(value)
            case "json":
                self.json = True
                self.data.append(self._sent(value))
            case "d":
                self.data.append(self._sent(value))
            case "urlencode":
                self.data.append(_encoded(value))
            case "r":
                self.headers.append(("Range", ("bytes=", *value)))
            case "w":
                self.written = _plain(value)
            case "b" | "c":
                jar = value[0] if len(value) == 1 else None
                if not isinstance(jar, Variable) or jar.name not in self._jars:
                    raise NeedsShellError(
                        gettext("A browser lets no page choose the cookies that it sends.")
                    )
                self.cookies = True
            case "interface":
                raise NeedsShellError(
                    gettext("A page cannot choose the address that it calls from.")
                )
            case _:
                pass

    def _header(self, value: Text) -> None:
        first = value[0] if value else ""
        name, colon, start = (first if isinstance(first, str) else "").partition(":")
        if not colon:
            raise NeedsShellError(gettext("It sends a header that a page cannot make."))
        if _FORBIDDEN.fullmatch(name):
            raise NeedsShellError(
                gettext("A browser lets no page set the header %(name)s.", name=name)
            )
        self.headers.append((name, tuple(p for p in (start.lstrip(), *value[1:]) if p != "")))

    def _sent(self, value: Text) -> Text:
        if _plain(value) == "@-":
            if self._piped is None:
                raise NeedsShellError(gettext("What it sends is made by the shell."))
            return self._piped
        if _plain(value).startswith("@"):
            raise NeedsShellError(gettext("It sends a file."))
        return value

    def requests(self) -> Iterator[Request]:
        """Make the requests of the call. Raises NeedsShellError."""
        headers, body = list(self.headers), None
        named = {name.lower() for name, _ in headers}
        queries = "G" in self.flags
        if self.data:
            joined = _join("" if self.json else "&", self.data)
            body = None if queries else joined
            kind = "application/json" if self.json else "application/x-www-form-urlencoded"
            if not queries and "content-type" not in named:
                headers.append(("Content-Type", (kind,)))
            if self.json and "accept" not in named:
                headers.append(("Accept", (kind,)))
        head = "HEAD" if "I" in self.flags else "GET"
        method = self.method or ("POST" if body is not None else head)
        if method in {"CONNECT", "TRACE", "TRACK"}:
            raise NeedsShellError(gettext("A browser lets no page send %(method)s.", method=method))
        targets = [target for address in self.addresses for target in _targets(address)]
        if not targets:
            raise NeedsShellError(gettext("It names no address of this server."))
        if len(targets) > MAX_REQUESTS:
            raise NeedsShellError(
                gettext("It makes too many requests for a page: %(count)s.", count=len(targets))
            )
        for target in targets:
            asked = (*target, "?", *_join("&", self.data)) if queries and self.data else target
            yield Request(method, asked, tuple(headers), body, self.cookies)

    def tells(self) -> tuple[str, ...]:
        """Return the headers that the call prints, in lower case."""
        named = re.findall(r"%header\{([\w-]+)\}", self.written)
        named += [header for word, header in _WORDS.items() if word in self.written]
        return tuple(dict.fromkeys(name.lower() for name in named))


def _encoded(value: Text) -> Text:
    """Encode what follows the first `=`, as `--data-urlencode` does."""
    first = value[0] if value else ""
    name, equals, start = (first if isinstance(first, str) else "").partition("=")
    if not equals:
        raise NeedsShellError(gettext("It sends a form that a page cannot make."))
    rest = (
        quote(p, safe="") if isinstance(p, str) else Variable(p.name, encoded=True)
        for p in (start, *value[1:])
    )
    return (f"{name}=", *(p for p in rest if p != ""))


def _join(separator: str, texts: Sequence[Text]) -> Text:
    joined: list[str | Variable] = []
    for number, text in enumerate(texts):
        joined += [separator] if number and separator else []
        joined += text
    return tuple(joined)


def _targets(address: Text) -> Iterator[Text]:
    """Expand curl's globs in an address of this server, and leave the origin and fragment out."""
    first = address[0] if address else ""
    if not isinstance(first, str) or not first.startswith(BASE):
        raise NeedsShellError(gettext("It calls an address that takes a shell to make."))
    parts = (first.removeprefix(BASE), *address[1:])
    choices: list[list[str | Variable]] = [
        list(_expanded(part)) if isinstance(part, str) else [part] for part in parts
    ]
    for chosen in itertools.product(*choices):
        text: list[str | Variable] = []
        for part in chosen:
            if isinstance(part, str) and "#" in part:
                text.append(part.partition("#")[0])
                break
            text.append(part)
        yield tuple(text)


def _expanded(text: str) -> Iterator[str]:
    found = re.search(r"\{([^{}]*,[^{}]*)\}|\[(\d+)-(\d+)\]", text)
    if found is None:
        yield text
        return
    if found[1] is not None:
        middles: Sequence[str] = found[1].split(",")
    else:
        low, high = int(found[2]), int(found[3])
        if high - low >= 100:
            raise NeedsShellError(gettext("It makes more requests than a page should."))
        middles = [str(number) for number in range(low, high + 1)]
    for middle in middles:
        yield from _expanded(text[: found.start()] + middle + text[found.end() :])


def _parts(text: Text) -> list[Any]:
    return [
        part if isinstance(part, str) else {"name": part.name, "encoded": part.encoded}
        for part in text
    ]


# --- The shell's words ---

_OPERATORS = set("|;&()<>`")
_NAME = re.compile(r"\$(\w+)|\$\{(\w+)\}")


def _stages(tokens: Sequence["Text | str"]) -> list[list[Text]]:
    """Split tokens at the pipes; any other operator takes a shell."""
    stages: list[list[Text]] = [[]]
    for found in tokens:
        if found == "|":
            stages.append([])
        elif isinstance(found, str):
            raise _small_program()
        else:
            stages[-1].append(found)
    if not all(stages):
        raise _small_program()
    if any(_plain(stage[0]) in {"for", "while", "if", "sleep"} for stage in stages):
        raise _small_program()
    return stages


def _lex(text: str) -> list["Text | str"]:
    """Cut a command into words and operators. Words know their variables. Raises NeedsShellError."""
    tokens: list[Text | str] = []
    word: list[str | Variable] | None = None
    place = 0

    def add(part: "str | Variable") -> None:
        nonlocal word
        word = word if word is not None else []
        if isinstance(part, str) and word and isinstance(word[-1], str):
            word[-1] += part
        elif part != "" or not word:
            word.append(part)

    def end() -> None:
        nonlocal word
        if word is not None:
            tokens.append(tuple(part for part in word if part != ""))
        word = None

    text = text.replace("\\\n", " ")
    while place < len(text):
        character = text[place]
        if character == "'":
            close = text.find("'", place + 1)
            if close < 0:
                raise _small_program()
            add(text[place + 1 : close])
            place = close + 1
        elif character == '"':
            place = _quoted(text, place + 1, add)
        elif character == "$":
            place = _variable(text, place, add)
        elif character == "\\":
            add(text[place + 1 : place + 2])
            place += 2
        elif character.isspace():
            end()
            place += 1
        elif character in _OPERATORS:
            end()
            tokens.append(character)
            place += 1
        else:
            add(character)
            place += 1
    end()
    return tokens


def _quoted(text: str, place: int, add: Any) -> int:
    """Read on after a double quote; return the place behind the closing one."""
    add("")
    while place < len(text):
        character = text[place]
        if character == '"':
            return place + 1
        if character == "\\" and text[place + 1 : place + 2] in {'"', "\\", "$", "`"}:
            add(text[place + 1])
            place += 2
        elif character == "$":
            place = _variable(text, place, add)
        else:
            add(character)
            place += 1
    raise _small_program()


def _variable(text: str, place: int, add: Any) -> int:
    found = _NAME.match(text, place)
    if found is None:
        raise _small_program()
    add(Variable(found[1] or found[2]))
    return found.end()
