"""The site's pages: the search, a question with its running examples, the map of techniques, errors."""

from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from marshmallow import ValidationError

from api.access.questions import may_edit
from api.bank import questions, related, topics
from api.bank.catalogue import TECHNIQUES, topic_heading
from api.bank.questions import Criteria, QuestionUnknownError
from api.http import preferences
from api.http.demonstrations import all_by_number, of_question
from api.http.limits import searches, writes
from api.http.preferences import LANGUAGES, THEMES
from api.http.problems import CATALOGUE, Problem
from api.models import Difficulty
from api.schemas.questions import FilterQuery
from api.site import assets, prose, reference, words
from api.site.door import safe_next

blueprint = Blueprint("site", __name__, template_folder="templates")
prose.add_filters(blueprint)
reference.add_routes(blueprint)
blueprint.add_url_rule("/assets/<name>", view_func=assets.asset)
blueprint.add_url_rule("/icon.svg", view_func=assets.icon)

#: What the search form sends; an empty field counts as not filled in.
FIELDS = ("q", "topic", "difficulty", "technique")


@blueprint.get("/")
@searches
def home() -> Any:
    """What this is, and the questions that were searched for: all, if nothing was."""
    asked = {name: text for name in FIELDS if (text := request.args.get(name, "").strip())}
    faults: dict[str, list[str]] = {}
    criteria = Criteria()
    try:
        criteria = FilterQuery().load(asked)["criteria"]
    except ValidationError as error:
        faults = words.faults(error)
    found = questions.find_page(criteria, 1, 1000)
    page = render_template(
        "home.html",
        found=found,
        asked=asked,
        faults=faults,
        topics=[(topic.slug, topic.name) for topic, count in topics.list_topics() if count],
        difficulties=[level.value for level in Difficulty],
    )
    return page, 422 if faults else 200


@blueprint.get("/questions/<int(max=2147483647):number>")
def question(number: int) -> str:
    """One question with its answer, its examples to run, the source behind them and its relatives."""
    try:
        found = questions.get(number)
    except QuestionUnknownError as error:
        abort(404, str(error))
    before, after = questions.neighbours(number)
    return render_template(
        "question.html",
        question=found,
        technique=TECHNIQUES.get(found.technique or ""),
        topics=[topic_heading(topic.slug) for topic in found.topics],
        demonstrations=of_question(current_app, number),
        related=related.related(found),
        may_edit=may_edit(number),
        before=before,
        after=after,
    )


@blueprint.get("/techniques")
def techniques() -> str:
    """Every technique at a glance, with the endpoints where it runs."""
    return render_template(
        "techniques.html",
        techniques=TECHNIQUES.values(),
        questions=related.by_technique(),
        running=all_by_number(current_app),
    )


@blueprint.get("/problems")
def problems() -> str:
    """What the API's error types mean."""
    return render_template("problems.html", kinds=CATALOGUE.values())


@blueprint.post("/preferences")
@writes
def prefer() -> Response:
    """Keep the theme or the language that the reader chose, and go back to the page of the form.

    Anybody may send this form: nothing depends on it but how pages look. Another site may not: the
    browser says where a form comes from.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Problem("forbidden", "The form comes from another site.")
    offered = {"theme": THEMES, "language": LANGUAGES}
    chosen = {name: request.form[name] for name in offered if name in request.form}
    if not chosen:
        raise Problem("malformed-request", "Send `theme`, `language`, or both.")
    for name, value in chosen.items():
        if value not in offered[name]:
            allowed = ", ".join(offered[name])
            raise Problem("malformed-request", f"`{name}` must be one of: {allowed}.")
    back = request.form.get("next", "")
    target = back if back and safe_next(back) else url_for("site.home")
    response = current_app.make_response(redirect(target, 303))
    preferences.save(response, preferences.chosen(**chosen))
    return response


@blueprint.get("/page-that-is-not-there")
def page_that_is_not_there() -> str:
    """Answer 404 always: the address that shows the two forms of one error."""
    abort(404)
