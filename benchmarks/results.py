"""The page of results, and its plot."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from benchmarks.contestants import PEER_BIN, PYTHON
from benchmarks.figures import Section, kept, shown, table
from benchmarks.load import wrk_version
from benchmarks.servers import ROOT

PAGE = ROOT / "benchmarks" / "RESULTS.md"
PLOT = ROOT / "benchmarks" / "results.svg"

INTRODUCTION = """# Results

Written by `make bench`; do not edit. The application with all its features on (limits, CORS, ETags,
problem details, request ids, access log) beside its peers: the same SQLite file, the same payload
(compared member by member before anything is timed), the same core, the same minutes: every round
measures each contestant once, and ratios are taken within a round. Ratios tell; rates depend on the
machine. What each figure means, and where the time goes, is in [docs/performance.md](../docs/performance.md).
The peers are in [peers/](peers/), each naming the pages that it follows.
"""

OF_INTEREST = (
    "flask", "flask-restful", "flask-sqlalchemy", "flask-caching", "flask-limiter", "flask-restx",
    "flask-smorest", "fastapi", "fastapi-cache2", "litestar", "djangorestframework", "django",
    "starlette", "sqlalchemy", "marshmallow", "pydantic", "pyjwt", "orjson", "gunicorn", "uvicorn",
    "granian", "psycopg",
)  # fmt: skip


def write(names: Sequence[str]) -> None:
    """Write the page from the sections that were kept, and the plot beside it."""
    sections = [section for name in names if (section := kept(name))]
    PLOT.write_text(plot(sections), encoding="utf-8")
    PAGE.write_text(page(sections), encoding="utf-8")


def page(sections: Sequence[Section]) -> str:
    """Return the page as Markdown."""
    met = [each.met for section in sections for each in section.targets]
    summary = f"**{sum(met)} of {len(met)} targets met.**"
    parts = [INTRODUCTION.strip(), summary, f"![Requests a second, by contestant]({PLOT.name})"]
    parts += [shown(section) for section in sections]
    parts += [
        "## Machine and versions",
        table(("", ""), machine()),
        table(("", "here", "peers"), versions()),
    ]
    return "\n\n".join(parts) + "\n"


def machine() -> list[list[str]]:
    """Describe the machine."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return [
        ["processor", f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores"],
        ["memory", f"{int(memory[1]) / 1_048_576:.0f} GB" if memory else "unknown"],
        ["system", f"{platform.system()} {platform.release()}"],
        ["Python", platform.python_version()],
        ["load", wrk_version()],
        ["measured", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"],
    ]


def versions() -> list[list[str]]:
    """Return the versions of what was measured, in both environments."""
    here, peers = (_installed(python) for python in (PYTHON, str(PEER_BIN / "python")))
    return [[name, here.get(name, ""), peers.get(name, "")] for name in OF_INTEREST]


def _installed(python: str) -> dict[str, str]:
    if not Path(python).exists():
        return {}
    script = (
        "from importlib.metadata import distributions as d\n"
        "for each in d(): print(each.name.lower().replace('_', '-'), each.version)"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; } .bar { fill: #8c959f; } .own { fill: #0969da; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .bar { fill: #6e7681; } .own { fill: #58a6ff; }
}
"""
ROW, LABEL, WIDTH = 22, 330, 860


def plot(sections: Sequence[Section]) -> str:
    """Draw requests a second as bars, one panel for each section that has any."""
    parts: list[str] = []
    top = 10
    for section in sections:
        if not section.bars:
            continue
        parts.append(
            f'<text class="title" x="10" y="{top + 16}">{escape(section.title)}, requests/s</text>'
        )
        top += 28
        most = max(section.bars.values())
        for name, rate in sorted(section.bars.items(), key=lambda pair: -pair[1]):
            length = max(1, (WIDTH - LABEL - 80) * rate / most)
            kind = "own" if name == "this API" else "bar"
            parts.append(
                f'<text x="{LABEL - 8}" y="{top + 14}" text-anchor="end">{escape(name)}</text>'
            )
            parts.append(
                f'<rect class="{kind}" x="{LABEL}" y="{top + 2}" width="{length:.0f}" height="16" rx="2"/>'
            )
            parts.append(f'<text x="{LABEL + length + 6:.0f}" y="{top + 14}">{rate:,.0f}</text>')
            top += ROW
        top += 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img" '
        f'aria-label="Requests a second, by contestant"><style>{STYLE}</style>'
        + "".join(parts)
        + "</svg>\n"
    )
