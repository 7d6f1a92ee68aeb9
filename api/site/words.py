"""Words that pages take from here: names of values, and what the page's scripts say (66).

A script has no catalogue. It finds its sentences in a `data-words` attribute, in the language of the page,
with a `{name}` for each value and every plural form under its name in CLDR, which is what
`Intl.PluralRules` answers.
The strict policy allows no inline script that could hold them.
Source: https://cldr.unicode.org/index/cldr-spec/plural-rules
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

from babel.lists import format_list
from flask import Flask
from flask_babel import gettext, lazy_gettext, lazy_pgettext, ngettext
from markupsafe import Markup
from marshmallow import ValidationError

from api.http import languages
from api.sentences import said

DIFFICULTIES = {
    "beginner": lazy_gettext("beginner"),
    "intermediate": lazy_gettext("intermediate"),
    "advanced": lazy_gettext("advanced"),
}
THEMES = {
    "system": lazy_pgettext("theme", "system"),
    "light": lazy_pgettext("theme", "light"),
    "dark": lazy_pgettext("theme", "dark"),
}
ROLES = {
    "reader": lazy_gettext("reader"),
    "contributor": lazy_gettext("contributor"),
    "editor": lazy_gettext("editor"),
    "administrator": lazy_gettext("administrator"),
}


def difficulty(level: str) -> str:
    """Name a difficulty."""
    return str(DIFFICULTIES.get(level, level))


def role(name: str) -> str:
    """Name a role."""
    return str(ROLES.get(name, name))


def listed(items: Sequence[str]) -> str:
    """Join words as the language does: with its comma, and its word for "and" before the last."""
    return format_list(list(items), locale=languages.current()) if items else ""


def english() -> Markup:
    """Return the attributes of a part that is English whatever the page's language is (WCAG 3.1.2).

    They begin with a space: `<p{{ english }}>`.
    """
    return Markup("") if languages.current().language == "en" else Markup(' lang="en" dir="ltr"')


def native() -> Markup:
    """Return the attributes of a part in the page's language within one that is English."""
    locale = languages.current()
    if locale.language == "en":
        return Markup("")
    return Markup(' lang="{}" dir="{}"').format(locale.language, locale.text_direction)


def faults(error: ValidationError) -> dict[str, list[str]]:
    """Return what a schema found, by field, in the reader's language."""
    messages = cast(dict[str, Any], error.messages)
    return {
        name: [
            said(each)
            for each in (found if isinstance(found, list) else chain.from_iterable(found.values()))
        ]
        for name, found in messages.items()
    }


def search() -> dict[str, Any]:
    """Return what the search says."""
    return {
        "found": languages.plural_forms(
            lambda number: ngettext(
                "%(count)s question", "%(count)s questions", number, count="{count}"
            )
        ),
        "none": gettext("Nothing found. Try fewer or other words."),
        "failed": gettext("The search failed: {reason}"),
        "searching": gettext("Searching…"),
        "answered": gettext("the server answered {status}."),
        "noAnswer": gettext("no answer came. Is the server still there?"),
        "difficulties": {name: str(word) for name, word in DIFFICULTIES.items()},
    }


def examples() -> dict[str, Any]:
    """Return what the examples say."""
    return {
        "run": gettext("Run"),
        "runOne": gettext("Run command {number}"),
        "runAll": gettext("Run all in order"),
        "copyAs": gettext("Copy as"),
        "copyAsKind": gettext("Copy as {kind}"),
        "copied": gettext("Copied"),
        "notCopied": gettext("Not copied"),
        "took": gettext("in {milliseconds} ms"),
        "redirected": gettext("after a redirect to {address}"),
        "ran": languages.plural_forms(
            lambda number: ngettext(
                "%(count)s command was run.",
                "%(count)s commands were run.",
                number,
                count="{count}",
            )
        ),
        "asked": languages.plural_forms(
            lambda number: ngettext(
                "asked %(count)s time", "asked %(count)s times", number, count="{count}"
            )
        ),
        "waiting": gettext("Waiting for the answer…"),
        "pausing": gettext("Waiting for the moment that the command names…"),
        "failed": gettext("It could not be run."),
        "failedBecause": gettext("It could not be run: {reason}"),
        "noAnswer": gettext("no answer came. Is the server still there?"),
        "notKept": gettext("{name} was to be kept, and the answer is a refusal."),
        "notFound": gettext("{name} was to be kept, and the answer holds no such thing."),
        "nothing": gettext("It prints nothing."),
        "elsewhere": gettext("the address that it was told is one of another server."),
        "signedIn": gettext(
            "it would go with the session of whoever is signed in here. Sign out first."
        ),
        "tooLong": gettext("what it waits for did not come within a minute."),
        "earlierFailed": gettext("Command {number}, which it comes after, could not be run."),
        "leftOut": gettext(
            "Left out before it, as only a shell can run them: {commands}."
            " So the answer may differ from the printed one."
        ),
    }


def init_app(app: Flask) -> None:
    """Give the filters to every template."""
    for function in (difficulty, role, listed):
        app.add_template_filter(function)
