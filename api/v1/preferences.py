"""`/preferences`: a cookie set, read and deleted, with the attributes that it should have (58)."""

from typing import Any

from flask import Response, current_app, url_for
from flask_restful import Resource

from api.demonstrations import demonstrates
from api.http import preferences
from api.http.limits import writes
from api.http.parsing import body
from api.http.preferences import Preferences
from api.http.responses import no_content
from api.schemas.practice import PreferencesPatch


def _represent(found: Preferences) -> Response:
    response = current_app.make_response(
        {
            **found.values,
            "saved": found.saved,
            "ignored": list(found.ignored),
            "links": {"self": url_for("v1.preferences", _external=True)},
        }
    )
    return preferences.vary(response)


class PreferencesResource(Resource):
    """How you want things to look: kept in a cookie of your browser."""

    @demonstrates(
        58, test="tests/v1/test_preferences.py::test_preferences_are_set_read_and_deleted"
    )
    def get(self) -> Response:
        """Read the cookie; without one, show the defaults."""
        return _represent(preferences.current())

    @demonstrates(
        58,
        test="tests/v1/test_preferences.py::test_the_cookie_has_its_attributes_in_every_environment",
    )
    @writes
    @body(PreferencesPatch)
    def patch(self, changes: dict[str, Any]) -> Response:
        """Change what is given, and set the cookie."""
        chosen = preferences.chosen(**changes)
        response = _represent(chosen)
        preferences.save(response, chosen)
        return response

    @demonstrates(
        58, test="tests/v1/test_preferences.py::test_preferences_are_set_read_and_deleted"
    )
    @writes
    def delete(self) -> Response:
        """Have the browser forget it. Name, path and attributes are those that it was set with."""
        response = no_content()
        preferences.forget(response)
        return response
