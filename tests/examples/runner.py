"""Runs console blocks in a shell against a live server and compares what they print.

Every run of a block is a caller of its own, at an address of its own: what other blocks have spent of
the quotas, which are counted by address, is nothing to it.

`…` in a line stands for some characters that vary (a time, an id); a line that is only `…`
stands for lines that vary.
"""

import itertools
import os
import re
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from api.bank.checking import BASE
from api.bank.examples import Block, Command

WILDCARD = "…"
SEPARATOR = "\x1e"
BLOCK_SECONDS = 60

_numbers = itertools.count()


@cache
def callers_differ() -> bool:
    """Tell whether this system has more loopback addresses than 127.0.0.1, as Linux has."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.98.0.1", 0))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one command printed, and what stood where the wildcards are (None: no match)."""

    command: Command
    lines: tuple[str, ...]
    varied: tuple[str, ...] | None


def run(block: Block, address: str) -> list[Outcome]:
    """Run a block in one shell. Addresses are those that the reader sees, before and after."""
    script = "".join(f"{c.text}\nprintf '\\036'\n" for c in block.commands)
    # `--interface` on the command line of a block comes before the one of this file.
    caller = "127.98.{}.{}".format(*divmod(next(_numbers) % 62_500, 250))
    with tempfile.TemporaryDirectory() as home:
        configuration = f"interface = {caller}\n" if callers_differ() else ""
        (Path(home) / ".curlrc").write_text(configuration, encoding="utf-8")
        done = subprocess.run(
            ["bash", "-c", script.replace(BASE, address)],
            check=False,
            env={**os.environ, "CURL_HOME": home},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BLOCK_SECONDS,
        )
    port = address.rpartition(":")[2]
    text = done.stdout.decode().replace("\r\n", "\n").replace(f"127.0.0.1:{port}", "127.0.0.1:5000")
    text = text.replace(caller, "127.0.0.1")
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
