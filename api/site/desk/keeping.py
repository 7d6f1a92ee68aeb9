"""Losing no text: whatever a form of text is refused for, the answer holds what was typed.

A session that ended while somebody wrote, a quota, a question that was deleted meanwhile, a busy
database: the error page would be the right answer, and the text would be gone from the page. So the
refusal keeps its status and headers and gets another body: why, and the form again. It works without
JavaScript; who signs in again in another tab can send the same page.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from api.http.errors import answer_http_error, wants_page
from api.http.problems import Problem
from api.sentences import said
from api.site.desk.editor import here
from api.site.desk.form import QuestionForm


def keeps_text(view: Callable[..., Any]) -> Any:
    """Answer a refusal of a view that takes text with its reason and the text."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except Exception as error:
            # As Flask would answer it: by the application's own handlers. But nobody is sent away to
            # sign in, as from other forms: the text would be gone.
            if isinstance(error, Problem) and error.code == 401:
                response = current_app.make_response(answer_http_error(error))
            else:
                response = current_app.make_response(current_app.handle_user_exception(error))
            if not wants_page():
                return response
            detail = error.description if isinstance(error, HTTPException) else said(str(error))
            return _with_text(response, detail or "")

    return wrapper


def _with_text(response: Response, detail: str) -> Response:
    status = response.status_code
    response.set_data(
        render_template(
            "desk/editor.html",
            form=QuestionForm(),
            action=here(),
            question=(request.view_args or {}).get("number"),
            kept=status,
            detail=detail if status < 500 else "",
        )
    )
    return response
