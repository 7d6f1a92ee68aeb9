"""What the tests of writes share: bodies, current ETags, questions and drafts made by the interface."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.accounts.tools import Device

QUESTIONS, DRAFTS = "/api/v1/questions", "/api/v1/drafts"

BODY: dict[str, Any] = {"prompt": "What is a zyzzyva?", "answer": "A weevil.\n\nOf the tropics."}
WHOLE: dict[str, Any] = {
    **BODY,
    "in_practice": "Rare.",
    "try_it": "```console\n$ curl -s http://127.0.0.1:5000/\n```",
    "technique": "url-for",
    "topics": ["rest", "beetles"],
    "difficulty": "beginner",
    "references": [{"title": "Weevils", "url": "https://example.org/weevils"}],
}


def etag(client: FlaskClient, path: str, device: Device | None = None) -> str:
    """Return the ETag that stands at an address."""
    response = client.get(path, headers=device.headers if device else {})
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.headers["ETag"]


def change(
    client: FlaskClient,
    method: str,
    path: str,
    device: Device,
    match: str | None = None,
    **more: Any,
) -> TestResponse:
    """Send a change from the state that stands, or from another."""
    match = match or etag(client, path.partition("/publication")[0], device)
    return client.open(path, method=method, headers={**device.headers, "If-Match": match}, **more)


def make_question(client: FlaskClient, editor: Device, **members: Any) -> int:
    """Create a question; return its number."""
    answer = client.post(QUESTIONS, json={**BODY, **members}, headers=editor.headers)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    number: int = answer.get_json()["number"]
    return number


def make_draft(client: FlaskClient, author: Device, **members: Any) -> str:
    """Create a draft; return its path."""
    answer = client.post(DRAFTS, json={**BODY, **members}, headers=author.headers)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return f"{DRAFTS}/{answer.get_json()['id']}"


def publish(client: FlaskClient, editor: Device, draft: str) -> int:
    """Publish a draft; return the question's number."""
    answer = change(client, "POST", f"{draft}/publication", editor)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    number: int = answer.get_json()["number"]
    return number


def question_of(client: FlaskClient, author: Device, editor: Device, **members: Any) -> int:
    """Have an author's draft published; return the question's number."""
    return publish(client, editor, make_draft(client, author, **members))
