"""Cookies with the right attributes in every environment: set, read, expire (58).

`HttpOnly` keeps scripts out, `SameSite=Lax` other sites' forms, `Secure` plain HTTP. Where cookies are
`Secure` the name gets a prefix that browsers enforce: `__Host-` (this host alone, whole host,
`Secure`) or, for a cookie of one path, `__Secure-`.
Sources: https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc6265bis/ (section 4.1.3) and
https://flask.palletsprojects.com/en/stable/web-security/#set-cookie-options
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask, current_app, request
from werkzeug.wrappers import Response

from api.demonstrations import demonstrates


@demonstrates(
    58,
    at="PATCH v1.preferences",
    test="tests/v1/test_preferences.py::test_the_cookie_has_its_attributes_in_every_environment",
)
@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie of the application.

    :ivar base: its name without prefix.
    :ivar below: the address below the application's root that it is sent to, `/api/v1/practice`
        for instance; None sends it to the whole host.
    :ivar lifetime: how long browsers keep it, from the last time it was set.
    """

    base: str
    below: str | None
    lifetime: timedelta

    @property
    def name(self) -> str:
        """The name in the current application."""
        return self.name_in(current_app)

    def name_in(self, app: Flask) -> str:
        """Return the name, prefixed where cookies are `Secure`."""
        if not app.config["SESSION_COOKIE_SECURE"]:
            return self.base
        return f"__{'Host' if self.below is None else 'Secure'}-{self.base}"

    @property
    def path(self) -> str:
        """`/`, or the address under whatever prefix the application was reached at."""
        return "/" if self.below is None else request.script_root + self.below

    @property
    def attributes(self) -> dict[str, Any]:
        """What setting and expiring must say alike, or the browser keeps the old one."""
        return {
            "path": self.path,
            "httponly": True,
            "secure": current_app.config["SESSION_COOKIE_SECURE"],
            "samesite": current_app.config["SESSION_COOKIE_SAMESITE"],
        }

    def read(self) -> str | None:
        """Return what the request carries."""
        return request.cookies.get(self.name)

    def set(self, response: Response, value: str) -> None:
        """Set the cookie, or set it anew."""
        response.set_cookie(self.name, value, max_age=self.lifetime, **self.attributes)

    def expire(self, response: Response) -> None:
        """Have the browser forget the cookie."""
        response.delete_cookie(self.name, **self.attributes)
