"""What the domain and the schemas refuse: in the reader's language on pages, in English at the API (66)."""

import json
from enum import Enum
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale
from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.test import TestResponse

from api.accounts.permissions import Role
from api.http.languages import LOCALES
from api.http.parsing import pointer_errors
from api.sentences import Sentence, said
from tests.accounts.tools import PASSWORD, make_user, new_device
from tests.site.tools import Browser, signed_in, text_of
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only

TAGS = [tag for tag in LOCALES if tag != "en"]


class _Colour(Enum):
    RED = "red"


class _Every(Schema):
    """A field for each way in which marshmallow refuses what a form can hold."""

    missing = fields.String(required=True)
    null = fields.String()
    text = fields.String()
    whole = fields.Integer(strict=True)
    large = fields.Integer()
    flag = fields.Boolean()
    several = fields.List(fields.String())
    mail = fields.Email()
    one = fields.String(validate=validate.OneOf(["red", "blue"]))
    member = fields.Enum(_Colour, by_value=True)
    exact = fields.String(validate=validate.Length(equal=3))
    between = fields.String(validate=validate.Length(2, 3))
    short = fields.String(validate=validate.Length(min=7))
    long = fields.String(validate=validate.Length(max=2))
    low = fields.Integer(validate=validate.Range(min=7))
    high = fields.Integer(validate=validate.Range(max=7))
    within = fields.Integer(validate=validate.Range(1, 7))


NASTY = {
    "null": None, "text": 1, "whole": "one", "flag": "perhaps", "several": "one", "mail": "nobody",
    "one": "green", "member": "green", "exact": "ab", "between": "a", "short": "abc", "long": "abc",
    "low": 1, "high": 8, "within": 9, "stranger": 1,
}  # fmt: skip


@pytest.mark.parametrize("language", TAGS)
def test_what_marshmallow_says_of_a_field_is_said_in_every_language_with_its_values(
    app: Flask, language: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        _Every().load(NASTY)
    found: dict[str, Any] = refused.value.messages_dict
    assert found.keys() == {*_Every().fields, "stranger"} - {"large"}
    with app.test_request_context(), force_locale(LOCALES[language]):
        for name, messages in found.items():
            for english in messages:
                native = said(english)
                assert native != english, name
                assert [c for c in native if c.isdigit()] == [c for c in english if c.isdigit()]
    assert "green" not in found["one"][0]


@pytest.mark.parametrize("language", TAGS)
def test_a_sentence_is_english_text_until_it_is_said(app: Flask, language: str) -> None:
    sentence = Sentence("has %(count)s characters; %(most)s is the most", count=1200, most=1000)
    english = "has 1,200 characters; 1,000 is the most"
    assert sentence == english
    assert json.loads(json.dumps([sentence])) == [english]
    with app.test_request_context(), force_locale(LOCALES[language]):
        native = said(sentence)
        assert native not in {english, sentence.message}
        # An exception hands it on whole, and so does what the API makes of a schema's messages.
        assert said(str(RuntimeError(sentence))) == native
        assert said(pointer_errors({"prompt": [sentence]})[0]["detail"]) == native
        assert said("no catalogue knows this") == "no catalogue knows this"


def speaking(browser: Browser, language: str) -> Browser:
    """Have a browser's pages in a language."""
    browser.client.set_cookie("bank_preferences", f"language={language}")
    return browser


@pytest.mark.parametrize(
    ("language", "weak", "name"),
    [
        ("de", "Hat weniger als 10 Zeichen.", "Muss aus 1 bis 60 Buchstaben"),
        ("es", "Tiene menos de 10 caracteres.", "Deben ser de 1 a 60"),
        ("ar", "أقصر من 10 أحرف.", "يجب أن يتكوّن من 1 إلى 60"),
    ],
)
def test_a_registration_is_refused_in_the_readers_language(
    app: Flask, language: str, weak: str, name: str
) -> None:
    make_user(app, "ada")
    browser = speaking(Browser(app), language)
    page = browser.post(
        "/register", username="-", email="a@example.org", password="short", password_confirm="short"
    )
    assert page.status_code == 422
    assert name in text_of(page)
    page = browser.post(
        "/register",
        username="bob",
        email="b@example.org",
        password="short",
        password_confirm="short",
    )
    assert page.status_code == 422
    assert weak in text_of(page)
    phrase = "a phrase that nobody has"
    page = browser.post(
        "/register", username="ada", email="b@example.org", password=phrase, password_confirm=phrase
    )
    with app.test_request_context(), force_locale(LOCALES[language]):
        assert said("This name is taken.") in text_of(page)


@pytest.mark.parametrize(
    ("language", "blank", "crossed"),
    [
        ("de", "Antwort: Ist leer; die Angabe ist erforderlich.", "Darf nicht kleiner als"),
        ("es", "Respuesta: Está en blanco; es obligatorio.", "No debe ser menor que"),
        ("ar", "فارغ؛ يجب ملؤه", "يجب ألا يقل عن رقم البداية"),
    ],
)
def test_the_desk_and_the_export_refuse_in_the_readers_language(
    app: Flask, language: str, blank: str, crossed: str
) -> None:
    browser = speaking(signed_in(app, "ada", Role.EDITOR), language)
    page = browser.send(browser.get("/questions/new"), prompt="Why?", answer=" ", do="save")
    assert page.status_code == 422
    assert blank in text_of(page)
    page = browser.send(browser.get("/export"), "/export", number_from="9", number_to="2")
    assert page.status_code == 422
    assert crossed in text_of(page)


def test_the_search_refuses_in_the_readers_language(app: Flask) -> None:
    page: TestResponse = speaking(Browser(app), "de").get("/?difficulty=bogus")
    assert "Muss einer dieser Werte sein: beginner, intermediate, advanced." in text_of(page)


def test_the_api_says_it_in_english_with_the_same_code_in_every_language(
    app: Flask, client: FlaskClient
) -> None:
    headers = new_device(app).headers
    told = []
    for language in LOCALES:
        answer = client.put(
            "/api/v1/me/password",
            json={"current_password": PASSWORD, "new_password": "short"},
            headers={**headers, "Accept-Language": language},
        )
        assert answer.status_code == 422
        told.append((answer.get_json()["errors"], answer.get_json()["title"]))
    errors, titles = zip(*told, strict=True)
    assert errors[0] == [
        {
            "pointer": "#/new_password",
            "detail": "Shorter than 10 characters.",
            "code": "out_of_range",
        }
    ]
    assert all(each == errors[0] for each in errors)
    assert len(set(titles)) == len(LOCALES)


def test_an_error_page_says_what_happened_in_the_readers_language(app: Flask) -> None:
    browser = speaking(Browser(app), "de")
    assert "<p>Unter /nothing-here gibt es nichts.</p>" in browser.get("/nothing-here").text
    answer = browser.client.delete("/problems", headers={"Accept": "text/html"})
    assert "DELETE ist hier nicht erlaubt; verwenden Sie GET, HEAD, OPTIONS." in answer.text
    # What no catalogue has is said to be English.
    assert '<p lang="en" dir="ltr">' in browser.get("/questions/1").text
