"""Fields stricter than the libraries' own where their leniency would surprise a client."""

import re
from typing import Any

from marshmallow import fields
from webargs.fields import DelimitedList

_DIGITS = re.compile(r"-?[0-9]{1,19}", re.ASCII)


class Whole(fields.Integer):
    """A whole number in plain digits: `int()` would also take `1_0`, blanks and Arabic digits."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _validated(self, value: Any) -> int:
        if isinstance(value, str):
            if not _DIGITS.fullmatch(value):
                raise self.make_error("invalid", input=value)
            value = int(value)
        return super()._validated(value)


class JSONInteger(fields.Integer):
    """An integer of a JSON body. JSON has one kind of number, so `3.0` is one; `"3"` and `true` are not."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _validated(self, value: Any) -> int:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        return super()._validated(whole)


class CommaSeparated(DelimitedList):
    """Values between commas, judged each: webargs would read an empty value as no value at all, so
    that `?topic=` filtered nothing without a word.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if value == "":
            return fields.List._deserialize(self, [""], *args, **kwargs)
        values: list[Any] = super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]  # webargs leaves it untyped
        return values
