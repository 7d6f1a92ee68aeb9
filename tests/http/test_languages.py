"""Which language an answer is in: chosen, else negotiated; and that it says so."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.http import languages
from tests.site.test_pages import BROWSER
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only

UNKNOWN = "/api/v1/questions/1"
TITLES = {"en": "Not found", "es": "No encontrado", "de": "Nicht gefunden", "ar": "غير موجود"}


def accepting(tags: str | None) -> dict[str, str]:
    return {} if tags is None else {"Accept-Language": tags}


def language_of(client: FlaskClient, tags: str | None, address: str = "/sign-in") -> str:
    """Return the language of a page, which it says in its head and in a header."""
    response = client.get(address, headers={**BROWSER, **accepting(tags)})
    language = response.headers["Content-Language"]
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}"' in response.text
    return language


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("fr, ja", "en"),
        ("fr, ar;q=0.3", "ar"),
        ("es-MX", "es"),
        ("ES-419,es;q=0.9", "es"),
        ("de-CH-1996, en;q=0.5", "de"),
        ("en-GB, de;q=0.5", "en"),
        ("de;q=0.2, es;q=0.8", "es"),
        ("de;q=0, es;q=0.1", "es"),
        ("de;q=0", "en"),
        ("*", "en"),
    ],
)
def test_the_language_is_chosen_or_negotiated(
    client: FlaskClient, accepted: str | None, language: str
) -> None:
    assert language_of(client, accepted) == language
    client.set_cookie("bank_preferences", "language=ar")
    assert language_of(client, accepted) == "ar"
    client.set_cookie("bank_preferences", "language=auto&theme=dark")
    assert language_of(client, accepted) == language


@pytest.mark.parametrize(
    "accepted",
    [
        "es_ES", "pt-BR", "de;q=x", "de;q=5", ";;;,,,", "x" * 8000, "de," * 2000, "../../etc/passwd",
        "xx-\N{LATIN SMALL LETTER E WITH ACUTE}", "C", "i-klingon", "zh-Hant-TW-x-private",
    ],
)  # fmt: skip
def test_no_header_is_an_error(client: FlaskClient, accepted: str) -> None:
    for address in ("/", UNKNOWN):
        response = client.get(address, headers={**BROWSER, "Accept-Language": accepted})
        assert response.status_code in {200, 404}
        assert response.headers["Content-Language"] in languages.NAMES


def test_a_problem_says_its_language_and_what_it_depends_on(client: FlaskClient) -> None:
    for language, title in TITLES.items():
        response = client.get(UNKNOWN, headers=accepting(f"{language}-x, fr"))
        problem: Any = response.json
        assert problem["title"] == title
        assert problem["detail"] == "There is no question 1."
        assert response.headers["Content-Language"] == language
        assert "Accept-Language" in response.vary
        assert "Cookie" not in response.vary


def test_every_cause_of_a_problem_is_in_the_callers_language(client: FlaskClient) -> None:
    causes = {
        ("GET", "/api/v1/nowhere"): "Nicht gefunden",
        ("DELETE", "/api/v1/questions"): "Methode nicht erlaubt",
        ("GET", "/api/v1/questions?page=0"): "Ungültige Parameter",
        ("GET", "/api/v1/me"): "Token fehlt",
        ("POST", "/api/v1/sign-ins"): "Medientyp nicht unterstützt",
    }
    for (method, address), title in causes.items():
        response = client.open(address, method=method, headers=accepting("de"))
        assert (response.json or {}).get("title") == title, address
        assert response.headers["Content-Language"] == "de"


def test_the_api_follows_the_header_and_no_cookie(client: FlaskClient) -> None:
    client.set_cookie("bank_preferences", "language=ar")
    assert (client.get(UNKNOWN, headers=accepting("de")).json or {})["title"] == TITLES["de"]
    # An address of the site is answered in the site's language, as a problem as well.
    assert (client.get("/nowhere", headers=accepting("de")).json or {})["title"] == TITLES["ar"]


def test_what_an_error_type_means_is_told_in_the_callers_language(client: FlaskClient) -> None:
    tags = set()
    for language in languages.NAMES:
        response = client.get("/api/v1/problems/not-found", headers=accepting(language))
        kind: Any = response.json
        assert kind["title"] == TITLES[language]
        assert kind["slug"] == "not-found"
        assert response.headers["Content-Language"] == language
        assert "Accept-Language" in response.vary
        tags.add(response.headers["ETag"])
        again = {"If-None-Match": response.headers["ETag"], **accepting(language)}
        assert client.get("/api/v1/problems/not-found", headers=again).status_code == 304
    assert len(tags) == len(languages.NAMES)


def test_a_language_is_chosen_by_a_form_and_kept(client: FlaskClient) -> None:
    form = {"language": "es", "next": "/techniques"}
    chosen = client.post("/preferences", data=form)
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/techniques")
    assert language_of(client, "de") == "es"
    client.post("/preferences", data={"theme": "dark"})
    assert language_of(client, "de") == "es"
    client.post("/preferences", data={"language": "auto"})
    assert language_of(client, "de") == "de"


def test_a_theme_alone_chooses_no_language(client: FlaskClient) -> None:
    client.post("/preferences", data={"theme": "dark"})
    assert language_of(client, "de") == "de"


@pytest.mark.parametrize("form", [{"language": "fr"}, {"language": ""}, {}, {"language": "de\0"}])
def test_a_language_that_there_is_not_is_refused(client: FlaskClient, form: dict[str, str]) -> None:
    response = client.post("/preferences", data=form)
    assert response.status_code == 400
    assert "Set-Cookie" not in response.headers


def test_an_answer_that_is_no_problem_never_asks_for_the_language(
    app: Flask, client: FlaskClient
) -> None:
    def asked() -> str:
        raise AssertionError("the language was asked for")

    app.extensions["babel"].locale_selector = asked
    for address in ("/api/v1/questions", "/api/v2/questions?limit=5", "/api/v1/questions/66"):
        response = client.get(address, headers=accepting("de"))
        assert response.status_code == 200
        assert "Accept-Language" not in response.vary


def test_plural_forms_are_named_as_scripts_choose_them(app: Flask) -> None:
    asked = {"en": {"one", "other"}, "de": {"one", "other"}, "es": {"one", "many", "other"},
             "ar": {"zero", "one", "two", "few", "many", "other"}}  # fmt: skip
    for language, categories in asked.items():
        with app.test_request_context("/", headers=accepting(language)):
            assert set(languages.plural_forms(str)) == categories
