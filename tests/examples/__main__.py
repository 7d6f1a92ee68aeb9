"""For authors: `python -m tests.examples FILE...` prints what the blocks of the files print.

With `--write` it puts that into the files, where a command's output does not match.
"""

import sys
import tempfile
from pathlib import Path

from api.bank.examples import console_blocks
from tests.conftest import folders
from tests.examples.runner import run
from tests.examples.server import needs_all, serving, serving_all


def main(arguments: list[str]) -> int:
    """Run the blocks of each file on a server of its own; returns the number of mismatches."""
    write = "--write" in arguments
    mismatches = 0
    for name in (argument for argument in arguments if argument != "--write"):
        path = Path(name)
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        blocks = console_blocks(text)
        everything = needs_all(command.text for block in blocks for command in block.commands)
        with tempfile.TemporaryDirectory() as folder:
            settings = {
                "DATABASE_URL": f"sqlite:///{folder}/bank.sqlite3",
                **folders(Path(folder)),
            }
            with (serving_all if everything else serving)(**settings) as address:
                outcomes = [o for block in blocks for o in run(block, address)]
        for outcome in reversed(outcomes):
            if outcome.varied is not None:
                continue
            mismatches += 1
            command = outcome.command
            print(f"{path.name}:{command.line}: $ {command.text}", *outcome.lines, sep="\n")
            if write:
                start = command.line - 1 + command.text.count("\n") + 1
                lines[start : start + len(command.output)] = outcome.lines
        if write:
            path.write_text("\n".join(lines), encoding="utf-8")
    return mismatches


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
