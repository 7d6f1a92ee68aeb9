"""README.md says what is true: its map is the application's own, its commands are the Makefile's."""

import re
from pathlib import Path

import pytest
from flask import Flask

from api.http.demonstrations import all_by_number
from tests import technique_map

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_map_names_every_demonstrated_technique_with_its_places(app: Flask) -> None:
    written = [line for line in README.splitlines() if line.startswith("|")]
    assert written == [*technique_map.HEAD, *technique_map.rows(app)], "make map writes it anew"


def test_every_file_that_the_readme_links_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_all_fifty_questions_are_demonstrated(app: Flask) -> None:
    assert set(all_by_number(app)) == set(range(51, 101))


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, re.MULTILINE))
def test_the_commands_of_the_readme_are_targets(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
