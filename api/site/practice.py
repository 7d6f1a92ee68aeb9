"""`/practice`: rounds as flash cards, played by the keyboard over the practice API (59, 82).

The page holds a form, a card and a score, empty and hidden; its script fills them with what
`/api/v1/practice` answers, and keeps nothing that the session does not: a reload goes on where the
round stands. Only the answer's HTML is taken from the question's page: it has been rendered from
Markdown there, and a second renderer, in JavaScript, would have to be as careful.
"""

from typing import Any

from flask import Blueprint, render_template
from flask_babel import gettext as _

from api.bank import topics
from api.models import Difficulty
from api.practice.rounds import MOST_CARDS, USUAL_SIZE, Grade

#: The keys of the grades, in the order in which the page shows them.
KEYS = {grade: str(place) for place, grade in enumerate(Grade, 1)}


def texts() -> dict[str, str]:
    """Return what the script says, in the reader's language; `{name}` is filled in by it."""
    return {
        "place": _("Card {position} of {size}"),
        "graded": _("{graded} of {size} graded"),
        "revealed": _("The answer is shown. Grade yourself."),
        "saved": _("Graded: {grade}."),
        "reveal_first": _("Reveal the answer before you grade yourself."),
        "started": _("The round has begun."),
        "ended": _("The round is over."),
        "percent": _("Score: {percent} %"),
        "nothing": _("Nothing is graded yet"),
        "counts": _("Right: {right}. Partly: {partly}. Wrong: {wrong}. Not graded: {left}."),
        "question": _("Question {number}"),
        "no_answer": _("No answer came"),
        "no_answer_detail": _(
            "The network is down, or the server is. Your round is kept; try again."
        ),
        "wait": _("Try again in {seconds} seconds."),
        "unreadable": _("The server answered {status}, and not in a way that this page can read."),
        "plain": _("The question's page did not come; this is the answer's text."),
        "right": _("right"),
        "partly": _("partly"),
        "wrong": _("wrong"),
        "beginner": _("beginner"),
        "intermediate": _("intermediate"),
        "advanced": _("advanced"),
    }


def practice() -> Any:
    """Practise as flash cards; without JavaScript the page says how to do it by curl."""
    return render_template(
        "practice.html",
        texts=texts(),
        topics=[(topic.slug, topic.name) for topic, count in topics.list_topics() if count],
        difficulties=[level.value for level in Difficulty],
        usual_size=USUAL_SIZE,
        most_cards=MOST_CARDS,
        keys=KEYS,
    )


def add_routes(blueprint: Blueprint) -> None:
    """Add the page to the site."""
    blueprint.add_url_rule("/practice", view_func=practice)
