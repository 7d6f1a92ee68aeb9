"""`/pages/cost`: the price of a deep page by OFFSET, and of the same page by keyset (78)."""

from typing import Any

from flask_restful import Resource
from marshmallow import Schema, ValidationError, validate, validates_schema

from api.bank import page_cost
from api.demonstrations import demonstrates
from api.http.limits import rehearsals
from api.http.parsing import query
from api.schemas.fields import Whole


class PageCostQuery(Schema):
    """Which page to measure."""

    page = Whole(load_default=1, validate=validate.Range(1, page_cost.ROWS))
    per_page = Whole(load_default=20, validate=validate.Range(1, 100))

    @validates_schema
    def check_together(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a page beyond the rows that there are."""
        last = page_cost.ROWS // data.get("per_page", 20)
        if data.get("page", 1) > last:
            raise ValidationError(f"Must be between 1 and {last} for this per_page.", "page")


class PageCost(Resource):
    """What a page costs by OFFSET and by keyset, in database steps."""

    @demonstrates(78, test="tests/v1/test_pages.py::test_a_deep_page_costs_more_by_offset_only")
    @rehearsals
    @query(PageCostQuery)
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """Measure one page of ten thousand rows both ways."""
        return {
            **args,
            "rows": page_cost.ROWS,
            "unit": "SQLite virtual-machine instructions",
            "steps": page_cost.measure(args["page"], args["per_page"]),
            "statements": {"offset": page_cost.OFFSET, "keyset": page_cost.KEYSET},
        }
