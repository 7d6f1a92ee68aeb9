"""Times on pages: readable as they are sent, marked for the script, never markup."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from api.site import moments
from api.site.assets import MOMENT
from tests.site.test_pages import BROWSER
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only

AT = datetime(2026, 3, 7, 9, 5, 1, tzinfo=UTC)


def test_a_time_is_readable_without_script_and_marked_for_it(
    app: Flask, client: FlaskClient
) -> None:
    shown = client.get("/questions/65", headers=BROWSER).get_data(as_text=True)
    found = re.search(r'<time class="flask-moment" datetime="([^"]+)"([^>]*)>([^<]+)</time>', shown)
    assert found
    changed = client.get("/api/v1/questions/65").json
    assert changed is not None
    at = datetime.fromisoformat(changed["updated_at"])
    assert found[1] == at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (
        found[3]
        == f"{at:%B} {at.day}, {at.year}, {at:%-I:%M:%S}\N{NARROW NO-BREAK SPACE}{at:%p} UTC"
    )
    assert 'data-function="fromNow"' in found[2]
    assert 'data-refresh="60000"' in found[2]
    assert "style" not in found[2]
    assert "cdnjs" not in shown


def test_every_function_of_the_extension_writes_its_data(app: Flask) -> None:
    written = {
        "moment(at).format('LL')": 'data-function="format" data-format="LL"',
        "moment(at).fromNow()": 'data-function="fromNow"',
        "moment(at).fromTime(at)": 'data-function="from" data-timestamp2="2026-03-07T09:05:01Z"',
        "moment(at).diff(at, 'hours')": 'data-units="hours"',
        "moment(at).fromNow(no_suffix=True)": 'data-nosuffix="1"',
    }
    with app.test_request_context():
        for call, expected in written.items():
            assert expected in render_template_string("{{ " + call + " }}", at=AT)


def test_an_offset_counts_and_a_time_without_a_zone_is_refused(app: Flask) -> None:
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with app.test_request_context():
        shown = render_template_string("{{ moment(at).fromNow() }}", at=there)
        assert 'datetime="2026-03-07T09:05:01Z"' in shown
        with pytest.raises(ValueError, match="needs its zone"):
            render_template_string("{{ moment(at).fromNow() }}", at=AT.replace(tzinfo=None))


def test_a_format_is_escaped(app: Flask) -> None:
    with app.test_request_context():
        shown = render_template_string("{{ moment(at).format(given) }}", at=AT, given='"><script>')
    assert "<script>" not in shown


def test_the_script_is_flask_moments_own(app: Flask) -> None:
    with app.app_context():
        assert "flask_moment_render_all" in moments.script()


def test_the_version_that_the_answer_names_is_the_one_served(app: Flask) -> None:
    (answer,) = Path("api/bank/questions").glob("065-*.md")
    (version,) = re.findall(r'version="([0-9.]+)"', MOMENT.read_text(encoding="utf-8"))
    assert f"ships {version} in English" in answer.read_text(encoding="utf-8")
