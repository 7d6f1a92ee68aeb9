"""Markdown and source code as HTML: code highlighted by Pygments' classes, examples that run.

Highlighting is done here and not in the browser: reading works without JavaScript, and colours are the
style sheet's, as the policy allows no inline style.
Sources: https://markdown-it-py.readthedocs.io/ and https://pygments.org/docs/formatters/#HtmlFormatter
"""

from collections.abc import MutableMapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, request
from markupsafe import Markup, escape

from api.bank.examples import console_blocks
from api.http.demonstrations import Source
from api.site import words
from api.site.trying import steps

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict

#: The languages that are highlighted, each by the lexer that reads it. Not all that Pygments knows:
#: some lexers take minutes for a text that is made for it, and anybody may write a draft.
_LANGUAGES = {
    "bash": "bash", "console": "console", "diff": "diff", "html": "html", "http": "http",
    "javascript": "javascript", "jinja": "html+jinja", "jinja2": "html+jinja", "js": "javascript",
    "json": "json", "py": "python", "pycon": "pycon", "python": "python", "sh": "console",
    "shell": "console", "sql": "sql", "toml": "toml",
}  # fmt: skip
#: Characters of a code block beyond which it is shown without colours.
LONGEST_COLOURED = 5_000
#: Brackets in a text beyond which it is shown as it is: each one could begin a link, and the parser
#: looks for the end of every one of them.
MOST_BRACKETS = 3_000

#: The header that an answer of a technique is about, where the command does not say.
TELLING = {
    "caching": "cache-status etag",
    "rate-limiting": "ratelimit ratelimit-policy retry-after",
    "cors": "access-control-allow-origin vary",
    "request-hooks": "x-request-id server-timing",
    "api-versioning": "deprecation sunset content-type vary",
    "pagination": "link",
    "problem-details": "content-type",
    "error-pages": "content-type vary",
    "internationalization": "content-language vary",
    "jsonify": "content-type",
    "resource-class": "allow etag",
    "url-for": "location link",
    "sqlalchemy": "server-timing",
    "flask-assets": "cache-control content-encoding",
    "jwt-authentication": "www-authenticate",
    "long-running-jobs": "location retry-after",
    "celery": "location retry-after",
}


def coloured(text: str, language: str) -> Markup:
    """Return code with Pygments' classes; as it is, where it is too long or in another language."""
    name = _LANGUAGES.get(language)
    if name is None or len(text) > LONGEST_COLOURED:
        return escape(text)
    return _coloured(text, name)


@lru_cache(maxsize=1024)
def _coloured(text: str, name: str) -> Markup:
    # Imported by the first page that shows code: a server that only answers the API needs neither.
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name(name, stripnl=False)
    return Markup(highlight(text, lexer, HtmlFormatter(nowrap=True)))  # noqa: S704  # Pygments escapes


def _block(text: str, language: str, _attributes: str) -> str:
    return (
        f'<pre class="code" dir="ltr" tabindex="0"><code>{coloured(text, language)}</code></pre>\n'
    )


@lru_cache(maxsize=256)
def numbered(source: Source) -> Markup:
    """Return the lines of a source file, highlighted, each with its number.

    The number is no text: it is not copied with the line.
    """
    lines = _coloured(source.text, "python").rstrip("\n").split("\n")
    return Markup("").join(
        Markup('<span class="line" data-line="{}">{}\n</span>').format(number, Markup(line))  # noqa: S704  # Pygments has escaped the line
        for number, line in enumerate(lines, source.first_line)
    )


def _fence(
    self: "RendererHTML",
    tokens: "Sequence[Token]",
    index: int,
    options: "OptionsDict",
    env: MutableMapping[str, Any],
) -> str:
    """Write a console block of "Try it" as commands that the page can run."""
    token = tokens[index]
    if "technique" in env and token.info.split()[:1] == ["console"]:
        try:
            (block,) = console_blocks(f"```console\n{token.content}```\n")
        except ValueError:  # an imported one may hold anything
            return self.fence(tokens, index, options, env)
        # Not `render_template`: it would run the context processors once more for every block.
        return current_app.jinja_env.get_template("console.html").render(
            steps=steps(block),
            telling=TELLING.get(env["technique"] or "", ""),
            root=request.script_root,
            english=words.english(),
            native=words.native(),
        )
    return self.fence(tokens, index, options, env)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # by the first page that shows an answer

    # `js-default` escapes raw HTML: an imported answer may hold any.
    made = MarkdownIt("js-default", {"highlight": _block})
    made.add_render_rule("fence", _fence)
    return made


def markdown(text: str | None) -> Markup:
    """Render Markdown as HTML; HTML inside it comes out as text."""
    return _rendered(text, {})


def inline_markdown(text: str) -> Markup:
    """Render a line of Markdown without a paragraph around it."""
    if text.count("[") > MOST_BRACKETS:
        return escape(text)
    return Markup(_parser().renderInline(text))  # noqa: S704  # the renderer escapes


def breakable(path: str) -> Markup:
    """Return a path that a line may break after its slashes, and not within a word."""
    return Markup("/<wbr>").join(path.split("/")) if "/" in path else escape(path)


def examples(text: str | None, technique: str | None) -> Markup:
    """Render a "Try it", its console blocks as commands that the page can run."""
    return _rendered(text, {"technique": technique})


def _rendered(text: str | None, env: dict[str, Any]) -> Markup:
    if text and text.count("[") > MOST_BRACKETS:
        return Markup("<pre>{}</pre>").format(text)
    return Markup(_parser().render(text or "", env))  # noqa: S704  # the renderer escapes


def add_filters(blueprint: Blueprint) -> None:
    """Give them to every template."""
    for function in (markdown, inline_markdown, examples, coloured, numbered, breakable):
        blueprint.add_app_template_filter(function)
