"""What every peer answers: addresses and envelope as the application has them.

Addresses are put together by hand, which is cheaper than any router's way to make them: where the
peers are helped, it is said.
"""

import os
from datetime import datetime
from typing import Any

DATABASE = os.environ.get("PEER_DATABASE", "bench.sqlite3")
SECRET = "benchmarks-only-" * 4
PER_PAGE = 20
BASE = "http://bench.example/api/v1"


def moment(value: datetime) -> str:
    """Write a time of the database, which is UTC and says nothing of it."""
    return value.isoformat() + "Z"


def links_of(number: int) -> dict[str, str]:
    """Link a question and what belongs to it."""
    own = f"{BASE}/questions/{number}"
    return {
        "self": own,
        "demonstrations": f"{own}/demonstrations",
        "attachments": f"{own}/attachments",
    }


def page_of(page: int, total: int) -> dict[str, int]:
    """Tell where in the list a page is."""
    pages = -(-total // PER_PAGE)
    return {"number": page, "per_page": PER_PAGE, "total_items": total, "total_pages": pages}


def links_around(query: str, page: int, total: int) -> dict[str, str]:
    """Link the pages around this one."""
    own = f"{BASE}/questions?{query}"
    last = -(-total // PER_PAGE)
    links = {"self": own, "first": f"{own}&page=1"}
    if page > 1:
        links["prev"] = f"{own}&page={page - 1}"
    if page < last:
        links["next"] = f"{own}&page={page + 1}"
    return {**links, "last": f"{own}&page={last}"}


def envelope(items: Any, query: str, page: int, total: int) -> dict[str, Any]:
    """Put items, page and links together."""
    return {
        "items": items,
        "page": page_of(page, total),
        "links": links_around(query, page, total),
    }
