"""The console blocks of an answer are found as a reader sees them, and their calls told apart."""

import pytest

from api.bank.examples import Block, Call, Command, calls, console_blocks

HOST = "http://127.0.0.1:5000"


def block(*lines: str, fence: str = "```", info: str = "console") -> str:
    return "\n".join([f"{fence}{info}", *lines, fence, ""])


def requests(*lines: str) -> list[tuple[str, str]]:
    return [(call.method, call.address) for call in calls(block(*lines))]


def test_commands_and_their_output_are_told_apart() -> None:
    text = "Look:\n\n" + block("$ curl a", "one", "", "two", "$ curl b", "$ curl c", "three")
    assert console_blocks(text) == [
        Block(
            (
                Command("curl a", ("one", "", "two"), 4),
                Command("curl b", (), 8),
                Command("curl c", ("three",), 9),
            ),
            4,
        )
    ]


def test_a_command_goes_on_over_lines_that_end_in_a_backslash() -> None:
    (found,) = console_blocks(block("$ curl a \\", "  -H b \\", "  -d c", "out \\", "more"))
    assert found.commands == (Command("curl a \\\n  -H b \\\n  -d c", ("out \\", "more"), 2),)


def test_only_fences_that_say_console_are_blocks() -> None:
    text = (
        block("$ curl python", info="python")
        + block("$ curl none", info="")
        + "    $ curl indented\n\n"
        + block("$ curl tilde", fence="~~~")
        + block("$ curl more words", info="console title=x")
    )
    assert [each.commands[0].text for each in console_blocks(text)] == [
        "curl tilde",
        "curl more words",
    ]


def test_a_block_inside_a_longer_fence_is_text() -> None:
    assert console_blocks("````markdown\n" + block("$ curl a") + "````\n") == []


@pytest.mark.parametrize("lines", [["output", "$ curl a"], ["", "$ curl a"], ["$curl a"]])
def test_a_block_that_begins_with_no_command_is_an_error_with_its_line(lines: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^line 4: a console block begins with a command"):
        console_blocks("Text.\n\n" + block(*lines))


def test_a_text_without_blocks_has_no_calls() -> None:
    assert calls(None) == []
    assert calls("Text with `curl http://127.0.0.1:5000/`.") == []
    assert console_blocks(block()) == [Block((), 2)]


@pytest.mark.parametrize(
    ("options", "method"),
    [
        ("", "GET"),
        ("-s -i", "GET"),
        ("-I", "HEAD"),
        ("-sI", "HEAD"),
        ("--head", "HEAD"),
        ("-X PUT", "PUT"),
        ("-sX DELETE", "DELETE"),
        ("--request PATCH", "PATCH"),
        ("-d '{}'", "POST"),
        ("--json '{}'", "POST"),
        ("--data-raw x=1", "POST"),
        ("-F file=@a", "POST"),
        ("-d q=1 -G", "GET"),
        ("--get --data-urlencode q=1", "GET"),
        ("-X PUT --json '{}'", "PUT"),
        ("-H 'X-Note: -X POST'", "GET"),
    ],
)
def test_the_method_is_what_curl_would_send(options: str, method: str) -> None:
    assert requests(f"$ curl {options} {HOST}/a") == [(method, f"{HOST}/a")]


def test_every_call_of_a_pipeline_a_substitution_and_a_loop_is_found() -> None:
    assert requests(
        f"$ curl -s {HOST}/a | jq .x; curl -X POST {HOST}/b && curl {HOST}/c",
        f"$ token=$(curl -s {HOST}/d | jq -r .token)",
        f"$ for n in 1 2; do curl -s {HOST}/e/$n; done",
        "$ jq -n '\"curl http://127.0.0.1:5000/no\"'",
    ) == [
        ("GET", f"{HOST}/a"),
        ("POST", f"{HOST}/b"),
        ("GET", f"{HOST}/c"),
        ("GET", f"{HOST}/d"),
        ("GET", f"{HOST}/e/$n"),
    ]


def test_a_call_over_several_lines_is_one_call() -> None:
    assert requests(
        "$ curl -s \\", "  -X PUT \\", f"  '{HOST}/a?b=1&c=2' \\", "  --json '{\"a\": 1}'"
    ) == [("PUT", f"{HOST}/a?b=1&c=2")]


def test_addresses_in_quotes_may_hold_what_ends_a_command() -> None:
    assert requests(f"$ curl -s '{HOST}/a?q=(x|y);z' | jq .") == [("GET", f"{HOST}/a?q=(x|y);z")]


def test_the_path_of_a_call_leaves_out_the_query() -> None:
    assert Call("GET", f"{HOST}/a/b?c=1#d", "").path == "/a/b"
    assert Call("GET", HOST, "").path == "/"
