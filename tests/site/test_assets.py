"""Bundles: what is built, how it is named, kept and packed, and what is never served."""

import gzip
import re
import threading
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import api
import config
from api.site import assets
from tests.conftest import MakeApp, Settings, dispose
from tests.site.test_pages import page
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only


def built(client: FlaskClient, address: str = "/questions/65") -> dict[str, str]:
    """Return the addresses of the bundles that a page loads, by their name without the hash."""
    loads = [each for each in page(client, address).loads if "/assets/" in each]
    return {re.sub(r"\.[0-9a-f]{8}\.", ".", each.rpartition("/")[2]): each for each in loads}


def body(client: FlaskClient, address: str, **headers: str) -> TestResponse:
    """Get a file, whole."""
    response = client.get(address, headers=headers, buffered=True)
    assert response.status_code == 200, address
    return response


def test_a_bundle_is_minified_fingerprinted_and_kept_for_a_year(client: FlaskClient) -> None:
    found = built(client)
    assert list(found) == ["site.css", "site.js", "moment.js"]
    for name, address in found.items():
        response = body(client, address)
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        kind = "text/css" if name.endswith("css") else "text/javascript"
        assert response.content_type == f"{kind}; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        text = response.get_data(as_text=True)
        if name != "moment.js":  # which is minified already, and has its notice
            assert "/*" not in text
    sources = sum((assets.SOURCES / f"{name}.css").stat().st_size for name in assets.STYLES)
    assert len(body(client, found["site.css"]).get_data()) < 0.95 * sources


def test_the_name_changes_with_the_content_and_only_with_it(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, again = (built(make_app().test_client()) for _ in range(2))
    assert first == again
    for source in assets.SOURCES.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    with (tmp_path / "page.css").open("a", encoding="utf-8") as sheet:
        sheet.write("body { color: red; }\n")
    monkeypatch.setattr(assets, "SOURCES", tmp_path)
    app = make_app()
    changed = built(app.test_client())
    assert changed["site.css"] != first["site.css"]
    assert changed["site.js"] == first["site.js"]
    # Pages that are still open load what they were written for.
    body(app.test_client(), first["site.css"])


def test_who_takes_gzip_gets_the_same_bytes_packed(client: FlaskClient) -> None:
    for address in built(client).values():
        plain = body(client, address, **{"Accept-Encoding": "gzip;q=0"})
        packed = body(client, address, **{"Accept-Encoding": "br, gzip"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.get_data()) == plain.get_data()
        for response in (plain, packed):
            assert "Accept-Encoding" in response.vary
        assert packed.headers["ETag"] != plain.headers["ETag"]


def test_the_first_page_is_under_60_kilobytes_in_all(client: FlaskClient) -> None:
    home = client.get("/", headers={"Accept": "text/html"}).get_data()
    total = len(gzip.compress(home))
    for address in [*built(client, "/").values(), "/icon.svg"]:
        total += len(body(client, address, **{"Accept-Encoding": "gzip"}).get_data())
    assert total < 60_000


def test_nothing_but_what_is_built_is_served(app: Flask, client: FlaskClient) -> None:
    built(client)
    folder = Path(app.config["ASSETS_FOLDER"])
    (folder / ".webassets-cache").mkdir()
    (folder / ".webassets-cache" / "0123").write_text("pickled")
    (folder / "secret.txt").write_text("not for you")
    sources = [
        f"/{place}/{s.name}" for s in assets.SOURCES.iterdir() for place in ("static", "assets")
    ]
    for address in (
        *sources, "/assets/", "/assets/secret.txt", "/assets/.webassets-cache",
        "/assets/.webassets-cache/0123", "/assets/..%2Fsecret.txt", "/assets/site.00000000.css",
        "/assets/site.css", "/assets/%00", "/assets/site.0123abcd.css.gz",
    ):  # fmt: skip
        assert client.get(address).status_code == 404, address
    kept = [path.name for path in folder.iterdir() if path.suffix in {".css", ".js"}]
    assert len(kept) == 7 + len(assets.OWN_SCRIPTS)
    assert not list(folder.glob(".building-*"))


def test_processes_that_build_at_once_never_serve_half_a_file(settings: Settings) -> None:
    apps = [api.create_app(config.load(settings, None)) for _ in range(4)]
    start = threading.Barrier(len(apps))
    bodies: list[dict[str, bytes]] = []

    def read(app: Flask) -> None:
        client = app.test_client()
        start.wait()
        found = built(client)
        bodies.append({address: body(client, address).get_data() for address in found.values()})

    threads = [threading.Thread(target=read, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for app in apps:
        dispose(app)
    assert len(bodies) == len(apps)
    assert all(each == bodies[0] for each in bodies)


def test_a_process_serves_what_another_one_named(make_app: MakeApp) -> None:
    named = built(make_app().test_client())
    fresh = make_app().test_client()  # has rendered no page yet
    for address in named.values():
        body(fresh, address)


def test_the_notice_of_moments_licence_is_kept(client: FlaskClient) -> None:
    text = body(client, built(client)["moment.js"]).get_data(as_text=True)
    assert "MIT license, momentjs.com" in text
