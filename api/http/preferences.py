"""A reader's preferences, in a cookie of their own: language, theme, page size (58).

The site follows them. The API's public reads do not: an answer that a cookie could change, no shared
cache may hand to the next reader.

The cookie is text that anybody can write, so each value is judged like a form field; what is not
usable counts as not chosen, and is named in `ignored`. It is not signed: nothing depends on it but
how things look.
"""

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, urlencode

from flask import Response

from api.http.cookies import Cookie

Language = Literal["auto", "en", "es", "de", "ar"]
Theme = Literal["system", "light", "dark"]
LANGUAGES: tuple[str, ...] = get_args(Language)
THEMES: tuple[str, ...] = get_args(Theme)
MAX_PAGE_SIZE = 100

COOKIE = Cookie("bank_preferences", None, timedelta(days=365))


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a reader chose, or the defaults.

    :ivar language: `auto` goes by `Accept-Language` (see `api.http.languages`).
    :ivar ignored: names in the cookie whose values could not be used; all, if it has none of them.
    """

    language: str = "auto"
    theme: str = "system"
    page_size: int = 20
    saved: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """The three choices."""
        return {name: asdict(self)[name] for name in CHOICES}


CHOICES = ("language", "theme", "page_size")


def _usable(name: str, text: str) -> str | int | None:
    """Return the value that `text` stands for, None if there is none."""
    if name == "language":
        return text if text in LANGUAGES else None
    if name == "theme":
        return text if text in THEMES else None
    whole = text.isascii() and text.isdigit() and len(text) <= 3
    return int(text) if whole and 1 <= int(text) <= MAX_PAGE_SIZE else None


def current() -> Preferences:
    """Read the request's cookie. A view that uses this must vary by it, see `vary`."""
    written = COOKIE.read()
    if written is None:
        return Preferences()
    try:
        pairs = parse_qsl(written, keep_blank_values=True, max_num_fields=len(CHOICES))
    except ValueError:  # more fields than there are choices
        pairs = []
    usable = {name: _usable(name, text) for name, text in pairs if name in CHOICES}
    values: dict[str, Any] = {name: value for name, value in usable.items() if value is not None}
    ignored = tuple(
        name for name in CHOICES if name not in values and (name in usable or not usable)
    )
    return Preferences(**values, saved=bool(values), ignored=ignored)


def chosen(**changes: Any) -> Preferences:
    """Return the request's choices with some of them changed; the values must be usable."""
    return replace(current(), **changes, saved=True, ignored=())


def save(response: Response, preferences: Preferences) -> None:
    """Set the cookie; its year begins anew."""
    COOKIE.set(response, urlencode(preferences.values))


def forget(response: Response) -> None:
    """Have the browser forget the cookie."""
    COOKIE.expire(response)


def vary(response: Response) -> Response:
    """Say that the answer depends on the cookie: Flask does so for its session alone."""
    response.vary.add("Cookie")
    response.headers["Cache-Control"] = "private, no-cache"
    return response
