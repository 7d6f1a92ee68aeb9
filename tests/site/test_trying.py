"""Console examples as requests: what is read from a command, and what is left to a shell."""

import base64
import re
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
    """Return the plan of the last command, which a page can follow."""
    step = read(*commands)[-1]
    assert step.actions, step.refusal
    return step.plan()


def actions(*commands: str) -> list[dict[str, Any]]:
    """Return what the last command does, in order."""
    found: list[dict[str, Any]] = plan(*commands)["actions"]
    return found


def requests(*commands: str) -> list[dict[str, Any]]:
    """Return the requests of the last command."""
    return [request for action in actions(*commands) for request in action["requests"]]


def asked(*commands: str) -> list[tuple[str, str]]:
    return [(r["method"], "".join(r["target"])) for r in requests(*commands)]


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
    (request,) = requests(f"""curl -s --json '{{"a": 1,' --json '"b": "é"}}' '{BASE}/a'""")
    assert "".join(request["body"]["text"]) == '{"a": 1,"b": "é"}'
    assert request["headers"] == [
        ["Content-Type", ["application/json"]],
        ["Accept", ["application/json"]],
    ]
    (request,) = requests(f"curl -s -H 'Accept: a/b' -d 'a=1' -d 'b=2' '{BASE}/a'")
    assert request["headers"] == [
        ["Accept", ["a/b"]],
        ["Content-Type", ["application/x-www-form-urlencoded"]],
    ]
    assert "".join(request["body"]["text"]) == "a=1&b=2"
    (request,) = requests(f"curl -s -r 0-5 '{BASE}/a'")
    assert request["headers"] == [["Range", ["bytes=0-5"]]]


SIGN_IN = f"token=$(curl -s --json '{{}}' '{BASE}/in' | jq -r .access_token)"


def test_a_variable_is_kept_and_used_where_it_stands() -> None:
    (action,) = actions(SIGN_IN)
    assert (action["name"], action["takes"]) == ("token", [["member", "access_token"]])
    first, second = read(SIGN_IN, f"""curl -s -H "Authorization: Bearer $token" '{BASE}/me'""")
    assert (first.needs, second.needs) == ((), (0,))
    (request,) = second.plan()["actions"][0]["requests"]
    value = ["Bearer ", {"name": "token", "encoded": False}]
    assert request["headers"] == [["Authorization", value]]


def test_single_quotes_keep_a_dollar_sign() -> None:
    (request,) = requests(f"curl -s --json '$token' '{BASE}/a'")
    assert request["body"] == {"text": ["$token"]}


def test_a_header_and_a_part_of_what_came_before_are_kept() -> None:
    (etag,) = actions(f"etag=$(curl -s -o /dev/null -w '%header{{etag}}' '{BASE}/a')")
    assert (etag["name"], etag["header"]) == ("etag", "etag")
    pair = f"pair=$(curl -s '{BASE}/in')"
    part = "token=$(echo \"$pair\" | jq -c '{refresh_token}')"
    (taken,) = actions(pair, part)
    assert taken["source"] == [{"name": "pair", "encoded": False}]
    assert (taken["name"], taken["takes"]) == ("token", [["pick", "refresh_token"]])
    (sent,) = requests(pair, part, f"""echo "$token" | curl -s --json @- '{BASE}/again'""")
    assert sent["body"] == {"text": [{"name": "token", "encoded": False}, "\n"]}


@pytest.mark.parametrize(
    ("words", "takes"),
    [
        ("jq -r .a.b", [["member", "a"], ["member", "b"]]),
        ("jq -c .", []),
        ("jq -Rr 'capture(\"x=(?<it>[^\\\"]+)\").it'", [["capture", 'x=(?<it>[^"]+)', ""]]),
        ("jq -Rr 'capture(\"^X: (?<it>.)\"; \"i\").it'", [["capture", "^X: (?<it>.)", "i"]]),
        ("jq -Rnr 'first(inputs | capture(\"(?<it>a|b)\").it)'", [["first", "(?<it>a|b)", ""]]),
        ("jq -Rnc '[inputs | capture(\"(?<it>a)\").it]'", [["all", "(?<it>a)", ""]]),
        ("jq -r 'first(.items[] | select(.to == \"a|b\")).text | capture(\"(?<it>h\\\\S+)\").it'",
         [["member", "items"], ["find", "to", "a|b"], ["member", "text"], ["capture", "(?<it>h\\S+)", ""]]),
    ],
)  # fmt: skip
def test_what_jq_takes_out_of_an_answer(words: str, takes: list[list[str]]) -> None:
    (action,) = actions(f"kept=$(curl -s '{BASE}/a' | {words})")
    assert action["takes"] == takes
    (shown,) = actions(f"page=$(curl -s '{BASE}/a')", f'echo "$page" | {words}')
    assert (shown["name"], shown["takes"], shown["requests"]) == (None, takes, [])


def test_a_cookie_jar_lets_the_browsers_cookies_along() -> None:
    jar, sign_in = "jar=$(mktemp -d)/jar", f"curl -s -c $jar -d 'a=b' '{BASE}/in'"
    _, writes, reads = read(jar, sign_in, f"curl -s -b $jar '{BASE}/a'")
    assert writes.cookies
    assert writes.requests[0].cookies
    assert (reads.needs, reads.cookies) == ((0, 1), True)
    assert requests(f"curl -s '{BASE}/a'")[0]["cookies"] is False


def test_a_command_needs_what_was_changed_before_it() -> None:
    made = f"curl -s -X PUT --json '{{}}' '{BASE}/a'"
    *_, last = read(f"curl -s '{BASE}/b'", made, f"curl -s -I '{BASE}/c'", f"curl -s '{BASE}/a'")
    assert last.needs == (1,)


def test_an_address_that_an_answer_told_is_asked_without_its_origin_being_guessed() -> None:
    (request,) = requests(f"next=$(curl -s '{BASE}/a' | jq -r .links.next)", 'curl -s "${next}&b"')
    assert request["target"] == [{"name": "next", "encoded": False}, "&b"]


# --- Loops, waiting, files ---


def test_a_loop_is_its_requests_one_after_the_other() -> None:
    loop = (
        f"for role in reader editor; do token=$(curl -s --json '{{\"a\":\"'$role'\"}}' '{BASE}/in' "
        f'| jq -r .t); curl -s -H "X: $token" "{BASE}/$role"; done | jq -s .'
    )
    found = actions(loop)
    assert [action["name"] for action in found] == ["token", None, "token", None]
    assert found[2]["requests"][0]["body"] == {"text": ['{"a":"editor"}']}
    assert found[3]["requests"][0]["target"] == ["/editor"]
    (step,) = read(loop)
    assert step.needs == ()


def test_a_loop_of_commands_joined_by_and_goes_over_what_is_known_later_too() -> None:
    first = f"draft=$(curl -s '{BASE}/d' | jq -r .id)"
    found = requests(
        first, f'for id in $draft 2; do curl -s "{BASE}/$id" && curl -s "{BASE}/b"; done'
    )
    assert [request["target"] for request in found] == [
        ["/", {"name": "draft", "encoded": False}], ["/b"], ["/2"], ["/b"],
    ]  # fmt: skip


def test_waiting_for_a_job_is_one_request_that_is_sent_until_then() -> None:
    (action,) = actions(
        f"while curl -s '{BASE}/job' | jq -e '.finished_at == null' > /dev/null; do sleep 0.1; done"
    )
    assert (action["until"], action["pause"], len(action["requests"])) == ("finished_at", 0.1, 1)


def test_waiting_for_a_moment_of_the_clock() -> None:
    start = "start=$(jq -n '(now / 4 | floor) * 4 + 8')"
    (clock,) = actions(start)
    assert (clock["name"], clock["clock"]) == ("start", (4, 8))
    (pause,) = actions(start, 'sleep "$(jq -n "$start + 3.1 - now")"')
    assert (pause["source"], pause["moment"]) == ([{"name": "start", "encoded": False}], 3.1)


def test_bytes_that_printf_makes_are_sent_as_a_file() -> None:
    dot, end = r"dot='GIF89a\1\0\xff' more='\n'", r"""printf "$dot$more"'end'"""
    form = f"curl -s -F 'a=b' -F 'file=@-;filename=dot.gif' '{BASE}/a'"
    (request,) = requests(dot, f"{end} | {form}")
    field, file = request["body"]["form"]
    assert (request["method"], request["headers"]) == ("POST", [])
    assert (field["name"], field["content"], field["filename"]) == ("a", {"text": ["b"]}, None)
    assert (file["filename"], file["type"]) == ("dot.gif", "image/gif")
    assert base64.b64decode(file["content"]["base64"]) == b"GIF89a\x01\x00\xff\nend"
    named = (
        "for name in 'a b' $'c\\xe2\\x80\\xae'; do printf 'x' "
        f'| curl -s -F "file=@-;type=a/b;filename=\\"$name\\"" "{BASE}/a"; done'
    )
    fields = [request["body"]["form"][0] for request in requests(named)]
    assert [field["filename"] for field in fields] == ["a b", "c\u202e"]
    assert {field["type"] for field in fields} == {"a/b"}


def test_what_is_printed_is_sent_as_curl_sends_it() -> None:
    table = r"printf 'a,b\n1,2\n'"
    (kept,) = requests(f"{table} | curl -s --data-binary @- '{BASE}/a'")
    assert kept["body"] == {"text": ["a,b\n1,2\n"]}
    (joined,) = requests(f"{table} | curl -s -d @- '{BASE}/a'")
    assert joined["body"] == {"text": ["a,b1,2"]}
    many = "seq -s , -f '{\"n\":%.0f}' 8 9000"
    (made,) = requests(f"{many} | curl -s --json '[' --json @- --json ']' '{BASE}/a'")
    series = {"first": 8, "last": 9000, "before": '{"n":', "after": "}", "between": ","}
    assert made["body"] == {"text": ["[", series, "\n]"]}


def test_the_headers_that_a_command_prints_are_the_telling_ones() -> None:
    (found,) = actions(
        f"curl -s -o /dev/null -w '%{{http_code}} %header{{ETag}} %{{content_type}}' '{BASE}/a'"
    )
    assert found["tells"] == ("etag", "content-type")
    selects = """jq -Rr 'select(test("^(vary|access-control)"; "i"))'"""
    (found,) = actions(f"curl -s -D - -o /dev/null '{BASE}/a' | {selects}")
    assert found["pattern"] == "^(vary|access-control)"


# --- What is left to a shell ---


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (f"curl -s -H 'Origin: https://a.example' '{BASE}/a'", "no page set the header Origin"),
        (f"curl -s -H 'Host: a.example' '{BASE}/a'", "no page set the header Host"),
        (f"curl -s -b 'a=b' '{BASE}/a'", "cookies"),
        (f"curl -s --interface 127.0.0.2 '{BASE}/a'", "address that it calls from"),
        (f"curl -s -F 'file=@-' '{BASE}/a'", "made by the shell"),
        (f"curl -s -F 'file=@photo.gif' '{BASE}/a'", "sends a file"),
        (f"curl -s -F 'file' '{BASE}/a'", "a form that a page cannot make"),
        (f"curl -s -T file '{BASE}/a'", "curl does by -T"),
        (f"printf '%9s' | curl -s -d @- '{BASE}/a'", "made by the shell"),
        (f"seq -w 3 | curl -s -d @- '{BASE}/a'", "made by the shell"),
        (f"curl -s -d @file '{BASE}/a'", "sends a file"),
        ("curl -s 'https://elsewhere.example/'", "not of this server"),
        (f"curl -s '{BASE}/a#[1-50]'", "too many requests for a page: 50"),
        (f"curl -s '{BASE}/a#[1-99999999]'", "more requests"),
        (f"curl -s -X TRACE '{BASE}/a'", "no page send TRACE"),
        (f"""curl -s "{BASE}/$(id)" """, "small program"),
        (f"curl -s '{BASE}/a'; rm x", "makes no request"),
        (f"for a in 1 2; do curl -s '{BASE}/a'", "small program"),
        (f"for a in 1 2 3; do curl -s '{BASE}/a#[1-5]'; done", "too many requests for a page: 15"),
        (f"while curl -s '{BASE}/a'; do sleep 1; done", "small program"),
        (f"until curl -s '{BASE}/a'; do sleep 1; done", "small program"),
        (f"if curl -s '{BASE}/a'; then echo; fi", "small program"),
        (f"curl -s '{BASE}/a' > file", "small program"),
        (f"curl -s '{BASE}/a' &", "small program"),
        ("sleep 5", "waits for a moment"),
        (f"kept=$(curl -s '{BASE}/a' | jq 'keys')", "takes jq"),
        (f"kept=$(curl -si '{BASE}/a' | jq -Rr 'capture(\"^set-cookie: (?<it>.)\").it')",
         "reads a cookie"),
        ("echo `id`", "small program"),
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


@pytest.mark.parametrize(
    "command",
    [
        f"curl -s {'-d a=b ' * 20_000} '{BASE}/a'",
        f"curl -s '{BASE}/{'{a,b}' * 200}'",
        f"curl -s '{BASE}/{'[1-99]' * 9}'",
        "for a in 1; do " * 600 + f"curl -s '{BASE}/a'" + "; done" * 600,
        "".join(f"for {a} in {'1 ' * 300}; do " for a in "abc") + "d=1" + "; done" * 3,
        "a=" + "$(" * 3000 + ")" * 3000,
        "a=b; for b in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do a=$a$a$a$a; done",
        f"seq 9999999 | curl -s -d @- '{BASE}/a'",
    ],
)
def test_a_command_made_to_keep_the_reader_busy_is_left_to_a_shell_at_once(command: str) -> None:
    (step,) = read(command)
    assert step.kind in {"many", "program", "sent", "local"}


def test_a_second_set_of_cookies_is_left_to_a_shell() -> None:
    folder, first = "folder=$(mktemp -d)", f"curl -s -c $folder/a '{BASE}/a'"
    *_, kept, other = read(folder, first, f"curl -s -b $folder/b '{BASE}/a'")
    assert kept.runs
    assert (other.kind, other.runs) == ("jars", False)
    loop = f"for a in 1 2; do jar=$(mktemp); curl -s -c $jar '{BASE}/a'; done"
    assert read(loop)[0].kind == "jars"


def test_what_a_refused_command_would_have_kept_is_not_what_was_kept_before() -> None:
    before = f"kept=$(curl -s '{BASE}/a')"
    refused = f"kept=$(curl -s -H 'Origin: https://a.example' '{BASE}/a')"
    *_, last = read(before, refused, f"""curl -s "{BASE}/$kept" """)
    assert last.kind == "needs"


#: The commands of the bank that can only be copied: their question, block and place in it, from one.
COPIED = {
    "051.2.5": "sent", "052.3.1": "host", "053.1.2": "local", "053.5.3": "cookie",
    "057.1.2": "cookie", "057.2.1": "cookie", "058.3.1": "cookie",
    "059.2.3": "cookie", "059.2.4": "program", "059.3.3": "cookie",
    "059.3.4": "needs", "059.3.5": "needs", "059.3.6": "needs",
    "062.1.1": "origin", "062.3.1": "origin", "062.4.1": "origin",
    "062.5.1": "origin", "062.5.2": "origin", "062.5.3": "origin",
    "071.3.3": "interface", "071.4.4": "interface", "071.5.2": "origin",
    "071.6.4": "interface", "071.6.5": "interface",
    "082.2.2": "cookie", "082.3.2": "jars",
    "082.4.2": "cookie", "082.4.3": "cookie", "082.4.4": "cookie",
    **dict.fromkeys(
        [
            *(f"093.2.{place}" for place in (1, 2, 3, 4, 5, 9)),
            *(f"093.3.{place}" for place in range(5, 12)),
            *(f"093.4.{place}" for place in range(4, 9)),
            *(f"093.5.{place}" for place in range(1, 9)),
        ],
        "realtime",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:3])
def test_a_page_runs_every_command_of_its_question_but_those_that_only_a_shell_can(
    path: Path,
) -> None:
    blocks = console_blocks(path.read_text(encoding="utf-8"))
    refused, running = {}, 0
    for number, block in enumerate(blocks, 1):
        for place, step in enumerate(steps(block), 1):
            running += step.runs
            if step.refusal:
                assert not step.actions
                refused[f"{path.name[:3]}.{number}.{place}"] = step.kind
            else:  # what neither asks nor shows anything only names a text or a file for later
                assert (
                    step.runs or step.command.startswith("sleep") or re.match(r"\w+=", step.command)
                ), step.command
    assert running > 0
    assert refused == {key: kind for key, kind in COPIED.items() if key.startswith(path.name[:3])}
