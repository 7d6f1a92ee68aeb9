"""English sentences that can be said in the reader's language where they are shown (66).

The domain and the schemas refuse in English, which the API passes on as `detail`: programs and logs read it,
and a stable `code` is told from it. What people see on a page goes through `said`. A `Sentence` is text like
any other, and keeps the message and the values that it was made of; marshmallow's own messages, which are
formatted before anybody sees them, are recognised by their form.
Source: https://www.gnu.org/software/gettext/manual/html_node/Deferred-translations.html
"""

import re
from functools import cache
from typing import Any

from flask_babel import format_decimal, gettext


class Sentence(str):
    """A text with its message and values. `str()` of it, and of an exception raised with it, is itself."""

    __slots__ = ("message", "values")
    message: str
    values: dict[str, Any]

    def __new__(cls, message: str, **values: Any) -> "Sentence":
        """Make the English text.

        :param message: what the catalogues translate; `pybabel extract` looks for this name.
        :param values: for its `%(name)s`; whole numbers are written as the language groups digits.
        """
        shown = {name: _english(value) for name, value in values.items()}
        made = super().__new__(cls, message % shown if values else message)
        made.message, made.values = message, values
        return made

    def __str__(self) -> str:
        return self


def _english(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


#: What marshmallow and webargs say of a value from a form.
FOREIGN = (
    Sentence("Missing data for required field."),
    Sentence("Unknown field."),
    Sentence("Field may not be null."),
    Sentence("Not a valid string."),
    Sentence("Not a valid integer."),
    Sentence("Not a valid boolean."),
    Sentence("Not a valid list."),
    Sentence("Not a valid email address."),
    Sentence("Must be one of: %(choices)s."),
    Sentence("Length must be %(equal)s."),
    Sentence("Must be greater than or equal to %(low)s and less than or equal to %(high)s."),
    Sentence("Must be greater than or equal to %(low)s."),
    Sentence("Must be less than or equal to %(high)s."),
    Sentence("Length must be between %(low)s and %(high)s."),
    Sentence("Shorter than minimum length %(low)s."),
    Sentence("Longer than maximum length %(high)s."),
    Sentence("Number too large."),
)


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    place = re.compile(r"%\\\((\w+)\\\)s")
    return tuple(
        (re.compile(place.sub(r"(?P<\1>.+)", re.escape(each)), re.DOTALL), each.message)
        for each in FOREIGN
    )


def said(text: str) -> str:
    """Return a text in the reader's language; one that no catalogue knows as it is."""
    if isinstance(text, Sentence):
        values = {name: _native(value) for name, value in text.values.items()}
        return str(gettext(text.message, **values))
    for form, message in _forms():
        if found := form.fullmatch(text):
            return str(gettext(message, **found.groupdict()))
    return str(gettext(text)) if text else text


def _native(value: Any) -> str:
    if isinstance(value, int):
        return str(format_decimal(value))
    return said(value) if isinstance(value, Sentence) else str(value)
