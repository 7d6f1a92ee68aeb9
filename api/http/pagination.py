"""Pages of a collection: the envelope and the same links in `Link` (78).

Source: https://www.rfc-editor.org/rfc/rfc8288
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

from flask import request, url_for

#: A value that no parameter has.
_PLACE = "~~~place~~~"


def address(**changes: Any) -> str:
    """Return the address of this request with some of its query parameters changed."""
    values = {**request.args.to_dict(), **(request.view_args or {}), **changes}
    return url_for(request.endpoint or "", _external=True, **values)


def link_header(links: Mapping[str, str]) -> str:
    """Write links as one `Link` field; `self` is the request and is left out."""
    return ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if rel != "self")


def collection(
    items: Sequence[Any], page: Mapping[str, Any], links: Mapping[str, str]
) -> dict[str, Any]:
    """Put items, page and links in the envelope that every collection has."""
    return {"items": list(items), "page": dict(page), "links": dict(links)}


def addresses_by(parameter: str) -> Callable[[str | int], str]:
    """Return what writes this request's address with another value of one query parameter.

    The values are numbers, or words that stand in an address as they are.
    """
    # In a value, as of a search, the equals sign would be quoted.
    before, place, after = address(**{parameter: _PLACE}).partition(f"{parameter}={_PLACE}")
    start = before + place.removesuffix(_PLACE)
    return lambda value: f"{start}{value}{after}"


def numbered(page: int, per_page: int) -> Callable[[int], dict[str, str]]:
    """Return what links the pages around `page`, given the number of items in all.

    At the ends `prev` or `next` is omitted.
    """
    here, at = address(), addresses_by("page")

    def links(total_items: int) -> dict[str, str]:
        last = max(1, ceil(total_items / per_page))
        found = {"self": here, "first": at(1)}
        if page > 1:
            found["prev"] = at(min(page - 1, last))
        if page < last:
            found["next"] = at(page + 1)
        return found | {"last": at(last)}

    return links


def numbered_links(page: int, per_page: int, total_items: int) -> dict[str, str]:
    """Link the pages around `page` of this many items."""
    return numbered(page, per_page)(total_items)
