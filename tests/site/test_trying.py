"""Console examples as requests: what is read from a command, and what is left to a shell."""

from pathlib import Path
from typing import Any

import pytest

from api.bank.examples import console_blocks
from api.site.trying import Step, steps

BASE = "http://127.0.0.1:5000"
FILES = sorted(Path("api/bank/questions").glob("*.md"))


def read(*commands: str) -> list[Step]:
    text = "".join(f"$ {command}\n" for command in commands)
    (block,) = console_blocks(f"```console\n{text}```\n")
    return steps(block)


def plan(*commands: str) -> dict[str, Any]:
    """Return the plan of the last command, which a page can run."""
    step = read(*commands)[-1]
    assert step.runs, step.refusal
    return step.plan()


def asked(*commands: str) -> list[tuple[str, str]]:
    return [(r["method"], "".join(r["target"])) for r in plan(*commands)["requests"]]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (f"curl -s '{BASE}/api/v1/'", [("GET", "/api/v1/")]),
        (f"curl -sI '{BASE}/a'", [("HEAD", "/a")]),
        (f"curl -s -X DELETE -o /dev/null '{BASE}/a'", [("DELETE", "/a")]),
        (f"curl -s --json '{{}}' '{BASE}/a'", [("POST", "/a")]),
        (f"curl -s -X PATCH --json '{{}}' '{BASE}/a'", [("PATCH", "/a")]),
        (f"curl -s -d 'a=1' '{BASE}/a'", [("POST", "/a")]),
        (f"curl -s -G '{BASE}/a' -d 'b=1' --data-urlencode 'q=c++ AND'",
         [("GET", "/a?b=1&q=c%2B%2B%20AND")]),
        (f"curl -s '{BASE}/a' '{BASE}/b' | jq -s .", [("GET", "/a"), ("GET", "/b")]),
        (f"curl -s '{BASE}/x/{{a,b}}?n={{1,2}}'",
         [("GET", "/x/a?n=1"), ("GET", "/x/a?n=2"), ("GET", "/x/b?n=1"), ("GET", "/x/b?n=2")]),
        (f"curl -s '{BASE}/a#[1-3]'", [("GET", "/a")] * 3),
        (f"curl -s \\\n  '{BASE}/a' \\\n  | jq .", [("GET", "/a")]),
    ],
)  # fmt: skip
def test_the_requests_of_a_command(command: str, expected: list[tuple[str, str]]) -> None:
    assert asked(command) == expected


def test_headers_and_bodies_are_those_that_curl_sends() -> None:
    (request,) = plan(f"""curl -s --json '{{"a": 1,' --json '"b": "é"}}' '{BASE}/a'""")["requests"]
    assert "".join(request["body"]) == '{"a": 1,"b": "é"}'
    assert request["headers"] == [
        ["Content-Type", ["application/json"]],
        ["Accept", ["application/json"]],
    ]
    command = f"curl -s -H 'Accept: a/b' -d 'a=1' -d 'b=2' '{BASE}/a'"
    (request,) = plan(command)["requests"]
    assert request["headers"] == [
        ["Accept", ["a/b"]],
        ["Content-Type", ["application/x-www-form-urlencoded"]],
    ]
    assert "".join(request["body"]) == "a=1&b=2"


SIGN_IN = f"token=$(curl -s --json '{{}}' '{BASE}/in' | jq -r .access_token)"


def test_a_variable_is_kept_and_used_where_it_stands() -> None:
    first, second = read(SIGN_IN, f"""curl -s -H "Authorization: Bearer $token" '{BASE}/me'""")
    assert first.kept is not None
    assert (first.kept.name, first.kept.path) == ("token", ("access_token",))
    assert second.needs == ("token",)
    (request,) = second.plan()["requests"]
    value = ["Bearer ", {"name": "token", "encoded": False}]
    assert request["headers"] == [["Authorization", value]]


def test_single_quotes_keep_a_dollar_sign() -> None:
    (request,) = plan(f"curl -s --json '$token' '{BASE}/a'")["requests"]
    assert request["body"] == ["$token"]


def test_a_header_and_a_part_of_what_came_before_are_kept() -> None:
    (etag,) = read(f"etag=$(curl -s -o /dev/null -w '%header{{etag}}' '{BASE}/a')")
    assert etag.kept is not None
    assert etag.kept.header == "etag"
    pair = f"pair=$(curl -s '{BASE}/in')"
    (_, part, sent) = read(
        pair,
        "token=$(echo \"$pair\" | jq -c '{refresh_token}')",
        f"""echo "$token" | curl -s --json @- '{BASE}/again'""",
    )
    assert part.kept is not None
    assert (part.kept.source, part.kept.pick) == ("pair", ("refresh_token",))
    assert sent.plan()["requests"][0]["body"] == [{"name": "token", "encoded": False}, "\n"]


def test_a_cookie_jar_lets_the_browsers_cookies_along() -> None:
    found = plan("jar=$(mktemp -d)/jar", f"curl -s -b $jar -c $jar '{BASE}/a'")
    assert found["requests"][0]["cookies"] is True
    assert plan(f"curl -s '{BASE}/a'")["requests"][0]["cookies"] is False


def test_the_headers_that_a_command_prints_are_the_telling_ones() -> None:
    found = plan(
        f"curl -s -o /dev/null -w '%{{http_code}} %header{{ETag}} %{{content_type}}' '{BASE}/a'"
    )
    assert found["tells"] == ("etag", "content-type")
    selects = """jq -Rr 'select(test("^(vary|access-control)"; "i"))'"""
    assert plan(f"curl -s -D - -o /dev/null '{BASE}/a' | {selects}")["pattern"] == (
        "^(vary|access-control)"
    )


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (f"curl -s -H 'Origin: https://a.example' '{BASE}/a'", "no page set the header Origin"),
        (f"curl -s -H 'Host: a.example' '{BASE}/a'", "no page set the header Host"),
        (f"curl -s -b 'a=b' '{BASE}/a'", "cookies"),
        (f"curl -s --interface 127.0.0.2 '{BASE}/a'", "address that it calls from"),
        (f"curl -s -F 'file=@-' '{BASE}/a'", "curl does by -F"),
        (f"curl -s -d @file '{BASE}/a'", "sends a file"),
        ("curl -s 'https://elsewhere.example/'", "takes a shell"),
        (f"curl -s '{BASE}/a#[1-50]'", "too many requests for a page: 50"),
        (f"curl -s '{BASE}/a#[1-99999999]'", "more requests"),
        (f"curl -s -X TRACE '{BASE}/a'", "no page send TRACE"),
        (f"curl -s '{BASE}/$(id)'; rm x", "small program"),
        (f"for a in 1 2; do curl -s '{BASE}/a'; done", "small program"),
        (f"""curl -s "{BASE}/$unknown" """, "uses $unknown"),
        ("echo hello", "makes no request"),
        ("echo 'open", "small program"),
        ("curl -s", "names no address"),
        ("curl -X", "names no"),
        ("jq", "makes no request"),
        ("|", "small program"),
        ("", "small program"),
    ],
)  # fmt: skip
def test_what_a_page_cannot_do_says_why(command: str, reason: str) -> None:
    (step,) = read(command)
    assert not step.runs
    assert step.refusal is not None
    assert reason in step.refusal


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:3])
def test_every_command_of_the_bank_runs_or_says_why_not(path: Path) -> None:
    for block in console_blocks(path.read_text(encoding="utf-8")):
        for step in steps(block):
            assert step.runs or step.kept or step.refusal or "mktemp" in step.command
            for request in step.requests:
                assert "".join(str(part) for part in request.target).startswith("/")


def test_most_of_the_bank_runs_from_its_pages() -> None:
    found = [
        step
        for path in FILES
        for block in console_blocks(path.read_text(encoding="utf-8"))
        for step in steps(block)
    ]
    assert sum(step.runs or step.kept is not None for step in found) > 0.6 * len(found)
