"""The "Try it" blocks of an answer: console commands, each followed by what it prints.

A command starts with `$ ` and goes on over lines that end in a backslash; the lines after it, up
to the next command, are its output.
"""

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Command:
    """A command as printed, what it prints, and its line in the text (from 1)."""

    text: str
    output: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """One console block. Its commands run in one shell, one after the other."""

    commands: tuple[Command, ...]
    line: int


def console_blocks(text: str) -> list[Block]:
    """Return the console blocks of a Markdown text.

    Raises ValueError where a block does not begin with a command.
    """
    from markdown_it import MarkdownIt  # for single answers: no part of the start

    blocks = []
    for token in MarkdownIt().parse(text):
        if token.type == "fence" and token.info.split()[:1] == ["console"] and token.map:
            first = token.map[0] + 2
            blocks.append(Block(tuple(_commands(token.content.splitlines(), first)), first))
    return blocks


def _commands(lines: list[str], first: int) -> Iterator[Command]:
    text: list[str] = []
    output: list[str] = []
    start, going_on = first, False
    for number, line in enumerate(lines, first):
        if going_on:
            text.append(line)
        elif line.startswith(PROMPT):
            if text:
                yield Command("\n".join(text), tuple(output), start)
            text, output, start = [line.removeprefix(PROMPT)], [], number
        elif not text:
            raise ValueError(f"line {number}: a console block begins with a command after '$ '")
        else:
            output.append(line)
            continue
        going_on = line.endswith("\\")
    if text:
        yield Command("\n".join(text), tuple(output), start)


_CURL = re.compile(r"(?<![\w/-])curl\s[^|;&)]*(?:(?<=\\)\n[^|;&)]*)*")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request that a command makes, and the whole command."""

    method: str
    address: str
    command: str

    @property
    def path(self) -> str:
        """The path that is asked for."""
        return urlsplit(self.address).path or "/"


def calls(text: str | None) -> list[Call]:
    """Return every curl call of a text's console blocks, in order."""
    return [
        Call(*found, command.text)
        for block in console_blocks(text or "")
        for command in block.commands
        for found in _requests(command.text)
    ]


def _requests(command: str) -> Iterator[tuple[str, str]]:
    # Quoted parts may hold the characters that end a command, so they are blanked for the search.
    masked = re.sub(r"'[^']*'|\"[^\"]*\"", lambda m: "_" * len(m[0]), command)
    for found in _CURL.finditer(masked):
        words = shlex.split(command[found.start() : found.end()].replace("\\\n", " "))
        given, addresses = _curl_options().parse_known_args(words[1:])
        sends = given.data and not given.get
        implied = "HEAD" if given.head else "PUT" if given.upload else "POST" if sends else "GET"
        for address in addresses:
            if address.startswith(("http://", "https://")):
                yield given.request or implied, address


@cache
def _curl_options() -> ArgumentParser:
    """The options of curl that decide on the method, or that take a value; the rest is let through.

    Source: https://curl.se/docs/manpage.html
    """
    options = ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("-X", "--request")
    options.add_argument("-I", "--head", action="store_true")
    options.add_argument("-G", "--get", action="store_true")
    options.add_argument("-T", "--upload-file", dest="upload")
    data = ("-d", "--data", "--data-ascii", "--data-binary", "--data-raw", "--data-urlencode")
    options.add_argument(*data, "--json", "-F", "--form", action="append", dest="data")
    for flag in "sSivfgkLN":
        options.add_argument(f"-{flag}", action="store_true")
    for option in ("-H", "-w", "-o", "-D", "-b", "-c", "-u", "-A", "-e", "-m"):
        options.add_argument(option, action="append")
    return options
