"""Rounds in turn, ratios, targets, and the page that is written from them."""

import json
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import figures, results
from benchmarks.contestants import DifferentPayloadError, differing, ensure_same
from benchmarks.figures import Section, Spread, Target, in_turn, kept, ratios, shown, table
from benchmarks.servers import Server, ServerFailedError, family, fetch, running

SECTION = Section(
    "hot",
    "Hot <reads>",
    "What it says.",
    ("", "requests/s"),
    [["this API", "100"], ["a | b", "50"]],
    [
        Target("twice as fast", Spread(1.5, 2, 2.5), at_least=2),
        Target("no later", Spread(1, 1.1, 1.2), at_most=1),
    ],
    {"this API": 100.0, "a & b": 50.0},
)


def test_contestants_are_measured_in_turn_after_one_round_that_does_not_count() -> None:
    order: list[str] = []

    def measuring(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = in_turn({name: partial(measuring, name) for name in "AB"}, rounds=2)
    assert "".join(order) == "ABABAB"
    assert found == {"A": [3.0, 5.0], "B": [4.0, 6.0]}


def test_ratios_are_taken_within_a_round() -> None:
    assert ratios([10, 40, 30], [5, 10, 10]) == Spread(2, 3, 4)
    with pytest.raises(ValueError, match="argument"):
        ratios([1, 2], [1])
    with pytest.raises(ValueError, match="no figures"):
        Spread.of([])


@pytest.mark.parametrize(
    ("middle", "at_least", "at_most", "met"),
    [(2, 2, None, True), (1.9, 2, None, False), (1, None, 1, True), (1.1, None, 1, False)],
)
def test_a_target_is_judged_by_its_median(
    middle: float, at_least: float | None, at_most: float | None, met: bool
) -> None:
    assert Target("it", Spread(0, middle, 9), at_least, at_most).met is met


def test_a_section_that_was_kept_is_read_back_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "KEPT", tmp_path / "kept")
    assert kept("hot") is None
    SECTION.keep()
    found = kept("hot")
    assert found is not None
    assert shown(found) == shown(SECTION)
    assert found.bars == SECTION.bars


def test_a_table_escapes_what_would_end_a_cell() -> None:
    assert table(("", "x"), [["a | b", "1"]]) == "|  | x |\n| --- | --- |\n| a \\| b | 1 |"


def test_the_page_tells_which_targets_are_missed_and_how_to_measure_again() -> None:
    page = results.page([SECTION])
    assert "**1 of 2 targets met.**" in page
    assert "| no later | ≤ 1 | 1.00 / **1.10** / 1.20 | **not met** |" in page
    assert "`.venv/bin/python -m benchmarks hot`" in page
    assert "| sqlalchemy | 2." in page


def test_the_plot_is_well_formed_and_shows_every_contestant() -> None:
    root = ElementTree.fromstring(results.plot([SECTION]))  # noqa: S314 - our own
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["Hot <reads>, requests/s", "this API", "100", "a & b", "50"]


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, None),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "/a/1/b is 3 and should be 2"),
        ({"a": 1}, {}, "/a is in one of them only"),
        ([1, 2], [1], " is [1] and should be [1, 2]"),
    ],
)
def test_the_first_difference_between_payloads_is_named(
    expected: object, found: object, told: str | None
) -> None:
    assert differing(expected, found) == told


ECHO = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"items": [1, 2]}' if self.path != "/gone" else b"no"
        self.send_response(404 if self.path == "/gone" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_nobody_is_timed_whose_payload_differs(tmp_path: Path) -> None:
    server = Server("echo", ("python3", "-c", ECHO.replace("{", "{{").replace("}", "}}")), tmp_path)
    with running(server) as up:
        assert fetch(up.url("/"))[0] == 200
        assert family(up.process.pid) == [up.process.pid]
        same = json.dumps({"items": [1, 2]}).encode()
        ensure_same({"echo": up}, {"echo": "/"}, same)
        for path, expected, told in (("/", b'{"items": [1]}', "/items"), ("/gone", same, "404")):
            with pytest.raises(DifferentPayloadError, match=told):
                ensure_same({"echo": up}, {"echo": path}, expected)
        pid = up.process.pid
    assert not Path(f"/proc/{pid}").exists()


def test_a_server_that_ends_at_once_is_told_with_what_it_said(tmp_path: Path) -> None:
    server = Server("broken", ("python3", "-c", "import nothing_of_that_name"), tmp_path)
    with (
        pytest.raises(ServerFailedError, match=r"(?s)broken.*nothing_of_that_name"),
        running(server),
    ):
        pytest.fail("it does not run")
