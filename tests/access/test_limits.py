"""Quotas belong to the user once signed in, and to the address before (71)."""

import pytest
from flask.testing import FlaskClient

from api.accounts.permissions import Role
from tests.accounts.tools import bearer, device_of, new_device, refused
from tests.conftest import MakeApp
from tests.http.test_limits import told

PATH = "/api/v1/problems"


@pytest.fixture
def backend() -> str:
    """Quotas do not depend on the database: one will do."""
    return "sqlite"


def read(client: FlaskClient, address: str, headers: dict[str, str] | None = None) -> int:
    return client.get(PATH, headers=headers, environ_base={"REMOTE_ADDR": address}).status_code


def test_two_users_behind_one_address_have_a_quota_each(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_READS="1 per minute")
    client = app.test_client()
    ada, bob = new_device(app), new_device(app, "bob")
    for headers in (ada.headers, bob.headers, None):
        assert [read(client, "192.0.2.1", headers) for _ in range(2)] == [200, 429]


def test_one_user_at_two_addresses_and_devices_has_one_quota(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_READS="2 per minute")
    client = app.test_client()
    first = new_device(app)
    second = device_of(app)
    assert read(client, "192.0.2.1", first.headers) == 200
    assert read(client, "192.0.2.2", second.headers) == 200
    assert read(client, "192.0.2.3", first.headers) == 429
    assert read(client, "192.0.2.3") == 200


def test_changes_count_for_the_user_too(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_WRITES="1 per minute")
    client = app.test_client()
    role = "/api/v1/users/ada/roles/reader"
    for name in ("ada", "bob"):
        device = new_device(app, name, Role.ADMINISTRATOR)
        answer = client.put(role, headers=device.headers)
        assert answer.status_code == 200
        assert told(answer).keys() == {"writes"}
        refused(client.put(role, headers=device.headers), "too-many-requests", 429)


def test_a_bad_token_counts_against_the_address(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_READS="2 per minute")
    client = app.test_client()
    device = new_device(app)
    assert read(client, "192.0.2.1", bearer("a.b.c")) == 401
    assert read(client, "192.0.2.1", bearer(device.access + "x")) == 401
    assert read(client, "192.0.2.1", bearer("a.b.c")) == 429
    assert read(client, "192.0.2.1") == 429
    assert read(client, "192.0.2.1", device.headers) == 200  # the user's own is untouched


def test_who_is_refused_a_view_has_spent_a_read(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_READS="1 per minute")
    client = app.test_client()
    device = new_device(app, "ada", Role.READER)
    refused(client.get("/api/v1/users", headers=device.headers), "forbidden", 403)
    refused(client.get("/api/v1/users", headers=device.headers), "too-many-requests", 429)
