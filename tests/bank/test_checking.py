"""Every fault that a file of the bank can have is found and named, and a sound file has none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from api.bank import checking, loading
from api.bank.checking import Fault
from api.bank.formats import QuestionDocument, Reference

Check = Callable[..., list[str]]
REFERENCES = (
    Reference(title="Flask: Quickstart", url="https://flask.palletsprojects.com/"),
    Reference(title="RFC 9110", url="https://www.rfc-editor.org/rfc/rfc9110"),
)
TRY_IT = "```console\n$ curl -s http://127.0.0.1:5000/api/v1/questions/51 | jq .number\n51\n```\n"
SOUND = QuestionDocument(
    number=51,
    prompt="What is a route?",
    answer="An address with a view behind it.",
    in_practice="Blueprints group them.",
    try_it=TRY_IT,
    technique="url-for",
    topics=("routing",),
    difficulty="beginner",
    references=REFERENCES,
)


@dataclass(frozen=True)
class Shown:
    """A demonstration, as far as the check asks."""

    method: str = "GET"
    path: str = "/api/v1/questions/{number}"
    served: str = "/api/v1/questions/51"

    def serves(self, method: str, path: str) -> bool:
        return (method, path) == (self.method, self.served)


def faults_of(
    document: QuestionDocument,
    name: str = "051-route.md",
    shown: Sequence[Shown] = (Shown(),),
    others: Mapping[str, QuestionDocument] | None = None,
) -> list[str]:
    """Check one file, and others beside it; numbers that have no file at all are left out."""
    files = {Path(name): document, **{Path(key): each for key, each in (others or {}).items()}}
    faults = checking.check(files, {document.number: shown})
    return [str(fault) for fault in faults if not str(fault).startswith("bank: ")]


def example(*lines: str) -> str:
    return "\n".join(["```console", *lines, "```"])


def test_a_sound_file_has_no_fault() -> None:
    assert faults_of(SOUND) == []


def test_the_banks_own_files_have_no_fault_in_their_headings() -> None:
    headings = ("is named for", "names ", "has no", "has fewer", "says the same", "no file")
    faults = checking.check(loading.read_files(), {})
    assert [str(fault) for fault in faults if any(each in fault.detail for each in headings)] == []


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"number": 52}, "is named for another number than 52"),
        (
            {"technique": "alchemy"},
            "names the technique 'alchemy', which the catalogue does not have",
        ),
        ({"technique": None}, "names the technique None, which the catalogue does not have"),
        (
            {"topics": ("routing", "cooking")},
            "names the topic 'cooking', which the catalogue does not have",
        ),
        ({"topics": ()}, "names no topic"),
        ({"difficulty": None}, "names no difficulty"),
        ({"in_practice": None}, 'has no "In practice"'),
        ({"references": REFERENCES[:1]}, "has fewer than two references"),
    ],
)
def test_a_fault_of_the_heading_is_the_only_one_named(changes: dict[str, Any], detail: str) -> None:
    assert faults_of(replace(SOUND, **changes)) == [f"051-route.md: {detail}"]


def test_a_file_is_not_named_for_a_longer_number() -> None:
    document = replace(SOUND, number=100)
    assert faults_of(document, name="1000-route.md") == [
        "1000-route.md: is named for another number than 100"
    ]


def test_every_number_without_a_file_is_named() -> None:
    faults = checking.check({Path("051-route.md"): SOUND}, {51: [Shown()]})
    assert faults == [Fault("bank", f"question {number} has no file") for number in range(52, 101)]


@pytest.mark.parametrize("part", ["prompt", "answer"])
def test_two_files_that_say_the_same_are_named(part: str) -> None:
    other = replace(SOUND, number=52, try_it=None, prompt="Another?", answer="Another.")
    other = replace(other, **{part: getattr(SOUND, part)})
    assert faults_of(SOUND, others={"052-other.md": other}) == [
        "052-other.md: says the same as 051-route.md"
    ]


@pytest.mark.parametrize(
    ("lines", "details"),
    [
        (["51"], ["line 2: a console block begins with a command after '$ '"]),
        (
            ["$ curl -s http://127.0.0.1:5000/api/v1/questions/51 | python3 -m json.tool"],
            ["an example needs 'python3'; curl and jq are all that it may need"],
        ),
        (
            ["$ http http://127.0.0.1:5000/", "$ curl http://127.0.0.1:5000/api/v1/questions/51"],
            ["an example needs 'http'; curl and jq are all that it may need"],
        ),
        (
            [
                "$ curl -s http://localhost:5000/api/v1/questions/51",
                "$ curl -s http://127.0.0.1:5000/api/v1/questions/51",
            ],
            [
                "an example calls http://localhost:5000/api/v1/questions/51; "
                "the server of the examples is http://127.0.0.1:5000"
            ],
        ),
        (
            ["$ curl -s http://127.0.0.1:5000.example.com/api/v1/questions/51"],
            [
                "an example calls http://127.0.0.1:5000.example.com/api/v1/questions/51; "
                "the server of the examples is http://127.0.0.1:5000"
            ],
        ),
        (
            ["$ curl -s http://127.0.0.1:5000/api/v1/topics"],
            ["no example calls GET /api/v1/questions/{number}"],
        ),
        (
            ["$ curl -s -X DELETE http://127.0.0.1:5000/api/v1/questions/51"],
            ["no example calls GET /api/v1/questions/{number}"],
        ),
    ],
)
def test_a_fault_of_an_example_is_named(lines: list[str], details: list[str]) -> None:
    faults = faults_of(replace(SOUND, try_it=example(*lines)))
    assert faults == [f"051-route.md: {detail}" for detail in details]


def test_a_demonstration_without_an_example_is_named() -> None:
    shown = [Shown(), Shown(method="PUT", served="/api/v1/scratch/a", path="/api/v1/scratch/{key}")]
    assert faults_of(SOUND, shown=shown) == [
        "051-route.md: no example calls PUT /api/v1/scratch/{key}"
    ]
    assert faults_of(replace(SOUND, try_it=None)) == [
        "051-route.md: no example calls GET /api/v1/questions/{number}"
    ]


def test_examples_that_nothing_demonstrates_are_named() -> None:
    assert faults_of(SOUND, shown=[]) == ["051-route.md: has examples, but nothing demonstrates it"]


def test_a_question_may_wait_for_its_examples_and_demonstration() -> None:
    assert faults_of(replace(SOUND, try_it=None), shown=[]) == []


def test_what_a_shell_itself_knows_is_no_further_program() -> None:
    loop = example(
        "$ for n in $(seq 3); do curl -s http://127.0.0.1:5000/api/v1/questions/51 | jq -r '.a | b'; done",
        "$ token=$(curl -s http://127.0.0.1:5000/api/v1/questions/51 | jq -r .x)",
    )
    assert faults_of(replace(SOUND, try_it=loop)) == []


def test_several_faults_of_one_file_are_all_named() -> None:
    document = replace(SOUND, topics=(), difficulty=None, references=())
    assert len(faults_of(document)) == 3


def test_missing_are_the_numbers_that_nothing_demonstrates() -> None:
    demonstrated = {number: [Shown()] for number in range(51, 101)}
    assert checking.missing(demonstrated) == []
    del demonstrated[85]
    assert checking.missing({**demonstrated, 92: []}) == [85, 92]
