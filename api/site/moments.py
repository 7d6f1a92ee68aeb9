"""Times on pages with Flask-Moment: full text from the server, relative and local by script (65).

Moment.js is in maintenance mode, and new pages do as well with `Intl`; this shows how Flask-Moment is
used where it is there, under a strict Content-Security-Policy and without a CDN. The extension's own
element is hidden until its script runs, by an inline style that such a policy refuses, escapes nothing,
and takes any clock time for UTC. So its class is replaced by one that writes `<time>`, which a reader
without JavaScript can read, in their language (66).
Sources: https://flask-moment.readthedocs.io/en/latest/ and
https://momentjs.com/docs/#/-project-status/
"""

from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask_babel import format_datetime
from flask_moment import Moment
from flask_moment import moment as flask_moment
from markupsafe import Markup

from api.demonstrations import demonstrates

extension = Moment()

#: What runs as soon as the page is read: the instant in full, in the reader's zone, as the title. Before
#: that a locale for Moment.js in the page's language, made of what the browser knows itself. The
#: copy that is served speaks English alone, and its files of locales are in no wheel.
_LANGUAGE = """
(function () {
  var language = document.documentElement.lang;
  var numbers = language + "-u-nu-latn";
  if (language !== "en") {
    var units = {
      s: "second", ss: "second", m: "minute", mm: "minute", h: "hour", hh: "hour", d: "day", dd: "day",
      w: "week", ww: "week", M: "month", MM: "month", y: "year", yy: "year"
    };
    var relative = new Intl.RelativeTimeFormat(numbers, { numeric: "auto" });
    var tell = function (number, withoutSuffix, unit, isFuture) {
      if (withoutSuffix) {
        var style = { style: "unit", unit: units[unit], unitDisplay: "long" };
        return new Intl.NumberFormat(numbers, style).format(number);
      }
      return relative.format(unit === "s" ? 0 : isFuture ? number : -number, units[unit]);
    };
    var words = { past: "%s", future: "%s" };
    Object.keys(units).forEach(function (unit) { words[unit] = tell; });
    moment.defineLocale(language, { relativeTime: words });
  }
  document.addEventListener("DOMContentLoaded", function () {
    var full = new Intl.DateTimeFormat(numbers, { dateStyle: "full", timeStyle: "short" });
    document.querySelectorAll("time[data-timestamp]").forEach(function (time) {
      time.title = full.format(new Date(time.dataset.timestamp));
    });
  });
})();
"""


class moment(flask_moment):  # type: ignore[misc]  # noqa: N801  # the name that templates call
    """Flask-Moment's helper for templates, on an element that works without its script."""

    def __init__(self, timestamp: datetime, local: bool = False) -> None:
        """Take an instant. Raises ValueError for one without a zone: it would pass for UTC."""
        if timestamp.tzinfo is None:
            raise ValueError("a time on a page needs its zone")
        super().__init__(timestamp.astimezone(UTC), local)

    @demonstrates(
        65,
        at="GET site.question",
        test="tests/site/test_moments.py::test_a_time_is_readable_without_script_and_marked_for_it",
    )
    def _render(  # noqa: PLR0917  # the extension calls it so
        self,
        func: str,
        format: str | None = None,
        timestamp2: str | None = None,
        no_suffix: int | None = None,
        units: str | None = None,
        refresh: bool | int = False,
    ) -> Markup:
        at: datetime = self.timestamp
        data: dict[str, Any] = {
            "function": func,
            "format": format,
            "timestamp2": timestamp2,
            "nosuffix": no_suffix or None,
            "units": units,
            "refresh": int(refresh) * 60_000,
        }
        instant = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        attributes = Markup("").join(
            Markup(' data-{}="{}"').format(name, value)
            for name, value in data.items()
            if value is not None
        )
        return Markup(
            '<time class="flask-moment" datetime="{0}" data-timestamp="{0}"{1}>{2}</time>'
        ).format(instant, attributes, format_datetime(at, "long"))


def script() -> str:
    """Return the script that turns the elements into local text; to be served, never inlined."""
    return str(extension.flask_moment_js()) + _LANGUAGE


def init_app(app: Flask) -> None:
    """Give templates `moment`, our own."""
    extension.init_app(app)
    app.extensions["moment"] = moment
