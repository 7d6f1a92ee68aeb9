"""Which lines of a numbered list begin a question, and which are steps, code or prose.

Shows: deciding with the whole file in view. A line is judged by the sequence first (the number
after the last question's), then by what a list inside the answer would need next, then by the
look of the list and by whether the line asks; and where a number could go either way, by whether
a better one comes later. What stays undecided is a doubt, never a guess.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from api.bank.formats import prose
from api.bank.formats.documents import Note
from api.bank.formats.fences import closings, opening
from api.bank.formats.prose import Kind
from api.bank.formats.text import quoted

ANY_DEPTH = 1_000
HEADING = re.compile(r"[ \t]*#{1,6}(?:[ \t]|$)")
RULE = re.compile(r"[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|={3,}[ \t]*)$")
_START = re.compile(
    r"""
    (?P<indent>[ \t]*)
    (?P<heading>\#{1,6}[ \t]+)?
    (?P<bold>\*\*|__)?
    (?P<word>Q(?:uestion)? (?:[ \t]*\.)? [ \t]* \#?)?
    (?P<number>[0-9]{1,10})
    (?P<mark>\\?[.)] | :)
    (?P<close>\*\*|__)?
    (?P<text>.*)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PROMPT_LINES = 6
_FULL_WIDTH = 0x2E80
"""From here on Unicode has scripts that put no space after a full stop."""


@dataclass(frozen=True, slots=True)
class Style:
    """The look of a number: two questions of one list rarely differ in it."""

    heading: int
    bold: bool
    word: bool
    mark: str


@dataclass(slots=True)
class Candidate:
    """A line that begins with a number: a question, or an item of a list inside an answer."""

    index: int
    number: int
    text: str
    """What follows the number on the line."""
    width: int
    """The indentation, in columns."""
    style: Style
    bold: bool
    """Whether bold print begins before the number and ends after the text."""
    apart: bool
    """Whether a blank line, a heading or a fence stands above."""
    asks: bool = False
    position: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, what follows it on its last line, and the line after that."""

    text: str
    rest: str
    following: int
    asks: bool


def scan(lines: list[str]) -> list[Candidate]:
    """Find every line that begins with a number in one of the forms of a question."""
    found = [
        candidate
        for index, line in enumerate(lines)
        if (candidate := _candidate(line, index, lines[index - 1] if index else "")) is not None
    ]
    ends = [*(each.index for each in found[1:]), len(lines)]
    for candidate, end in zip(found, ends, strict=False):
        limit = min(end, candidate.index + 2 * _PROMPT_LINES)
        candidate.asks = split_prompt(lines, candidate, limit).asks
    return found


def _candidate(line: str, index: int, above: str) -> Candidate | None:
    match = _START.match(line)
    if match is None:
        return None
    text, mark = match["text"], match["mark"][-1]
    if mark == ":" and not (match["word"] or match["heading"]):
        return None
    # "51.How" is a start; "3.11", "1.x" and "80:tcp" are none.
    if text and not (text[0] in " \t`*_[\"'" or text[0].isupper() or ord(text[0]) > _FULL_WIDTH):
        return None
    return Candidate(
        index=index,
        number=int(match["number"]),
        text=text.strip(),
        width=len(match["indent"].expandtabs(4)),
        style=Style(
            heading=len((match["heading"] or "").strip()),
            bold=match["bold"] is not None,
            word=match["word"] is not None,
            mark=mark,
        ),
        bold=match["bold"] is not None and match["close"] is None,
        apart=not above.strip()
        or HEADING.match(above) is not None
        or RULE.match(above) is not None
        or opening(above, ANY_DEPTH) is not None,
    )


def split_prompt(lines: list[str], candidate: Candidate, end: int) -> Prompt:
    """Tell the prompt of a question from its answer.

    Args:
        lines: the file.
        candidate: where the question begins.
        end: the line after its last one.
    """
    text, following = candidate.text, candidate.index + 1
    if not prose.has_words(text):
        # The number stands alone; the prompt begins on the next line that says something.
        while following < end and not lines[following].strip():
            following += 1
        if following == end or not _runs_on(lines[following]):
            return Prompt(text, "", following, asks=False)
        text, following = lines[following].strip(), following + 1
    if (place := prose.inline_lead_in(text)) is not None:
        return Prompt(text[:place].strip(), text[place:], following, asks=True)
    if prose.questions_end(text) is not None:
        told, rest = _after_question(text)
        return Prompt(told, rest, following, asks=True)
    found: Prompt | None = None
    if not (prose.ends_sentence(text) and prose.is_request(text)):
        found = _question_below(lines, text, following, end) or _sentence_below(
            lines, text, following, end
        )
    return found or Prompt(text, "", following, asks=prose.is_request(text))


def _runs_on(line: str) -> bool:
    """Whether the line can be part of a prompt: running text, and no "Answer:"."""
    return (
        prose.kind(line.strip()) is Kind.PROSE
        and opening(line, ANY_DEPTH) is None
        and prose.without_lead_in(line) is None
    )


def _after_question(text: str) -> tuple[str, str]:
    """Divide a line after its last question, unless what follows asks on or stands in brackets."""
    end = prose.questions_end(text) or len(text)
    rest = text[end:].strip()
    if not prose.has_words(rest) or rest[0] in "([" or prose.is_request(rest):
        return text, ""
    return text[:end], rest


def _question_below(lines: list[str], text: str, following: int, end: int) -> Prompt | None:
    """A prompt that goes on over lines, one blank line among them perhaps, to a question mark."""
    parts = [text]
    blank = 0
    for index in range(following, min(end, following + _PROMPT_LINES)):
        line = lines[index].strip()
        if not line:
            blank += 1
            continue
        if blank > 1 or not _runs_on(line):
            # "Answer:" ends a prompt that is no question.
            if blank < 2 and prose.without_lead_in(line) is not None:
                return Prompt(" ".join(parts), "", index, asks=prose.is_request(text))
            break
        if prose.begins_with_question(line):
            if _asks_on(" ".join(parts), line, blank > 0):
                told, rest = _after_question(line)
                return Prompt(" ".join([*parts, told]), rest, index + 1, asks=True)
            break
        if prose.ends_sentence(parts[-1]):
            break
        if (stop := prose.sentence_end(line)) is not None and not (
            prose.goes_on(line, text) and prose.is_interrogative(line[stop:])
        ):
            break
        parts.append(line)
    return None


def _asks_on(before: str, line: str, gap: bool) -> bool:
    """Whether a line that begins with a question can end the prompt that stands before it."""
    if prose.ends_sentence(before):
        # "You lost the key.\nWhat now?" is one prompt, "Explain it.\n\nWhy? Because" is not.
        return not gap and not prose.has_words(line[prose.questions_end(line) or 0 :])
    if prose.hangs(before) or not line[:1].isupper():
        return True
    return prose.asks_ahead(before) and not prose.is_interrogative(line)


def _sentence_below(lines: list[str], text: str, following: int, end: int) -> Prompt | None:
    """A prompt that is no question and plainly unfinished at the end of its line."""
    begin = following
    while begin < end and not lines[begin].strip():
        begin += 1
    hanging = prose.hangs(text, asking=prose.is_interrogative(text))
    if begin == end or prose.ends_sentence(text) or not _runs_on(lines[begin]):
        return None
    if not hanging and not prose.goes_on(lines[begin], text):
        return None
    parts = [text]
    for index in range(begin, min(end, begin + _PROMPT_LINES)):
        line = lines[index].strip()
        if not line or not _runs_on(line):
            break
        if (stop := prose.sentence_end(line)) is not None:
            told = " ".join([*parts, line[:stop]])
            return Prompt(told, line[stop:].strip(), index + 1, asks=prose.is_request(text))
        parts.append(line)
    begin += len(parts) - 1
    more = any(line.strip() for line in lines[begin:end])
    if not hanging and not more:
        return None
    return Prompt(" ".join(parts), "", begin, asks=prose.is_request(text))


class Fences:
    """Which lines are code, and which fences stand around questions and are taken off."""

    def __init__(self, lines: list[str], candidates: list[Candidate]) -> None:
        self.code: set[int] = set()
        self.dropped: set[int] = set()
        self.closed: list[int] = []
        """The lines at which a fence around questions ends."""
        self.doubtful: list[int] = []
        """The lines of fences inside answers that seem to run into the next question."""
        self._lines = lines
        self._asking = [each for each in candidates if each.asks]
        self._places = [each.index for each in self._asking]
        self._of_number: dict[int, list[int]] = defaultdict(list)
        for each in self._asking:
            self._of_number[each.number].append(each.index)
        self._closings = closings(lines, 0, len(lines), ANY_DEPTH)
        self._fences = sorted(self._closings)
        self._walk()

    def _walk(self) -> None:
        around: list[str] = []
        asked = {each.index: each.number for each in self._asking}
        last: int | None = None
        index = 0
        while index < len(self._lines):
            fence = opening(self._lines[index], ANY_DEPTH) if index in self._closings else None
            if fence is None:
                last = asked.get(index, last)
            elif around and not fence[1] and fence[0].startswith(around[-1]):
                around.pop()
                self.dropped.add(index)
                self.closed.append(index)
            elif (first := self._first_question(index, last)) is None:
                index = self._skip(index)
            elif last is None or self._is_around(index, first):
                around.append(fence[0])
                self.dropped.add(index)
            elif self._is_code(index, first, around[-1] if around else ""):
                index = self._skip(index)
            else:
                self.doubtful.append(index)
            index += 1

    def _is_around(self, index: int, question: int) -> bool:
        """Whether a fence after the first question stands around the question in it.

        It does if nothing else stands above the question, and questions before stood in fences
        or the next question stands in this one.
        """
        place = bisect_right(self._places, question)
        several = (
            place < len(self._places)
            and self._asking[place].number == self._asking[place - 1].number + 1
            and self._places[place] < (self._closings[index] or len(self._lines))
        )
        return question == self._first_text(index) and (bool(self.dropped) or several)

    def _is_code(self, index: int, question: int, around: str) -> bool:
        """Whether a block with something like a question in it is code, and ends where it seems to.

        If its end were missing, the fence that seems to end it would belong to code of that
        question: another fence would stand above it, or below it one to close it.
        """
        closing = self._closings[index]
        if closing is None or self._fence_after(question) != closing:
            return False
        answered = any(line.strip() for line in self._lines[question + 1 : closing])
        if answered and question == self._first_text(index):
            return False
        mark = self._lines[index].lstrip()[0]
        below = self._fence_after(closing)
        while below is not None and self._lines[below].lstrip()[0] != mark:
            below = self._fence_after(below)
        fence = None if below is None else opening(self._lines[below], ANY_DEPTH)
        if fence is None or fence[1]:
            return True
        # The fence around the list, where it is longer, can close nothing inside.
        return fence[0] == around and not self._lines[index].lstrip().startswith(around)

    def _fence_after(self, index: int) -> int | None:
        place = bisect_right(self._fences, index)
        return self._fences[place] if place < len(self._fences) else None

    def _skip(self, index: int) -> int:
        """Pass over the code block that opens at `index`; return its last line."""
        closing = self._closings[index]
        end = len(self._lines) - 1 if closing is None else closing
        if closing is None and not any(line.strip() for line in self._lines[index + 1 :]):
            self.dropped.add(index)
        else:
            self.code.update(range(index, end + 1))
        return end

    def _first_question(self, index: int, last: int | None) -> int | None:
        """The line of a question after number `last` that the fence at `index` holds, if any.

        If its number comes once more below the fence, before the number after it does, the fence
        holds a sample of such a list.
        """
        closing = self._closings[index]
        place = bisect_right(self._places, index)
        if place == len(self._places) or (closing is not None and self._places[place] > closing):
            return None
        first = self._asking[place]
        if last is not None and first.number <= last:
            return None
        if closing is not None:
            again = self._next_of(first.number, closing)
            if again is not None and again < (
                self._next_of(first.number + 1, closing) or again + 1
            ):
                return None
        return first.index

    def _next_of(self, number: int, after: int) -> int | None:
        places = self._of_number.get(number, [])
        place = bisect_right(places, after)
        return places[place] if place < len(places) else None

    def _first_text(self, index: int) -> int:
        index += 1
        while not self._lines[index].strip():
            index += 1
        return index


class Verdict(Enum):
    """What a numbered line is taken for."""

    START = "start"
    TEXT = "text"
    UNSURE = "unsure"


class _Index:
    """Finds the next candidate of a number and a look, however many there are."""

    def __init__(self, candidates: list[Candidate]) -> None:
        self._all: dict[tuple[int, Style, bool], list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            self._all[candidate.number, candidate.style, False].append(candidate)
            if candidate.asks:
                self._all[candidate.number, candidate.style, True].append(candidate)

    def after(self, position: int, number: int, style: Style, *, asks: bool) -> int | None:
        """The position of the next candidate, one that asks if `asks`, or None."""
        same = self._all.get((number, style, asks), [])
        place = bisect_right(same, position, key=lambda each: each.position)
        return same[place].position if place < len(same) else None


class Chain:
    """The lines that begin questions, out of all that begin with a number."""

    def __init__(self, lines: list[str], candidates: list[Candidate]) -> None:
        self.starts: list[Candidate] = []
        self.doubts: dict[int, tuple[int, str]] = {}
        """Per question (by the index of its line), the index of the line in doubt and why."""
        self.notes: list[Note] = []
        self._lines = lines
        self._all = candidates
        for position, candidate in enumerate(candidates):
            candidate.position = position
        self._index = _Index(candidates)
        self._inner: list[Candidate] = []
        """The items so far of a numbered list inside the current answer."""
        if candidates:
            self._follow()

    def _follow(self) -> None:
        first = self._first()
        self._accept(first)
        for candidate in self._all[first.position + 1 :]:
            verdict = self._judge(candidate)
            if verdict is Verdict.START:
                self._accept(candidate)
                continue
            if verdict is Verdict.UNSURE:
                self._doubt(candidate)
            if self._is_next_item(candidate):
                self._inner.append(candidate)
            elif candidate.number in (0, 1):
                self._inner = [candidate]

    def _accept(self, candidate: Candidate) -> None:
        if self.starts and candidate.number > self.starts[-1].number + 1:
            low, high = self.starts[-1].number + 1, candidate.number - 1
            missing = f"number {low} is" if low == high else f"numbers {low} to {high} are"
            self.notes.append(Note(line=candidate.index + 1, text=f"{missing} not in this list"))
        self.starts.append(candidate)
        self._inner = []

    def _doubt(self, candidate: Candidate) -> None:
        current = self.starts[-1]
        reason = (
            f"{quoted(self._lines[candidate.index].strip())} may begin a question or belong to "
            f"answer {current.number}: indent it if it belongs to the answer; number it on if it "
            "is a question"
        )
        self.doubts.setdefault(current.index, (candidate.index, reason))

    def _first(self) -> Candidate:
        """The first number that asks, or the first of those that count up to it."""
        asking = next((each for each in self._all if each.asks), self._all[0])
        before = [
            each
            for each in self._all[: asking.position]
            if each.style == asking.style and each.width == asking.width
        ]
        first = next((each for each in before if each.number < asking.number), None)
        number = 0 if first is None else first.number
        for each in before:
            number += each.number == number + 1
        if first is None or number != asking.number - 1:
            first = asking
        return self._after_contents(first)

    def _after_contents(self, first: Candidate) -> Candidate:
        """Pass over a table of contents: all questions once without, and again with answers."""
        again = next(
            (each for each in self._all[first.position + 1 :] if each.number == first.number), first
        )
        entries = self._all[first.position : again.position]
        if len(entries) < 3 or not again.asks:
            return first
        if any(one.number + 1 != two.number for one, two in pairwise(entries)):
            return first
        numbered = {each.index for each in entries}
        bare = all(
            index in numbered or not line.strip() or HEADING.match(line) or RULE.match(line)
            for index, line in enumerate(self._lines[first.index : again.index], first.index)
        )
        return again if bare else first

    def _judge(self, candidate: Candidate) -> Verdict:
        """Tell whether a numbered line begins a question."""
        current = self.starts[-1].number
        is_next = candidate.number == current + 1
        if candidate.width > self.starts[0].width and not (is_next and candidate.asks):
            return Verdict.TEXT
        if self._is_next_item(candidate):
            return self._contested(candidate) if is_next else Verdict.TEXT
        if is_next:
            return self._successor(candidate)
        if candidate.number in (0, 1):
            return self._restart(candidate)
        return self._gap(candidate) if candidate.number > current else self._backward(candidate)

    def _is_next_item(self, candidate: Candidate) -> bool:
        last = self._inner[-1] if self._inner else None
        return (
            last is not None
            and candidate.number == last.number + 1
            and candidate.style == last.style
            and abs(candidate.width - last.width) < 2
        )

    def _looks_right(self, candidate: Candidate) -> bool:
        return candidate.style in (self.starts[0].style, self.starts[-1].style)

    def _questions_ask(self) -> bool:
        """Whether most of the questions so far can be told by their wording."""
        recent = self.starts[-20:]
        return 2 * sum(each.asks for each in recent) >= len(recent)

    def _later(self, number: int, after: Candidate, *, asks: bool = True) -> int | None:
        """The position of the next line with that number in the look of the list."""
        found = [
            place
            for style in {self.starts[0].style, self.starts[-1].style}
            if (place := self._index.after(after.position, number, style, asks=asks)) is not None
        ]
        return min(found, default=None)

    def _comes_again(self, candidate: Candidate, *, asks: bool = True) -> bool:
        """Whether a line of the same number, fit to be the question, comes before the next one."""
        again = self._later(candidate.number, candidate, asks=asks)
        following = self._later(candidate.number + 1, candidate)
        return again is not None and (following is None or again < following)

    def _successor(self, candidate: Candidate) -> Verdict:
        """The number that the next question must have, and no list inside the answer needs."""
        if candidate.asks:
            return Verdict.START
        if not self._looks_right(candidate):
            return Verdict.TEXT if self._comes_again(candidate) else Verdict.UNSURE
        if not self._questions_ask():
            return Verdict.START
        if self._comes_again(candidate):
            return Verdict.TEXT
        broken = candidate.apart or prose.ends_sentence(self._lines[candidate.index - 1])
        counted_on = self._later(candidate.number + 1, candidate) is not None
        return Verdict.START if broken or counted_on else Verdict.UNSURE

    def _contested(self, candidate: Candidate) -> Verdict:
        """The next question's number, and the next of a list inside the answer as well."""
        if not self._looks_right(candidate):
            return Verdict.TEXT
        if candidate.asks and not any(each.asks for each in self._inner):
            return Verdict.START
        if not candidate.asks and self._questions_ask():
            counted_on = self._later(candidate.number + 1, candidate) is not None
            return (
                Verdict.UNSURE if counted_on and not self._comes_again(candidate) else Verdict.TEXT
            )
        again = self._comes_again(candidate, asks=False) or self._is_followed_up(candidate)
        if not candidate.apart:
            return Verdict.TEXT if again else Verdict.UNSURE
        loose = any(each.apart for each in self._inner[1:])
        return Verdict.UNSURE if loose or again else Verdict.START

    def _is_followed_up(self, candidate: Candidate) -> bool:
        """Whether the number comes again before any list begins anew: then this one is an item."""
        again = self._later(candidate.number, candidate)
        anew = self._later(1, candidate, asks=False)
        return again is not None and (anew is None or again < anew)

    def _restart(self, candidate: Candidate) -> Verdict:
        """A number 1: the first item of a list inside the answer, or a list that begins anew."""
        if not candidate.asks or not self._looks_right(candidate):
            return Verdict.TEXT
        following = self._all[candidate.position + 1 : candidate.position + 2]
        if following and following[0].number == candidate.number + 1:
            limit = following[0].index
            prompt = split_prompt(self._lines, candidate, limit)
            if not any(line.strip() for line in self._lines[prompt.following : limit]):
                return Verdict.TEXT
        return Verdict.UNSURE

    def _gap(self, candidate: Candidate) -> Verdict:
        """A greater number than the next one."""
        if not self._looks_right(candidate):
            return Verdict.UNSURE if candidate.asks and candidate.apart else Verdict.TEXT
        if candidate.asks:
            return Verdict.START
        if not candidate.apart or not candidate.text:
            return Verdict.TEXT
        asks = self._questions_ask()
        expected = self._later(self.starts[-1].number + 1, candidate, asks=asks)
        following = self._later(candidate.number + 1, candidate, asks=asks)
        if expected is not None and (following is None or expected < following):
            return Verdict.TEXT
        return Verdict.UNSURE if following is None else Verdict.START

    def _backward(self, candidate: Candidate) -> Verdict:
        """A number that was passed already, or the one before in a list that counts down."""
        if not self._looks_right(candidate):
            return Verdict.TEXT
        last = self.starts[-1].number
        if candidate.asks:
            within = candidate.number >= self.starts[0].number or candidate.number == last - 1
            return Verdict.START if within else Verdict.UNSURE
        repeated = candidate.number == last and candidate.apart and not self._questions_ask()
        return Verdict.UNSURE if repeated else Verdict.TEXT
