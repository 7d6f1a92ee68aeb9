"""`/practice`: a round in a session, kept in a signed cookie or on the server; forged, stale, replayed."""

import base64
import json
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete
from werkzeug.test import TestResponse

from api.extensions import db
from api.models import Question
from api.practice.rounds import MOST_CARDS
from tests.accounts.tools import pointers, refused
from tests.conftest import MakeApp, Settings
from tests.v1.tools import add_question, remove_question, sqlite_only

ROUND = "/api/v1/practice/round"
ROTATION = "/api/v1/practice/key-rotation"
BOTH = pytest.mark.parametrize("storage", ["cookie", "server"])
NAMES = {"cookie": "practice_round", "server": "practice_id"}


def start(client: FlaskClient, storage: str = "cookie", **more: Any) -> dict[str, Any]:
    answer = client.post(ROUND, json={"size": 3, "storage": storage, **more})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    body: dict[str, Any] = answer.get_json()
    return body


def card(position: int, action: str = "") -> str:
    return f"{ROUND}/cards/{position}{action}"


def grade(client: FlaskClient, position: int, how: str = "right") -> TestResponse:
    return client.put(card(position, "/grade"), json={"grade": how})


def cookie(client: FlaskClient, storage: str) -> str:
    found = client.get_cookie(NAMES[storage], path="/api/v1/practice")
    assert found is not None
    return found.value


def with_cookie(client: FlaskClient, storage: str, value: str) -> TestResponse:
    """Read the round as somebody who has this cookie and nothing else."""
    fresh = client.application.test_client(use_cookies=False)
    return fresh.get(ROUND, headers={"Cookie": f"{NAMES[storage]}={value}"})


def readable(value: str) -> dict[str, Any]:
    """Read a signed cookie as anybody can: a leading dot says that it is compressed."""
    payload = value.rsplit(".", 2)[0]
    text = payload.lstrip(".")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    state: dict[str, Any] = json.loads(zlib.decompress(data) if text != payload else data)
    return state


def stored(settings: Settings) -> set[Path]:
    return set(Path(settings["SESSION_FOLDER"]).iterdir())


@BOTH
def test_a_round_is_drawn_revealed_graded_scored_and_ended(
    client: FlaskClient, storage: str
) -> None:
    begun = start(client, storage, seed=7)
    assert (begun["storage"], begun["size"], begun["seed"]) == (storage, 3, 7)
    assert [entry["state"] for entry in begun["cards"]] == ["hidden"] * 3
    assert begun["score"]["percent"] is None

    hidden: Any = client.get(begun["links"]["first"]).get_json()
    assert hidden["prompt"]
    assert hidden.keys().isdisjoint({"answer", "in_practice"})
    assert "grade" not in hidden["links"]

    revealed: Any = client.post(hidden["links"]["reveal"]).get_json()
    question: Any = client.get(revealed["links"]["question"]).get_json()
    assert (revealed["answer"], revealed["in_practice"]) == (
        question["answer"],
        question["in_practice"],
    )
    graded: Any = client.put(revealed["links"]["grade"], json={"grade": "wrong"}).get_json()
    assert (graded["state"], graded["grade"], graded["score"]["percent"]) == ("graded", "wrong", 0)
    for _ in range(2):  # it may be repeated
        graded = grade(client, 1, "right").get_json()
        assert graded["score"] == {
            "total": 3, "graded": 1, "right": 1, "partly": 0, "wrong": 0, "percent": 100,
        }  # fmt: skip

    client.post(card(2, "/reveal"))
    grade(client, 2, "partly")
    standing: Any = client.get(ROUND).get_json()
    assert standing["score"]["percent"] == 75
    assert [entry["state"] for entry in standing["cards"]] == ["graded", "graded", "hidden"]
    assert [entry["number"] for entry in standing["cards"]] == [
        entry["number"] for entry in begun["cards"]
    ]

    assert client.delete(ROUND).status_code == 204
    assert client.get_cookie(NAMES[storage], path="/api/v1/practice") is None
    refused(client.get(ROUND), "no-round", 404)
    refused(client.delete(ROUND), "no-round", 404)


@sqlite_only
def test_cards_link_their_neighbours(client: FlaskClient) -> None:
    links = client.get(start(client)["links"]["first"]).get_json()["links"]
    assert "prev" not in links
    links = client.get(links["next"]).get_json()["links"]
    links = client.get(links["next"]).get_json()["links"]
    assert "next" not in links
    assert links["prev"].endswith(card(2))
    assert links["round"].endswith(ROUND)


# --- Order ---------------------------------------------------------------------------------------


@sqlite_only
def test_a_whole_number_may_be_written_with_a_fraction_of_nothing(client: FlaskClient) -> None:
    answer = client.post(ROUND, data='{"size": 3.0}', content_type="application/json")
    assert answer.get_json()["size"] == 3
    answer = client.post(ROUND, data='{"size": 3.5}', content_type="application/json")
    assert pointers(answer) == {"#/size"}


@BOTH
@sqlite_only
def test_what_is_out_of_order_has_its_own_problem(client: FlaskClient, storage: str) -> None:
    for answer in (client.get(card(1)), client.post(card(1, "/reveal")), grade(client, 1)):
        problem = refused(answer, "no-round", 404)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "none was started" in problem["detail"]
    start(client, storage)
    problem = refused(grade(client, 2), "card-not-revealed", 409)
    assert "card 2" in problem["detail"]
    for answer in (client.get(card(4)), client.post(card(4, "/reveal")), grade(client, 0)):
        assert "this round's cards are 1 to 3" in refused(answer, "not-found", 404)["detail"]
    assert client.get(ROUND).get_json()["score"]["graded"] == 0


@sqlite_only
def test_a_question_that_left_the_bank_is_said_to_be_gone(app: Flask, client: FlaskClient) -> None:
    for number in (900, 901):
        add_question(app, number, topics=("sessions",), difficulty="beginner")
    drawn = start(client, topic="sessions", size=None)
    position = next(c["position"] for c in drawn["cards"] if c["number"] == 900)
    remove_question(app, 900)
    assert "question 900" in refused(client.get(card(position)), "not-found", 404)["detail"]
    assert client.get(ROUND).status_code == 200


@sqlite_only
def test_what_was_missed_is_drawn_again_by_number(client: FlaskClient) -> None:
    begun = start(client, size=None, numbers=[99, 51, 71], seed=7)
    order = [entry["number"] for entry in begun["cards"]]
    assert sorted(order) == [51, 71, 99]
    again = start(client, size=None, numbers=[71, 99, 51], seed=7)
    assert [entry["number"] for entry in again["cards"]] == order, "the seed alone decides"
    orders = {
        tuple(
            entry["number"]
            for entry in start(client, size=None, numbers=[51, 71, 99], seed=seed)["cards"]
        )
        for seed in range(9)
    }
    assert len(orders) > 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"size": 0}, {"#/size"}), ({"size": 51}, {"#/size"}), ({"size": "3"}, {"#/size"}),
        ({"size": 2**62}, {"#/size"}), ({"size": 2**70}, {"#/size"}), ({"size": True}, {"#/size"}),
        ({"seed": -1}, {"#/seed"}), ({"seed": 2**32}, {"#/seed"}),
        ({"storage": "redis"}, {"#/storage"}), ({"storage": None}, {"#/storage"}),
        ({"topic": "No Slug"}, {"#/topic"}), ({"topic": "nul\0"}, {"#/topic"}),
        ({"topic": "no-such-topic"}, {"#/topic"}), ({"difficulty": "hard"}, {"#/difficulty"}),
        ({"topic": "no-such-topic", "difficulty": "advanced"}, {"#/difficulty", "#/topic"}),
        ({"topic": "sessions", "size": 50}, {"#/size"}),
        ({"topic": None, "difficulty": None, "size": 50, "seed": 2**40}, {"#/seed"}),
        ({"number": 51, "role": "x"}, {"#/number", "#/role"}), ([], {"#"}),
        ({"numbers": []}, {"#/numbers"}), ({"numbers": [*range(51, 102)]}, {"#/numbers"}),
        ({"numbers": [51, 7, 52, 2**31 - 1]}, {"#/numbers/1", "#/numbers/3"}),
        ({"numbers": ["51", 0, 51.5]}, {f"#/numbers/{n}" for n in range(3)}),
        ({"numbers": [51, 52, 51]}, {"#/numbers/2"}), ({"numbers": 51}, {"#/numbers"}),
        ({"numbers": [51], "topic": "sessions", "size": 1}, {"#/topic", "#/size"}),
    ],
)  # fmt: skip
def test_a_round_that_cannot_be_drawn_says_why_and_starts_nothing(
    client: FlaskClient, body: Any, where: set[str]
) -> None:
    answer = client.post(ROUND, data=json.dumps(body), content_type="application/json")
    assert pointers(answer) == where
    assert "Set-Cookie" not in answer.headers


@sqlite_only
def test_an_empty_bank_has_no_round(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        db.session.execute(delete(Question))
        db.session.commit()
    problem = refused(client.post(ROUND, json={}), "invalid-parameters", 422)
    assert problem["errors"] == [
        {"pointer": "#", "detail": "The bank is empty.", "code": "invalid"}
    ]


@sqlite_only
@pytest.mark.parametrize("raw", ["", "{", '{"grade":"right","grade":"wrong"}', '{"grade":"\xff'])
def test_a_body_that_is_not_json_is_refused_before_the_session(
    client: FlaskClient, raw: str
) -> None:
    start(client)
    data = raw.encode("latin-1")
    for method, address in (("PUT", card(1, "/grade")), ("POST", ROUND)):
        answer = client.open(address, method=method, data=data, content_type="application/json")
        refused(answer, "malformed-request", 400)
        form = client.open(address, method=method, data={"grade": "right"})
        refused(form, "unsupported-media-type", 415)


@sqlite_only
def test_a_round_is_private_and_has_an_etag(client: FlaskClient) -> None:
    for address in (ROUND, card(1)):
        start(client)
        read = client.get(address)
        assert read.headers["Cache-Control"] == "private, no-cache"
        assert "Cookie" in read.headers["Vary"]
        assert "Set-Cookie" not in read.headers  # a read changes nothing
        same = client.get(address, headers={"If-None-Match": read.headers["ETag"]})
        assert same.status_code == 304
        client.post(card(1, "/reveal"))
        assert client.get(address).headers["ETag"] != read.headers["ETag"]


# --- The cookie ----------------------------------------------------------------------------------


def test_a_tampered_cookie_is_refused_and_cleared(client: FlaskClient) -> None:
    start(client)
    genuine = cookie(client, "cookie")
    payload, rest = genuine.rsplit(".", 2)[0], ".".join(genuine.rsplit(".", 2)[1:])
    state = readable(genuine)
    state["round"]["m"] = "rrr"
    forged = base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")
    for value in (f"{forged}.{rest}", rest, "x", f"{genuine}x", f"{payload}A.{rest}", "." * 3000):
        answer = with_cookie(client, "cookie", value)
        problem = refused(answer, "session-tampered", 400)
        assert "cleared" in problem["detail"]
        assert answer.headers["Set-Cookie"].startswith("practice_round=; Expires=Thu, 01 Jan 1970")
        assert answer.headers["Cache-Control"] == "no-store"
    assert with_cookie(client, "cookie", genuine).status_code == 200


@sqlite_only
def test_a_refused_cookie_leaves_the_browser_and_a_new_round_can_start(client: FlaskClient) -> None:
    client.set_cookie("practice_round", "forged", path="/api/v1/practice")
    refused(client.get(card(1)), "session-tampered", 400)
    refused(client.get(card(1)), "no-round", 404)
    client.set_cookie("practice_round", "forged", path="/api/v1/practice")
    start(client)
    assert client.get(ROUND).status_code == 200


@sqlite_only
def test_an_expired_cookie_is_told_from_a_forged_one(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_app(PRACTICE_SECONDS="60").test_client()
    start(client)
    value, now = cookie(client, "cookie"), time.time
    monkeypatch.setattr(time, "time", lambda: now() + 59)
    assert with_cookie(client, "cookie", value).status_code == 200
    monkeypatch.setattr(time, "time", lambda: now() + 62)
    answer = with_cookie(client, "cookie", value)
    refused(answer, "session-expired", 410)
    assert answer.headers["Set-Cookie"].startswith("practice_round=; Expires=Thu, 01 Jan 1970")


@sqlite_only
def test_the_signature_of_another_cookie_does_not_count(make_app: MakeApp) -> None:
    app = make_app(SESSION_STORAGE="cookie")
    client = app.test_client()
    with client.session_transaction() as session:
        session["round"] = {"v": 1, "n": [51], "m": "r", "s": 1, "t": 1}
    site = client.get_cookie("bank_session")
    assert site is not None
    refused(with_cookie(client, "cookie", site.value), "session-tampered", 400)


@BOTH
@sqlite_only
def test_a_round_of_another_release_is_no_round(client: FlaskClient, storage: str) -> None:
    start(client, storage)
    with client.session_transaction(ROUND) as session:
        session["round"] = {"v": 99}
    refused(client.get(ROUND), "no-round", 404)


@sqlite_only
@pytest.mark.parametrize("prefix", ["", "/mounted"])
@BOTH
def test_the_cookie_goes_to_practice_alone_with_its_attributes(
    make_app: MakeApp, prefix: str, storage: str
) -> None:
    for scheme, begins, secure in (("http", "", False), ("https", "__Secure-", True)):
        client = make_app(PREFERRED_URL_SCHEME=scheme).test_client()
        where = {"base_url": f"{scheme}://localhost"}
        begun = client.post(prefix + ROUND, json={"size": 1, "storage": storage}, **where)
        links = begun.get_json()["links"]
        assert all(
            address.startswith(f"{scheme}://localhost{prefix}/api") for address in links.values()
        )
        ended = client.delete(prefix + ROUND, **where)
        assert ended.status_code == 204
        for answer in (begun, ended):
            field = answer.headers["Set-Cookie"]
            assert field.startswith(f"{begins}{NAMES[storage]}=")
            parts = set(field.split("; ")[1:])
            assert {"HttpOnly", "SameSite=Lax", f"Path={prefix}/api/v1/practice"} <= parts
            assert ("Secure" in parts) == secure


@sqlite_only
def test_the_largest_round_with_every_grade_fits_into_a_cookie(
    app: Flask, client: FlaskClient
) -> None:
    for number in range(2_147_483_598, 2_147_483_648):
        add_question(app, number, difficulty="advanced", topics=("sessions",))
    begun = start(client, topic="sessions", difficulty="advanced", size=MOST_CARDS)
    assert len(begun["cards"]) == MOST_CARDS
    with client.session_transaction(ROUND) as session:
        session["round"] = {**session["round"], "m": "rpw?-" * 10}
    answer = client.post(card(1, "/reveal"))
    assert len(answer.headers["Set-Cookie"].encode()) < 4093
    assert client.get(ROUND).get_json()["score"]["graded"] == 30


# --- Who can revoke it ---------------------------------------------------------------------------


def test_only_the_round_on_the_server_can_be_revoked(
    client: FlaskClient, settings: Settings
) -> None:
    start(client, "cookie")
    copy = cookie(client, "cookie")
    client.delete(ROUND)
    assert with_cookie(client, "cookie", copy).status_code == 200  # nobody can take it back

    start(client, "server")
    copy = cookie(client, "server")
    assert len(stored(settings)) == 1
    assert with_cookie(client, "server", copy).status_code == 200
    client.delete(ROUND)
    refused(with_cookie(client, "server", copy), "no-round", 404)
    assert not stored(settings)


@sqlite_only
def test_a_name_that_a_client_made_up_is_never_adopted(
    client: FlaskClient, settings: Settings
) -> None:
    planted = "chosen-by-the-attacker"
    client.set_cookie("practice_id", planted, path="/api/v1/practice")
    refused(client.get(ROUND), "no-round", 404)
    start(client, "server")
    assert cookie(client, "server") != planted
    refused(with_cookie(client, "server", planted), "no-round", 404)
    assert len(stored(settings)) == 1


@sqlite_only
def test_a_new_round_has_a_new_name_and_the_old_one_opens_nothing(
    client: FlaskClient, settings: Settings
) -> None:
    start(client, "server")
    before = cookie(client, "server")
    start(client, "server")
    after = cookie(client, "server")
    assert after != before
    assert len(after) >= 43  # 256 bits
    refused(with_cookie(client, "server", before), "no-round", 404)
    assert len(stored(settings)) == 1


@sqlite_only
def test_there_is_one_round_whichever_storage_it_moves_to(
    client: FlaskClient, settings: Settings
) -> None:
    start(client, "server")
    copy = cookie(client, "server")
    assert start(client, "cookie")["storage"] == "cookie"
    assert client.get_cookie("practice_id", path="/api/v1/practice") is None
    assert client.get(ROUND).get_json()["storage"] == "cookie"
    refused(with_cookie(client, "server", copy), "no-round", 404)
    assert not stored(settings)
    start(client, "server")
    assert client.get_cookie("practice_round", path="/api/v1/practice") is None
    assert client.get(ROUND).get_json()["storage"] == "server"


@sqlite_only
def test_the_cookie_can_be_read_and_holds_no_answer(client: FlaskClient) -> None:
    start(client)
    client.post(card(1, "/reveal"))
    state = readable(cookie(client, "cookie"))
    assert state.keys() == {"_permanent", "round"}
    assert state["round"].keys() == {"v", "n", "m", "s", "t"}


# --- Keys ----------------------------------------------------------------------------------------


@sqlite_only
def test_a_round_survives_a_new_key_as_long_as_the_former_one_is_a_fallback(
    app: Flask, client: FlaskClient
) -> None:
    start(client)
    client.post(card(1, "/reveal"))
    old = cookie(client, "cookie")
    former = app.config["SECRET_KEY"]
    app.config.update(SECRET_KEY="n" * 40, SECRET_KEY_FALLBACKS=(former,))
    assert client.get(ROUND).status_code == 200
    assert grade(client, 1).status_code == 200  # and with it signed by the new key
    app.config["SECRET_KEY_FALLBACKS"] = ()
    assert client.get(ROUND).get_json()["score"]["right"] == 1
    refused(with_cookie(client, "cookie", old), "session-tampered", 400)


@sqlite_only
def test_a_round_on_the_server_needs_no_key(app: Flask, client: FlaskClient) -> None:
    start(client, "server")
    app.config["SECRET_KEY"] = "n" * 40
    assert client.get(ROUND).status_code == 200


@sqlite_only
def test_the_rehearsal_of_a_rotation_keeps_the_session_and_tells_no_key(
    app: Flask, client: FlaskClient
) -> None:
    answer = client.get(ROTATION)
    steps: Any = answer.get_json()["steps"]
    found = [(step["keys"]["SECRET_KEY_FALLBACKS"], bool(step["session"])) for step in steps]
    assert found == [([], True), ([], False), (["the former key"], True), ([], True)]
    assert app.config["SECRET_KEY"] not in answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers
    assert client.get(ROTATION).headers["ETag"] == answer.headers["ETag"]  # no key shows through
