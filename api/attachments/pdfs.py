"""PDFs, written anew by a process with bounds on its memory and time (88).

A picture's header says how large it will be; a PDF's says nothing of the sort. So the parser is not
run among requests: where it is killed, or kills itself, one file is refused and nothing else happens.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from api.attachments.refusals import FileRefusedError, Reason
from api.demonstrations import demonstrates

PROGRAM = Path(__file__).with_name("pdf_rewriting.py")

SECONDS = 20
"""By the clock. The program's own limit is on processor time, of which a busy machine gives less."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A PDF as it was written anew."""

    data: bytes
    pages: int


@demonstrates(
    88,
    at="POST v1.attachments",
    test="tests/attachments/test_pdfs.py::test_a_pdf_that_acts_is_refused",
)
def rewrite(data: bytes) -> Rewritten:
    """Read a PDF and write it anew. Raises FileRefusedError."""
    try:
        done = subprocess.run(  # noqa: S603  # our own program, by its path, with nothing of a caller's
            [sys.executable, "-I", str(PROGRAM)],
            input=data,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={},  # in ours there are secrets
        )
    except subprocess.TimeoutExpired as error:
        raise _too_costly() from error
    if done.returncode != 0:  # killed for its time, or crashed
        raise _too_costly()
    line, _, output = done.stdout.partition(b"\n")
    said = json.loads(line)
    if "reason" in said:
        raise FileRefusedError(Reason(said["reason"]), said["detail"])
    return Rewritten(output, said["pages"])


def _too_costly() -> FileRefusedError:
    return FileRefusedError(Reason.TOO_COMPLEX, "Reading the PDF takes too much time or memory.")
