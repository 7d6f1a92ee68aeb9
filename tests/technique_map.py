"""For authors: `python -m tests.technique_map` writes README.md's map from the running application."""

import tempfile
from pathlib import Path

from flask import Flask

import api
import config
from api.bank import loading
from api.bank.catalogue import TECHNIQUES
from api.http.demonstrations import all_by_number

README = Path(__file__).resolve().parents[1] / "README.md"
HEAD = ("| Technique | Questions | Where it runs | Where it is written |", "|---|---|---|---|")


def rows(app: Flask) -> list[str]:
    """Return the map's lines, techniques by name, places and files in the order of the questions."""
    techniques = {each.number: each.technique for each in loading.read_files().values()}
    found: dict[str, tuple[list[str], list[str], list[str]]] = {}
    for number, demonstrations in sorted(all_by_number(app).items()):
        name = TECHNIQUES[techniques[number] or ""].name
        numbers, places, files = found.setdefault(name, ([], [], []))
        numbers.append(str(number))
        places += [f"`{each.method} {each.path}`" for each in demonstrations]
        files += [f"[{each.source.path}]({each.source.path})" for each in demonstrations]
    return [
        f"| {name} | {', '.join(numbers)} | {_lines(places)} | {_lines(files)} |"
        for name, (numbers, places, files) in sorted(
            found.items(), key=lambda item: item[0].lower()
        )
    ]


def _lines(values: list[str]) -> str:
    return "<br>".join(dict.fromkeys(values))


def main() -> None:
    """Put the map where the old one stands."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"APP_ENV": "testing", "DATABASE_URL": f"sqlite:///{folder}/bank.sqlite3"}
        new = [*HEAD, *rows(api.create_app(config.load(settings, None)))]
    lines = README.read_text(encoding="utf-8").splitlines()
    places = [place for place, line in enumerate(lines) if line.startswith("|")]
    lines[places[0] : places[-1] + 1] = new
    README.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
