"""The desk: writing, editing, publishing and restoring questions by pages, without a script (73, 86)."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from api.accounts import tokens, users
from api.accounts.permissions import Role
from api.bank.formats.schema import MAX_REFERENCES, MAX_TEXT
from api.extensions import db
from api.models import Draft, Question
from tests.accounts.tools import make_user, new_device
from tests.conftest import MakeApp
from tests.site.tools import PAGE, Browser, Form, signed_in, text_of
from tests.v1.tools import every_question, sqlite_only
from tests.v1.writing import BODY, make_draft, question_of

TYPED = {
    "prompt": "What does `flask routes` print?",
    "answer": "Every rule of the URL map.\n\n```python\nprint(app.url_map)\n```",
    "topics": "routing, url-map",
    "difficulty": "beginner",
    "reference_title": ["CLI"],
    "reference_url": ["https://flask.palletsprojects.com/en/stable/cli/"],
}


def question(client: FlaskClient, number: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/questions/{number}").get_json()
    return found


def written(app: Flask, author: str = "ada") -> int:
    """Return the number of a question that an author wrote and an editor published."""
    client = app.test_client()
    return question_of(
        client,
        new_device(app, author, Role.CONTRIBUTOR),
        new_device(app, f"publisher-of-{author}", Role.EDITOR),
    )


# --- Writing and publishing ---


def test_a_contributor_writes_and_an_editor_publishes_without_javascript(app: Flask) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    assert "/questions/new" in ada.get("/drafts").text
    empty = ada.get("/questions/new")
    shown = ada.send(empty, do="preview", **TYPED)
    assert shown.status_code == 200
    assert "<code>flask routes</code>" in shown.text
    assert 'class="n">url_map</span>' in shown.text
    assert len(ada.client.get("/api/v1/drafts").get_json()["items"]) == 0
    saved = ada.follow(ada.send(shown, do="save"))
    assert "Saved." in saved.text
    assert 'data-saved="/questions/new"' in saved.text
    assert "Publish" not in saved.text
    changed = ada.follow(ada.send(saved, do="save", in_practice="Ask it first."))
    assert Form(changed.text)["in_practice"] == "Ask it first."
    assert text_of(ada.get("/drafts")).count("What does") == 1

    edith = signed_in(app, "edith", Role.EDITOR)
    listed = edith.get("/drafts")
    address = re.search(r'href="(/drafts/[^"]+/edit)"', listed.text)
    assert address
    draft = edith.get(address[1])
    published = edith.follow(edith.send(draft, "/publication"))
    assert "Question 101 is published." in published.text
    found = question(edith.client, 101)
    assert found["prompt"] == TYPED["prompt"]
    assert found["answer"] == TYPED["answer"]
    assert found["topics"] == ["routing", "url-map"]
    assert found["references"] == [{"title": "CLI", "url": TYPED["reference_url"][0]}]
    assert found["in_practice"] == "Ask it first."
    assert edith.get(address[1]).status_code == 404
    with app.app_context():
        row = db.session.scalars(select(Question).where(Question.number == 101)).one()
        assert row.author_id == users.get("ada").id
    assert ada.get("/questions/101/edit").status_code == 200


@sqlite_only
def test_what_the_schema_refuses_is_said_beside_its_field_and_nothing_is_lost(app: Flask) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    faulty = {
        **TYPED,
        "prompt": "  ",
        "topics": "Routing",
        "number": "twelve",
        "difficulty": "impossible",
        "technique": "alchemy",
        "reference_title": ["", "", "Fine"],
        "reference_url": ["", "ftp://example.org/", "https://example.org/"],
    }
    refused = ada.send(ada.get("/questions/new"), do="save", **faulty)
    assert refused.status_code == 422
    text = text_of(refused)
    for fault in (
        '<a href="#prompt">Question is blank; it must be given.</a>',
        "<a href=\"#topics\">Topics: 'Routing' is no slug",
        '<a href="#number">Number: Not a valid integer.</a>',
        "<a href=\"#difficulty\">Difficulty is 'impossible'; use",
        '<a href="#reference-title-1">Title of reference 1 is blank; it must be given.</a>',
        "<a href=\"#reference-url-1\">Address of reference 1: 'ftp://example.org/' is no http",
    ):
        assert fault in text, fault
    assert 'role="alert" autofocus' in text
    for field in ("prompt", "number", "topics", "reference-url-1"):
        described = re.search(rf'id="{field}"[^>]*aria-describedby="([^"]+)"', text)
        assert described
        assert f'id="{described[1]}"' in text
        assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', text)
    form = Form(refused.text)
    assert form["answer"] == TYPED["answer"]
    assert form["topics"] == "Routing"
    assert form["number"] == "twelve"
    technique = ada.send(ada.get("/questions/new"), do="save", **{**TYPED, "technique": "alchemy"})
    assert technique.status_code == 422
    assert "Technique: Must be one of the slugs" in technique.text
    assert Form(technique.text)["technique"] == "alchemy"
    with app.app_context():
        assert db.session.scalars(select(Draft)).all() == []


@sqlite_only
def test_rows_for_references_are_added_and_empty_ones_left_out(app: Flask) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    page = ada.get("/questions/new")
    rows = page.text.count('name="reference_url"')
    more = ada.send(page, do="add", **{k: v for k, v in TYPED.items() if "reference" not in k})
    assert more.text.count('name="reference_url"') == rows + 1
    assert Form(more.text)["answer"] == TYPED["answer"]
    many = {
        "reference_title": ["Page"] * (MAX_REFERENCES + 1),
        "reference_url": ["https://example.org/"] * (MAX_REFERENCES + 1),
    }
    refused = ada.send(page, do="save", **{**TYPED, **many})
    assert refused.status_code == 422
    assert f"has {MAX_REFERENCES + 1} entries; {MAX_REFERENCES} is the most" in refused.text


@sqlite_only
def test_only_the_forms_own_fields_count(app: Flask) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    make_user(app, "eve")
    with app.app_context():
        eve = users.get("eve").id
    smuggled = {"author_id": str(eve), "author": "eve", "id": "1", "created_at": "2000-01-01"}
    ada.follow(ada.send(ada.get("/questions/new"), do="save", **TYPED, **smuggled))
    with app.app_context():
        draft = db.session.scalars(select(Draft)).one()
        assert draft.author_id == users.get("ada").id
        assert not smuggled.keys() & draft.document.keys()
    number = written(app, "grace")
    edith = signed_in(app, "edith", Role.EDITOR)
    page = edith.get(f"/questions/{number}/edit")
    edith.follow(edith.send(page, do="save", difficulty="advanced", number="7", **smuggled))
    assert question(edith.client, number)["difficulty"] == "advanced"
    assert edith.client.get("/api/v1/questions/7").status_code == 404
    with app.app_context():
        row = db.session.scalars(select(Question).where(Question.number == number)).one()
        assert row.author_id == users.get("grace").id


@sqlite_only
def test_every_shipped_question_goes_through_the_form_unchanged(app: Flask) -> None:
    edith = signed_in(app, "edith", Role.EDITOR)
    for before in every_question(edith.client)[::7]:
        address = f"/questions/{before['number']}/edit"
        done = edith.follow(edith.send(edith.get(address), do="save"))
        assert "You changed nothing" in done.text
        edith.follow(edith.send(done, do="save", difficulty="", topics="rest"))
        after = question(edith.client, before["number"])
        kept = {"prompt", "answer", "in_practice", "try_it", "technique", "references"}
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
        assert (after["difficulty"], after["topics"]) == (None, ["rest"])


# --- Preview ---

NASTY = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> "
    "[a](javascript:alert(3)) ![b](javascript:alert(4)) <javascript:alert(5)> "
    '[c](data:text/html,<script>alert(6)</script>) [d](https://example.org/"onclick="alert(7)) '
    "</textarea><svg/onload=alert(8)>"
)


@pytest.mark.parametrize("field", ["prompt", "answer", "in_practice", "try_it", "references"])
@sqlite_only
def test_the_preview_lets_no_script_through(app: Flask, field: str) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    typed = (
        {"reference_title": NASTY, "reference_url": "javascript:alert(9)"}
        if field == "references"
        else {field: f"{NASTY}\n\n```console\n$ curl {NASTY}\n{NASTY}\n```\n"}
    )
    token = ada.token("/account")
    shown = ada.client.post("/preview", data={**typed, "csrf_token": token}, headers=PAGE)
    assert shown.status_code == 200
    assert shown.content_type == "text/html; charset=utf-8"
    assert "script-src" in shown.headers["Content-Security-Policy"]
    assert "alert" in text_of(shown)
    tags = re.findall(r"<([a-z0-9]+)((?:[^>\"]|\"[^\"]*\")*)>", shown.text)
    for tag, attributes in tags:
        assert tag not in {"script", "img", "svg", "iframe", "textarea"}, tag
        names = re.findall(r'([\w-]+)="', attributes)
        assert not [name for name in names if name.startswith("on")], attributes
        for address in re.findall(r'(?:href|src)="([^"]*)"', attributes):
            assert address.startswith("https://example.org/"), address


@sqlite_only
def test_the_page_itself_escapes_what_was_typed(app: Flask) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    nasty = dict.fromkeys(("prompt", "answer", "topics", "number", "difficulty", "seen"), NASTY)
    shown = ada.send(
        ada.get("/questions/new"), do="save", **nasty, technique=NASTY, reference_title=NASTY
    )
    assert shown.status_code == 422
    for raw in ("<script>alert", "<img src=x", "<svg/onload"):
        assert raw not in shown.text
    assert Form(shown.text)["answer"] == NASTY


@sqlite_only
def test_a_preview_is_for_who_may_write_by_a_form_of_the_session_and_has_a_quota(
    make_app: MakeApp,
) -> None:
    app = make_app(RATELIMIT_PREVIEWS="2 per minute")
    anonymous = Browser(app)
    data = {"answer": "*x*", "csrf_token": anonymous.token()}
    assert anonymous.client.post("/preview", data=data, headers=PAGE).status_code == 401
    reader = signed_in(app, "reader")
    data["csrf_token"] = reader.token("/account")
    assert reader.client.post("/preview", data=data, headers=PAGE).status_code == 403
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    assert ada.client.post("/preview", data={"answer": "x"}, headers=PAGE).status_code == 400
    answer = ada.client.post(
        "/preview", data={"answer": "*x*", "csrf_token": ada.token("/account")}, headers=PAGE
    )
    assert "<em>x</em>" in answer.text
    spent = ada.client.post("/preview", data={}, headers=PAGE)
    assert spent.status_code == 429
    assert int(spent.headers["Retry-After"]) > 0
    assert '"previews";q=2;w=60' in spent.headers["RateLimit-Policy"]


@sqlite_only
def test_what_is_too_long_is_not_rendered_and_not_saved_and_kept(app: Flask) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    long = "\u6f22" * (MAX_TEXT + 1)
    page = ada.get("/questions/new")
    shown = ada.send(page, do="preview", answer=long)
    assert f"This text has {MAX_TEXT + 1} characters; {MAX_TEXT} is the most." in shown.text
    refused = ada.send(page, do="save", prompt="How long?", answer=long)
    assert refused.status_code == 422
    assert "Answer has 50,001 characters; 50,000 is the most." in text_of(refused)
    assert Form(refused.text)["answer"] == long
    full = "\u6f22" * MAX_TEXT
    texts = {"answer": full, "in_practice": full, "try_it": full}
    ada.follow(ada.send(page, do="save", prompt="How long?", **texts))


@pytest.mark.parametrize(
    "text",
    [
        "[" * MAX_TEXT,
        "![" * (MAX_TEXT // 2),
        f"```perl\n{'s{{' * (MAX_TEXT // 4)}\n```",
        f"```rst\n{'*`' * (MAX_TEXT // 3)}\n```",
        f"```python\n{'a+' * (MAX_TEXT // 3)}\n```",
        f"```yaml\n{'a: ' * 10_000}\n```",
    ],
    ids=["brackets", "images", "perl", "rst", "python", "yaml"],
)
@sqlite_only
def test_what_would_take_minutes_to_render_is_shown_as_it_is(app: Flask, text: str) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    data = {"answer": text, "csrf_token": ada.token("/account")}
    shown = ada.client.post("/preview", data=data, headers=PAGE)
    assert shown.status_code == 200
    code = text.removeprefix("```").partition("\n")[2].removesuffix("\n```") or text
    pieces = re.findall(r"<pre[^>]*>(?:<code>)?([^<]*)", text_of(shown))
    assert code in {piece.rstrip("\n") for piece in pieces}


# --- Two at once ---


def two_editors(app: Flask) -> tuple[Browser, Browser]:
    return signed_in(app, "edith", Role.EDITOR), signed_in(app, "otto", Role.EDITOR)


def test_of_two_editors_neither_loses_a_word(app: Flask) -> None:
    edith, otto = two_editors(app)
    number = written(app)
    address = f"/questions/{number}/edit"
    first, second = edith.get(address), otto.get(address)
    before = question(edith.client, number)
    otto.follow(
        otto.send(second, do="save", answer="Otto's answer.", difficulty="advanced", topics="rest")
    )
    clash = edith.send(first, do="save", answer="Edith's answer.", in_practice="Edith's practice.")
    assert clash.status_code == 409
    text = text_of(clash)
    assert "otto saved this while you were editing it." in text
    assert "<del><strong>Otto</strong>'s answer.</del>" in text
    assert "<ins><strong>Edith</strong>'s answer.</ins>" in text
    form = Form(clash.text)
    # What both changed stays as it was typed here; what only he changed is taken over.
    assert form["answer"] == "Edith's answer."
    assert form["in_practice"] == "Edith's practice."
    assert form["difficulty"] == "advanced"
    assert form["topics"] == "rest"
    assert text.count("changed by both") == 1
    stands = question(edith.client, number)
    assert stands["answer"] == "Otto's answer."
    assert stands["updated_at"] > before["updated_at"]

    taken = edith.send(clash, do="take:answer")
    assert Form(taken.text)["answer"] == "Otto's answer."
    assert Form(taken.text)["in_practice"] == "Edith's practice."
    edith.follow(edith.send(taken, do="save", answer="Otto's and Edith's answer."))
    merged = question(edith.client, number)
    assert merged["answer"] == "Otto's and Edith's answer."
    assert merged["difficulty"] == "advanced"
    assert merged["in_practice"] == "Edith's practice."


@sqlite_only
def test_a_conflict_can_be_followed_by_another(app: Flask) -> None:
    edith, otto = two_editors(app)
    address = f"/questions/{written(app)}/edit"
    page, other = edith.get(address), otto.get(address)
    other = otto.follow(otto.send(other, do="save", answer="One."))
    clash = edith.send(page, do="save", answer="Mine.")
    otto.follow(otto.send(other, do="save", answer="Two."))
    again = edith.send(clash, do="save")
    assert again.status_code == 409
    assert "<del><strong>Two</strong>.</del>" in again.text
    assert Form(again.text)["answer"] == "Mine."
    edith.follow(edith.send(again, do="save"))


@pytest.mark.parametrize("seen", ["", "x", "..", "." * 8, "\u00fc" * 99])
@sqlite_only
def test_a_form_of_no_known_state_overwrites_nothing(app: Flask, seen: str) -> None:
    edith, number = signed_in(app, "edith", Role.EDITOR), 51
    page = edith.get(f"/questions/{number}/edit")
    clash = edith.send(page, do="save", seen=seen, answer="Mine.")
    assert clash.status_code == 409
    assert Form(clash.text)["answer"] == "Mine."
    assert question(edith.client, number)["answer"] != "Mine."


def test_a_draft_is_locked_as_a_question_is(app: Flask) -> None:
    ada, edith = signed_in(app, "ada", Role.CONTRIBUTOR), signed_in(app, "edith", Role.EDITOR)
    page = ada.follow(ada.send(ada.get("/questions/new"), do="save", **TYPED))
    address = Form(page.text).action
    seen = edith.get(address)
    ada.follow(ada.send(page, do="save", answer="Better.", topics="routing"))
    clash = edith.send(seen, do="save", answer="Edited.")
    assert clash.status_code == 409
    assert Form(clash.text)["answer"] == "Edited."
    assert Form(clash.text)["topics"] == "routing"
    stale = edith.send(seen, "/publication")
    assert stale.status_code == 409
    assert "It was changed since this page was made." in stale.text
    edith.follow(edith.send(clash, do="save"))
    edith.follow(edith.send(edith.get(address), "/publication"))


# --- Nothing typed is lost ---


def ended(app: Flask, name: str) -> None:
    """Sign all devices of a user out, as another browser would."""
    with app.app_context():
        tokens.revoke_all(users.get(name))


@sqlite_only
def test_text_survives_a_session_that_ended_while_it_was_written(app: Flask) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    page = ada.get("/questions/new")
    ended(app, "ada")
    kept = ada.send(page, do="save", **TYPED)
    assert kept.status_code == 401
    assert "You are signed out" in kept.text
    assert Form(kept.text)["answer"] == TYPED["answer"]
    # In another tab, which is the same browser.
    ada.sign_in()
    once_more = ada.send(kept, do="save")
    assert once_more.status_code == 400
    assert "Your text is still here" in once_more.text
    saved = ada.follow(ada.send(once_more, do="save"))
    assert Form(saved.text)["answer"] == TYPED["answer"]
    assert Form(saved.text)["reference_title"] == "CLI"


@sqlite_only
def test_a_form_without_the_sessions_token_changes_nothing_and_is_kept(app: Flask) -> None:
    edith = signed_in(app, "edith", Role.EDITOR)
    number = written(app)
    page = edith.get(f"/questions/{number}/edit")
    for token in ("", "wrong", "\u00fc"):
        answer = edith.send(page, do="save", answer="Smuggled.", csrf_token=token)
        assert answer.status_code == 400
        assert Form(answer.text)["answer"] == "Smuggled."
    for path in (
        f"/questions/{number}/deletion",
        f"/questions/{number}/withdrawal",
        f"/questions/{number}/revisions/1/restoration",
        f"/questions/{number}/grants",
        f"/questions/{number}/grants/ada/revocation",
        "/preview",
    ):
        assert edith.client.post(path, data={"username": "ada"}, headers=PAGE).status_code == 400
    assert question(edith.client, number)["answer"] == BODY["answer"]


@sqlite_only
def test_text_survives_a_quota_that_is_used_up(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_WRITES="2 per minute")
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    page = ada.get("/questions/new")
    assert {ada.send(page, do="preview").status_code for _ in range(2)} == {200}
    spent = ada.send(page, do="save", answer="Typed.")
    assert spent.status_code == 429
    assert int(spent.headers["Retry-After"]) > 0
    assert Form(spent.text)["answer"] == "Typed."


@sqlite_only
def test_text_survives_a_deletion_and_a_right_that_was_taken(app: Flask) -> None:
    number = written(app)
    ada, edith, otto = Browser(app), *two_editors(app)
    ada.sign_in()
    address = f"/questions/{number}/edit"
    pages = [(each, each.get(address)) for each in (ada, edith)]
    otto.follow(otto.send(otto.get(f"/questions/{number}/deletion"), "/deletion"))
    for (browser, page), status in zip(pages, (403, 404), strict=True):
        kept = browser.send(page, do="save", answer="Typed.")
        assert kept.status_code == status
        assert Form(kept.text)["answer"] == "Typed."
        assert "Nothing that you typed is lost." in kept.text
    # A program gets the problem object, as everywhere.
    answer = edith.client.post(address, data={}, headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


# --- Deleting, restoring, making a draft again ---


def test_a_question_is_deleted_found_and_restored(app: Flask) -> None:
    number = written(app)
    edith = signed_in(app, "edith", Role.EDITOR)
    changed = edith.follow(
        edith.send(edith.get(f"/questions/{number}/edit"), do="save", answer="Better.")
    )
    assert f"/questions/{number}/deletion" in changed.text
    gone = edith.follow(edith.send(edith.get(f"/questions/{number}/deletion"), "/deletion"))
    assert f"Question {number} is deleted." in gone.text
    assert edith.client.get(f"/api/v1/questions/{number}").status_code == 404
    assert f"/questions/{number}/revisions" in edith.get("/editing").text
    back = edith.follow(edith.send(gone, "/revisions/1/restoration"))
    assert f"Question {number} is again as revision 1 left it." in back.text
    assert question(edith.client, number)["answer"] == BODY["answer"]
    with app.app_context():
        row = db.session.scalars(select(Question).where(Question.number == number)).one()
        assert row.author_id == users.get("ada").id


@sqlite_only
@pytest.mark.parametrize("button", ["deletion", "withdrawal", "revisions/1/restoration"])
def test_a_button_counts_for_what_it_was_shown_for_alone(app: Flask, button: str) -> None:
    edith, otto = two_editors(app)
    number = written(app)
    otto.follow(otto.send(otto.get(f"/questions/{number}/edit"), do="save", answer="Two."))
    shown = "revisions" if "revisions" in button else button
    page = edith.get(f"/questions/{number}/{shown}")
    otto.follow(otto.send(otto.get(f"/questions/{number}/edit"), do="save", answer="Three."))
    stale = edith.send(page, f"/{button}")
    assert stale.status_code == 409
    assert "It was changed since this page was made." in stale.text
    assert question(edith.client, number)["answer"] == "Three."


def test_a_question_is_made_a_draft_again_and_published_anew(app: Flask) -> None:
    number = written(app)
    edith = signed_in(app, "edith", Role.EDITOR)
    before = question(edith.client, number)
    page = edith.get(f"/questions/{number}/withdrawal")
    draft = edith.follow(edith.send(page, "/withdrawal"))
    assert f"Question {number} is a draft again." in draft.text
    assert Form(draft.text)["number"] == str(number)
    assert edith.client.get(f"/api/v1/questions/{number}").status_code == 404
    with app.app_context():
        assert db.session.scalars(select(Draft)).one().author_id == users.get("ada").id
    edith.follow(edith.send(draft, "/publication"))
    after = question(edith.client, number)
    times = {"created_at", "updated_at"}
    assert {k: v for k, v in after.items() if k not in times} == {
        k: v for k, v in before.items() if k not in times
    }
    history = edith.client.get(f"/questions/{number}/revisions", headers=PAGE).text
    assert re.findall(r"<td>(published|deleted)</td>", history) == [
        "published", "deleted", "published",
    ]  # fmt: skip


@sqlite_only
def test_a_draft_is_thrown_away(app: Flask) -> None:
    ada = signed_in(app, "ada", Role.CONTRIBUTOR)
    page = ada.follow(ada.send(ada.get("/questions/new"), do="save", **TYPED))
    address = Form(page.text).action.replace("/edit", "/deletion")
    listed = ada.follow(ada.send(ada.get(address), "/deletion"))
    assert "The draft is gone." in listed.text
    assert "0 drafts" in listed.text
    assert ada.get(address).status_code == 404


@sqlite_only
def test_a_number_that_is_taken_is_told_when_a_draft_is_published(app: Flask) -> None:
    edith = signed_in(app, "edith", Role.EDITOR)
    page = edith.get("/questions/new")
    draft = edith.follow(edith.send(page, do="save", **TYPED, number="51"))
    taken = edith.send(draft, "/publication")
    assert taken.status_code == 409
    assert "Question 51 is there already." in taken.text
    assert edith.get(Form(draft.text).action).status_code == 200


# --- Revisions ---


def test_revisions_say_who_changed_what_by_signs_and_words(app: Flask) -> None:
    number = written(app)
    edith = signed_in(app, "edith", Role.EDITOR)
    page = edith.get(f"/questions/{number}/edit")
    lines = [f"Line {place}." for place in range(20)]
    page = edith.follow(edith.send(page, do="save", answer="\n".join(lines)))
    lines[10] = "Line ten."
    edith.follow(
        edith.send(page, do="save", answer="\n".join(lines), difficulty="beginner", topics="rest")
    )
    listed = edith.get(f"/questions/{number}/revisions")
    cells = re.findall(r"<td>([^<]*)</td>", listed.text)
    assert cells[:2] == ["changed", "edith"]
    assert "Answer, Topics, Difficulty" in " ".join(listed.text.split())
    assert f"/questions/{number}/revisions/3/restoration" not in listed.text  # it stands
    shown = text_of(edith.get(f"/questions/{number}/revisions/3"))
    difference = re.sub(r"\s*<(?!/?(del|ins|strong)\b)[^>]+>\s*", "|", shown)
    assert "−|taken out:|<del>Line <strong>10</strong>.</del>" in re.sub(r"\|+", "|", difference)
    assert "+|put in:|<ins>Line <strong>ten</strong>.</ins>" in re.sub(r"\|+", "|", difference)
    assert "Line 7." in shown
    assert "Line 6." not in shown
    assert "The question stands as this revision left it." in shown
    assert edith.get(f"/questions/{number}/revisions/99").status_code == 404
    assert edith.get(f"/questions/{number}/revisions?page=0").status_code == 404
    assert edith.get(f"/questions/{number}/revisions?page=x").status_code == 404


@sqlite_only
def test_a_question_that_nobody_changed_has_one_revision(app: Flask) -> None:
    edith = signed_in(app, "edith", Role.EDITOR)
    listed = edith.get("/questions/51/revisions")
    assert re.findall(r"<td>(\w+)</td>", listed.text)[0] == "loaded"
    assert "/revisions/1/restoration" not in listed.text


# --- Who may ---

PAGES = {
    "/questions/{number}/edit": "owner grantee editor",
    "/questions/{number}/revisions": "owner grantee editor",
    "/questions/{number}/revisions/1": "owner grantee editor",
    "/questions/{number}/deletion": "editor",
    "/questions/{number}/withdrawal": "editor",
    "/drafts/{draft}/edit": "owner editor",
    "/drafts/{draft}/deletion": "owner editor",
    "/questions/new": "owner grantee editor other",
    "/drafts": "owner grantee editor other",
}


@sqlite_only
def test_who_may_see_what_of_anothers_question_and_draft(app: Flask) -> None:
    client = app.test_client()
    owner, editor = new_device(app, "owner", Role.CONTRIBUTOR), new_device(app, "e", Role.EDITOR)
    number = question_of(client, owner, editor)
    draft = make_draft(client, owner).rpartition("/")[2]
    people = {
        "owner": Browser(app),
        "grantee": signed_in(app, "grantee", Role.CONTRIBUTOR),
        "editor": signed_in(app, "editor", Role.EDITOR),
        "other": signed_in(app, "other", Role.CONTRIBUTOR),
        "reader": signed_in(app, "reader"),
    }
    people["owner"].sign_in("owner")
    given = client.put(f"/api/v1/questions/{number}/grants/grantee", headers=editor.headers)
    assert given.status_code == 201
    for path, allowed in PAGES.items():
        address = path.format(number=number, draft=draft)
        for name, browser in people.items():
            hidden = "{draft}" in path and name != "reader"
            expected = 200 if name in allowed.split() else 404 if hidden else 403
            assert browser.get(address).status_code == expected, (address, name)
        asked = Browser(app).get(address)
        assert asked.status_code == 302
        assert asked.location.startswith("/sign-in?next=")
    for name, browser in people.items():
        links = browser.get(f"/questions/{number}").text
        assert (f"/questions/{number}/edit" in links) == (name in "owner grantee editor"), name
        assert (f"/questions/{number}/revisions" in links) == (name in "owner grantee editor")
    assert "/edit" not in Browser(app).get(f"/questions/{number}").text


def test_who_was_granted_the_right_edits_on_the_page_and_another_does_not(app: Flask) -> None:
    number = written(app)
    address = f"/questions/{number}/edit"
    grace = signed_in(app, "grace", Role.CONTRIBUTOR)
    edith = signed_in(app, "edith", Role.EDITOR)
    assert grace.get(address).status_code == 403
    page = edith.get(address)
    unknown = edith.send(page, "/grants", username="nobody-of-that-name")
    assert unknown.status_code == 422
    assert "There is no user of this name." in unknown.text
    assert Form(unknown.text)["answer"] == BODY["answer"]
    given = edith.follow(edith.send(page, "/grants", username="Grace"))
    assert "grace may edit this question now." in given.text
    assert "Its author, ada" in given.text
    changed = grace.follow(grace.send(grace.get(address), do="save", answer="By grace."))
    assert question(edith.client, number)["answer"] == "By grace."
    assert 'id="grants"' not in changed.text  # who may edit may not hand that on
    assert (
        grace.client.post(
            f"/questions/{number}/grants", data={"username": "ada"}, headers=PAGE
        ).status_code
        == 403
    )
    taken = edith.follow(edith.send(edith.get(address), "/grants/grace/revocation"))
    assert "grace may no longer edit this question." in taken.text
    kept = grace.send(changed, do="save", answer="Once more.")
    assert kept.status_code == 403
    assert question(edith.client, number)["answer"] == "By grace."


# --- What nobody means well by ---


@sqlite_only
def test_nasty_forms_are_refused_in_order(app: Flask) -> None:
    edith = signed_in(app, "edith", Role.EDITOR)
    token = edith.token("/questions/new")
    sent = {"csrf_token": token, "do": "save"}
    assert edith.client.post("/questions/new", json={}, headers=PAGE).status_code == 415
    for fields in (
        {"number": "9" * 5000},
        {"number": str(2**70)},
        {"number": "\u0661"},
        {"answer": "x", "prompt": "\u2028"},
        {"do": "take:../../etc"},
        {"do": "take:answer"},
        {"do": "\u00b2"},
        {"references-\u00b2-url": "x"},
        {"reference_url": "https://[::1"},
        {"topics": "a," * 5000},
    ):
        answer = edith.client.post("/questions/new", data={**sent, **fields}, headers=PAGE)
        assert answer.status_code in {200, 422}, fields
    nul = edith.client.post("/questions/new", data={**sent, "answer": "a\0b"}, headers=PAGE)
    assert nul.status_code == 400
    broken = edith.client.post(
        "/questions/new",
        data=f"csrf_token={token}&do=save&prompt=%ff%fe&answer=%c3".encode(),
        content_type="application/x-www-form-urlencoded",
        headers=PAGE,
    )
    assert broken.status_code == 303  # U+FFFD: what a form holds is text, and this is readable
    big = edith.client.post(
        "/questions/new", data={**sent, "answer": "x" * 2_000_000}, headers=PAGE
    )
    assert big.status_code == 413


@sqlite_only
def test_the_pages_stay_below_the_prefix_that_they_were_reached_at(app: Flask) -> None:
    edith = signed_in(app, "edith", Role.EDITOR)
    page = edith.get("/mounted/questions/51/edit")
    for link in re.findall(r'(?:href|action|data-preview)="(/[^"]*)"', page.text):
        assert link.startswith("/mounted/"), link
    saved = edith.send(page, do="save", answer="Mounted.")
    assert saved.location == "/mounted/questions/51/edit"
    assert 'data-saved="/mounted/questions/51/edit"' in edith.follow(saved).text
