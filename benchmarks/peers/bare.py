"""Bare WSGI (PEP 3333): constant bytes, no framework, no database. What a server can do at most.

The bytes are the application's own list and item, left in two files before the run.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("PEER_PAYLOADS", "."))
BODIES = {
    f"/{name}": (FOLDER / f"{name}.json").read_bytes()
    for name in ("list", "item")
    if (FOLDER / f"{name}.json").exists()
}


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer the same bytes each time; `/304` and `/ready` have none."""
    path = environ["PATH_INFO"]
    body = BODIES.get(path, b"")
    headers = [("ETag", '"constant"')]
    if path == "/304":
        start_response("304 Not Modified", headers)
        return []
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
