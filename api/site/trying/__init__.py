"""The console examples of an answer as requests that a page can send: commands read, not run.

A command of a "Try it" block becomes a step: what it asks for, in order, what it keeps in shell variables
for later commands, and the headers that it is about. A page cannot do all that a shell can; such a step
says why not instead of doing something else. How a shell's words are read is in `shell`, a call of curl
in `curl`, and what is taken out of an answer in `jq`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext

from api.bank.examples import Block
from api.site.trying import jq
from api.site.trying.curl import MANY, Call, Content, Request, parts
from api.site.trying.shell import (
    Command,
    Loop,
    NeedsShellError,
    Part,
    Pipeline,
    Series,
    Substitution,
    Text,
    Variable,
    Wait,
    Word,
    plain,
    program,
    resolved,
    small_program,
    unescaped,
)

__all__ = ["MAX_REQUESTS", "Action", "Request", "Step", "steps"]

#: Requests that one command may make: `[1-11]` makes eleven, and a loop over four roles twelve.
MAX_REQUESTS = 12


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a command does: requests, or a look at what was kept before.

    :ivar source: the text that is looked at, where there is no request.
    :ivar name: the variable in which something is kept; without it, what was looked at is shown.
    :ivar takes: how what is kept is taken out of the answer's body.
    :ivar header: the header that is kept instead.
    :ivar head: whether the answer's headers belong to the text, before the body.
    :ivar until: the member of the answer's JSON that is null until there is no more to wait for.
    :ivar pause: seconds between two questions until then.
    :ivar clock: what a time is kept for: the last one whose seconds the first number divides, and
        the second number of seconds after that.
    :ivar moment: seconds after the time in `source` until which it waits.
    """

    requests: tuple[Request, ...] = ()
    source: Text = ()
    name: str | None = None
    takes: tuple[jq.Operation, ...] = ()
    header: str | None = None
    head: bool = False
    until: str | None = None
    pause: float = 0
    clock: tuple[int, int] | None = None
    moment: float | None = None
    tells: tuple[str, ...] = ()
    pattern: str | None = None
    jars: frozenset[str] = frozenset()

    def variables(self) -> Iterator[str]:
        """Walk the names of the variables that it uses."""
        for request in self.requests:
            yield from request.variables()
        yield from (part.name for part in self.source if isinstance(part, Variable))

    def plan(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "requests": [request.plan() for request in self.requests],
            "source": parts(self.source),
            "name": self.name,
            "takes": [operation.plan() for operation in self.takes],
            "header": self.header,
            "head": self.head,
            "until": self.until,
            "pause": self.pause,
            "clock": self.clock,
            "moment": self.moment,
            "tells": self.tells,
            "pattern": self.pattern,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a block.

    :ivar needs: the places in the block of the commands without which it would not do the same: those
        that keep what it uses, and those that change something before it.
    :ivar cookies: whether the browser's own cookies stand in for a file of cookies.
    :ivar refusal: why a page cannot do it; None where it can.
    :ivar kind: one word for that, the same in every language.
    """

    command: str
    output: str
    actions: tuple[Action, ...] = ()
    needs: tuple[int, ...] = ()
    cookies: bool = False
    refusal: str | None = None
    kind: str | None = None

    @property
    def runs(self) -> bool:
        """Tell whether a page has something to show of it: a request, or what was looked at.

        The rest only makes or waits for what later commands go by.
        """
        return any(
            action.requests or (action.source and not action.name and action.moment is None)
            for action in self.actions
        )

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests that it makes, those of a wait once."""
        return tuple(request for action in self.actions for request in action.requests)

    def plan(self) -> dict[str, Any]:
        """Return what the page's script needs to know, as JSON."""
        return {
            "actions": [action.plan() for action in self.actions],
            "needs": self.needs,
            "runs": self.runs,
            "refused": self.refusal is not None,
        }


@dataclass(slots=True)
class _Shell:
    """What a shell would know between the commands of a block.

    :ivar constants: variables whose texts are known now.
    :ivar known: variables whose texts are known when the block is run.
    :ivar made: the place of the command that made each variable last.
    :ivar jars: variables that name files of cookies, or folders of such.
    :ivar jar: the one file that the browser's own cookies stand in for.
    :ivar writers: places of the commands that may have changed it.
    :ivar changes: places of the commands that may have changed something at the server.
    :ivar folders: how many files and folders were made.
    :ivar elsewhere: variables that hold addresses of the real-time process.
    """

    constants: dict[str, Text] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    made: dict[str, int] = field(default_factory=dict)
    jars: dict[str, int] = field(default_factory=dict)
    jar: str | None = None
    writers: list[int] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    folders: int = 0
    elsewhere: set[str] = field(default_factory=set)

    def forget(self, name: str) -> None:
        self.constants.pop(name, None)
        self.known.discard(name)
        self.jars.pop(name, None)


def steps(block: Block) -> list[Step]:
    """Read every command of a block, in order: what one keeps, later ones may need."""
    shell = _Shell()
    return [
        _step(place, command.text, "\n".join(command.output), shell)
        for place, command in enumerate(block.commands)
    ]


#: Lines of `seq` that a page makes at most.
_LONGEST_SERIES = 100_000
_READS = {"GET", "HEAD", "OPTIONS"}
#: A moment by the clock: `jq -n '(now / 4 | floor) * 4 + 8'`.
_CLOCK = re.compile(r"jq -n '\(now / (\d+) \| floor\) \* (\1) \+ (\d+)'")
_MAKES = re.compile(r"(?:^|[;&]\s*|\bdo\s+\\?\s*)(\w+)=", re.MULTILINE)


def _step(place: int, text: str, output: str, shell: _Shell) -> Step:
    try:
        return _read(place, text, output, shell)
    except NeedsShellError as why:
        for name in _MAKES.findall(text):  # what it would have made, nobody knows
            shell.forget(name)
        return Step(text, output, refusal=str(why), kind=why.kind)


def _read(place: int, text: str, output: str, shell: _Shell) -> Step:
    commands = program(text)
    reader = _Reader(shell)
    actions = tuple(reader.actions(commands))
    count = sum(len(action.requests) for action in actions)
    if count > MAX_REQUESTS:
        raise NeedsShellError(
            "many", gettext("It makes too many requests for a page: %(count)s.", count=count)
        )
    jars = {jar for action in actions for jar in action.jars}
    if len(jars | ({shell.jar} if shell.jar else set())) > 1 or (jars and reader.made_jars):
        raise NeedsShellError(
            "jars", gettext("It keeps several sets of cookies apart, and a browser has one.")
        )
    needs = {shell.made[name] for name in reader.used if name in shell.made}
    needs |= set(shell.changes)
    if jars:
        (shell.jar,) = jars
        needs |= set(shell.writers)
        shell.writers.append(place)
    if any(r.method not in _READS for action in actions for r in action.requests):
        shell.changes.append(place)
    shell.made |= dict.fromkeys(reader.made, place)
    return Step(text, output, actions, tuple(sorted(needs)), bool(jars))


class _Reader:
    """Reads one command of a block, which may be several of the shell."""

    def __init__(self, shell: _Shell) -> None:
        self._shell = shell
        self.used: set[str] = set()
        self.made: set[str] = set()
        self.made_jars = False
        self._turns = 0

    def actions(self, commands: Sequence[Command]) -> Iterator[Action]:
        for command in commands:
            match command:
                case Loop():
                    yield from self._loop(command)
                case Wait():
                    yield self._wait(command)
                case Pipeline():
                    yield from self._pipeline(command)

    def _loop(self, loop: Loop) -> Iterator[Action]:
        pattern = _pattern([[self._resolved(word) for word in stage] for stage in loop.filters])
        for value in loop.values:
            self._turns += 1
            if self._turns > MANY:
                raise NeedsShellError("many", gettext("It makes more requests than a page should."))
            self._shell.constants[loop.name] = self._resolved(value)
            for action in self.actions(loop.body):
                yield action if pattern is None else _with_pattern(action, pattern)
        self._shell.forget(loop.name)

    def _wait(self, wait: Wait) -> Action:
        """Read `while curl … | jq -e '.member == null' > /dev/null; do sleep …; done`."""
        stages = [[self._resolved(word) for word in stage] for stage in wait.condition.stages]
        test = [plain(word) for word in stages[-1]]
        member = re.fullmatch(r"\.(\w+) == null", test[-1])
        if len(stages) != 2 or test[:-1] != ["jq", "-e"] or not member:
            raise small_program()
        (action,) = self._calls(stages[:1], None, None)
        return Action(action.requests, until=member[1], pause=wait.seconds, jars=action.jars)

    def _pipeline(self, pipeline: Pipeline) -> Iterator[Action]:
        if len(pipeline.stages) == 1 and all(map(_assigned, pipeline.stages[0])):
            for word in pipeline.stages[0]:
                name, value = _assigned(word) or ("", ())
                yield from self._assignment(name, value)
                self.made.add(name)
            return
        if moment := self._moment(pipeline):
            yield moment
            return
        stages = [[self._resolved(word) for word in stage] for stage in pipeline.stages]
        yield from self._calls(stages, None, None)

    def _moment(self, pipeline: Pipeline) -> Action | None:
        """Read `sleep "$(jq -n "$start + 3.1 - now")"`."""
        match pipeline.stages:
            case (((str(first),), (Substitution(command),)),) if first == "sleep":
                found = re.fullmatch(r'jq -n "\$(\w+)(?: \+ (\d+(?:\.\d+)?))? - now"', command)
                if found:
                    source = self._resolved((Variable(found[1]),))
                    return Action(source=source, moment=float(found[2] or 0))
        return None

    def _assignment(self, name: str, value: Word) -> Iterator[Action]:
        shell = self._shell
        match value:
            case (Substitution(command), *rest) if re.fullmatch(r"mktemp( -d)?", command):
                if any(not isinstance(part, str) for part in rest):
                    raise small_program()
                shell.forget(name)
                shell.folders += 1
                shell.jars[name] = shell.folders
                self.made_jars = True
            case (Substitution(command), *_) if ".realtime" in command:
                shell.elsewhere.add(name)
                raise _of_real_time()
            case (Substitution(command),) if found := _CLOCK.fullmatch(command):
                yield Action(name=name, clock=(int(found[1]), int(found[3])))
                shell.forget(name)
                shell.known.add(name)
            case (Substitution(command),):
                (inner, *more) = program(command)
                if more or not isinstance(inner, Pipeline):
                    raise small_program()
                stages = [[self._resolved(word) for word in stage] for stage in inner.stages]
                yield from self._calls(stages, name, None)
                shell.forget(name)
                shell.known.add(name)
            case _:
                text = self._resolved(value)
                if any(isinstance(part, Variable) for part in text):
                    raise small_program()
                shell.forget(name)
                shell.constants[name] = text

    def _resolved(self, word: Word) -> Text:
        """Put in what is known. Raises NeedsShellError for a variable that nothing made."""
        self.used |= {part.name for part in word if isinstance(part, Variable)}
        text = resolved(word, self._shell.constants)
        for part in text:
            if isinstance(part, Variable) and not (
                part.name in self._shell.known or part.name in self._shell.jars
            ):
                if part.name in self._shell.elsewhere:
                    raise _of_real_time()
                raise NeedsShellError(
                    "needs",
                    gettext(
                        "It uses %(variable)s, which takes a shell to make.",
                        variable=f"${part.name}",
                    ),
                )
        return text

    def _calls(
        self, stages: Sequence[Sequence[Text]], name: str | None, piped: Content | None
    ) -> Iterator[Action]:
        """Read a pipeline: what is sent, curl, and what is taken out of its answer."""
        first = plain(stages[0][0])
        if first in {"echo", "printf", "seq"} and len(stages) > 1:
            if plain(stages[1][0]) == "curl":
                yield from self._calls(stages[1:], name, _printed(stages[0]))
                return
            if first == "echo" and len(stages) == 2 and len(stages[0]) == 2:
                yield Action(source=stages[0][1], name=name, takes=jq.operations(stages[1]))
                return
        if first == "jq" and any(
            part == Variable(jar) for word in stages[0] for part in word for jar in self._shell.jars
        ):
            raise NeedsShellError(
                "cookie", gettext("It reads a cookie, which a browser keeps from pages.")
            )
        if first == "sleep":
            raise NeedsShellError("moment", gettext("It waits for a moment that a shell reckons."))
        if first != "curl":
            raise NeedsShellError(
                "local", gettext("It makes no request: it works on what the shell has.")
            )
        call = Call(stages[0][1:], piped, self._shell.jars)
        requests, filters = tuple(call.requests()), stages[1:]
        head = "i" in call.flags
        takes: tuple[jq.Operation, ...] = ()
        header = None
        if name:
            header = _kept_header(call, filters)
            if len(filters) > 1:
                raise NeedsShellError("jq", gettext("It takes jq to make something of the answer."))
            takes = jq.operations(filters[0]) if filters else ()
        jars = frozenset(call.jars)
        yield Action(
            requests, (), name, takes, header, head, tells=call.tells(),
            pattern=_pattern(filters), jars=jars,
        )  # fmt: skip


def _of_real_time() -> NeedsShellError:
    return NeedsShellError(
        "realtime",
        gettext("It talks to the real-time process, at an address that this page may not call."),
    )


def _assigned(word: Word) -> tuple[str, Word] | None:
    """Read `name=value`."""
    first = word[0] if word else ""
    found = re.match(r"(\w+)=", first) if isinstance(first, str) else None
    if not found or not isinstance(first, str):
        return None
    rest = first[found.end() :]
    return found[1], ((rest, *word[1:]) if rest else word[1:])


def _kept_header(call: Call, filters: Sequence[Any]) -> str | None:
    found = re.fullmatch(r"%header\{([\w-]+)\}", call.written)
    if call.written and (filters or not found):
        raise NeedsShellError("keeps", gettext("It keeps more than a page would know to keep."))
    return found[1] if found else None


def _pattern(filters: Sequence[Sequence[Text]]) -> str | None:
    text = " ".join(plain(word) for stage in filters for word in stage)
    found = re.search(r'test\("(\^[^"\\]*)"; "i"\)', text)
    return found[1] if found else None


def _with_pattern(action: Action, pattern: str) -> Action:
    return Action(
        **{name: getattr(action, name) for name in Action.__slots__} | {"pattern": pattern}
    )


def _printed(words: Sequence[Text]) -> Content:
    """Return what `echo`, `printf` or `seq` print. Raises NeedsShellError."""
    match plain(words[0]), words[1:]:
        case "echo", [*texts]:
            joined: list[Part] = []
            for number, text in enumerate(texts):
                joined += [" "] if number else []
                joined += text
            return (*joined, "\n")
        case "printf", [(str(text),)] if "%" not in text:
            found = unescaped(text)
            try:
                decoded = found.decode()
            except UnicodeDecodeError:
                return found
            return found if "\0" in decoded else (decoded,)
        case "seq", [*texts]:
            return (_series([plain(text) for text in texts]), "\n")
    raise _made_by_shell()


def _made_by_shell() -> NeedsShellError:
    return NeedsShellError("sent", gettext("What it sends is made by the shell."))


def _series(words: list[str]) -> Series:
    """Read `seq [-f 'before%.0fafter'] [-s between] [FIRST] LAST`."""
    given = {"-f": "%.0f", "-s": "\n"}
    while words[:1] and words[0] in given and len(words) > 1:
        given[words[0]], words = words[1], words[2:]
    before, found, after = given["-f"].partition("%.0f")
    whole = all(re.fullmatch(r"\d{1,7}", word) for word in words)
    if not found or "%" in before + after or len(words) not in {1, 2} or not whole:
        raise _made_by_shell()
    first, last = int(words[0]) if len(words) > 1 else 1, int(words[-1])
    if last - first >= _LONGEST_SERIES:
        raise _made_by_shell()
    return Series(first, last, before, after, given["-s"])
