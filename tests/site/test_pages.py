"""The HTML side: what a person sees, escaped, protected, and loaded from here alone."""

import re
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from api.extensions import db
from api.http.problems import CATALOGUE
from api.models import Question, Reference
from tests.conftest import MakeApp
from tests.v1.tools import add_question, every_question, sqlite_only

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
#: What pages may load: bundles named by their content, and the icon.
OWN = re.compile(r"/assets/[a-z]+\.[0-9a-f]{8}\.(css|js)|/icon\.svg")
#: Where each element that a browser loads by itself has its address.
LOADING = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src",
           "video": "src", "audio": "src", "embed": "src", "object": "data", "use": "href"}  # fmt: skip


class Page(HTMLParser):
    """The elements of a page: what it links, what it loads, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.attributes |= values.keys()
        if tag == "a":
            self.links.append(values.get("href") or "")
        if address := values.get(LOADING.get(tag, "")):
            self.loads.append(address)

    def handle_data(self, data: str) -> None:
        self.text += data


def page(client: FlaskClient, address: str, status: int = 200) -> Page:
    response = client.get(address, headers=BROWSER)
    assert response.status_code == status
    assert response.content_type == "text/html; charset=utf-8"
    return Page(response.get_data(as_text=True))


def addresses() -> list[str]:
    return [
        "/",
        "/problems",
        "/techniques",
        "/practice",
        "/reference",
        *(f"/questions/{number}" for number in range(51, 101)),
    ]


def test_the_home_page_lists_all_fifty_questions(client: FlaskClient) -> None:
    home = page(client, "/")
    listed = [link for link in home.links if link.startswith("/questions/")]
    assert listed == [f"/questions/{number}" for number in range(51, 101)]
    text = " ".join(home.text.split())
    for question in every_question(client):
        assert re.sub(r"[`*]", "", question["prompt"]) in text


@sqlite_only
def test_every_link_of_every_page_leads_somewhere(client: FlaskClient) -> None:
    inside = {
        link.partition("#")[0]
        for address in addresses()
        for link in page(client, address).links
        # The pages of the reference are visited by tests of their own.
        if not link.startswith(("http://", "https://", "#", "/reference/"))
    }
    assert len(inside) > 50
    for link in inside:
        assert client.get(link, headers=BROWSER).status_code == 200, link


def test_a_mounted_page_stays_under_its_prefix(client: FlaskClient) -> None:
    for address in ("/mounted/", "/mounted/questions/71", "/mounted/problems"):
        found = page(client, address)
        for link in found.links + found.loads:
            assert link.startswith(("/mounted/", "https://", "#")), link
        for asset in found.loads:
            assert client.get(asset, buffered=True).status_code == 200


def test_a_question_shows_answer_source_and_references(client: FlaskClient) -> None:
    shown = page(client, "/questions/98")
    assert "Fixed window, moving window" in shown.text
    assert "In practice" in shown.text
    assert "class StrategyLimit" in shown.text or "def get(self, args" in shown.text
    assert "tests/v1/test_limits.py::test_strategies_differ_at_the_window_boundary" in shown.text
    assert "https://limits.readthedocs.io/en/stable/strategies.html" in shown.links


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> <b onclick='x()'>b</b> &amp; `<i>`"


def test_html_in_a_question_is_text_on_its_page(app: Flask, client: FlaskClient) -> None:
    clean = page(client, "/questions/51").attributes | page(client, "/").attributes
    add_question(
        app,
        1,
        prompt=f"What {HOSTILE}?",
        answer=f"{HOSTILE}\n\n[a](javascript:alert(1)) [b](data:text/html,x) <{'javascript:x'}>\n",
        in_practice=HOSTILE,
        try_it=f"```console\n$ echo '{HOSTILE}'\n```",
    )
    with app.app_context():
        number = db.session.query(Question.id).where(Question.number == 1).scalar()
        reference = Reference(question_id=number, title=HOSTILE, url='https://a.example/"><script>')
        db.session.add(reference)
        db.session.commit()
    for address in ("/questions/1", "/"):
        shown = page(client, address)
        assert not {"img", "b", "i"} & set(shown.tags), address
        assert shown.tags.count("script") == len([x for x in shown.loads if x.endswith(".js")])
        assert shown.attributes <= clean
        assert all(not link.startswith(("javascript:", "data:")) for link in shown.links)
        assert "<script>alert(1)</script>" in shown.text
    assert 'https://a.example/"><script>' in page(client, "/questions/1").links
    assert str(escape("<script>")) in client.get("/questions/1").get_data(as_text=True)


@pytest.mark.parametrize(
    "address", ["/page-that-is-not-there", "/questions/1", "/questions/99999999999", "/nowhere"]
)
def test_a_browser_gets_an_error_page_and_a_client_a_problem(
    client: FlaskClient, address: str
) -> None:
    shown = page(client, address, status=404)
    assert "404 Not found" in shown.text
    assert "/" in shown.links
    for accept in ("application/json", "*/*", "application/problem+json"):
        response = client.get(address, headers={"Accept": accept})
        assert response.status_code == 404
        assert response.content_type == "application/problem+json"
        assert "Accept" in response.vary
    assert "Accept" in client.get(address, headers=BROWSER).vary


def test_what_an_error_page_repeats_is_escaped(client: FlaskClient) -> None:
    response = client.get("/<script>alert(1)</script>", headers=BROWSER)
    assert response.status_code == 404
    assert Page(response.get_data(as_text=True)).tags.count("script") == 1, "the site's own"
    assert "&lt;script&gt;" in response.get_data(as_text=True)


@sqlite_only
def test_the_problems_page_explains_every_type(client: FlaskClient) -> None:
    shown = page(client, "/problems")
    for kind in CATALOGUE.values():
        assert f"{kind.status} {kind.title}" in shown.text
        assert kind.meaning.replace("`", "") in shown.text.replace("`", "")


def policy(client: FlaskClient, address: str) -> dict[str, str]:
    response = client.get(address, headers=BROWSER, buffered=True)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    directives = response.headers["Content-Security-Policy"].split(";")
    return {name: value for name, _, value in (each.strip().partition(" ") for each in directives)}


@sqlite_only
def test_every_page_has_the_security_headers(client: FlaskClient) -> None:
    for address in ("/", "/questions/71", "/problems", "/nowhere"):
        told = policy(client, address)
        assert told["default-src"] == told["base-uri"] == told["frame-ancestors"] == "'none'"
        for kind in ("style-src", "script-src", "img-src", "connect-src", "form-action"):
            assert told[kind] == "'self'"
    (sheet,) = [each for each in page(client, "/").loads if each.endswith(".css")]
    assert policy(client, sheet)["default-src"] == "'none'"


@sqlite_only
def test_no_page_loads_anything_from_elsewhere(client: FlaskClient) -> None:
    for address in [*addresses(), "/nowhere"]:
        shown = page(client, address, status=404 if address == "/nowhere" else 200)
        for load in shown.loads:
            assert OWN.fullmatch(load), (address, load)
        # The policy allows none of these, so a page that needs them is broken.
        assert not {"style", "iframe", "base"} & set(shown.tags)
        assert shown.tags.count("script") == len([x for x in shown.loads if x.endswith(".js")])
        assert "style" not in shown.attributes
        assert not any(name.startswith("on") for name in shown.attributes)
    for load in page(client, "/questions/65").loads:
        response = client.get(load, buffered=True)
        assert response.status_code == 200
        if load.endswith(".css"):
            assert not re.search(r"url\(|@import|https?:", response.get_data(as_text=True))


@sqlite_only
def test_an_empty_bank_says_how_to_fill_it(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        db.session.execute(db.delete(Question))
        db.session.commit()
    assert "flask bank load" in page(client, "/").text


@sqlite_only
def test_the_search_answers_without_script(client: FlaskClient) -> None:
    shown = page(client, "/?q=rate+limit&difficulty=advanced&topic=&technique=")
    listed = [link for link in shown.links if link.startswith("/questions/")]
    found = client.get("/api/v2/questions?q=rate+limit&difficulty=advanced&limit=100").json
    assert found is not None
    assert listed == [f"/questions/{item['number']}" for item in found["items"]]
    assert listed
    assert "mark" in shown.tags
    assert re.search(rf"\b{len(listed)} questions?\b", shown.text)
    assert 'value="rate limit"' in client.get("/?q=rate+limit", headers=BROWSER).text


@pytest.mark.parametrize(
    ("query", "status"),
    [("q=%22", 200), ("q=zzzzqqq", 200), ("difficulty=hard", 422), ("topic=A_B", 422),
     ("q=" + "x" * 201, 422), ("q=%00", 400), ("q=%ff", 200), ("colour=red", 200),
     ("q=%3Cscript%3E", 200)],
)  # fmt: skip
def test_whatever_is_searched_for_gets_a_page(client: FlaskClient, query: str, status: int) -> None:
    shown = page(client, f"/?{query}", status=status)
    assert "<script>" not in shown.text.replace('value="<script>"', "")


@sqlite_only
def test_searches_count_against_their_quota(make_app: MakeApp) -> None:
    client = make_app(RATELIMIT_SEARCH="1 per minute").test_client()
    statuses = [client.get("/?q=rate", headers=BROWSER).status_code for _ in range(2)]
    assert statuses == [200, 429]
    assert client.get("/", headers=BROWSER).status_code == 200


def test_related_questions_share_the_technique_or_a_topic(client: FlaskClient) -> None:
    links = page(client, "/questions/71").links
    before, after, *related = [link for link in links if link.startswith("/questions/")]
    assert (before, after) == ("/questions/70", "/questions/72")
    assert related[0] == "/questions/98", "the other question on rate limiting"
    assert len(related) == 6
    own = client.get("/api/v1/questions/71").json
    assert own is not None
    for link in related:
        other = client.get(f"/api/v1{link}").json
        assert other is not None
        assert other["technique"] == own["technique"] or set(other["topics"]) & set(own["topics"])


@sqlite_only
def test_every_running_example_is_two_clicks_from_the_front_page(client: FlaskClient) -> None:
    assert "/techniques" in page(client, "/").links
    links = page(client, "/techniques").links
    for number in range(51, 101):
        (link,) = [each for each in links if each.partition("#")[0] == f"/questions/{number}"]
        if "#" in link:
            assert 'id="try-it"' in client.get(link, headers=BROWSER).text


@sqlite_only
def test_source_lines_have_the_numbers_that_they_have_in_the_file(client: FlaskClient) -> None:
    shown = client.get("/questions/71", headers=BROWSER).get_data(as_text=True)
    lines = re.findall(r'data-line="(\d+)"', shown)
    told = client.get("/api/v1/questions/71/demonstrations").json
    assert told is not None
    expected = [
        str(number)
        for item in told["items"]
        for number in range(item["source"]["first_line"], item["source"]["last_line"] + 1)
    ]
    assert lines == expected


def test_a_question_of_no_technique_is_not_related_to_all_such(
    app: Flask, client: FlaskClient
) -> None:
    add_question(app, 1, technique=None)
    add_question(app, 2, technique=None, topics=("rest",))
    assert "Related questions" not in page(client, "/questions/1").text
    links = page(client, "/questions/2").links
    assert links.count("/questions/1") == 1, "as its neighbour only"
