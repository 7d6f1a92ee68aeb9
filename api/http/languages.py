"""Which language a page or a problem's title is in: an explicit choice, then `Accept-Language` (66).

Source: https://python-babel.github.io/flask-babel/
"""

from flask import Flask, has_request_context, request
from flask_babel import Babel

from api.http import preferences
from api.http.hooks import in_api

babel = Babel()


def preferred() -> str:
    """Return the language of the answer: the one that was chosen, else the best that is accepted.

    The API follows the header alone, for the reason that `api.http.preferences` gives.
    """
    if not has_request_context():
        return "en"
    if not in_api() and (chosen := preferences.current()).saved:
        return chosen.language
    return request.accept_languages.best_match(preferences.LANGUAGES, "en")


def init_app(app: Flask) -> None:
    """Bind Flask-Babel; Flask-Admin and Flask-Security use it once it is installed."""
    babel.init_app(app, locale_selector=preferred, default_translation_directories="translations")
