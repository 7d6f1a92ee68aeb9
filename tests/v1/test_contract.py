"""`/openapi.yaml` and `/openapi.json`: the contract is served as it stands in the repository."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from tests.v1.tools import sqlite_only

pytestmark = sqlite_only

FILE = Path(__file__).resolve().parents[2] / "openapi.yaml"


def test_the_yaml_is_the_file_byte_for_byte(client: FlaskClient) -> None:
    response = client.get("/api/v1/openapi.yaml")
    assert response.status_code == 200
    assert response.mimetype == "application/yaml"
    assert response.get_data() == FILE.read_bytes()


@pytest.mark.parametrize("prefix", ["", "/mounted"])
def test_the_json_says_the_same_and_names_this_server(client: FlaskClient, prefix: str) -> None:
    response = client.get(f"{prefix}/api/v1/openapi.json")
    told: Any = response.json
    written = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert response.mimetype == "application/json"
    assert told.pop("servers") == [{"url": f"http://localhost{prefix}"}]
    written.pop("servers")
    assert told == written
    assert told["openapi"].startswith("3.1.")


def test_the_contract_is_not_sent_twice_to_who_has_it(client: FlaskClient) -> None:
    etag = client.get("/api/v1/openapi.yaml").headers["ETag"]
    again = client.get("/api/v1/openapi.yaml", headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert again.get_data() == b""
