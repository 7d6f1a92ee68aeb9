"""The catalogues are whole, and no visible text of the site bypasses them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from flask import Flask
from jinja2 import nodes

from api.accounts.permissions import Role
from tests import translations
from tests.accounts.tools import make_user
from tests.site.tools import Browser, mails, signed_in
from tests.v1.tools import sqlite_only

TEMPLATES = (Path("api/site/templates"), Path("api/mail/templates"))
TRANSLATED = pytest.mark.parametrize("language", translations.LANGUAGES)
#: Plural forms that stand for one number, which they may say in a word.
COUNTS = ("%(count)s", "%(num)d")
SINGLE = {"es": (0,), "de": (0,), "ar": (0, 1, 2)}


def key(message: Message) -> Any:
    return message.context, message.id if isinstance(message.id, str) else tuple(message.id)


def texts(message: Message) -> list[str]:
    said = message.string or ""
    return [said] if isinstance(said, str) else list(said)


@pytest.fixture(scope="module")
def template() -> dict[Any, Message]:
    """Every text that code and templates mark."""
    return {key(message): message for message in translations.extract() if message.id}


# --- The catalogues ---


@TRANSLATED
def test_the_catalogues_hold_exactly_the_texts_of_the_code(
    language: str, template: dict[Any, Message]
) -> None:
    catalog = translations.read(language)
    there = {key(message) for message in catalog if message.id}
    assert sorted(map(str, template.keys() - there)) == [], (
        "run `make translations`, then translate"
    )
    assert sorted(map(str, there - template.keys())) == [], "run `make translations`"
    assert not catalog.obsolete
    assert catalog.num_plurals == {"es": 2, "de": 2, "ar": 6}[language]
    for message in catalog:
        if message.id:
            expected = catalog.num_plurals if message.pluralizable else 1
            assert len(texts(message)) == expected, message.id
            assert all(text.strip() for text in texts(message)), f"not translated: {message.id}"
            assert not message.fuzzy, message.id


@TRANSLATED
def test_what_is_compiled_is_what_was_translated(language: str) -> None:
    assert translations.compiled(language) == translations.meant(translations.read(language))


def kept(text: str) -> list[str]:
    """Return what a translation must have as well: places, tags, names in code, in any order."""
    return sorted(re.findall(r"%\(\w+\)[sd]|\{\w*\}|<[^>]+>|`[^`]+`|&\w+;", text))


@TRANSLATED
def test_a_translation_keeps_places_and_tags_and_adds_none(language: str) -> None:
    for message in translations.read(language):
        if not message.id:
            continue
        sources = [message.id] if isinstance(message.id, str) else list(message.id)
        for form, text in enumerate(texts(message)):
            wanted, found = kept(sources[-1]), kept(text)
            if message.pluralizable and form in SINGLE.get(language, ()):
                wanted = [each for each in wanted if each not in COUNTS]
                found = [each for each in found if each not in COUNTS]
            assert found == wanted, text
            bare = re.compile(r"%(?!\(\w+\)[sd])")
            assert len(bare.findall(text)) == len(bare.findall(sources[-1])), text


@TRANSLATED
def test_a_translation_ends_as_its_text_does(language: str) -> None:
    for message in translations.read(language):
        if isinstance(message.id, str) and message.id:
            ends = {".": ".", "?": "?؟", ":": ":", ",": ",:،"}
            if wanted := ends.get(message.id[-1]):
                assert texts(message)[0][-1] in wanted, message.id


# --- The templates ---


class Visible(HTMLParser):
    """What a person sees or hears of a page: its text, and attributes that are read out."""

    ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-confirm")
    SILENT = ("script", "style", "code", "pre", "kbd")

    def __init__(self, text: str, *more_silent: str) -> None:
        super().__init__()
        self._silent = self.SILENT + more_silent
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        english = values.get("lang") == "en"
        if tag not in {"input", "meta", "link", "br", "img", "hr"}:
            silent = tag in self._silent or (bool(self._open) and self._open[-1][1])
            silent = english or (silent and "lang" not in values)
            self._open.append((tag, silent))
            if silent:
                return
        elif self._open and self._open[-1][1]:
            return
        self.found += [values[name] or "" for name in self.ATTRIBUTES if name in values]
        if tag == "meta" and values.get("name") == "description":
            self.found.append(values.get("content") or "")

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if not (self._open and self._open[-1][1]) and data.strip():
            self.found.append(" ".join(data.split()))


#: What is the same in every language.
NAMES = {"API", "v1", "JSON"}
MARKING = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
#: What stands for an expression: no letter, and apart from the name of a tag.
PLACE = " \N{OBJECT REPLACEMENT CHARACTER}"
#: What takes words that nobody sees.
SILENT_CALLS = {"url_for", "get_url", "url_for_security", "moment", "may", "super", "link"}


def unmarked(app: Flask, source: str) -> list[str]:
    """Return the text of a template that a reader sees and no catalogue knows."""
    tree = app.jinja_env.parse(source)
    literals: list[str] = []
    markup = ""
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            if isinstance(part, nodes.TemplateData):
                markup += part.data
            else:
                attribute = re.search(r'<[^>]*?(?:([\w-]+)="[^"]*)?$', markup)
                if attribute is None or attribute[1] in Visible.ATTRIBUTES:
                    literals += printed(part)
                markup += PLACE
    found = [
        " ".join(text.replace(PLACE.strip(), " ").split()) for text in Visible(markup).found
    ] + literals
    # A macro may write attributes alone, into a tag that stands elsewhere.
    found = [re.sub(r'[\w-]+="[^"]*"', "", text) for text in found]
    return [text for text in found if set(re.findall(r"[^\W\d_]{2,}", text)) - NAMES]


def printed(node: nodes.Node) -> Iterator[str]:
    """Walk the literal words that an expression may print."""
    match node:
        case nodes.Const(value=str() as text):
            yield text
        case nodes.CondExpr():
            yield from printed(node.expr1)
            if node.expr2 is not None:
                yield from printed(node.expr2)
        case nodes.Or() | nodes.And():
            yield from printed(node.left)
            yield from printed(node.right)
        case nodes.Concat():
            for each in node.nodes:
                yield from printed(each)
        case nodes.Filter(node=nodes.Node() as inner):
            yield from printed(inner)
        case nodes.MarkSafe() | nodes.MarkSafeIfAutoescape():
            yield from printed(node.expr)
        case nodes.Call(node=nodes.Name(name=name)) if name not in MARKING | SILENT_CALLS:
            # Words for a macro: those that look like text, not like the name of a thing.
            for given in [*node.args, *(pair.value for pair in node.kwargs)]:
                for text in printed(given):
                    if re.search(r"^[A-Z][a-z]|\s", text):
                        yield text


def templates() -> list[Path]:
    return sorted(path for folder in TEMPLATES for path in folder.rglob("*.*"))


@sqlite_only
def test_every_text_in_a_template_is_marked(app: Flask) -> None:
    assert len(templates()) > 50
    for path in templates():
        assert unmarked(app, path.read_text(encoding="utf-8")) == [], path


@sqlite_only
@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("<p>Read me</p>", ["Read me"]),
        ('<a href="/" aria-label="Home page">{{ _("x") }}</a>', ["Home page"]),
        ('{{ "yes" if found else _("no") }}', ["yes"]),
        ('{{ name or "nobody" }}', ["nobody"]),
        ('{{ field(form.name, "Your name") }}', ["Your name"]),
        ("{% if a %}<b>In bold</b>{% else %}{{ _('not') }}{% endif %}", ["In bold"]),
        ("<p>{% trans %}Marked{% endtrans %} and not</p>", ["and not"]),
        ('{{ _("Marked") }} <code>GET</code> {{ url_for("site.home") }} {{ found }}', []),
    ],
)
def test_a_text_that_is_not_marked_is_found(app: Flask, planted: str, found: list[str]) -> None:
    assert unmarked(app, planted) == found


# --- The pages ---

PUBLIC = ("/", "/?q=zebra", "/questions/65", "/questions/66", "/techniques", "/reference",
          "/reference/listQuestions", "/problems", "/sign-in", "/register", "/recover", "/confirm",
          "/practice", "/nowhere", "/outbox", "/?difficulty=none")  # fmt: skip
PRIVATE = ("/account", "/account/address", "/account/password", "/account/two-factor",
           "/account/recovery-codes", "/verify", "/editing", "/drafts", "/questions/new",
           "/questions/66/edit", "/questions/66/deletion", "/questions/66/withdrawal",
           "/questions/66/revisions", "/questions/66/revisions/1", "/import", "/export", "/jobs",
           "/admin/", "/admin/questions/", "/admin/questions/new/", "/admin/users/", "/admin/jobs/",
           "/admin/drafts/")  # fmt: skip
ENGLISH = re.compile(r"\b(the|and|with|your|you|this|that|from|of|to)\b", re.IGNORECASE)


@sqlite_only
@TRANSLATED
def test_no_page_has_english_left_in_it(app: Flask, language: str) -> None:
    browser = signed_in(app, "root", Role.ADMINISTRATOR)
    browser.client.set_cookie("bank_preferences", f"language={language}")
    said = {
        str(message.id)
        for message in translations.read(language)
        if isinstance(message.id, str) and message.id and message.id != texts(message)[0]
    }
    found: dict[str, list[str]] = {}
    stranger = Browser(app)
    stranger.client.set_cookie("bank_preferences", f"language={language}")
    for who, address in [
        *((stranger, each) for each in PUBLIC),
        *((browser, each) for each in PRIVATE),
    ]:
        response = who.get(address)
        assert response.status_code in {200, 404, 422}, address
        panel = address.startswith("/admin/")
        # A cell of the panel shows what is in the table, as it is exported.
        shown = Visible(response.text, *(("td",) if panel else ())).found
        left = [text for text in shown if text in said or (not panel and ENGLISH.search(text))]
        if left:
            found[address] = left
    assert found == {}


@sqlite_only
def test_what_flask_security_says_is_in_the_readers_language(app: Flask) -> None:
    make_user(app, "ada")
    for language, wrong, needed in (
        ("es", "El nombre y la contraseña no coinciden.", "Este campo es obligatorio."),
        ("de", "Name und Passwort passen nicht zusammen.", "Dieses Feld wird benötigt."),
        ("ar", "الاسم وكلمة المرور لا يتطابقان.", "هذا الحقل مطلوب."),
    ):
        browser = Browser(app)
        browser.client.set_cookie("bank_preferences", f"language={language}")
        assert wrong in browser.sign_in("ada", "not the password").text
        assert needed in browser.post("/register", username="", email="", password="").text
    browser = Browser(app)
    browser.client.set_cookie("bank_preferences", "language=de")
    browser.sign_in("ada")
    changed = browser.post(
        "/account/password",
        password="wrong wrong wrong",
        new_password="a phrase that nobody has",
        new_password_confirm="another phrase",
    )
    assert "Passwörter stimmen nicht überein" in changed.text


@sqlite_only
def test_a_mail_is_in_the_language_of_who_asked_for_it(app: Flask) -> None:
    browser = Browser(app)
    browser.client.set_cookie("bank_preferences", "language=es")
    browser.post(
        "/register",
        username="lucía".replace("í", "i"),
        email="lucia@example.org",
        password="una frase que nadie conoce",
        password_confirm="una frase que nadie conoce",
    )
    (mail,) = mails(app)
    assert mail["subject"] == "Su cuenta en el banco de preguntas de Flask"
    assert mail["text"].startswith("Hola, lucia:\n\nse creó una cuenta con esta dirección")


@sqlite_only
def test_the_panels_filters_have_one_address_in_every_language(app: Flask) -> None:
    browser = signed_in(app, "root", Role.ADMINISTRATOR)
    for language in ("en", *translations.LANGUAGES):
        browser.client.set_cookie("bank_preferences", f"language={language}")
        page = browser.get("/admin/users/?flt0_role_equals=administrator")
        assert page.status_code == 200
        assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page.text
        assert page.text.count('name="rowid"') == 1
        none = browser.get("/admin/users/?flt0_role_equals=editor")
        assert none.text.count('name="rowid"') == 0
