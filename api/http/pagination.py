"""Pages of a collection: the envelope and the same links in `Link` (78).

Source: https://www.rfc-editor.org/rfc/rfc8288
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from flask import request, url_for


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


def numbered_links(page: int, per_page: int, total_items: int) -> dict[str, str]:
    """Link the pages around `page`; at the ends `prev` or `next` is omitted."""
    last = max(1, ceil(total_items / per_page))
    links = {"self": address(), "first": address(page=1)}
    if page > 1:
        links["prev"] = address(page=min(page - 1, last))
    if page < last:
        links["next"] = address(page=page + 1)
    links["last"] = address(page=last)
    return links
