"""Questions as they go out, and the query strings that ask for them (61, 94)."""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.bank.catalogue import TECHNIQUES
from api.bank.questions import SORT_KEYS, Criteria
from api.http.addresses import addresses
from api.models import Difficulty
from api.schemas.fields import CommaSeparated, JSONInteger, Whole
from api.sentences import Sentence

MAX_PER_PAGE = 100
MAX_NUMBER = 2_147_483_647
SLUG = validate.Regexp(
    r"[a-z0-9]+(-[a-z0-9]+)*\Z", error=Sentence("Not a slug: lower-case words and hyphens.")
)


#: The members of a question, in the order in which they go out.
QUESTION_FIELDS = (
    "number", "prompt", "answer", "in_practice", "try_it", "technique", "topics", "difficulty",
    "references", "created_at", "updated_at", "links",
)  # fmt: skip

#: What a list needs: v2's leaner representation. The link leads to the whole question.
SUMMARY_FIELDS = ("number", "prompt", "difficulty", "topics")


def question_links() -> list[tuple[str, Callable[[int], str]]]:
    """Return what links a question and what belongs to it: a relation, and its address by number."""
    return [
        ("self", addresses("v1.question")),
        ("demonstrations", addresses("v1.demonstrations")),
        ("attachments", addresses("v1.attachments")),
    ]


SORT_CHOICES = [*SORT_KEYS, "relevance"]


def _sort_key(value: str) -> None:
    if value.removeprefix("-") not in SORT_CHOICES:
        raise ValidationError(
            f"Must be one of: {', '.join(SORT_CHOICES)}; a leading - sorts downwards."
        )


class FilterQuery(Schema):
    """The filters that every list of questions takes."""

    topic = CommaSeparated(fields.String(validate=[SLUG, validate.Length(max=60)]), load_default=())
    difficulty = CommaSeparated(
        fields.String(validate=validate.OneOf([level.value for level in Difficulty])),
        load_default=(),
    )
    technique = CommaSeparated(
        fields.String(
            validate=validate.OneOf(
                list(TECHNIQUES), error=Sentence("Must be one of the slugs listed at /techniques.")
            )
        ),
        load_default=(),
    )
    number_from = Whole(load_default=None, validate=validate.Range(1, MAX_NUMBER))
    number_to = Whole(load_default=None, validate=validate.Range(1, MAX_NUMBER))
    q = fields.String(load_default=None, validate=validate.Length(1, 200))
    sort = CommaSeparated(
        fields.String(validate=_sort_key), load_default=(), validate=validate.Length(1, 5)
    )

    @validates_schema
    def check_together(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse values that are fine alone but make no sense together."""
        low, high = data.get("number_from"), data.get("number_to")
        if low is not None and high is not None and low > high:
            raise ValidationError(
                Sentence("Must be greater than or equal to number_from."), "number_to"
            )
        keys = [key.removeprefix("-") for key in data.get("sort", ())]
        if len(set(keys)) < len(keys):
            raise ValidationError("A sort key is given twice.", "sort")
        if "relevance" in keys and not data.get("q"):
            raise ValidationError("Sorting by relevance needs a search: give q.", "sort")
        if data.get("q") is not None and not data["q"].strip():
            raise ValidationError(Sentence("Must hold a word to search for."), "q")

    @post_load
    def to_criteria(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Gather the filters into one `Criteria`; what is left concerns the representation."""
        names = ("topic", "difficulty", "technique", "number_from", "number_to", "q", "sort")
        topic, difficulty, technique, low, high, text, sort = (data.pop(name) for name in names)
        data["criteria"] = Criteria(
            topics=topic,
            difficulties=difficulty,
            techniques=technique,
            number_from=low,
            number_to=high,
            text=text,
            sort=sort,
        )
        return data


class RepresentationQuery(Schema):
    """Which members of a question the reader wants."""

    fields_ = CommaSeparated(
        fields.String(validate=validate.OneOf(QUESTION_FIELDS)),
        data_key="fields",
        load_default=QUESTION_FIELDS,
        validate=validate.Length(min=1),
    )
    include = CommaSeparated(
        fields.String(validate=validate.OneOf(["demonstrations"])), load_default=()
    )


class PageQuery(Schema):
    """A page of a list, by its number."""

    page = Whole(load_default=1, validate=validate.Range(1, 100_000))
    per_page = Whole(load_default=20, validate=validate.Range(1, MAX_PER_PAGE))


class QuestionListQuery(FilterQuery, RepresentationQuery, PageQuery):
    """v1's list: filters, representation and a page number."""


class QuestionSliceQuery(FilterQuery):
    """v2's list: filters and a cursor."""

    cursor = fields.String(load_default=None, validate=validate.Length(1, 1000))
    limit = Whole(load_default=20, validate=validate.Range(1, MAX_PER_PAGE))


class QuestionBody(Schema):
    """The members of a question that a body may give; `api.bank.editing` judges their values.

    For a merge patch (RFC 7396) what is absent stays; for a replacement it is removed.
    """

    prompt = fields.Raw(allow_none=True)
    answer = fields.Raw(allow_none=True)
    in_practice = fields.Raw(allow_none=True)
    try_it = fields.Raw(allow_none=True)
    technique = fields.Raw(allow_none=True)
    topics = fields.Raw(allow_none=True)
    difficulty = fields.Raw(allow_none=True)
    references = fields.Raw(allow_none=True)


class NumberedQuestionBody(QuestionBody):
    """A question that has no address yet, and may wish for a number."""

    number = JSONInteger(allow_none=True, validate=validate.Range(1, MAX_NUMBER))
