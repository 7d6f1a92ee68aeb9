"""The API reference: every operation of the contract on a page of its own."""

from flask.testing import FlaskClient

from api.site.reference import operations
from tests.contract import contract
from tests.site.test_pages import page
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only


def test_every_operation_is_listed_once_and_has_its_page(client: FlaskClient) -> None:
    overview = page(client, "/reference")
    listed = [link for link in overview.links if link.startswith("/reference/")]
    assert sorted(listed) == sorted(f"/reference/{each}" for each in operations())
    paths = contract.document()["paths"]
    count = sum(method in contract.METHODS for item in paths.values() for method in item)
    assert len(listed) == count
    for address in listed:
        assert "Answers" in page(client, address).text


def test_a_page_tells_parameters_bodies_and_every_answer(client: FlaskClient) -> None:
    for operation in operations().values():
        text = page(client, f"/reference/{operation.id}").text
        node = contract.document()["paths"][operation.path][operation.method.lower()]
        for status in node["responses"]:
            assert str(status) in text, operation.id
        for _, member in operation.parameters:
            assert member.name in text
        assert operation.path in text


def test_schemas_are_followed_and_a_circle_of_them_ends(client: FlaskClient) -> None:
    text = page(client, "/reference/createQuestion").text
    for name in ("prompt", "answer", "references", "url"):
        assert name in text
    assert "beginner" in page(client, "/reference/listQuestions").text


def test_an_operation_that_is_not_there(client: FlaskClient) -> None:
    shown = page(client, "/reference/noSuchOperation", status=404)
    assert "noSuchOperation" in shown.text
