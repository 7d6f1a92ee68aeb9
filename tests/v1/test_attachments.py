"""Attachments by HTTP: uploaded, refused with a reason each, listed, downloaded in parts, deleted."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.http import parse_options_header
from werkzeug.test import TestResponse

from api.accounts.permissions import Role
from api.attachments.refusals import Reason
from tests.accounts.tools import Device, new_device, refused
from tests.attachments.samples import archive, document, picture, png_bomb
from tests.attachments.test_store import rows, stored
from tests.conftest import MakeApp
from tests.v1.tools import link_field, parameters_refused, sqlite_only

PATH = "/api/v1/questions/51/attachments"
MINE = "/api/v1/me/attachments"


@pytest.fixture
def contributor(app: Flask) -> Device:
    return new_device(app, "con", Role.CONTRIBUTOR)


def send(
    client: FlaskClient,
    device: Device,
    data: bytes,
    name: str = "dot.png",
    kind: str | None = "image/png",
    *,
    path: str = PATH,
    **headers: str,
) -> TestResponse:
    """Upload a file as a form does."""
    file = (BytesIO(data), name, kind) if kind else (BytesIO(data), name)
    return client.post(path, data={"file": file}, headers={**device.headers, **headers})


def fetch(client: FlaskClient, path: str, **options: Any) -> TestResponse:
    """Read a file to its end, and close it as a server does."""
    return client.open(path, buffered=True, **options)


def told(response: TestResponse, slug: str, status: int) -> dict[str, Any]:
    """Hold a refusal to its type; return the one entry of `errors`."""
    (error,) = refused(response, slug, status)["errors"]
    found: dict[str, Any] = error
    assert found["pointer"] == "#/file"
    return found


def test_a_picture_is_taken_and_comes_back_as_a_download(
    app: Flask, client: FlaskClient, contributor: Device
) -> None:
    answer = send(client, contributor, picture())
    assert answer.status_code == 201
    made: Any = answer.get_json()
    assert answer.headers["Location"] == made["links"]["self"]
    read = client.get(made["links"]["self"])
    assert (read.get_json(), read.headers["ETag"]) == (made, answer.headers["ETag"])
    assert (made["filename"], made["media_type"]) == ("dot.png", "image/png")
    assert (made["width"], made["height"]) == (8, 4)

    file = fetch(client, made["links"]["file"])
    assert file.status_code == 200
    assert file.headers["Content-Type"] == "image/png"
    assert file.headers["Content-Disposition"] == "attachment; filename=dot.png"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert len(file.data) == made["size"]
    assert Image.open(BytesIO(file.data)).size == (8, 4)
    (path,) = stored(app)
    assert path.read_bytes() == file.data
    assert re.fullmatch("[0-9a-f]{32}", path.name)  # nothing of what the client said


@sqlite_only
def test_a_pdf_is_taken(client: FlaskClient, contributor: Device) -> None:
    answer = send(client, contributor, document(3), "paper.pdf", "application/pdf")
    made: Any = answer.get_json()
    assert (answer.status_code, made["pages"]) == (201, 3)
    assert "width" not in made
    file = fetch(client, made["links"]["file"])
    assert file.headers["Content-Type"] == "application/pdf"
    assert file.data.startswith(b"%PDF-")


@sqlite_only
@pytest.mark.parametrize(
    ("data", "name", "kind", "reason"),
    [
        (picture(), "../../dot.png", "image/png", Reason.BAD_NAME),
        (picture(), "dot.php.png", "image/png", Reason.DOUBLE_EXTENSION),
        (picture(), "dot.png", "image/gif", Reason.TYPE_MISMATCH),
        (picture("JPEG"), "dot.png", "image/png", Reason.CONTENT_MISMATCH),
        (picture("GIF") + archive(), "dot.gif", "image/gif", Reason.SECOND_FORMAT),
        (png_bomb(9000, 9000), "dot.png", "image/png", Reason.TOO_COMPLEX),
        (picture()[:60], "dot.png", "image/png", Reason.UNREADABLE),
        (b"", "dot.png", "image/png", Reason.EMPTY),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_a_refusal_says_which_and_leaves_nothing_behind(  # noqa: PLR0917  # four of them one case
    app: Flask,
    client: FlaskClient,
    contributor: Device,
    data: bytes,
    name: str,
    kind: str,
    reason: Reason,
) -> None:
    error = told(send(client, contributor, data, name, kind), "file-refused", 422)
    assert error["code"] == reason
    assert rows(app) == len(stored(app)) == 0


@sqlite_only
@pytest.mark.parametrize("name", ["dot.svg", "dot.html", "dot.exe", "dot"])
def test_the_same_bytes_under_a_forbidden_extension_are_a_415(
    client: FlaskClient, contributor: Device, name: str
) -> None:
    error = told(send(client, contributor, picture(), name), "file-kind-refused", 415)
    assert error["code"] == "not_allowed"


KEY = {"Idempotency-Key": "upload-1"}


def test_a_file_sent_twice_under_one_key_is_one_attachment(
    app: Flask, client: FlaskClient, contributor: Device
) -> None:
    first, again = (send(client, contributor, picture(), **KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    other = send(client, contributor, picture(size=(3, 3)), **KEY)
    (error,) = refused(other, "invalid-parameters", 422)["errors"]
    assert (error["header"], error["code"]) == ("Idempotency-Key", "reused")
    assert rows(app) == len(stored(app)) == 1


@sqlite_only
def test_a_refused_file_frees_its_key(client: FlaskClient, contributor: Device) -> None:
    assert send(client, contributor, b"", **KEY).status_code == 422
    assert send(client, contributor, picture(), **KEY).status_code == 201


@sqlite_only
def test_the_limit_on_the_body_is_its_own(make_app: MakeApp) -> None:
    app = make_app(ATTACHMENT_BYTES="300000", MAX_CONTENT_LENGTH="1000")
    client, device = app.test_client(), new_device(app, "con", Role.CONTRIBUTOR)
    assert send(client, device, picture() + bytes(290_000)).status_code == 201
    answer = send(client, device, picture() + bytes(300_000))
    assert "300000 bytes" in refused(answer, "content-too-large", 413)["detail"]
    scratch = client.put("/api/v1/scratch/a", json={"content": {"a": "x" * 1000}})
    assert scratch.status_code == 413  # everything else keeps the small limit


@sqlite_only
def test_the_quota_is_told_in_numbers(make_app: MakeApp) -> None:
    app = make_app(ATTACHMENTS_QUOTA="200")
    client, device = app.test_client(), new_device(app, "con", Role.CONTRIBUTOR)
    size = send(client, device, picture(size=(1, 1))).get_json()["size"]
    assert client.get(MINE, headers=device.headers).get_json()["quota"] == {
        "used": size,
        "allowed": 200,
    }
    answers = [send(client, device, picture(size=(1, 1))) for _ in range(3)]
    problem = refused(answers[-1], "quota-exceeded", 409)
    assert problem["used"] + problem["needed"] > problem["allowed"] == 200
    assert problem["needed"] == size


def test_files_are_listed_page_by_page_by_question_and_by_user(
    app: Flask, client: FlaskClient, contributor: Device
) -> None:
    other = new_device(app, "other", Role.CONTRIBUTOR)
    for place in range(3):
        assert send(client, contributor, picture(), f"{place}.png").status_code == 201
    send(client, other, picture(), "theirs.png")
    send(client, contributor, picture(), "elsewhere.png", path="/api/v1/questions/52/attachments")

    def names(path: str, **more: Any) -> list[str]:
        return [item["filename"] for item in client.get(path, **more).get_json()["items"]]

    assert names(PATH) == ["0.png", "1.png", "2.png", "theirs.png"]
    first = client.get(f"{PATH}?per_page=3")
    assert first.get_json()["page"]["total_pages"] == 2
    assert names(link_field(first)["next"]) == ["theirs.png"]
    own = {"headers": contributor.headers}
    assert names(MINE, **own) == ["0.png", "1.png", "2.png", "elsewhere.png"]
    assert client.get(MINE, **own).headers["Cache-Control"] == "private, no-cache"
    assert names("/api/v1/questions/53/attachments") == []
    assert names(f"{PATH}?page=99") == []
    wrong = parameters_refused(client.get(f"{PATH}?per_page=0&page=x&sort=a"))
    assert set(wrong) == {"per_page", "page", "sort"}


def test_a_question_that_is_not_there_has_no_files_and_takes_none(
    client: FlaskClient, contributor: Device
) -> None:
    path = "/api/v1/questions/999/attachments"
    assert client.get(path).status_code == 404
    assert send(client, contributor, picture(), path=path).status_code == 404


@pytest.fixture
def made(client: FlaskClient, contributor: Device) -> dict[str, Any]:
    found: dict[str, Any] = send(client, contributor, picture()).get_json()
    return found


def test_a_file_is_deleted_from_the_state_that_was_read(
    app: Flask, client: FlaskClient, contributor: Device, made: dict[str, Any]
) -> None:
    where, headers = made["links"]["self"], contributor.headers
    refused(client.delete(where, headers=headers), "precondition-required", 428)
    stale = client.delete(where, headers={**headers, "If-Match": '"stale"'})
    refused(stale, "precondition-failed", 412)
    etag = fetch(client, where).headers["ETag"]
    assert client.delete(where, headers={**headers, "If-Match": etag}).status_code == 204
    assert (
        fetch(client, where).status_code == fetch(client, made["links"]["file"]).status_code == 404
    )
    assert client.delete(where, headers={**headers, "If-Match": etag}).status_code == 404
    assert rows(app) == len(stored(app)) == 0


@sqlite_only
@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.READER, 403), (Role.CONTRIBUTOR, 403), (Role.EDITOR, 204), (Role.ADMINISTRATOR, 204)],
)
def test_anothers_file_is_deleted_by_editors_alone(
    app: Flask, client: FlaskClient, made: dict[str, Any], role: Role, status: int
) -> None:
    other = new_device(app, "other", role)
    answer = client.delete(made["links"]["self"], headers={**other.headers, "If-Match": "*"})
    assert answer.status_code == status
    if status == 403:
        assert refused(answer, "forbidden", 403)["required"] == "attachment.delete"


@sqlite_only
@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-3", slice(0, 4)),
        ("bytes=4-", slice(4, None)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=10-99999999", slice(10, None)),
    ],
)
def test_a_part_of_the_file_is_sent(
    client: FlaskClient, made: dict[str, Any], asked: str, part: slice
) -> None:
    whole = fetch(client, made["links"]["file"])
    answer = fetch(client, made["links"]["file"], headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.data == whole.data[part]
    start, stop, _ = part.indices(len(whole.data))
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole.data)}"
    assert answer.headers["ETag"] == whole.headers["ETag"]
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@sqlite_only
@pytest.mark.parametrize(
    "asked", ["bytes=0-1,3-4", "lines=1-2", "bytes=x", "bytes=5-2", "", "bytes"]
)
def test_several_parts_and_nonsense_get_the_whole(
    client: FlaskClient, made: dict[str, Any], asked: str
) -> None:
    answer = fetch(client, made["links"]["file"], headers={"Range": asked})
    assert answer.status_code == 200, asked
    assert len(answer.data) == made["size"]


@sqlite_only
def test_a_part_behind_the_end_is_a_416_that_tells_the_length(
    client: FlaskClient, made: dict[str, Any]
) -> None:
    answer = fetch(client, made["links"]["file"], headers={"Range": f"bytes={made['size']}-"})
    refused(answer, "range-not-satisfiable", 416)
    assert answer.headers["Content-Range"] == f"bytes */{made['size']}"


@sqlite_only
def test_a_part_of_a_file_that_changed_is_not_mixed_with_the_old(
    client: FlaskClient, made: dict[str, Any]
) -> None:
    where = made["links"]["file"]
    etag = fetch(client, where).headers["ETag"]
    part = {"Range": "bytes=0-3"}
    assert fetch(client, where, headers={**part, "If-Range": etag}).status_code == 206
    assert fetch(client, where, headers={**part, "If-Range": '"old"'}).status_code == 200
    assert fetch(client, where, headers={"If-None-Match": etag}).status_code == 304
    head = fetch(client, where, method="HEAD")
    assert (head.data, head.headers["Content-Length"]) == (b"", str(made["size"]))
    assert head.headers["Accept-Ranges"] == "bytes"


@sqlite_only
@pytest.mark.parametrize("name", ["файл (1).png", "a'b;c=d, e.png", "100%.png", "日本語 🎉.png"])
def test_a_name_comes_back_as_it_was_sent(
    client: FlaskClient, contributor: Device, name: str
) -> None:
    made: Any = send(client, contributor, picture(), name).get_json()
    assert made["filename"] == name
    header = fetch(client, made["links"]["file"]).headers["Content-Disposition"]
    assert header.isascii()
    kind, options = parse_options_header(header)
    assert (kind, options["filename"]) == ("attachment", name)


@sqlite_only
def test_a_file_that_was_changed_on_the_disk_is_not_sent(
    app: Flask, client: FlaskClient, made: dict[str, Any]
) -> None:
    (path,) = stored(app)
    path.write_bytes(b"<script>" + path.read_bytes())
    app.testing = False  # let the error be answered
    app.config["PROPAGATE_EXCEPTIONS"] = False
    refused(fetch(client, made["links"]["file"]), "internal-error", 500)


@sqlite_only
def test_uploads_have_a_quota_of_their_own_by_user(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_UPLOADS="2 per minute")
    client, device = app.test_client(), new_device(app, "con", Role.CONTRIBUTOR)
    answers = [send(client, device, picture(), "a.svg") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [415, 415, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"uploads";q=2;w=60'
    other = new_device(app, "other", Role.CONTRIBUTOR)
    assert send(client, other, picture()).status_code == 201


Form = Callable[[], dict[str, Any]]


@sqlite_only
@pytest.mark.parametrize(
    ("form", "faults"),
    [
        (lambda: {}, {("#/file", "required")}),
        (lambda: {"file": "text"}, {("#/file", "required")}),
        (lambda: {"file": (BytesIO(b"x"), "")}, {("#/file", "required")}),
        (
            lambda: {"File": (BytesIO(b"x"), "a.png")},
            {("#/file", "required"), ("#/File", "unknown")},
        ),
        (
            lambda: {"file": [(BytesIO(b"x"), "a.png"), (BytesIO(b"x"), "b.png")]},
            {("#/file", "duplicate")},
        ),
        (
            lambda: {"file": (BytesIO(b"x"), "a.png"), "title": "x", "a/b": "y"},
            {("#/title", "unknown"), ("#/a~1b", "unknown")},
        ),
    ],
)
def test_a_form_with_other_parts_than_one_file_is_refused_part_by_part(
    client: FlaskClient, contributor: Device, form: Form, faults: set[tuple[str, str]]
) -> None:
    headers = {**contributor.headers}
    answer = client.post(PATH, data=form(), headers=headers, content_type="multipart/form-data")
    problem = refused(answer, "invalid-parameters", 422)
    assert {(error["pointer"], error["code"]) for error in problem["errors"]} == faults


FORM = "multipart/form-data; boundary=x"
DISPOSITION = b"--x\r\nContent-Disposition: form-data; "
END = b"\r\n--x--\r\n"


@sqlite_only
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"x", "multipart/form-data", 400),
        (b"--x\r\n", FORM, 400),
        (b"no boundary at all", FORM, 400),
        (DISPOSITION + b"name=file; filename=a.png\r\n\r\n\x89PNG", FORM, 400),
        (DISPOSITION + b"name=file; filename=a.png\r\n\r\n" + bytes(600_000), FORM, 400),
        (b"--x\r\nContent-Type: image/png\r\n\r\nabc" + END, FORM, 400),
        (DISPOSITION + b'name=file; filename="\xff\xfe.png"\r\n\r\nabc' + END, FORM, 400),
        (b"--\xc3\xa4", "multipart/form-data; boundary=\xe4", 400),
        (DISPOSITION + b"filename=a.png\r\n\r\nabc" + END, FORM, 422),
        (DISPOSITION + b"name=file; filename*=UTF-8''..%2Fa%00.png\r\n\r\nabc" + END, FORM, 422),
        (b"--x--\r\n", FORM, 422),
        (b"{}", "application/json", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (picture(), "image/png", 415),
        (picture(), "", 415),
        ((DISPOSITION + b"name=a\r\n\r\n1\r\n") * 50 + b"--x--\r\n", FORM, 413),
        (DISPOSITION + b"name=a\r\n\r\n" + b"1" * 300_000 + END, FORM, 413),
        (b"--x\r\n" + b"X-Long: y\r\n" * 30_000, FORM, 413),
    ],
)
def test_a_broken_body_is_told_and_never_taken_for_an_empty_form(  # noqa: PLR0917  # one case
    app: Flask,
    client: FlaskClient,
    contributor: Device,
    body: bytes,
    content_type: str,
    status: int,
) -> None:
    answer = client.post(PATH, data=body, content_type=content_type, headers=contributor.headers)
    assert answer.status_code == status, answer.get_data(as_text=True)
    if status == 415:
        assert answer.headers["Accept"] == "multipart/form-data"
    assert rows(app) == len(stored(app)) == 0


@sqlite_only
def test_a_body_without_a_length_is_read_up_to_the_limit(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(ATTACHMENT_BYTES="10000")
    client, device = app.test_client(), new_device(app, "con", Role.CONTRIBUTOR)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    tail = b"\r\n--x--\r\n"

    def chunked(size: int) -> TestResponse:
        data = picture() + bytes(size - len(head) - len(tail) - len(picture()))
        return client.post(
            PATH,
            input_stream=BytesIO(head + data + tail),
            content_type="multipart/form-data; boundary=x",
            headers=device.headers,
            environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        )

    assert chunked(10_000).status_code == 201
    assert chunked(10_001).status_code == 413
