"""Runs console blocks in a shell against a live server and compares what they print.

`…` in a line stands for some characters that vary (a time, an id); a line that is only `…`
stands for lines that vary.
"""

import re
import subprocess
from dataclasses import dataclass

from api.bank.checking import BASE
from api.bank.examples import Block, Command

WILDCARD = "…"
SEPARATOR = "\x1e"
BLOCK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one command printed, and what stood where the wildcards are (None: no match)."""

    command: Command
    lines: tuple[str, ...]
    varied: tuple[str, ...] | None


def run(block: Block, address: str) -> list[Outcome]:
    """Run a block in one shell. Addresses are those that the reader sees, before and after."""
    script = "".join(f"{c.text}\nprintf '\\036'\n" for c in block.commands)
    done = subprocess.run(
        ["bash", "-c", script.replace(BASE, address)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=BLOCK_SECONDS,
    )
    port = address.rpartition(":")[2]
    text = done.stdout.decode().replace("\r\n", "\n").replace(f"127.0.0.1:{port}", "127.0.0.1:5000")
    printed = text.split(SEPARATOR)[: len(block.commands)]
    outcomes = []
    for command, output in zip(block.commands, printed, strict=True):
        lines = tuple(output.rstrip("\n").split("\n")) if output.strip() else ()
        outcomes.append(Outcome(command, lines, match(command.output, lines)))
    return outcomes


def match(expected: tuple[str, ...], actual: tuple[str, ...]) -> tuple[str, ...] | None:
    """Compare printed with actual lines; returns what the wildcards stood for, or None."""
    while expected and not expected[-1].strip():
        expected = expected[:-1]
    parts = []
    for line in expected:
        if line.strip() == WILDCARD:
            parts.append(r"((?:[^\n]*\n)+)")
        else:
            pieces = (re.escape(piece) for piece in line.split(WILDCARD))
            parts.append("([^\n]+?)".join(pieces) + r"[ \t]*\n")
    found = re.fullmatch("".join(parts), "".join(f"{line}\n" for line in actual))
    return found.groups() if found else None
