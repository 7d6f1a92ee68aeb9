"""README.md says what is true: its map is the application's own, its commands are the Makefile's."""

import re
from pathlib import Path

import pytest
from flask import Flask

from api.bank import loading
from api.bank.catalogue import TECHNIQUES
from api.http.demonstrations import all_by_number

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: Questions whose demonstrations are still to come. The list may only shrink.
PENDING = {
    51, 57, 58, 59, 65, 66, 68, 69, 70, 77, 81, 82, 85, 86, 88, 89, 92, 93, 95, 97, 99
}  # fmt: skip


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_map_names_every_demonstrated_technique_with_its_places(app: Flask) -> None:
    demonstrated = all_by_number(app)
    techniques = {d.number: d.technique for d in loading.read_files().values()}
    expected: dict[str, tuple[set[int], set[str], set[str]]] = {}
    for number, demonstrations in demonstrated.items():
        name = TECHNIQUES[techniques[number] or ""].name
        numbers, places, files = expected.setdefault(name, (set(), set(), set()))
        numbers.add(number)
        places |= {f"{d.method} {d.path}" for d in demonstrations}
        files |= {d.source.path for d in demonstrations}
    rows = [line.strip("| ").split(" | ") for line in README.splitlines() if line.startswith("| ")]
    found = {
        name: (
            {int(number) for number in numbers.split(", ")},
            set(re.findall("`([^`]+)`", places)),
            set(re.findall(r"\[([^]]+)\]", files)),
        )
        for name, numbers, places, files in rows[1:]
    }
    assert found == expected


def test_every_file_that_the_readme_links_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nothing_is_pending_but_what_is_known_to_be(app: Flask) -> None:
    assert set(range(51, 101)) - set(all_by_number(app)) == PENDING


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, re.MULTILINE))
def test_the_commands_of_the_readme_are_targets(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
