"""What a question must be, whichever format it came in: one marshmallow schema.

Shows: fields that bring a value into its normal form and judge it in one go, and validation
errors rewritten into sentences that name the field and say what to do.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeVar

from marshmallow import RAISE, Schema, ValidationError, fields, missing, validate

from api.bank.formats.documents import (
    QuestionDocument,
    Record,
    Reference,
    Refusal,
    block,
    single_line,
    utc,
)
from api.bank.formats.text import listed, quoted
from api.sentences import Sentence

_T = TypeVar("_T")

MAX_NUMBER = 2_147_483_647
MAX_PROMPT = 1_000
MAX_TEXT = 50_000
MAX_SLUG = 60
MAX_TOPICS = 20
MAX_REFERENCES = 50
MAX_TITLE = 500
MAX_URL = 2_000
DIFFICULTIES = ("beginner", "intermediate", "advanced")

KEYS = (
    "number",
    "prompt",
    "answer",
    "in_practice",
    "try_it",
    "technique",
    "topics",
    "difficulty",
    "references",
    "created_at",
    "updated_at",
)
"""The names of a question's fields in every format, in the order in which they are written."""

COLLECTIONS = ("questions", "items")
"""The names under which an object around the questions may hold their list."""

BESIDE_ITEMS = frozenset({"page", "links"})
"""What the API puts beside the list."""

READ_ONLY = frozenset({"links", "demonstrations"})
"""Members that the API adds to a question of its own accord: left out when its answer is read."""

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
# RFC 3339, section 5.6. `datetime.fromisoformat` alone would take all of ISO 8601.
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_HTTP = validate.URL(schemes={"http", "https"}, require_tld=False)


@lru_cache(maxsize=1000)
def _is_http(address: str) -> bool:
    """Judge an address; those behind many questions are the same few."""
    try:
        _HTTP(address)
    except ValidationError:
        return False
    return True


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValidationError(f"must be text, and is {_kind(value)}")
    if "\0" in value:
        raise ValidationError(
            Sentence("holds a NUL (U+0000), which no database keeps: take it out")
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValidationError(
            Sentence(
                "holds half of a surrogate pair (U+%(code)s), which is no character: take it out",
                code=f"{ord(value[error.start]):04X}",
            )
        ) from None
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {quoted(value)}"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else "text"


def _within(value: str, most: int) -> str:
    if len(value) > most:
        raise ValidationError(
            Sentence("has %(count)s characters; %(most)s is the most", count=len(value), most=most)
        )
    return value


class _Judging(fields.Field[_T]):
    """A field that judges a value while it brings it into its normal form."""

    def _validate(self, value: Any) -> None:
        """Leave out marshmallow's second step: there are no validators to run."""

    default_error_messages = {  # noqa: RUF012 - marshmallow reads it so, and copies it
        "required": Sentence("is missing; it must be given"),
        "null": Sentence("is null; it must be given"),
        "blank": Sentence("is blank; it must be given"),
    }


class _Number(_Judging[int]):
    """A whole number; CSV and YAML bring its digits as text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError(
                Sentence("must be a whole number such as 51, and is %(value)s", value=quoted(value))
            )
        if not 1 <= value <= MAX_NUMBER:
            raise ValidationError(
                Sentence(
                    "must be from 1 to %(most)s, and is %(value)s",
                    most=MAX_NUMBER,
                    value=quoted(value),
                )
            )
        return value


class _Line(_Judging[str]):
    """A text of one line that may not be blank."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        text = single_line(_text(value))
        if not text.strip():
            raise self.make_error("blank")
        return _within(text, self.most)


class _Block(_Judging[str | None]):
    """A Markdown text. Where the field is optional, a blank one is the same as none."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        text = block(_text(value))
        if text.strip():
            return _within(text, MAX_TEXT)
        if self.required:
            raise self.make_error("blank")
        return None


class _Slug(_Judging[str | None]):
    """A name in lower-case words, as addresses use it. Blank is none, where it is optional."""

    default_error_messages = {"null": "is null; leave it out instead"}  # noqa: RUF012 - as above

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        slug = _text(value).strip()
        if not slug and self.allow_none:
            return None
        if not _SLUG.fullmatch(slug):
            raise ValidationError(
                Sentence(
                    "%(slug)s is no slug: lower-case letters and digits, in words with one hyphen "
                    'between them, such as "rate-limiting"',
                    slug=quoted(slug),
                )
            )
        return _within(slug, MAX_SLUG)


class _Difficulty(_Judging[str | None]):
    """One of three words."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        word = _text(value).strip()
        if word and word not in DIFFICULTIES:
            raise ValidationError(
                Sentence(
                    "is %(word)s; use %(words)s",
                    word=quoted(word),
                    words=listed(DIFFICULTIES, "or"),
                )
            )
        return word or None


class _Address(_Line):
    """An absolute http or https address."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        address = super()._deserialize(value)
        if not _is_http(address):
            raise ValidationError(
                Sentence(
                    "%(address)s is no http or https address such as %(example)s",
                    address=quoted(address),
                    example='"https://flask.palletsprojects.com/"',
                )
            )
        return address


class _Moment(_Judging[datetime | None]):
    """A moment with its offset, kept in UTC."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime | None:
        text = _text(value).strip()
        if not text:
            return None
        try:
            if _MOMENT.fullmatch(text):
                return utc(datetime.fromisoformat(text.upper()))
        except ValueError:
            pass  # A day or an hour that no calendar has: the same words fit.
        raise ValidationError(
            f"{quoted(text)} is no time with its offset (RFC 3339); write it like "
            '"2026-11-22T10:00:00Z"'
        )


def _several(value: object, most: int) -> list[object]:
    if not isinstance(value, list):
        raise ValidationError(f"must be a list, and is {_kind(value)}")
    if len(value) > most:
        raise ValidationError(
            Sentence("has %(count)s entries; %(most)s is the most", count=len(value), most=most)
        )
    return value


class _Topics(fields.List[str | None]):
    """Slugs, each of them once."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        entries = _several(value, MAX_TOPICS)
        try:
            slugs = [self.inner._deserialize(each, None, None) for each in entries]
        except ValidationError:
            slugs = super()._deserialize(entries, *args, **kwargs)  # tells which, and raises
        return list(dict.fromkeys(slugs))


class _References(fields.Nested):
    """Pages behind an answer, in their order."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Reference]:
        entries = _several(value, MAX_REFERENCES)
        try:
            pages = [_sound(_REFERENCE, each) for each in entries]
        except ValidationError:
            pages = super()._deserialize(entries, *args, **kwargs)  # tells which, and raises
        return [Reference(**page) for page in pages]


class ReferenceSchema(Schema):
    """A page behind an answer: title and address."""

    class Meta:
        unknown = RAISE

    title = _Line(MAX_TITLE, required=True)
    url = _Address(MAX_URL, required=True)


_REFERENCE = ReferenceSchema()


def is_question(fields: Mapping[str, object]) -> bool:
    """Whether an object that stands alone in a file has any field of a question."""
    return not fields.keys().isdisjoint(KEYS)


_NAMES = listed([f'"{name}"' for name in COLLECTIONS], "or")
NO_QUESTION = (
    f"there is no question here: neither a list of them, nor one under {_NAMES}, nor the fields "
    "of one"
)


class QuestionSchema(Schema):
    """A question as every format brings it."""

    class Meta:
        unknown = RAISE

    number = _Number(required=True)
    prompt = _Line(MAX_PROMPT, required=True)
    answer = _Block(required=True)
    in_practice = _Block(load_default=None)
    try_it = _Block(load_default=None)
    technique = _Slug(load_default=None)
    topics = _Topics(_Slug(), load_default=None)
    difficulty = _Difficulty(load_default=None)
    references = _References(ReferenceSchema, many=True, load_default=None)
    created_at = _Moment(load_default=None)
    updated_at = _Moment(load_default=None)


_QUESTION = QuestionSchema()


def _sound(schema: Schema, given: object) -> dict[str, Any]:
    """Return what `schema.load` returns for a sound object, several times as fast.

    The schema's own fields judge. What is left out is what marshmallow does around each of them for
    hooks, partial loading and nested errors, none of which a sound object needs: of a hundred
    thousand records that was two thirds of reading them.

    Raises ValidationError for any other object; only `schema.load` says what is wrong with it.
    """
    if not isinstance(given, dict):
        raise _UNSOUND
    values = {name: field.load_default for name, field in schema.fields.items()}
    for name, value in given.items():
        field = schema.fields.get(name)
        if field is None:
            raise _UNSOUND
        if value is not None:
            values[name] = field._deserialize(value, name, given)
        elif not field.allow_none:
            raise _UNSOUND
    if missing in values.values():  # a required field
        raise _UNSOUND
    return values


_UNSOUND = ValidationError("schema.load says why")


def loaded(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the judged values of a question's fields; of those that are not given, the defaults.

    Raises ValidationError, by field.
    """
    try:
        return _sound(_QUESTION, given)
    except ValidationError:
        values: dict[str, Any] = _QUESTION.load(given)
        return values


def checked(record: Record) -> QuestionDocument | Refusal:
    """Return the document of a record, or why it is refused: every fault, on the first's line."""
    try:
        values = loaded(record.fields)
    except ValidationError as error:
        number = record.fields.get("number")
        faults = sorted(
            (record.line_for(key), where, key, message)
            for where, (key, message) in enumerate(_sentences(error.messages_dict))
        )
        return Refusal(
            line=faults[0][0],
            number=_told(number),
            reason="; ".join(message for *_, message in faults),
        )
    values["topics"] = tuple(values["topics"] or ())
    values["references"] = tuple(values["references"] or ())
    return QuestionDocument(line=record.line, **values)


def _told(number: object) -> int | None:
    try:
        found: int = _QUESTION.fields["number"].deserialize(number)
    except ValidationError:
        return None
    return found


def _sentences(messages: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, found in messages.items():
        for path, message in _flat((key,), found):
            yield key, _sentence(path, message)


def _flat(path: tuple[str | int, ...], found: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every message of marshmallow's nested ones with the path to its field."""
    if isinstance(found, Mapping):
        for key, inner in found.items():
            yield from _flat(path if key == "_schema" else (*path, key), inner)
    else:
        for message in found:
            yield path, message


def _sentence(path: tuple[str | int, ...], message: str) -> str:
    name = str(path[-1])
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
    if message == _QUESTION.error_messages["unknown"]:
        names = KEYS if len(path) == 1 else ("title", "url")
        near = get_close_matches(name, names, n=1)
        advice = f"did you mean {near[0]}?" if near else f"there are {listed(names)}"
        return f"{shown if name.isidentifier() else quoted(name)} is no field; {advice}"
    if message == _QUESTION.error_messages["type"]:
        return f"{shown} must be an object with title and url"
    return f"{shown} {message}"
