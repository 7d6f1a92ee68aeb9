"""A PDF read, judged and written anew; run as a program of its own by `api.attachments.pdfs` (88).

It reads a PDF on standard input and writes one line of JSON, then the new PDF, on standard output.
A PDF can hold streams that unfold a thousandfold before one object of it is known, so all of this
happens in a process that may use only so much memory and time. It imports nothing of the application
and gets nothing of its environment.

The writer copies what can be reached from the root: former revisions, unreachable objects and bytes
around the document are gone, and so are document information, XMP and private application data.
Sources: https://pikepdf.readthedocs.io/en/latest/ and ISO 32000-2 (12.6: actions; 7.11.4: embedded
files), https://pdfa.org/resource/iso-32000-2/
"""

import json
import resource
import sys
from io import BytesIO

import pikepdf
from pikepdf.settings import set_qpdf_limits

MEMORY_BYTES = 1024**3
CPU_SECONDS = 10
UNFOLDED_BYTES = 64 * 1024**2
"""Of one stream; qpdf gives up there."""
MAX_PAGES = 500
MAX_OBJECTS = 50_000

#: Keys that are refused wherever they stand.
_KEYS = {
    "/AA": "an action that runs by itself (AA)",
    "/JS": "JavaScript",
    "/JavaScript": "JavaScript",
    "/EmbeddedFiles": "an embedded file",
    "/EF": "an embedded file",
    "/XFA": "an XFA form",
    "/RichMediaContent": "rich media",
}
#: Actions, by their /S. What only moves within the document or opens a link is not among them.
_ACTIONS = {
    "/JavaScript": "JavaScript",
    "/Launch": "an action that launches a program",
    "/ImportData": "an action that imports data",
    "/SubmitForm": "an action that sends a form",
    "/GoToE": "an action that opens an embedded file",
    "/GoToR": "an action that opens another file",
    "/Rendition": "an action that plays media",
    "/Movie": "an action that plays media",
    "/Sound": "an action that plays media",
    "/RichMediaExecute": "an action on rich media",
}
#: Annotations, by their /Subtype.
_ANNOTATIONS = {
    "/FileAttachment": "an embedded file",
    "/RichMedia": "rich media",
    "/Movie": "media",
    "/Sound": "media",
    "/Screen": "media",
    "/3D": "a 3D scene",
}
_PRIVATE = ("/Metadata", "/PieceInfo")


class RefusedError(Exception):
    """The document is not taken: a reason's code and a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def rewrite(data: bytes) -> tuple[int, bytes]:
    """Return the number of pages and the document written anew. Raises RefusedError."""
    try:
        # No repairs: what two readers would mend differently cannot be judged once for both.
        pdf = pikepdf.open(BytesIO(data), attempt_recovery=False)
    except pikepdf.PasswordError as error:
        raise RefusedError("encrypted", "The PDF is encrypted.") from error
    with pdf:
        if pdf.is_encrypted:
            raise RefusedError("encrypted", "The PDF is encrypted.")
        if len(pdf.objects) > MAX_OBJECTS:
            raise RefusedError("too_complex", f"The PDF has more than {MAX_OBJECTS} objects.")
        _drop_harmless_opening(pdf)
        for each in pdf.objects:
            _judge(each)
        _judge(pdf.trailer)
        pages = len(pdf.pages)
        if not 1 <= pages <= MAX_PAGES:
            raise RefusedError("too_complex", f"The PDF has no page, or more than {MAX_PAGES}.")
        if "/Info" in pdf.trailer:
            del pdf.trailer["/Info"]
        output = BytesIO()
        pdf.save(
            output,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,  # copied, not unfolded
            compress_streams=False,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            deterministic_id=True,
        )
        return pages, output.getvalue()


def _drop_harmless_opening(pdf: pikepdf.Pdf) -> None:
    """Drop the page to open at, which TeX writes into every document; refuse to run anything."""
    opening = pdf.Root.get("/OpenAction")
    if opening is None:
        return
    moves = isinstance(opening, pikepdf.Dictionary) and opening.get("/S") == "/GoTo"
    if not (isinstance(opening, pikepdf.Array) or moves):
        raise RefusedError("active_content", "The PDF has an action that runs on opening.")
    del pdf.Root["/OpenAction"]


def _judge(root: pikepdf.Object) -> None:
    """Walk an object and all that it holds directly; what it refers to is walked by itself."""
    waiting: list[pikepdf.Object] = [root]
    while waiting:
        each = waiting.pop()
        if isinstance(each, pikepdf.Dictionary | pikepdf.Stream):
            _judge_dictionary(each)
            inner = [each[key] for key in list(each.keys())]
        elif isinstance(each, pikepdf.Array):
            inner = list(each)
        else:
            continue
        waiting += [
            value
            for value in inner
            if isinstance(value, pikepdf.Dictionary | pikepdf.Array) and not value.is_indirect
        ]


def _judge_dictionary(each: pikepdf.Object) -> None:
    keys = set(each.keys())
    found = next((_KEYS[key] for key in sorted(keys) if key in _KEYS), None)
    found = found or _ACTIONS.get(str(each.get("/S")))
    found = found or _ANNOTATIONS.get(str(each.get("/Subtype")))
    if found is None and isinstance(each, pikepdf.Stream) and "/F" in keys:
        found = "a stream that is read from another file"
    if found:
        raise RefusedError("active_content", f"The PDF has {found}.")
    for key in _PRIVATE:
        if key in keys:
            del each[key]


def main() -> None:
    """Rewrite standard input; on any fault of it say so instead."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    set_qpdf_limits(
        flate_max_memory=UNFOLDED_BYTES,
        run_length_max_memory=UNFOLDED_BYTES,
        png_max_memory=UNFOLDED_BYTES,
        tiff_max_memory=UNFOLDED_BYTES,
        dct_max_memory=UNFOLDED_BYTES,
        parser_max_container_size=MAX_OBJECTS * 10,
    )
    said: dict[str, str | int]
    output = b""
    try:
        pages, output = rewrite(sys.stdin.buffer.read())
        said = {"pages": pages}
    except RefusedError as error:
        said = {"reason": error.reason, "detail": str(error)}
    except MemoryError:
        said = {"reason": "too_complex", "detail": "Reading the PDF takes too much memory."}
    except Exception:  # a parser of broken files raises nearly anything
        said = {
            "reason": "unreadable",
            "detail": "The file begins like application/pdf and is damaged.",
        }
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + output)


if __name__ == "__main__":
    main()
