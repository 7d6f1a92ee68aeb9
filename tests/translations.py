"""For authors: `python -m tests.translations` brings the catalogues up to the code and compiles them.

It stands for `pybabel extract`, `update` and `compile` with this project's options, so that
`make translations` and the suite, which compares, cannot disagree. A new text is left empty for its
translator, and one that no code has any more is thrown away: nothing is guessed, nothing marked fuzzy.
Source: https://babel.pocoo.org/en/stable/api/messages/
"""

from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from api.http.languages import LOCALES, TRANSLATIONS

ROOT = Path(__file__).resolve().parents[1]
KEYWORDS = DEFAULT_KEYWORDS | {
    "Sentence": None,
    "lazy_gettext": None,
    "lazy_pgettext": ((1, "c"), 2),
}
#: Every language that is not the source's.
LANGUAGES = tuple(tag for tag in LOCALES if tag != "en")


def extract(root: Path = ROOT) -> Catalog:
    """Return every text of code and templates below `root` that is marked to be translated."""
    catalog = Catalog()
    with (ROOT / "babel.cfg").open(encoding="utf-8") as mapping:
        methods, options = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]  # not annotated
    for _, _, message, _, context in extract_from_dir(
        root, method_map=methods, options_map=options, keywords=KEYWORDS
    ):
        catalog.add(message, context=context)
    return catalog


def path(language: str) -> Path:
    """Return the file that a translator works on."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """Read a language's catalogue."""
    with path(language).open("rb") as file:
        return read_po(file, locale=language)


def written(catalog: Catalog) -> bytes:
    """Return a catalogue as its `.po` file should be: with no date and no author in its header."""
    header = (
        f'msgid ""\nmsgstr ""\n"Language: {catalog.locale_identifier}\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n'
        '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    file = BytesIO()
    write_po(file, catalog, width=110, omit_header=True, no_location=True, sort_output=True)
    return header.encode() + file.getvalue()


def compiled(language: str) -> dict[Any, Any]:
    """Return what the application reads: translations by text, or by context and text."""
    file = path(language).with_suffix(".mo")
    with file.open("rb") as binary:
        return {_key(message): _said(message) for message in read_mo(binary) if message.id}


def _key(message: Message) -> Any:
    context: Any = message.context
    if isinstance(context, bytes):  # as Babel reads it from a binary file
        context = context.decode()
    return context, message.id if isinstance(message.id, str) else tuple(message.id)


def _said(message: Message) -> Any:
    said = message.string or ""
    return said if isinstance(said, str) else tuple(said)


def meant(catalog: Catalog) -> dict[Any, Any]:
    """Return what a `.po` file says, to compare with what is compiled of it."""
    return {_key(message): _said(message) for message in catalog if message.id and message.string}


def updated(language: str, template: Catalog) -> Catalog:
    """Return a language's catalogue with exactly the texts of `template`."""
    there = read(language)
    catalog = Catalog(locale=language)
    for message in template:
        if message.id:
            old = there.get(message.id, message.context)
            said = old.string if old is not None else None
            catalog.add(message.id, said, flags=message.flags, context=message.context)
    return catalog


def main() -> None:
    """Write the files, and say what is left to translate."""
    template = extract()
    for language in LANGUAGES:
        catalog = updated(language, template)
        path(language).write_bytes(written(catalog))
        binary = path(language).with_suffix(".mo")
        if not binary.exists() or compiled(language) != meant(read(language)):
            with binary.open("wb") as file:  # its header has the time, which is no change by itself
                write_mo(file, read(language))
        empty = sum(
            not message.string or not all(message.string) for message in catalog if message.id
        )
        print(f"{language}: {len(catalog)} texts, {empty} without a translation")


if __name__ == "__main__":
    main()
