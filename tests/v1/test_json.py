"""`/json/{form}`: four ways to the same bytes, and a list of them."""

import pytest
from flask.testing import FlaskClient

from tests.v1.tools import sqlite_only

pytestmark = sqlite_only

BYTES = (
    b'{"when":"2026-11-22T12:00:00Z","id":"12345678-1234-5678-1234-567812345678","price":"9.90"}'
)


def test_every_form_sends_the_same_json(client: FlaskClient) -> None:
    for form in ("jsonify", "keywords", "dict", "provider"):
        response = client.get(f"/api/v1/json/{form}")
        assert response.status_code == 200
        assert response.content_type == "application/json"
        assert response.get_data() == BYTES + b"\n", form
    assert client.get("/api/v1/json/list").get_data() == b"[" + BYTES + b"]\n"


@pytest.mark.parametrize("form", ["xml", "tuple", "jsonify-x"])
def test_an_unknown_form_is_a_404_that_names_those_there_are(
    client: FlaskClient, form: str
) -> None:
    response = client.get(f"/api/v1/json/{form}")
    assert response.status_code == 404
    assert "jsonify, keywords, dict, list, provider" in response.json["detail"]  # type: ignore[index]  # a problem object
