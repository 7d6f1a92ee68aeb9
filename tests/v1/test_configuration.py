"""`/configuration`: settings shown without secrets, compared, and tried without starting."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

import config
from tests.conftest import MakeApp, Settings
from tests.v1.tools import sqlite_only

CHECK = "/api/v1/configuration/check"
SECRETS = {
    "SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_URL", "REDIS_URL", "ASSETS_FOLDER", "ATTACHMENTS_FOLDER",
    "JOBS_FOLDER", "SESSION_FOLDER", "TOTP_KEYS", "MAIL_URL", "MAIL_OUTBOX",
}  # fmt: skip
GOOD = {
    "APP_ENV": "production",
    "SECRET_KEY": "a long key of which nobody knows any part",
    "TRUSTED_HOSTS": "bank.example.org",
}


def test_settings_are_shown_without_secrets(
    make_app: MakeApp, settings: Settings, backend: str
) -> None:
    url = make_url(settings["DATABASE_URL"])
    changes = {
        "SECRET_KEY": "hush-hush-hush-hush-hush-hush-hush-1",
        "SECRET_KEY_FALLBACKS": "hush-hush-hush-hush-hush-hush-hush-2,hush-hush-hush-hush-hush-3",
        "PORT": "8123",
    }
    if backend == "postgresql":
        changes["DATABASE_URL"] = url.set(password="hush-4").render_as_string(hide_password=False)
    response = make_app(**changes).test_client().get("/api/v1/configuration")
    text = response.get_data(as_text=True)
    told: Any = response.json
    assert "hush" not in text
    assert config.TESTING_KEY not in text
    assert str(url.database).rpartition("/")[0] not in text or backend == "postgresql"
    assert told["environment"] == "testing"
    items = {item["name"]: item for item in told["items"]}
    assert items.keys() == config.SETTINGS.keys()
    assert {name for name, item in items.items() if item["secret"]} == SECRETS
    assert items["SECRET_KEY"]["value"] == config.REDACTED
    assert items["SECRET_KEY_FALLBACKS"]["value"] == [config.REDACTED] * 2
    assert items["SECRET_KEY"]["source"] == items["PORT"]["source"] == "environment"
    assert items["PORT"]["value"] == 8123
    assert items["PORT"]["default"] == 5000
    assert items["HOST"]["source"] == "default"
    assert all(item["help"] and item["allowed"] and item["type"] for item in items.values())


@sqlite_only
def test_environments_are_compared_setting_by_setting(client: FlaskClient) -> None:
    told: Any = client.get("/api/v1/configuration/environments").json
    items = {item.pop("setting"): item for item in told["items"]}
    assert all(item.keys() == {"development", "testing", "production"} for item in items.values())
    assert items["LOG_FORMAT"] == {"development": "text", "testing": "text", "production": "json"}
    assert items["SECRET_KEY"]["production"] is None
    assert items["SECRET_KEY"]["development"] == config.REDACTED
    assert items["TRUSTED_HOSTS"]["production"] is None
    assert "HOST" not in items  # the same in all three
    text = client.get("/api/v1/configuration/environments").get_data(as_text=True)
    assert config.DEVELOPMENT_KEY not in text
    assert config.TESTING_KEY not in text


def check(client: FlaskClient, **settings: str) -> dict[str, list[str]]:
    response = client.post(CHECK, json={"settings": settings})
    told: Any = response.json
    assert response.status_code == 200
    faults: dict[str, list[str]] = {}
    for fault in told["faults"]:
        assert fault.keys() == {"setting", "detail"}
        faults.setdefault(fault["setting"], []).append(fault["detail"])
    assert told["ok"] is (not faults)
    return faults


@sqlite_only
def test_every_fault_is_named_at_once(client: FlaskClient) -> None:
    faults = check(
        client,
        APP_ENV="production",
        PORT="99999",
        SECRET_KEY="hush",
        REDIS_URL="http://user:hush@cache",
        CORS_ORIGINS="*",
        RATELIMIT_READS="often",
    )
    assert faults.keys() == {
        "PORT", "SECRET_KEY", "REDIS_URL", "CORS_ORIGINS", "RATELIMIT_READS", "TRUSTED_HOSTS",
    }  # fmt: skip
    assert "hush" not in str(faults)
    assert "65535" in str(faults["PORT"])


@sqlite_only
def test_good_settings_have_no_fault_and_change_nothing(client: FlaskClient) -> None:
    before = client.get("/api/v1/configuration").json
    assert check(client, **GOOD, PORT="8123") == {}
    assert client.get("/api/v1/configuration").json == before


@sqlite_only
def test_production_refuses_a_key_that_is_printed_in_the_source(client: FlaskClient) -> None:
    for key in (config.DEVELOPMENT_KEY, config.TESTING_KEY, "short"):
        faults = check(client, **{**GOOD, "SECRET_KEY": key})
        assert faults.keys() == {"SECRET_KEY"}
        assert key not in str(faults)


@sqlite_only
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/settings"),
        ({"settings": []}, "#/settings"),
        ({"settings": {"PORT": 1}}, "#/settings/PORT/value"),
        ({"settings": {"PORT": None}}, "#/settings/PORT/value"),
        ({"settings": {"": "x"}}, "#/settings//key"),
        ({"settings": {"X": "y" * 2001}}, "#/settings/X/value"),
        ({"settings": {f"S{n}": "" for n in range(101)}}, "#/settings"),
        ({"settings": {}, "more": 1}, "#/more"),
    ],
)
def test_a_body_of_another_form_is_refused_by_pointer(
    client: FlaskClient, body: dict[str, Any], pointer: str
) -> None:
    response = client.post(CHECK, json=body)
    assert response.status_code == 422
    found = [entry["pointer"] for entry in response.json["errors"]]  # type: ignore[index]  # a problem object
    assert len(found) == 1
    assert pointer in {found[0], found[0] + "/value", found[0] + "/key"}
