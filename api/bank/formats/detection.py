"""Which format a file is in, told by its content; its name's ending helps where that is unclear."""

import re
from pathlib import PurePath

from api.bank.formats import as_csv, as_markdown, as_numbered
from api.bank.formats.documents import Format, UnknownFormatError
from api.bank.formats.schema import KEYS
from api.bank.formats.text import listed

_ENDINGS = {
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".json": Format.JSON,
    ".yaml": Format.YAML,
    ".yml": Format.YAML,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".txt": Format.NUMBERED,
}
_JSON = re.compile(r"\s*(?:\[\s*(?:[\]{\"]|\Z)|\{\s*[\"}])")
_YAML = re.compile(
    r"(?:(?:---|#.*|%.*)?[ \t]*\n)*"
    rf"(?:-[ \t]+)?[\"']?(?:questions|items|{'|'.join(KEYS)})[\"']?[ \t]*:(?:\s|\Z)"
)


def by_name(name: str | None) -> Format | None:
    """The format that a file's name promises, or None."""
    return None if name is None else _ENDINGS.get(PurePath(name).suffix.lower())


def detect(text: str, name: str | None = None) -> Format:
    """Tell the format of a file.

    Args:
        text: the whole file.
        name: the file's name, if it has one.

    Raises:
        UnknownFormatError: the message names the formats there are.
    """
    named = by_name(name)
    if not text.strip():
        return named or Format.MARKDOWN
    if (found := _by_content(text, named) or named) is not None:
        return found
    raise UnknownFormatError(
        f"this is in no format that is known; there are {listed(list(Format))} "
        '(a numbered list begins each question with its number: "51. How do you …?")'
    )


def _by_content(text: str, named: Format | None) -> Format | None:
    # JSON is YAML too, and YAML may begin like front matter: there the name decides.
    if _JSON.match(text):
        return named if named is Format.YAML else Format.JSON
    if named is not Format.YAML and as_markdown.starts(text.split("\n")):
        return Format.MARKDOWN
    if _YAML.match(text):
        return Format.YAML
    if len(set(as_csv.header(text)) & set(KEYS)) > 1:
        return Format.CSV
    return Format.NUMBERED if as_numbered.looks_numbered(text) else None
