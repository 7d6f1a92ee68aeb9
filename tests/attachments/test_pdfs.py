"""PDFs written anew: pages survive; what acts, hides or costs too much is refused."""

import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from api.attachments import pdf_rewriting, pdfs
from api.attachments.pdf_rewriting import MAX_PAGES, RefusedError
from api.attachments.refusals import FileRefusedError, Reason
from tests.attachments.samples import document, with_pdf


def refused(data: bytes) -> RefusedError:
    """The program's own judgement, in this process."""
    with pytest.raises(RefusedError) as caught:
        pdf_rewriting.rewrite(data)
    return caught.value


def script(_: Pdf) -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))


def on_opening(pdf: Pdf) -> None:
    pdf.Root.OpenAction = pdf.make_indirect(script(pdf))


def by_name(pdf: Pdf) -> None:
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("a"), script(pdf)])))


def on_closing(pdf: Pdf) -> None:
    pdf.Root.AA = Dictionary(WC=Dictionary(S=Name.GoTo))


def on_a_page(pdf: Pdf) -> None:
    pdf.pages[0].obj.AA = Dictionary(O=script(pdf))


def annotation(**members: Any) -> Callable[[Pdf], None]:
    def add(pdf: Pdf) -> None:
        note = Dictionary(Type=Name.Annot, Rect=Array([0, 0, 9, 9]), **members)
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(note)])

    return add


def launch(pdf: Pdf) -> None:
    annotation(Subtype=Name.Link, A=Dictionary(S=Name.Launch, F=String("cmd.exe")))(pdf)


def chained(pdf: Pdf) -> None:
    after = Array([Dictionary(S=Name.URI), Array([Dictionary(S=Name.Launch)])])
    annotation(Subtype=Name.Link, A=Dictionary(S=Name.URI, Next=after))(pdf)


def sending(pdf: Pdf) -> None:
    annotation(Subtype=Name.Link, A=Dictionary(S=Name.SubmitForm))(pdf)


def embedded(pdf: Pdf) -> None:
    pdf.attachments["evil.exe"] = b"MZ"


def xfa(pdf: Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=pdf.make_stream(b"<xdp/>"))


def rich(pdf: Pdf) -> None:
    annotation(Subtype=Name.RichMedia)(pdf)


def unreachable(pdf: Pdf) -> None:
    """Hidden from whoever only walks the pages: a stream's own dictionary."""
    pdf.pages[0].obj.Resources = Dictionary(X=pdf.make_stream(b"", Aside=script(pdf)))


def elsewhere(pdf: Pdf) -> None:
    pdf.pages[0].obj.Contents = pdf.make_stream(
        b"", F=Dictionary(FS=Name.URL, F=String("http://x"))
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (on_opening, "opening"),
        (by_name, "JavaScript"),
        (on_closing, "by itself"),
        (on_a_page, "by itself"),
        (launch, "launches"),
        (chained, "launches"),
        (sending, "sends a form"),
        (embedded, "embedded"),
        (xfa, "XFA"),
        (rich, "rich media"),
        (unreachable, "JavaScript"),
        (elsewhere, "another file"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_pdf_that_acts_is_refused(change: Callable[[Pdf], None], told: str) -> None:
    for mode in (pikepdf.ObjectStreamMode.disable, pikepdf.ObjectStreamMode.generate):
        error = refused(with_pdf(change, object_stream_mode=mode))
        assert error.reason == Reason.ACTIVE_CONTENT
        assert told in str(error)


def test_links_and_the_page_to_open_at_do_no_harm() -> None:
    def change(pdf: Pdf) -> None:
        annotation(Subtype=Name.Link, A=Dictionary(S=Name.URI, URI=String("https://x.test")))(pdf)
        pdf.Root.OpenAction = Array([pdf.pages[0].obj, Name.Fit])  # as TeX writes it

    pages, written = pdf_rewriting.rewrite(with_pdf(change, 3))
    assert pages == 3
    with pikepdf.open(BytesIO(written)) as pdf:
        assert "/OpenAction" not in pdf.Root
        assert str(pdf.pages[0].obj.Annots[0].A.URI) == "https://x.test"


def test_pages_survive_and_the_rest_is_gone() -> None:
    def change(pdf: Pdf) -> None:
        pdf.docinfo["/Author"] = "WHO-WROTE-IT"
        pdf.Root.Metadata = pdf.make_stream(b"<x>WHO-WROTE-IT</x>")
        pdf.pages[0].obj.PieceInfo = Dictionary(App=String("WHO-WROTE-IT"))
        pdf.pages[0].obj.Contents = pdf.make_stream(b"0 0 100 50 re f")

    sent = with_pdf(change) + b"\n%APPENDED\n"
    assert sent.count(b"WHO-WROTE-IT") >= 2
    pages, written = pdf_rewriting.rewrite(sent)
    assert pages == 1
    assert b"WHO-WROTE-IT" not in written
    assert b"APPENDED" not in written
    with pikepdf.open(BytesIO(written)) as pdf:
        assert pdf.pages[0].obj.Contents.read_bytes() == b"0 0 100 50 re f"
        assert "/Info" not in pdf.trailer


@pytest.mark.parametrize("password", ["", "sesame"])
def test_an_encrypted_pdf_is_refused(password: str) -> None:
    locked = document(encryption=pikepdf.Encryption(owner="o", user=password, R=6))
    assert refused(locked).reason == Reason.ENCRYPTED


def test_too_many_pages_are_refused() -> None:
    assert refused(document(MAX_PAGES + 1)).reason == Reason.TOO_COMPLEX


def test_no_page_is_refused() -> None:
    assert refused(document(0)).reason == Reason.TOO_COMPLEX


def test_the_program_takes_a_good_pdf_and_tells_its_pages() -> None:
    rewritten = pdfs.rewrite(document(2))
    assert rewritten.pages == 2
    with pikepdf.open(BytesIO(rewritten.data)) as pdf:
        assert len(pdf.pages) == 2


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", document()[:-40], document()[:300], b"\0" * 99])
def test_a_damaged_pdf_is_refused_and_not_mended(data: bytes) -> None:
    with pytest.raises(FileRefusedError) as caught:
        pdfs.rewrite(data)
    assert caught.value.reason is Reason.UNREADABLE


def packed(padding: int) -> bytes:
    """Return a PDF whose objects lie in a compressed stream, with so many blanks behind them."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    ]
    offsets = [sum(len(each) + 1 for each in objects[:place]) for place in range(3)]
    index = b" ".join(b"%d %d" % (n + 1, offset) for n, offset in enumerate(offsets)) + b" "
    folded = zlib.compress(index + b" ".join(objects) + b" " * padding, 9)
    head = b"%PDF-1.7\n"
    stream = b"4 0 obj\n<</Type/ObjStm/N 3/First %d/Filter/FlateDecode/Length %d>>\nstream\n" % (
        len(index),
        len(folded),
    )
    stream += folded + b"\nendstream\nendobj\n"
    start = len(head + stream)
    rows = [(0, 0, 0), (2, 4, 0), (2, 4, 1), (2, 4, 2), (1, len(head), 0), (1, start, 0)]
    table = b"".join(bytes([kind]) + where.to_bytes(4) + bytes([at]) for kind, where, at in rows)
    entry = b"5 0 obj\n<</Type/XRef/Size 6/W[1 4 1]/Root 1 0 R/Length %d>>\nstream\n" % len(table)
    last = b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start
    return head + stream + entry + table + last


def test_a_pdf_that_unfolds_a_thousandfold_is_refused() -> None:
    assert pdfs.rewrite(packed(0)).pages == 1
    bomb = packed(pdf_rewriting.UNFOLDED_BYTES)
    assert len(bomb) < 100_000
    assert pdf_rewriting.rewrite(bomb)[0] == 1  # well-formed: without bounds it would be taken
    with pytest.raises(FileRefusedError) as caught:
        pdfs.rewrite(bomb)
    assert caught.value.reason in {Reason.TOO_COMPLEX, Reason.UNREADABLE}


def test_the_program_has_bounds_and_nothing_of_our_code() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            "import os, resource, runpy, sys\n"
            f"sys.argv = [{str(pdfs.PROGRAM)!r}]\n"
            "runpy.run_path(sys.argv[0], run_name='__main__')\n"
            "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0])\n"
            "print([name for name in sys.modules if name in ('api', 'flask', 'config')])",
        ],
        input=document(),
        capture_output=True,
        check=True,
        env={},
    ).stdout
    limits, modules = told.splitlines()[-2:]
    assert limits.split() == [
        str(pdf_rewriting.MEMORY_BYTES).encode(),
        str(pdf_rewriting.CPU_SECONDS).encode(),
    ]
    assert modules == b"[]"


def test_a_program_that_dies_or_hangs_refuses_one_file_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("programs")
    dying, hanging = folder / "dying.py", folder / "hanging.py"
    dying.write_text("import os; os.abort()")
    hanging.write_text("import threading; threading.Event().wait()")
    monkeypatch.setattr(pdfs, "SECONDS", 0.5)
    for program in (dying, hanging):
        monkeypatch.setattr(pdfs, "PROGRAM", program)
        with pytest.raises(FileRefusedError) as caught:
            pdfs.rewrite(document())
        assert caught.value.reason is Reason.TOO_COMPLEX
