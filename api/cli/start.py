"""`make run`: every process of the Procfile together; one Ctrl+C stops all, and so does a crash of one.

Honcho's own command would read .env and hand out ports, both of which are the application's business;
its `Manager` does the rest. Nothing of the application is imported here: that is what takes time
(hence `python -P` and the path, not `python -m`).
Source: https://honcho.readthedocs.io/en/latest/using_procfiles.html
"""

import os
import sys
from pathlib import Path

from honcho import manager as honcho
from honcho.environ import parse_procfile
from honcho.printer import Printer

ROOT = Path(__file__).resolve().parents[2]
STOPPED_BY_USER = {130, 143}

#: Seconds that a process has to end in; Honcho's own five would cut short what a worker still does.
honcho.KILL_WAIT = 15


class QuietPrinter(Printer):
    """Leaves out what Honcho tells of its own doings, but for what a process ended with."""

    def write(self, message):  # type: ignore[no-untyped-def]  # Honcho is untyped
        """Write a line of a process that says something, or that one has stopped."""
        told = (
            "stopped (rc=" in str(message.data)
            if message.name == "system"
            else message.data.strip()
        )
        if told:
            super().write(message)


def main() -> int:
    """Start all, and wait; returns the exit status of the first that ended."""
    processes = parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8")).processes
    bin_folder = str(Path(sys.executable).parent)  # this environment's `flask`, whatever PATH says
    environ = {
        **os.environ,
        "PATH": os.pathsep.join([bin_folder, os.environ.get("PATH", os.defpath)]),
        "FLASK_SKIP_DOTENV": "1",
        "FLASK_APP": "wsgi",
        "PYTHONUNBUFFERED": "1",
    }
    manager = honcho.Manager(QuietPrinter(sys.stdout))
    for name, command in processes.items():
        # `exec`: signals reach the process itself and not a shell in front of it.
        manager.add_process(name, f"exec {command}", env=environ, cwd=str(ROOT))
    manager.loop()
    status = int(manager.returncode or 0)
    return 0 if status in STOPPED_BY_USER else status


if __name__ == "__main__":
    sys.exit(main())
