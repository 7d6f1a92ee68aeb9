"""The site's pages: the list of questions, a question with its answer, the error page's address."""

from flask import Blueprint, abort, current_app, render_template
from markdown_it import MarkdownIt
from markupsafe import Markup

from api.bank import questions
from api.bank.questions import Criteria, QuestionUnknownError
from api.http.demonstrations import of_question
from api.http.problems import CATALOGUE

blueprint = Blueprint(
    "site", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
)

# `js-default` escapes raw HTML: an imported answer may hold any.
_markdown = MarkdownIt("js-default")


@blueprint.app_template_filter("markdown")
def markdown(text: str | None) -> Markup:
    """Render Markdown as HTML; HTML inside it comes out as text."""
    return Markup(_markdown.render(text or ""))  # noqa: S704  # the renderer escapes


@blueprint.app_template_filter("inline_markdown")
def inline_markdown(text: str) -> Markup:
    """Render a line of Markdown without a paragraph around it."""
    return Markup(_markdown.renderInline(text))  # noqa: S704  # the renderer escapes


@blueprint.get("/")
def home() -> str:
    """All questions on one page."""
    found = questions.find_page(Criteria(), 1, 1000)
    return render_template("home.html", questions=found.questions)


@blueprint.get("/questions/<int(max=2147483647):number>")
def question(number: int) -> str:
    """One question with its answer, its references and where it runs."""
    try:
        found = questions.get(number)
    except QuestionUnknownError as error:
        abort(404, str(error))
    return render_template(
        "question.html", question=found, demonstrations=of_question(current_app, number)
    )


@blueprint.get("/problems")
def problems() -> str:
    """What the API's error types mean."""
    return render_template("problems.html", kinds=CATALOGUE.values())


@blueprint.get("/page-that-is-not-there")
def page_that_is_not_there() -> str:
    """Answer 404 always: the address that shows the two forms of one error."""
    abort(404)
