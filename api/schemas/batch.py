"""What a batch of operations on questions looks like (68).

The frame (which operations, on which questions) is judged as a whole. What a question is to say is
judged operation by operation, as the single resources would: in a batch whose operations are independent
a faulty question is that operation's failure and no other's.
"""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.bank.batch import MAX_OPERATIONS, Kind, Mode, Operation
from api.schemas.fields import JSONInteger
from api.schemas.questions import MAX_NUMBER, NumberedQuestionBody, QuestionBody

#: The member that holds what a question shall say, and the schema that it has there.
CONTENT: dict[Kind, tuple[str, type[Schema]]] = {
    Kind.CREATE: ("question", NumberedQuestionBody),
    Kind.REPLACE: ("question", QuestionBody),
    Kind.PATCH: ("changes", QuestionBody),
}

#: The members of each operation beside `op`: those it needs, and those it may have.
MEMBERS: dict[Kind, tuple[set[str], set[str]]] = {
    Kind.CREATE: ({"question"}, set()),
    Kind.REPLACE: ({"number", "question"}, {"if_match"}),
    Kind.PATCH: ({"number", "changes"}, {"if_match"}),
    Kind.DELETE: ({"number"}, {"if_match"}),
}


class OperationBody(Schema):
    """One operation. Which members it has depends on `op`."""

    op = fields.String(required=True, validate=validate.OneOf([kind.value for kind in Kind]))
    number = JSONInteger(validate=validate.Range(1, MAX_NUMBER))
    if_match = fields.String(validate=validate.Length(1, 1000))
    question = fields.Dict()
    changes = fields.Dict()

    @validates_schema(skip_on_field_errors=True)
    def check_members(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a member that the operation does not have, and the lack of one that it needs."""
        needed, optional = MEMBERS[Kind(data["op"])]
        faults = {
            name: [f"Unknown member of this operation, {data['op']}."]
            for name in data.keys() - {"op"} - needed - optional
        }
        faults |= {
            name: ["Missing data for required field."] for name in needed if name not in data
        }
        if faults:
            raise ValidationError(faults)

    @post_load
    def to_operation(self, data: dict[str, Any], **_: Any) -> Operation:
        """Read the question or the changes; what is wrong there waits for the operation's turn."""
        kind, number, members, fault = Kind(data["op"]), data.get("number"), {}, None
        if kind in CONTENT:
            name, schema = CONTENT[kind]
            try:
                members = schema().load(data[name])
            except ValidationError as error:
                fault = error
        if kind is Kind.CREATE:
            number = members.pop("number", None)
        return Operation(
            kind=kind, number=number, members=members, if_match=data.get("if_match"), fault=fault
        )


class BatchBody(Schema):
    """A list of operations, and what becomes of the others when one fails."""

    mode = fields.Enum(Mode, by_value=True, load_default=Mode.ATOMIC)
    operations = fields.List(
        fields.Nested(OperationBody),
        required=True,
        validate=validate.Length(1, MAX_OPERATIONS),
    )
