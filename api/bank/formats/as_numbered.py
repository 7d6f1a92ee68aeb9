"""The common numbered list of questions and answers, as people have it in notes and READMEs.

    51. How do you …?
    The answer, over any number of lines.

    52. What is …?

Shows: reading what no grammar describes, by rules that can be stated:

- A question begins with its number: `51.`, `51)`, `Q51.`, `Question 51:`, `**51.**`, `### 51.`
  An answer may hold numbered lists itself; `sequence.Chain` tells which number is which.
- A code fence around questions is taken off; one inside an answer is kept (`sequence.Fences`).
- The prompt goes on to its question mark, a blank line or "Answer:" (`sequence.split_prompt`).
- A blank line that cuts a sentence in two is taken out (`_mended`).
- Headings, rules and "back to top" links between two questions belong to neither.
- Where two readings are equally good, the question is refused with the line in doubt. What is
  left out or mended is told in a note.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from api.bank.formats import prose
from api.bank.formats.documents import Note, Record, Refusal
from api.bank.formats.prose import Kind
from api.bank.formats.sequence import HEADING, RULE, Candidate, Chain, Fences, scan, split_prompt
from api.bank.formats.text import quoted

_ORNAMENT = re.compile(
    r"[ \t]*(?:[*_]{0,3}\[[^\]]*\b(?:top|up|contents)\b[^\]]*\]\([^)]*\)[*_]{0,3}|<!--.*-->"
    r"|<br[ /]*>|<a (?:name|id)=[^>]*>(?:</a>)?|</?(?:details|p|div)[^>]*>)[ \t]*",
    re.IGNORECASE,
)
_ORNAMENT_WIDTH = 200
_UNDERLINE = re.compile(r"[ \t]*(?:-{3,}|={3,})[ \t]*")
_INDENT = re.compile(r"\A[ \t]+")
_CODE_INDENT = 4


def looks_numbered(text: str) -> bool:
    """Whether some line begins with a number and asks something."""
    return any(candidate.asks for candidate in scan(text.split("\n")))


def read(text: str) -> Iterator[Record | Refusal | Note]:
    """Yield what a numbered list holds.

    Args:
        text: the whole file.
    """
    lines = text.split("\n")
    candidates = scan(lines)
    fences = Fences(lines, candidates)
    chain = Chain(lines, [each for each in candidates if each.index not in fences.code])
    if not chain.starts:
        return
    yield from _introduction(lines, chain.starts[0].index, fences)
    yield from chain.notes
    ends = [start.index for start in chain.starts[1:]] + [len(lines)]
    for start, end in zip(chain.starts, ends, strict=True):
        doubt = chain.doubts.get(start.index)
        yield from _Question(lines, start, end, fences, last=end == len(lines)).read(doubt)


def _introduction(lines: list[str], end: int, fences: Fences) -> Iterator[Note]:
    said = [index for index in range(end) if lines[index].strip() and index not in fences.dropped]
    if len(said) == 1:
        yield Note(
            line=said[0] + 1, text=f"line {said[0] + 1} stands before the first question: left out"
        )
    elif said:
        where = f"lines {said[0] + 1} to {said[-1] + 1}"
        yield Note(line=said[0] + 1, text=f"{where} stand before the first question: left out")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of an answer with its place in the file."""

    index: int
    text: str
    code: bool = False

    @property
    def blank(self) -> bool:
        return not self.code and not self.text.strip()


class _Question:
    """One question: the lines from its number to the next question's."""

    def __init__(
        self, lines: list[str], start: Candidate, end: int, fences: Fences, *, last: bool
    ) -> None:
        self._lines = lines
        self._start = start
        self._end = end
        self._fences = fences
        self._last = last
        self._notes: list[Note] = []

    def read(self, doubt: tuple[int, str] | None) -> Iterator[Record | Refusal | Note]:
        """Yield the question, or why it is refused, and what there is to note."""
        start = self._start
        prompt = split_prompt(self._lines, start, self._end)
        if any(not line.strip() for line in self._lines[start.index + 1 : prompt.following]):
            self._note(start.index, "a blank line inside the prompt: taken out")
        answer = [_Line(prompt.following - 1, prompt.rest)] if prompt.rest else []
        answer += [
            _Line(index, self._lines[index], index in self._fences.code)
            for index in range(prompt.following, self._end)
        ]
        answer, torn = self._inside_the_fence(answer)
        doubt = doubt or torn or self._doubtful()
        if doubt is not None:
            index, reason = doubt
            yield Refusal(line=index + 1, number=start.number, reason=reason)
            return
        answer = _trimmed([line for line in answer if line.index not in self._fences.dropped])
        answer = self._without_tail(answer)
        answer = _led_in(_outdented(answer, self._content_width()))
        answer = self._mended(answer)
        fields: dict[str, object] = {
            "number": start.number,
            "prompt": self._clean(prompt.text),
            "answer": "\n".join(line.text for line in answer),
        }
        if not fields["answer"]:
            del fields["answer"]
        if not fields["prompt"]:
            del fields["prompt"]
        yield from self._notes
        yield Record(start.index + 1, fields)

    def _note(self, index: int, text: str) -> None:
        self._notes.append(Note(line=index + 1, text=text))

    def _clean(self, prompt: str) -> str:
        """The prompt without the marks that made it a heading or bold."""
        text = prompt.strip()
        if self._start.style.heading:
            text = re.sub(r"[ \t]#+$", "", text).rstrip()
        text = re.sub(r"^#{1,6}[ \t]+", "", text)
        if self._start.bold and text.count("**") % 2:
            before, _, after = text.rpartition("**")
            text = before + after
        if text.startswith("**") and text.endswith("**") and text.count("**") == 2:
            text = text[2:-2]
        return prose.without_asking(text).strip()

    def _doubtful(self) -> tuple[int, str] | None:
        place = bisect_right(self._fences.doubtful, self._start.index)
        if place == len(self._fences.doubtful) or self._fences.doubtful[place] >= self._end:
            return None
        return (
            self._fences.doubtful[place],
            "a question seems to begin inside the code fence that opens here; close the fence "
            "before it, or indent it if it is code, or make a fence around the whole list longer "
            "than those inside",
        )

    def _inside_the_fence(self, answer: list[_Line]) -> tuple[list[_Line], tuple[int, str] | None]:
        """Leave out what follows the fence around the list; it can be part of no answer.

        Where more questions follow, such text may as well be code of the answer whose fence was
        mistaken for the end of the list: that is a doubt.
        """
        place = bisect_right(self._fences.closed, self._start.index)
        if place == len(self._fences.closed) or self._fences.closed[place] >= self._end:
            return answer, None
        closed = self._fences.closed[place]
        inside = [line for line in answer if line.index < closed]
        outside = _trimmed(
            [
                line
                for line in answer
                if line.index > closed and line.index not in self._fences.dropped
            ]
        )
        if all(line.blank for line in inside) or not outside:
            return answer, None
        first = outside[0]
        if self._last and not any(line.code for line in outside):
            self._note(first.index, "the text after the code fence around the list: left out")
            return inside, None
        if all(line.blank or HEADING.match(line.text) or RULE.match(line.text) for line in outside):
            self._note(first.index, f"{quoted(first.text.strip())} between two lists: left out")
            return inside, None
        return answer, (
            first.index,
            f"it is unclear whether {quoted(first.text.strip())} belongs to answer "
            f"{self._start.number}: the code fence above it may close the list or begin code; "
            "make the fence around the list longer (````)",
        )

    def _without_tail(self, answer: list[_Line]) -> list[_Line]:
        """Leave out headings, rules and "back to top" links before the next question."""
        while answer and not answer[-1].code:
            line = answer[-1]
            if HEADING.match(line.text):
                self._note(line.index, f"the heading {quoted(line.text.strip())}: left out")
            elif _UNDERLINE.fullmatch(line.text) and self._is_title(answer[:-1]):
                answer = answer[:-1]
                title = quoted(answer[-1].text.strip())
                self._note(answer[-1].index, f"the heading {title}: left out")
            elif not RULE.match(line.text) and not (
                len(line.text) <= _ORNAMENT_WIDTH and _ORNAMENT.fullmatch(line.text)
            ):
                break
            answer = _trimmed(answer[:-1])
        return answer

    @staticmethod
    def _is_title(answer: list[_Line]) -> bool:
        """Whether the last line, which is underlined, is a heading of one line."""
        if len(answer) < 2 or not (answer[-2].blank or RULE.match(answer[-2].text)):
            return False
        text = answer[-1].text
        return prose.kind(text) is Kind.PROSE and not prose.ends_sentence(text)

    def _content_width(self) -> int:
        """How far an answer may be indented and still be no code: under the text of an item."""
        start = self._start
        marker = 0 if start.style.heading or start.style.bold else len(str(start.number)) + 2
        return start.width + marker + _CODE_INDENT - 1

    def _mended(self, answer: list[_Line]) -> list[_Line]:
        """Take out the blank lines that cut a sentence in two, joining the halves by a space."""
        gaps = _gaps(answer)
        weak = [verdict == "perhaps" for *_, verdict in gaps]
        mended: list[_Line] = []
        taken = 0
        for place, (before, after, verdict) in enumerate(gaps):
            # One torn sentence is an accident; several in a row are a list without its bullets.
            alone = not any(weak[max(0, place - 1) : place] + weak[place + 1 : place + 2])
            if verdict == "no" or (verdict == "perhaps" and not alone):
                continue
            mended += answer[taken : before + 1]
            joined = f"{mended[-1].text.rstrip()} {answer[after].text.lstrip()}"
            mended[-1] = replace(mended[-1], text=joined)
            taken = after + 1
            self._note(answer[before].index + 1, "a blank line inside a sentence: taken out")
        return mended + answer[taken:]


def _trimmed(answer: list[_Line]) -> list[_Line]:
    """The lines without the blank ones around them."""
    first, end = 0, len(answer)
    while first < end and answer[first].blank:
        first += 1
    while end > first and answer[end - 1].blank:
        end -= 1
    return answer[first:end]


def _outdented(answer: list[_Line], most: int) -> list[_Line]:
    """The answer without the indentation that all its lines share, up to `most` columns.

    What is left beyond that is indented code, and keeps four columns.
    """
    texts = [_INDENT.sub(lambda match: match[0].expandtabs(4), line.text) for line in answer]
    shared = min(
        (len(text) - len(text.lstrip(" ")) for text in texts if text.strip()),
        default=0,
    )
    if shared > most:
        shared = most - _CODE_INDENT + 1
    if not shared:
        return answer
    return [replace(line, text=text[shared:]) for line, text in zip(answer, texts, strict=True)]


def _led_in(answer: list[_Line]) -> list[_Line]:
    """The answer without an "Answer:" before it."""
    if not answer or answer[0].code or (rest := prose.without_lead_in(answer[0].text)) is None:
        return answer
    item = prose.kind(answer[0].text) is Kind.ITEM
    below = answer[1:]
    if item:
        # The answer was the content of this one item: bring what belongs to it out as well.
        below = _outdented(below, 2 * _CODE_INDENT - 1)
    return _trimmed(([replace(answer[0], text=rest)] if rest else []) + below)


def _gaps(answer: list[_Line]) -> list[tuple[int, int, str]]:
    """The runs of blank lines: the line before, the line after, and whether to take them out."""
    found: list[tuple[int, int, str]] = []
    paragraph = 0
    before = 0
    for place, line in enumerate(answer):
        if line.blank:
            continue
        if place - before > 1:
            verdict = _torn(answer[paragraph : before + 1], answer[place : place + 2])
            if verdict == "perhaps" and place - before > 2:
                verdict = "no"
            found.append((before, place, verdict))
            paragraph = place
        before = place
    return found


def _torn(above: list[_Line], below: list[_Line]) -> str:
    """Whether blank lines tore a sentence: yes, no, perhaps.

    Args:
        above: the paragraph above them.
        below: the line below them, and the next.
    """
    last, first = above[-1], below[0]
    in_item = Kind.ITEM in (prose.kind(above[0].text), prose.kind(last.text))
    kind = prose.kind(first.text.lstrip() if in_item else first.text)
    if last.code or first.code or kind is not Kind.PROSE:
        return "no"
    if not in_item and prose.kind(last.text) is not Kind.PROSE:
        return "no"
    whole = "\n".join(line.text for line in above)
    # Code that is still open ends no sentence, whatever it holds.
    if prose.ends_sentence(last.text) and "`" not in prose.masked(whole):
        return "no"
    if prose.hangs(whole) or prose.goes_on(first.text, whole):
        return "yes"
    if in_item:
        # A line between two items of one list is the rest of the first.
        rest = not first.text.rstrip().endswith(":") and prose.kind(below[-1].text) is Kind.ITEM
        return "yes" if rest else "no"
    return "perhaps"
