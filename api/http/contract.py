"""The contract, openapi.yaml, read once: as it is written, and as data."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).resolve().parents[2] / "openapi.yaml"


@cache
def text() -> str:
    """Return the contract as it is written."""
    return PATH.read_text(encoding="utf-8")


@cache
def document() -> dict[str, Any]:
    """Return the contract as data; not to be changed."""
    # libyaml's loader: the one in Python takes seconds for a document of this length.
    loaded: dict[str, Any] = yaml.load(text(), Loader=yaml.CSafeLoader)
    return loaded
