"""Style sheets and scripts with Flask-Assets: bundled, minified, fingerprinted, kept for a year (81).

The sources lie in `sources/`, which nothing serves; what is built lies in `ASSETS_FOLDER`, under a
name that holds a hash of its content. Each process builds when its first page is asked for. Several
may do so at once: they build the same bytes, each in a folder of its own, and move them to their place
in one step, so that nobody is ever served half a file.
Sources: https://flask-assets.readthedocs.io/en/latest/ and
https://www.rfc-editor.org/rfc/rfc8246 (immutable)
"""

import gzip
import re
import tempfile
import threading
from pathlib import Path
from typing import Any

import flask_admin
from flask import Flask, Response, abort, current_app, request, send_from_directory, url_for
from flask_assets import Bundle, Environment, FlaskResolver

from api.demonstrations import demonstrates
from api.site.moments import script

SOURCES = Path(__file__).parent / "sources"
#: Flask-Admin's wheel holds a copy: none in this repository, none from a CDN, no npm.
MOMENT = Path(flask_admin.__file__).parent / "static" / "vendor" / "moment.min.js"
NAME = re.compile(r"[a-z]+\.[0-9a-f]{8}\.(css|js)")
YEAR_SECONDS = 31_536_000
STYLES = ("tokens", "page", "parts", "code", "explorer", "practice", "jobs")
PANEL_STYLES = ("tokens", "panel")
SWAGGER_STYLES = ("tokens", "swagger")
SCRIPTS = ("words", "menu", "search", "steps", "code", "try")
#: Scripts of one page, by the name of the bundle: no other page has to load them.
OWN_SCRIPTS = {"practice": ("call", "practice"), "jobs": ("call", "jobs"), "desk": ("desk",)}


class _Resolver(FlaskResolver):  # type: ignore[misc]  # Flask-Assets publishes no types
    """Writes addresses by `url_for`, so that they hold below a prefix as well."""

    def resolve_output_to_url(self, ctx: Any, target: str) -> str:
        """Return the address of a built file."""
        return url_for("site.asset", name=target)


class _Environment(Environment):  # type: ignore[misc]  # Flask-Assets publishes no types
    resolver_class = _Resolver


class Assets:
    """The bundles of one application. What is built is the same in each process of it."""

    def __init__(self, app: Flask) -> None:
        """Describe the bundles; nothing is built yet."""
        self._folder = Path(app.config["ASSETS_FOLDER"])
        self._lock = threading.Lock()
        self._built = False
        app.config |= {
            "ASSETS_AUTO_BUILD": False,  # or each render compares the times of all sources
            "ASSETS_CACHE": False,  # or pickled files lie beside what is served
            "ASSETS_MANIFEST": False,  # each process knows what it has built
            "ASSETS_VERSIONS": "hash",
            "ASSETS_UPDATER": False,
            "RJSMIN_KEEP_BANG_COMMENTS": True,  # Moment's licence asks for its notice
        }
        self.environment = _Environment(app)

    def ensure(self) -> Path:
        """Build what is not built yet, and return the folder of what is."""
        if not self._built:
            with self._lock:
                if not self._built:
                    self._build()
                    self._built = True
        return self._folder

    @demonstrates(
        81,
        at="GET site.asset",
        test="tests/site/test_assets.py::test_a_bundle_is_minified_fingerprinted_and_kept_for_a_year",
    )
    def _build(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".building-") as work:
            helper = Path(work) / "flask-moment.js"
            helper.write_text(script(), encoding="utf-8")
            bundles = {
                "styles": Bundle(
                    *(str(SOURCES / f"{name}.css") for name in STYLES),
                    filters="rcssmin",
                    output="site.%(version)s.css",
                ),
                "scripts": Bundle(
                    *(str(SOURCES / f"{name}.js") for name in SCRIPTS),
                    filters="rjsmin",
                    output="site.%(version)s.js",
                ),
                "panel_styles": Bundle(
                    *(str(SOURCES / f"{name}.css") for name in PANEL_STYLES),
                    filters="rcssmin",
                    output="panel.%(version)s.css",
                ),
                "swagger_styles": Bundle(
                    *(str(SOURCES / f"{name}.css") for name in SWAGGER_STYLES),
                    filters="rcssmin",
                    output="swagger.%(version)s.css",
                ),
                "panel_scripts": Bundle(
                    str(SOURCES / "panel.js"),
                    filters="rjsmin",
                    output="panel.%(version)s.js",
                ),
                "desk_styles": Bundle(
                    str(SOURCES / "desk.css"),
                    filters="rcssmin",
                    output="desk.%(version)s.css",
                ),
                "moment": Bundle(
                    str(SOURCES / "moment-notice.js"),
                    str(MOMENT),
                    str(helper),
                    filters="rjsmin",
                    output="moment.%(version)s.js",
                ),
            }
            bundles |= {
                name: Bundle(
                    *(str(SOURCES / f"{source}.js") for source in sources),
                    filters="rjsmin",
                    output=f"{name}.%(version)s.js",
                )
                for name, sources in OWN_SCRIPTS.items()
            }
            self.environment.directory = work
            for name, bundle in bundles.items():
                self.environment.register(name, bundle)
                bundle.build(force=True)
            for built in Path(work).iterdir():
                if NAME.fullmatch(built.name):
                    packed = built.with_name(f"{built.name}.gz")
                    packed.write_bytes(gzip.compress(built.read_bytes(), mtime=0))
                    # The packed one first: whoever finds the plain one finds both.
                    packed.replace(self._folder / packed.name)
                    built.replace(self._folder / built.name)


def ensure() -> Path:
    """Return the folder of the running application's built files, building them if need be."""
    assets: Assets = current_app.extensions["site_assets"]
    return assets.ensure()


@demonstrates(
    81,
    test="tests/site/test_assets.py::test_a_bundle_is_minified_fingerprinted_and_kept_for_a_year",
)
def asset(name: str) -> Response:
    """Send a built file, packed to whoever takes it so, to be kept for a year.

    The name changes with the content, so the answer under one name never does.
    """
    folder = ensure()
    if not NAME.fullmatch(name) or not (folder / name).is_file():
        abort(404)
    packed = request.accept_encodings.quality("gzip") > 0
    kind = "text/css" if name.endswith(".css") else "text/javascript"
    response = send_from_directory(
        folder, f"{name}.gz" if packed else name, mimetype=kind, max_age=YEAR_SECONDS
    )
    response.cache_control.public = True
    response.cache_control.immutable = True
    response.vary.add("Accept-Encoding")
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response


def icon() -> Response:
    """Send the site's icon, which browsers keep for a day."""
    return send_from_directory(SOURCES, "icon.svg", mimetype="image/svg+xml", max_age=86_400)


def init_app(app: Flask) -> None:
    """Describe the bundles, and have the first page build them."""
    app.extensions["site_assets"] = Assets(app)
