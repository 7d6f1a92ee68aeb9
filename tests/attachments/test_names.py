"""Names of files: what is taken stays as it is, what could harm is refused and never repaired."""

import pytest

from api.attachments import names
from api.attachments.refusals import FileKindError, FileRefusedError, Reason


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("dot.png", "png"),
        ("DOT.JPG", "jpg"),
        ("a.b.c.jpeg", "jpeg"),
        ("report v1.2 (final).pdf", "pdf"),
        ("файл.gif", "gif"),
        ("日本語.webp", "webp"),
        ("🎉.png", "png"),
        ("example.com.png", "png"),
        ("console.png", "png"),
        ("nul-and-void.png", "png"),
        ("x" * 196 + ".png", "png"),
        ("O'Brien & Söhne, 100 %; #1.png", "png"),
    ],
)
def test_a_harmless_name_is_taken(name: str, extension: str) -> None:
    assert names.check(name) == extension


@pytest.mark.parametrize(
    "name",
    [
        "../../app.png",
        "..\\..\\app.png",
        "/etc/passwd.png",
        "C:\\temp\\a.png",
        "a/../b.png",
        "a.png\0.exe",
        "a\0.png",
        "a\n.png",
        "a\r\nSet-Cookie: x.png",
        "\u202egnp.exe.png",
        "a\u200b.png",
        "\ufeffa.png",
        "a\u2028b.png",
        "a\ufffd.png",
        " a.png",
        ".hidden.png",
        "a.png ",
        "a.png.",
        "con.png",
        "NUL.png",
        "com1.png",
        "LPT9 .png",
        "con.tar.png",
        'a"b.png',
        "a:b.png",
        "a|b.png",
        "a<b>.png",
        "x" * 197 + ".png",
        "ж" * 99 + ".png",
    ],
)
def test_a_name_that_could_harm_is_refused(name: str) -> None:
    with pytest.raises(FileRefusedError) as caught:
        names.check(name)
    assert caught.value.reason is Reason.BAD_NAME
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name",
    ["shell.php.png", "shell.PHP.png", "bill.pdf.exe.pdf", "x.html.png", "x.svg.jpg", "a.js.b.png",
     "x.phtml .gif", ".x.php5.gif"[1:]],
)  # fmt: skip
def test_a_second_extension_that_some_system_runs_is_refused(name: str) -> None:
    with pytest.raises(FileRefusedError) as caught:
        names.check(name)
    assert caught.value.reason is Reason.DOUBLE_EXTENSION


@pytest.mark.parametrize(
    "name",
    ["a.svg", "a.html", "a.exe", "a.png.exe", "a.zip", "png", "a", "a.", "a.pngx", "a.bmp", "a.tiff",
     "a.svgz", "a.docx", "a.ＰＮＧ", "png.", ""],
)  # fmt: skip
def test_what_is_not_on_the_list_is_no_kind_that_is_taken(name: str) -> None:
    with pytest.raises((FileKindError, FileRefusedError)) as caught:
        names.check(name)
    if name in {"a.", "png."}:
        assert isinstance(caught.value, FileRefusedError)
    else:
        assert isinstance(caught.value, FileKindError)
        assert "png" in str(caught.value)


def test_half_a_surrogate_pair_is_refused() -> (
    None
):  # apart: such a name is not fit for a test's id
    with pytest.raises(FileRefusedError) as caught:
        names.check("a\ud800.png")
    assert caught.value.reason is Reason.BAD_NAME
