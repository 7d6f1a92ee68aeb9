"""Which language an answer is in, and its plurals and headers, by Flask-Babel (66).

An explicit choice comes first, then `Accept-Language` in the reader's own order. The site knows the choice by
the cookie of `api.http.preferences`; the API goes by the header alone, so that what a shared cache may keep
depends on nothing that is not in the request's line and its `Vary`. What is not text for people (details for
programmers, the questions themselves) stays English.
Sources: https://python-babel.github.io/flask-babel/ and https://www.rfc-editor.org/rfc/rfc4647#section-3.4
"""

from collections.abc import Callable
from pathlib import Path

from babel import Locale, negotiate_locale
from flask import Flask, Response, has_request_context, request
from flask_babel import Babel, get_locale
from werkzeug.wrappers import Response as BaseResponse

from api.demonstrations import demonstrates
from api.http import preferences
from api.http.hooks import in_api

#: The languages that there are, by the tag of their pages, each by its own name.
NAMES = {"en": "English", "es": "Español", "de": "Deutsch", "ar": "العربية"}
#: Their locales. Flask-Security's catalogues are named after countries, and Babel finds the ones for
#: `es` from `es_ES`, and not the other way round.
LOCALES = {"en": "en", "es": "es_ES", "de": "de_DE", "ar": "ar"}
#: Numbers that between them take every plural form of these languages.
SAMPLES = (0, 1, 2, 3, 11, 100, 1_000_000)

#: The catalogues, one folder for each locale.
TRANSLATIONS = Path(__file__).parent.parent / "translations"

babel = Babel()


def N_(message: str) -> str:  # noqa: N802  # gettext's own name for it
    """Mark a text to be translated where it is used; `pybabel extract` looks for this name."""
    return message


@demonstrates(
    66,
    at="GET site.home",
    test="tests/http/test_languages.py::test_the_language_is_chosen_or_negotiated",
)
def preferred() -> str:
    """Return the locale of the answer: the reader's choice, else the best of what they accept.

    Looked up as RFC 4647 does: `en-GB` is English before a `de` of lower quality is considered, which
    Werkzeug's `best_match` sees the other way round. Outside a request it is English.
    """
    if not has_request_context():
        return "en"
    if not in_api() and (chosen := preferences.current().language) in LOCALES:
        return LOCALES[chosen]
    wanted = [tag.lower() for tag, quality in request.accept_languages if quality]
    return LOCALES[negotiate_locale(wanted, LOCALES, sep="-") or "en"]


def current() -> Locale:
    """Return the locale of the answer."""
    return get_locale() or Locale("en")


@demonstrates(
    66,
    at="GET v1.question",
    test="tests/http/test_languages.py::test_a_problem_says_its_language_and_what_it_depends_on",
)
def mark(response: BaseResponse) -> None:
    """Say which language an answer is in, and that another reader may get another one."""
    response.content_language.clear()
    response.content_language.add(current().language)
    response.vary.add("Accept-Language")
    if not in_api():
        response.vary.add("Cookie")


def plural_forms(form: Callable[[int], str]) -> dict[str, str]:
    """Return every plural form of a message by its CLDR category, as `Intl.PluralRules` calls it.

    :param form: returns the message for a number, the number left out.
    """
    category = current().plural_form
    return {category(number): form(number) for number in reversed(SAMPLES)}


def mark_pages(response: Response) -> Response:
    """Mark every page of the site but one that has said its language itself."""
    if response.mimetype == "text/html" and not in_api() and not response.content_language:
        mark(response)
    return response


def init_app(app: Flask) -> None:
    """Bind Flask-Babel; Flask-Admin, Flask-Security and Flask-WTF use it once it is there."""
    babel.init_app(
        app, locale_selector=preferred, default_translation_directories=str(TRANSLATIONS)
    )
    # A sentence of several lines in a template is one line in a catalogue; see babel.cfg.
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.after_request(mark_pages)
