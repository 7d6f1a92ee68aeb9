"""The page in which questions are written: one for new ones, drafts and published questions (73, 86).

Each of its buttons sends the whole form; `do` says which it was. Only "save" changes anything, the
others show the page again with what was typed, so that everything works without JavaScript.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request
from flask_babel import gettext
from marshmallow import ValidationError

from api.bank.formats.schema import MAX_TEXT
from api.site.desk import differences
from api.site.desk.differences import Line
from api.site.desk.form import QuestionForm
from api.site.desk.states import (
    FIELDS,
    Members,
    Merge,
    StaleError,
    differing,
    merge,
    require_state,
    state_of,
)

Save = Callable[[dict[str, Any]], str]
"""Saves members; returns the address of what was saved. Raises StaleError, ValidationError."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a member is and what it would become, line by line."""

    name: str
    lines: list[Line]
    is_disputed: bool = False


def show(form: QuestionForm, status: int = 200, **context: Any) -> Any:
    """Render the page. `context` is of the page's own kind: `heading`, `question`, `draft`, …"""
    shown = {"action": here(), "preview": form.members(), "most": MAX_TEXT, **context}
    return render_template("desk/editor.html", form=form, **shown), status


def here() -> str:
    """Return the path that was asked for, below whatever prefix the site stands."""
    return request.script_root + request.path


def changes(before: Members, after: Members, disputed: list[str] | None = None) -> list[Change]:
    """Say what leads from one state to another, by member."""
    return [
        Change(
            name,
            differences.difference(before.get(name), after.get(name)),
            name in (disputed or ()),
        )
        for name in differing(before, after)
    ]


def answer(
    form: QuestionForm,
    save: Save,
    standing: Members | None,
    who: Callable[[], str | None],
    **context: Any,
) -> Any:
    """Do what the button says that sent the form.

    :param save: called for "save" alone, with what the schema has judged.
    :param standing: what is stored now; None for a question that is not stored yet.
    :param who: finds the name of whoever changed last what is stored, for a conflict.
    """
    if not form.check_csrf():
        form.keep(
            gettext(
                "This page was made for a session that has ended, so nothing was saved. Your text is "
                "still here: look at it, and save again."
            )
        )
        return show(form, 400, **context)
    do, _, name = request.form.get("do", "save").partition(":")
    if do == "add":
        form.references.add()
        return show(form, typed=True, **context)
    typed = form.members()
    if do == "take" and standing is not None and name in FIELDS:
        form = QuestionForm.of({**typed, name: standing.get(name)}, form.seen.data)
        return show(form, typed=True, changes=changes(standing, form.members()), **context)
    if do == "compare" and standing is not None:
        return show(form, typed=True, changes=changes(standing, typed), **context)
    if do != "save":
        return show(form, typed=True, **context)
    return _saved(form, save, standing, who, context)


def _saved(
    form: QuestionForm,
    save: Save,
    standing: Members | None,
    who: Callable[[], str | None],
    context: dict[str, Any],
) -> Any:
    members = form.judge()
    if members is None:
        return show(form, 422, typed=True, **context)
    try:
        if standing is not None and not differing(standing, members):
            require_state(form.seen.data, standing)
            flash(gettext("You changed nothing, and nothing was saved."), "info")
            address = here()
        else:
            address = save(members)
            flash(gettext("Saved."), "success")
    except ValidationError as error:  # what the schema cannot see: the rules of the bank
        form.refuse(error)
        return show(form, 422, typed=True, **context)
    except StaleError as error:
        merged = merge(form.seen.data, members, error.standing)
        return _conflict(merged, members, error.standing, who(), context)
    flash(here(), "saved")  # the script forgets what it kept of this page
    return redirect(address, 303)


def _conflict(
    merged: Merge, typed: Members, standing: Members, who: str | None, context: dict[str, Any]
) -> Any:
    """Show both versions, and a form that holds them put together."""
    form = QuestionForm.of(merged.members, state_of(standing))
    told = {
        "who": who,
        "taken": [
            Change(name, differences.difference(typed.get(name), standing.get(name)))
            for name in merged.taken
        ],
    }
    return show(
        form,
        409,
        typed=True,
        conflict=told,
        changes=changes(standing, merged.members, merged.disputed),
        **context,
    )
