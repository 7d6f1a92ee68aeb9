"""`/api/questions`: one address, and the version chosen by `Accept`."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.v1.tools import link_field, numbers, sqlite_only

PATH = "/api/questions"
V1, V2 = (f"application/vnd.question-bank.{version}+json" for version in ("v1", "v2"))
JSON = "application/json"


def ask(client: FlaskClient, accept: str | None, query: str = "") -> tuple[str, str]:
    """Return the media type of the answer and the version that its body is in."""
    headers = {} if accept is None else {"Accept": accept}
    response = client.get(f"{PATH}?{query}", headers=headers)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert "Accept" in response.vary
    page: dict[str, Any] = response.json["page"]  # type: ignore[index]  # a collection
    return response.content_type, "v1" if "total_items" in page else "v2"


ACCEPTS: list[tuple[str | None, str, str]] = [
    (None, V1, "v1"),
    ("", V1, "v1"),
    ("*/*", V1, "v1"),
    ("application/*", V1, "v1"),
    (JSON, JSON, "v1"),
    (V1, V1, "v1"),
    (V2, V2, "v2"),
    (V2.upper(), V2, "v2"),
    (f"{V1}, {V2};q=0.9", V1, "v1"),
    (f"{V1};q=0.8, {V2};q=0.9", V2, "v2"),
    (f"{V2};q=0.1, text/html", V2, "v2"),
    (f"{V2}, */*;q=0.1", V2, "v2"),
    (f"{V1};q=0, */*;q=0.1, {V2};q=0.5", V2, "v2"),
    (f"{JSON};q=0.9, {V2}", V2, "v2"),
    (f"{JSON}, {V2};q=0.9", JSON, "v1"),
    ("text/html,application/xhtml+xml,*/*;q=0.8", V1, "v1"),
]
REFUSED = [
    "application/vnd.question-bank.v3+json", "application/vnd.question-bank+json", "text/html",
    "text/*", "application/xml", f"{V2};q=0", f"{V1};q=0, {JSON};q=0, {V2};q=0.0", "image/png, text/csv",
]  # fmt: skip


def test_accept_chooses_the_version_and_406_names_them(client: FlaskClient) -> None:
    # Twice, and each after the others: what is cached for one may not answer another.
    for _ in range(2):
        for accept, media_type, version in ACCEPTS:
            assert ask(client, accept) == (media_type, version), accept
    for accept in REFUSED:
        response = client.get(PATH, headers={"Accept": accept})
        problem: Any = response.json
        assert response.status_code == 406, accept
        assert response.content_type == "application/problem+json"
        assert "Accept" in response.vary
        assert set(problem["available"]) == {V1, V2, JSON}
        assert problem["errors"][0]["header"] == "Accept"
        assert V1 in problem["detail"]
        assert V2 in problem["detail"]


def test_each_version_answers_as_at_its_own_address(client: FlaskClient) -> None:
    for query in ("", "topic=rest&sort=-number", "q=flask"):
        for accept, own in ((V1, "/api/v1/questions"), (V2, "/api/v2/questions")):
            chosen = client.get(f"{PATH}?{query}", headers={"Accept": accept})
            direct = client.get(f"{own}?{query}")
            assert chosen.json["items"] == direct.json["items"]  # type: ignore[index]  # a collection
            assert chosen.json["page"] == direct.json["page"]  # type: ignore[index]  # a collection
            for name in ("Deprecation", "Sunset"):
                assert chosen.headers.get(name) == direct.headers.get(name)


def test_links_stay_at_the_address_and_lead_on_in_the_same_version(client: FlaskClient) -> None:
    for accept, size in ((V1, "per_page"), (V2, "limit")):
        address, seen = f"{PATH}?{size}=20", []
        while address:
            assert address.removeprefix("http://localhost").startswith(f"{PATH}?")
            response = client.get(address, headers={"Accept": accept})
            assert response.content_type == accept
            seen += numbers(response)
            address = link_field(response).get("next", "")
        assert seen == list(range(51, 101))


@sqlite_only
@pytest.mark.parametrize(("accept", "parameter"), [(V1, "cursor"), (V2, "page"), (JSON, "limit")])
def test_the_parameters_are_those_of_the_version_and_a_refusal_varies_too(
    client: FlaskClient, accept: str, parameter: str
) -> None:
    response = client.get(f"{PATH}?{parameter}=1", headers={"Accept": accept})
    assert response.status_code == 422
    assert response.json["errors"][0]["parameter"] == parameter  # type: ignore[index]  # a problem object
    assert "Accept" in response.vary


def test_a_representation_is_revalidated_in_its_own_version(client: FlaskClient) -> None:
    tags = {}
    for accept in (V1, V2):
        tags[accept] = client.get(PATH, headers={"Accept": accept}).headers["ETag"]
        again = client.get(PATH, headers={"Accept": accept, "If-None-Match": tags[accept]})
        assert again.status_code == 304
        assert "Accept" in again.vary
    crossed = client.get(PATH, headers={"Accept": V1, "If-None-Match": tags[V2]})
    assert crossed.status_code == 200
    assert crossed.content_type == V1


@sqlite_only
@pytest.mark.parametrize("address", ["/api/v1/questions", "/api/v2/questions"])
def test_a_version_in_the_path_does_not_depend_on_accept(client: FlaskClient, address: str) -> None:
    for accept in (V1, V2, "text/html", JSON):
        response = client.get(address, headers={"Accept": accept})
        assert response.status_code == 200
        assert response.content_type == JSON
        assert "Accept" not in response.vary
