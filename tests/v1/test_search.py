"""`q`: full-text search on both databases: rank, stems, safe highlights; whatever is typed is text."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp
from tests.v1.tools import add_question, numbers

LIST = "/api/v1/questions"
FIELDS = {"prompt", "answer", "in_practice"}


def search(client: FlaskClient, text: str, **query: str | int) -> list[int]:
    return numbers(client.get(LIST, query_string={"q": text, "per_page": 100, **query}))


def highlights(client: FlaskClient, text: str, number: int) -> dict[str, str]:
    response = client.get(
        LIST, query_string={"q": text, "number_from": number, "number_to": number}
    )
    assert numbers(response) == [number]
    found: dict[str, str] = response.json["items"][0]["highlights"]  # type: ignore[index]  # a collection
    return found


def test_a_hit_in_the_prompt_ranks_before_one_in_the_answer_before_one_in_practice(
    app: Flask, client: FlaskClient
) -> None:
    # The numbers run against the rank, so that the tie-breaker cannot pass for it.
    add_question(app, 1, in_practice="One word about marmots here.")
    add_question(app, 2, answer="One word about marmots here.")
    add_question(app, 3, prompt="One word about marmots here?")
    assert search(client, "marmots") == [3, 2, 1]
    assert search(client, "marmots", sort="-relevance") == [3, 2, 1]
    assert search(client, "marmots", sort="relevance") == [1, 2, 3]
    assert search(client, "marmots", sort="number") == [1, 2, 3]
    assert search(client, "marmots", sort="-number,relevance") == [3, 2, 1]


def test_words_are_found_by_their_stem_and_in_any_case(app: Flask, client: FlaskClient) -> None:
    add_question(app, 1, prompt="How do you juggle?")
    for text in ("juggle", "juggling", "JUGGLED", "Juggles"):
        assert search(client, text) == [1]
    assert search(client, "juggler's") in ([], [1])  # stemmers differ on it; neither fails
    assert search(client, "jugg") == []


def test_every_word_must_occur_in_whichever_field(app: Flask, client: FlaskClient) -> None:
    add_question(app, 1, prompt="Marmots?", answer="Whistle.")
    add_question(app, 2, prompt="Marmots?", answer="Sleep.")
    assert search(client, "marmots whistle") == [1]
    assert search(client, "whistle   marmots") == [1]
    assert search(client, "marmots fly") == []


def test_the_index_follows_what_is_stored(app: Flask, client: FlaskClient) -> None:
    before = search(client, "caching")
    assert 74 in before
    add_question(app, 1, prompt="Caching marmots?")
    assert set(search(client, "caching")) == {*before, 1}


def test_a_hit_is_marked_in_each_field_that_has_it_and_in_no_other(
    app: Flask, client: FlaskClient
) -> None:
    add_question(app, 1, prompt="Marmots?", answer="Some marmots whistle", in_practice="Nothing.")
    found = highlights(client, "marmot", 1)
    assert found["answer"] == "Some <mark>marmots</mark> whistle"
    assert found["prompt"].rstrip("?") == "<mark>Marmots</mark>"
    assert found.keys() == {"prompt", "answer"}
    assert highlights(client, "whistles", 1) == {"answer": "Some marmots <mark>whistle</mark>"}


def test_a_long_field_is_cut_around_the_hit(app: Flask, client: FlaskClient) -> None:
    text = "before " * 400 + "marmots " + "after " * 400
    add_question(app, 1, answer=text)
    snippet = highlights(client, "marmots", 1)["answer"]
    assert "<mark>marmots</mark>" in snippet
    assert len(snippet) < 300


def test_highlights_stand_only_where_a_search_was_asked_for(client: FlaskClient) -> None:
    found: Any = client.get(LIST, query_string={"q": "flask", "fields": "number"}).json
    assert found["items"]
    for item in found["items"]:
        assert item.keys() == {"number", "highlights"}
        assert item["highlights"].keys() <= FIELDS
        assert all("<mark>" in text for text in item["highlights"].values())
    plain: Any = client.get(LIST).json
    assert all("highlights" not in item for item in plain["items"])


HOSTILE = [
    "<script>alert('marmots')</script> & <img src=x onerror=alert(1)> marmots \"quoted\"",
    "<mark>forged</mark> marmots </mark><script>",
    "\x02marmots\x03 \x02 open, never closed",
    "\x03\x03 marmots \x02\x02",
    "&lt;script&gt; marmots &amp;",
    "<b title='\x02marmots'>marmots</b>",
    "StartSel=<b> marmots, StopSel=</b>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_highlight_is_safe_html_whatever_the_text_holds(
    app: Flask, client: FlaskClient, text: str
) -> None:
    add_question(app, 1, prompt=f"Marmots? {text}", answer=text, in_practice=text)
    found = highlights(client, "marmots", 1)
    assert found.keys() == FIELDS
    for snippet in found.values():
        marks = re.findall(r"</?mark>", snippet)
        # Only our marks are tags, each is closed, and what they hold is what was searched for.
        assert marks == ["<mark>", "</mark>"] * (len(marks) // 2), snippet
        assert len(marks) >= 2
        assert {m.lower() for m in re.findall("<mark>(.*?)</mark>", snippet)} == {"marmots"}
        rest = re.sub(r"</?mark>", "", snippet)
        assert "<" not in rest
        assert ">" not in rest
        assert not re.search(r"&(?!(lt|gt|amp|quot|#\w+);)", rest)


OPERATORS = [
    '"', '""', '"""', '"unbalanced', 'un"balanced', '"a phrase"', "'", "''", "(", ")", "()", "((a)",
    "*", "a*", "mar*", "^", "^marmots", ":", "prompt:marmots", "prompt :", "-", "--", "-marmots",
    "+", "a + b", "NEAR", "NEAR(a b, 2)", "NEAR/2", "AND", "OR", "NOT", "AND AND", "marmots AND",
    "NOT marmots", "a AND (b OR", "&", "|", "!", "a & b", "a <-> b", "!!", ":*", "marmots:*", "\\",
    "\\'", "%", "_", ";", "--;", "'; DROP TABLE questions; --", "{prompt}", "[a]", "<->", "{", "@@",
    "$1", ":words", "%s", "%(words)s", "?", ".", "...", "?!.,;", "😀", "👩‍👩‍👧", "日本語", "مرحبا",
    "ﬀ", "\u0301", "\u200b", "\u00ad", "\ufeff", "\ufffe", "\x01", "\x02", "\x03\x02", "\x7f", "\x85",
    "a\nb", "a\tb", "a " * 100, '" ' * 100, "(" * 200, "\U0010ffff",
]  # fmt: skip


def test_operators_quotes_and_punctuation_are_text_and_never_an_error(
    make_app: MakeApp,
) -> None:
    client = make_app(RATELIMIT_ENABLED="false").test_client()
    for text in OPERATORS:
        for path in (LIST, "/api/v2/questions"):
            response = client.get(path, query_string={"q": text})
            if text.strip():
                assert response.status_code == 200, (path, text, response.get_data(as_text=True))
            else:
                assert response.status_code == 422, text


def test_an_operator_means_nothing(app: Flask, client: FlaskClient) -> None:
    add_question(app, 1, prompt="Marmots near rocks?")
    add_question(app, 2, prompt="Marmots on meadows?")
    assert search(client, "marmots NOT rocks") in (
        [],
        [1],
    )  # "not" is a word, on one side a stop word
    assert search(client, "rocks OR meadows") == []
    assert search(client, "-rocks") == [1]
    assert search(client, "prompt:meadows") == []
    assert search(client, "marm*") == []
    assert search(client, '"marmots" (rocks)') == [1]
    assert search(client, "NEAR(rocks)") == [1]
    assert search(client, "rocks*") == [1]
    assert search(client, "^meadows") == [2]
    assert search(client, '"meadows marmots"') == [2]


def test_a_search_is_told_in_every_link_of_its_pages(client: FlaskClient) -> None:
    response = client.get(LIST, query_string={"q": 'flask & "config"+%', "per_page": 1})
    body: Any = response.json
    assert body["page"]["total_items"] > 1
    for url in body["links"].values():
        assert client.get(url).json["page"]["total_items"] == body["page"]["total_items"]  # type: ignore[index]  # a collection


def test_words_that_stand_in_many_questions_are_not_ranked_but_come_by_number(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(CACHE_ENABLED="off")
    client = app.test_client()
    add_question(app, 1, in_practice="One word about marmots here.")
    add_question(app, 2, answer="One word about marmots here.", difficulty="beginner")
    add_question(app, 3, prompt="One word about marmots here?", topics=("routing",))
    add_question(app, 4, prompt="Do marmots whistle?", topics=("routing",), difficulty="beginner")
    monkeypatch.setattr("api.bank.search.RANKED", 4)
    assert search(client, "marmots")[-1] == 1
    monkeypatch.setattr("api.bank.search.RANKED", 3)
    for query in ({}, {"sort": "-relevance"}, {"sort": "relevance"}, {"sort": "number"}):
        assert search(client, "marmots", **query) == [1, 2, 3, 4]
    assert search(client, "marmots", sort="-number") == [4, 3, 2, 1]
    assert search(client, "marmots", sort="difficulty,relevance,-number") == [4, 2, 3, 1]
    assert search(client, "marmots", topic="routing") == [3, 4]
    assert search(client, "marmots", topic="routing", difficulty="beginner") == [4]
    assert search(client, "marmots", number_from=2, number_to=3) == [2, 3]
    assert search(client, "marmots whistle") == [4]
    assert "<mark>marmots</mark>" in highlights(client, "marmots", 4)["prompt"]


@pytest.mark.parametrize("sort", ["-relevance", "-number", "difficulty,-relevance"])
def test_cursors_walk_hits_that_are_not_ranked_once_too(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr("api.bank.search.RANKED", 3)
    whole = client.get("/api/v2/questions", query_string={"q": "flask", "sort": sort, "limit": 100})
    assert len(numbers(whole)) > 10
    address: str | None = f"/api/v2/questions?q=flask&sort={sort}&limit=4"
    seen: list[int] = []
    while address:
        response = client.get(address)
        seen += numbers(response)
        address = response.json["links"].get("next")  # type: ignore[index]  # a collection
    assert seen == numbers(whole)
