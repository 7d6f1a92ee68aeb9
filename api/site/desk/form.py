"""The form of a question by Flask-WTF: what was typed, and what the API's schema says of it.

WTForms reads the fields and checks the CSRF token; it has no rule about questions. Those are the
schema's that judges bodies of the API and imported files, and its pointers lead to the fields. Only
fields declared here are read: an `author_id` that is sent along reaches nothing.
Source: https://flask-wtf.readthedocs.io/en/stable/form/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from flask import request
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from marshmallow import ValidationError
from wtforms import Field, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from api.bank.catalogue import TECHNIQUES
from api.bank.editing import judged
from api.bank.formats.documents import line_ends
from api.bank.formats.schema import DIFFICULTIES, MAX_REFERENCES
from api.bank.history import TEXTS
from api.http.parsing import pointer_errors
from api.http.problems import Problem
from api.schemas.questions import NumberedQuestionBody
from api.sentences import said
from api.site.desk.states import FIELDS, Members, members_in, state_of

EMPTY_ROWS = 2
_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
_SEPARATORS = re.compile(r"[,\s]+")


@dataclass(slots=True)
class Row:
    """A reference as it was typed, and sentences on what is wrong with it, by `title` and `url`."""

    title: str = ""
    url: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed: such a row is none."""
        return not (self.title.strip() or self.url.strip())


class Rows(Field):  # type: ignore[misc]  # nor does WTForms
    """References: two fields of one name each, as often as there are rows.

    WTForms' own list of fields reads row numbers out of the names of fields, and fails on some that
    nobody but an attacker would send.
    """

    data: list[Row]
    more = 0

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Read the rows of a form that was sent, or make them of a question's references."""
        self.errors: list[str] = []
        self.process_errors: list[str] = []
        self.data = []
        if formdata:
            titles, urls = (formdata.getlist(f"reference_{part}") for part in ("title", "url"))
            # One more than may be kept: the schema is to say so.
            pairs = list(zip_longest(titles, urls, fillvalue=""))[: MAX_REFERENCES + 1 + EMPTY_ROWS]
            self.data = [Row(title, url) for title, url in pairs]
        elif isinstance(data, list):
            self.data = [Row(each["title"], each["url"]) for each in data]

    @property
    def filled(self) -> list[Row]:
        """The rows in which something was typed."""
        return [row for row in self.data if not row.is_blank]

    @property
    def shown(self) -> list[Row]:
        """The rows of the page: those with text, and empty ones for more."""
        empty = max(EMPTY_ROWS, self.more)
        return self.filled + [Row() for _ in range(empty)]

    def add(self) -> None:
        """Show one empty row more than the page had."""
        self.more = len(self.data) - len(self.filled) + 1


def _choices(none: Any, pairs: Any) -> list[SelectChoice]:
    return [SelectChoice("", none), *(SelectChoice(value, label) for value, label in pairs)]


class QuestionForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF publishes no types
    """All that can be said of a question. `seen` is the state that the form was made from."""

    number = StringField(lazy_gettext("Number"))
    prompt = StringField(lazy_gettext("Question"))
    answer = TextAreaField(lazy_gettext("Answer"))
    in_practice = TextAreaField(lazy_gettext("In practice"))
    try_it = TextAreaField(lazy_gettext("Try it"))
    technique = SelectField(lazy_gettext("Technique"), validate_choice=False)
    topics = StringField(lazy_gettext("Topics"))
    difficulty = SelectField(lazy_gettext("Difficulty"), validate_choice=False)
    references = Rows(lazy_gettext("References"))
    seen = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(slug, each.name) for slug, each in TECHNIQUES.items()]
        present = self.technique.data
        if present and present not in TECHNIQUES:  # an imported question may have any
            named.insert(0, (present, present))
        self.technique.choices = _choices(lazy_gettext("none"), named)
        levels = [
            lazy_gettext("beginner"), lazy_gettext("intermediate"), lazy_gettext("advanced")
        ]  # fmt: skip
        self.difficulty.choices = _choices(
            lazy_gettext("none"), zip(DIFFICULTIES, levels, strict=True)
        )

    @classmethod
    def of(cls, members: Members, seen: str | None = None) -> "QuestionForm":
        """Make a form that shows a state, whatever was sent with the request.

        :param seen: the state that it counts as made from, by default the one that it shows.
        """
        shown = {name: members.get(name) for name in FIELDS}
        shown["topics"] = ", ".join(members.get("topics") or ())
        shown["number"] = "" if members.get("number") is None else str(members["number"])
        return cls(formdata=None, data={**shown, "seen": seen or state_of(members)})

    def members(self) -> dict[str, Any]:
        """Return what was typed, by member, as a body of the API would say it."""
        found = {name: self[name].data for name in FIELDS}
        for name in TEXTS:  # forms send CR LF, whatever was typed
            found[name] = line_ends(found[name] or "")
        number = (found["number"] or "").strip()
        found["number"] = int(number) if _DIGITS.fullmatch(number) else number or None
        found["topics"] = [slug for slug in _SEPARATORS.split(found["topics"] or "") if slug]
        found["references"] = [
            {"title": row.title, "url": row.url} for row in self.references.filled
        ]
        return found

    def judge(self) -> dict[str, Any] | None:
        """Return the members in their normal form; None where a fault was found, which is noted."""
        typed = self.members()
        try:
            number = NumberedQuestionBody(only=["number"]).load({"number": typed["number"]})
        except ValidationError as error:
            self.refuse(error)
            number = {}
        try:
            given = {name: value for name, value in typed.items() if name != "number"}
            normal = members_in(judged(given))
        except ValidationError as error:
            self.refuse(error)
            return None
        return {**normal, **number} if number else None

    def refuse(self, error: ValidationError) -> None:
        """Note what the schema found, beside the field that each pointer leads to."""
        for entry in pointer_errors(error.messages):
            name, *path = entry["pointer"].removeprefix("#/").split("/")
            found, detail = self._fields.get(name), said(entry["detail"])
            if found is None:
                self.form_errors.append(detail)
            elif name == "references" and len(path) == 2:
                label = _row_label(path[1], int(path[0]) + 1)
                row = found.filled[int(path[0])]
                row.errors.setdefault(path[1], []).append(sentence(label, detail))
            else:
                found.errors = [*found.errors, sentence(found.label.text, detail)]

    def keep(self, message: str) -> None:
        """Note a fault that belongs to no field."""
        self.form_errors.append(message)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield all that is wrong: the id of the element to go to, and a sentence."""
        for fault in self.form_errors:
            yield "form", fault
        for name in FIELDS:
            yield from ((name, fault) for fault in self[name].errors)
        for place, row in enumerate(self.references.filled, 1):
            for part, faults in row.errors.items():
                yield from ((f"reference-{part}-{place}", fault) for fault in faults)

    def check_csrf(self) -> bool:
        """Tell whether the form comes from a page that this session was given."""
        return bool(self.validate_on_submit())


def _row_label(part: str, place: int) -> str:
    if part == "title":
        return str(gettext("Title of reference %(place)d", place=place))
    return str(gettext("Address of reference %(place)d", place=place))


def sentence(label: Any, message: str) -> str:
    """Put a field's name before what the schema says of it."""
    ended = message if message.endswith(".") else f"{message}."
    return f"{label} {ended}" if message[:1].islower() else f"{label}: {ended}"


class ButtonForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF publishes no types
    """A button that changes something: the state that it was shown for, and nothing else."""

    seen = HiddenField()

    @classmethod
    def sent(cls) -> "ButtonForm":
        """Return the form that was sent. Raises Problem (400) without the session's CSRF token."""
        form = cls(request.form)
        if not form.validate_on_submit():
            raise Problem(
                "malformed-request", "The form's CSRF token is missing or wrong; load it again."
            )
        return form


class GrantForm(ButtonForm):
    """Whom to give the right to edit one question."""

    username = StringField(lazy_gettext("Username"))
