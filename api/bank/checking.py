"""The bank's files held to their own rules, and to the application that demonstrates them.

An answer is done when code demonstrates it and an executed example calls that code.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from api.bank.catalogue import TECHNIQUES, TOPICS
from api.bank.examples import calls, console_blocks
from api.bank.formats.documents import QuestionDocument

NUMBERS = range(51, 101)
BASE = "http://127.0.0.1:5000"
#: What a reader needs to paste a block: curl and jq; the rest is any POSIX shell's own.
PROGRAMS = {"curl", "jq"}
SHELL_WORDS = {
    "for",
    "do",
    "done",
    "sleep",
    "echo",
    "printf",
    "while",
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "seq",
    "mktemp",
}


class Shown(Protocol):
    """What the check needs to know of a demonstration."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        ...

    @property
    def path(self) -> str:
        """The path template."""
        ...

    def serves(self, method: str, path: str) -> bool:
        """Tell whether a request reaches it."""
        ...


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a file of the bank."""

    file: str
    detail: str

    def __str__(self) -> str:
        """Write the fault as one line."""
        return f"{self.file}: {self.detail}"


def missing(demonstrated: Mapping[int, Sequence[Shown]]) -> list[int]:
    """Return the numbers of the questions that nothing demonstrates yet."""
    return [number for number in NUMBERS if not demonstrated.get(number)]


def check(
    files: Mapping[Path, QuestionDocument], demonstrated: Mapping[int, Sequence[Shown]]
) -> list[Fault]:
    """Return every fault of the files, and of their examples against the demonstrations."""
    faults = [Fault("bank", f"question {n} has no file") for n in _absent(files.values())]
    seen: dict[str, str] = {}
    for path, document in files.items():
        found = [
            *_about_headings(path, document),
            *_about_examples(document, demonstrated.get(document.number, [])),
        ]
        for part in (document.prompt, document.answer):
            if other := seen.get(part):
                found.append(f"says the same as {other}")
            seen[part] = path.name
        faults += [Fault(path.name, detail) for detail in found]
    return faults


def _absent(documents: Iterable[QuestionDocument]) -> list[int]:
    return sorted(set(NUMBERS) - {document.number for document in documents})


def _about_headings(path: Path, document: QuestionDocument) -> Iterable[str]:
    if not path.name.startswith(f"{document.number:03d}-"):
        yield f"is named for another number than {document.number}"
    if document.technique not in TECHNIQUES:
        yield f"names the technique {document.technique!r}, which the catalogue does not have"
    for topic in document.topics:
        if topic not in TOPICS:
            yield f"names the topic {topic!r}, which the catalogue does not have"
    if not document.topics:
        yield "names no topic"
    if document.difficulty is None:
        yield "names no difficulty"
    if not document.in_practice:
        yield 'has no "In practice"'
    if len(document.references) < 2:
        yield "has fewer than two references"


def _about_examples(document: QuestionDocument, shown: Sequence[Shown]) -> Iterable[str]:
    try:
        blocks = console_blocks(document.try_it or "")
    except ValueError as error:
        yield str(error)
        return
    for block in blocks:
        for command in block.commands:
            for program in _programs(command.text) - PROGRAMS - SHELL_WORDS:
                yield f"an example needs {program!r}; curl and jq are all that it may need"
    made = calls(document.try_it)
    for call in made:
        if not call.address.startswith(BASE + "/"):
            yield f"an example calls {call.address}; the server of the examples is {BASE}"
    for demonstration in shown:
        if not any(demonstration.serves(call.method, call.path) for call in made):
            yield f"no example calls {demonstration.method} {demonstration.path}"
    if made and not shown:
        yield "has examples, but nothing demonstrates it"


def _programs(command: str) -> set[str]:
    """Return the words that stand where a shell expects a command."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|\\\n", " ", command)
    return set(
        re.findall(r"(?:^|[|;&(]|\bdo\b|\bthen\b)\s*(?:\w+=\$?\(?)?(?!\w+=)([a-z][\w.-]*)", bare)
    )
