"""Where sentences end, and which lines a stray blank line has torn apart.

Shows: judging text by a few stated rules instead of by one clever expression. Everything here
looks at one line or two; `sequence` and `as_numbered` decide what follows from it.
"""

import re
from collections.abc import Iterator
from enum import Enum

_CLOSERS = "*_\"'”’»)]"
_ENDS = ".!?…:。．！？؟।"
_QUESTION_MARKS = "?？؟"
_ABBREVIATIONS = ("e.g.", "i.e.", "cf.", "vs.", "resp.", "incl.")
_TICKS = re.compile("`+")
# A full-width mark needs no space after it.
_STOP = re.compile(rf"[.!?…؟।](?=[{re.escape(_CLOSERS)}]*(?:\s|$))|[。！？]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

# A statement that ends in one of these is not finished.
_CONNECTIVES = frozenset(
    _WORD.findall(
        """a an the this that these those its their your our of in on at to for from with without
        by as and or nor but than between into onto over under via using use when where while which
        who whose if because so is are was were be been do does did can could should would will may
        might must you how what why not per"""
    )
)
# Nor is a question that ends in one of these; but it may end in most of the others.
_ARTICLES = frozenset(
    _WORD.findall("a an the its their your our and or nor but than between into via if because per")
)
_INTERROGATIVES = frozenset(
    _WORD.findall(
        """what why how when where which who whose whom is are was were do does did can could
        should would will may might have has"""
    )
)
_REQUESTS = frozenset(
    _WORD.findall(
        """explain describe discuss compare contrast define differentiate distinguish outline
        elaborate tell summarize summarise mention"""
    )
)
_LEAD_IN = re.compile(
    r"""
    [ \t]* (?:[-*•][ \t]+)? (?:\#{1,6}[ \t]+)?     # it may be an item or a heading
    (?P<open>[*_]*)
    (?P<word>Answer|Antwort|Ans|A|Solution|Respuesta|Réponse|Resposta|Risposta|Ответ|答案?)
    (?P<number>[ \t]*[0-9]{1,10})?
    (?P<close>[*_]*)
    (?P<stop>[ \t]*[:：] | [.)](?=[\s*_]|$) | [ \t]+[-–—](?=[ \t]))?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_INLINE_LEAD_IN = re.compile(
    r"(?<=[?？.!])[*_]{0,3}[ \t]+(?=[*_]{0,3}(?:Answer|Ans|A)[*_]{0,3}:[*_]{0,3}(?:[ \t]|$))",
    re.IGNORECASE,
)
_ASKING = re.compile(r"[*_]{0,3}Q(?:uestion)?[*_]{0,3}[ \t]*:[*_]{0,3}[ \t]*", re.IGNORECASE)


def masked(line: str) -> str:
    """The line, equally long, with its inline code blotted out: what is in it ends no sentence."""
    if "`" not in line:
        return line
    runs = list(_TICKS.finditer(line))
    partner: dict[int, int] = {}
    nearest: dict[int, int] = {}
    for place in range(len(runs) - 1, -1, -1):
        length = len(runs[place][0])
        if length in nearest:
            partner[place] = nearest[length]
        nearest[length] = place
    parts, done, place = [], 0, 0
    while place < len(runs):
        if place in partner:
            start, end = runs[place].start(), runs[partner[place]].end()
            parts += [line[done:start], "x" * (end - start)]
            done, place = end, partner[place]
        place += 1
    return "".join([*parts, line[done:]])


def _abbreviates(text: str, end: int) -> bool:
    return text[max(0, end - 6) : end].lower().endswith(_ABBREVIATIONS)


def _with_closers(text: str, end: int) -> int:
    while end < len(text) and text[end] in _CLOSERS:
        end += 1
    return end


def ends_sentence(line: str) -> bool:
    """Whether a sentence ends with the line, or a colon announces a list or code."""
    text = masked(line).rstrip().rstrip(_CLOSERS)
    return bool(text) and text[-1] in _ENDS and not _abbreviates(text, len(text))


def _stops(text: str) -> Iterator[re.Match[str]]:
    """The marks that end a sentence: none in code, in brackets or after an abbreviation."""
    shown = masked(text)
    closed = shown.rfind(")")
    depth = position = 0
    for match in _STOP.finditer(shown):
        depth += shown.count("(", position, match.start())
        depth = max(0, depth - shown.count(")", position, match.start()))
        position = match.start()
        if not (depth and position < closed) and not _abbreviates(text, match.end()):
            yield match


def sentence_end(text: str) -> int | None:
    """The position after the first sentence of the text, its closing marks included, or None."""
    first = next(_stops(text), None)
    return None if first is None else _with_closers(text, first.end())


def questions_end(text: str) -> int | None:
    """The position after the last of the questions that follow one another, or None.

    Statements before the first question belong to it: "Uploads fail. What do you check?"
    """
    found: int | None = None
    for match in _stops(text):
        if match[0] in _QUESTION_MARKS:
            found = _with_closers(text, match.end())
        elif found is not None:
            break
    return found


def begins_with_question(text: str) -> bool:
    """Whether the first sentence that ends in the text is a question."""
    end = sentence_end(text)
    return end is not None and text[:end].rstrip(_CLOSERS)[-1:] in tuple(_QUESTION_MARKS)


def has_words(text: str) -> bool:
    """Whether the text says anything: symbols and emoji alone do not."""
    return any(character.isalnum() for character in text)


def hangs(text: str, *, asking: bool = False) -> bool:
    """Whether the text surely goes on: a comma, an open bracket or code span, a word like "the".

    A question without its question mark, `asking`, may end in more words than a statement:
    "What is it used for", "What does it do".
    """
    shown = masked(text).rstrip().rstrip("*_")
    if "`" in shown or shown.count("(") > shown.count(")"):
        return True
    if shown.endswith((",", "[", "–", "—", "/", "+", "&", "=")):
        return True
    words = _WORD.findall(shown[-40:])
    return (
        bool(words)
        and shown.endswith(words[-1])
        and words[-1].lower() in (_ARTICLES if asking else _CONNECTIVES)
    )


def goes_on(line: str, before: str) -> bool:
    """Whether the line surely continues the text before it.

    It begins in lower case, or with a mark that no sentence begins with. A name from code, or a
    word that the text before has used, may begin a sentence in lower case.
    """
    text = line.lstrip()
    if text.startswith((",", ";", ")", "]", "…", "? ", ". ", "/ ")) or text in {"?", "."}:
        return True
    match = re.match(r"[^\W\d_]+(?![\w(/.=-])", text)
    if match is None or not text[0].islower():
        return False
    return match[0] in _CONNECTIVES or match[0] not in _WORD.findall(before)


def _first_word(text: str) -> str:
    match = _WORD.search(text[:80])
    return match[0].lower() if match is not None else ""


def is_request(text: str) -> bool:
    """Whether the text asks without a question mark: "Explain …", "Describe …"."""
    return _first_word(text) in _REQUESTS


def is_interrogative(text: str) -> bool:
    """Whether the text begins like a question: "How …", "What …"."""
    return _first_word(text) in _INTERROGATIVES


def asks_ahead(text: str) -> bool:
    """Whether a word of the text lets a question mark be expected: "In Flask, how would you"."""
    return any(word.lower() in _INTERROGATIVES for word in _WORD.findall(text[:500]))


def without_lead_in(line: str) -> str | None:
    """The line without the "Answer:", "**A:**" or "Ans." that begins it, or None without one."""
    match = _LEAD_IN.match(line)
    if match is None:
        return None
    rest = line[match.end() :]
    stop = (match["stop"] or "").strip()
    short = match["word"].upper() == "A"
    if not stop:
        return None if short or rest.strip(" \t") else ""
    # "A. …" and "A - …" are options, "A51." and "Ans." are not.
    option = short and (match["number"] is None or stop in "-–—")
    if stop not in ":：" and (option or (stop == ")" and not short)):
        return None
    marks = "" if match["close"] else match["open"]
    # "**Answer:** so" has its bold print end here, "**Answer: so**" further on.
    rest = rest[len(marks) :] if rest.startswith(marks) else marks + rest.lstrip(" \t")
    return rest.lstrip(" \t")


def inline_lead_in(line: str) -> int | None:
    """The position of an "Answer:" that follows a finished sentence on the same line."""
    match = _INLINE_LEAD_IN.search(masked(line))
    return None if match is None else match.end()


def without_asking(prompt: str) -> str:
    """The prompt without a "Q:" or "Question:" before it."""
    match = _ASKING.match(prompt)
    return prompt if match is None else prompt[match.end() :]


class Kind(Enum):
    """What a line is, as far as joining it to another is concerned."""

    PROSE = "prose"
    ITEM = "item"
    OTHER = "other"


# "b." alone on a line is the end of a sentence, "-" alone is an item.
_ITEM = re.compile(r"[ \t]*(?:[-*+•‣▪◦–](?:[ \t]|$)|(?:[0-9]{1,3}|[A-Za-z])[.)][ \t]+[^ \t])")
_OTHER = re.compile(
    r"[ \t]*(?:\#{1,6}(?:[ \t]|$)|[|>]|</?[A-Za-z!]|`{3,}|~{3,}|\[[^\]]{1,200}\]:[ \t]"
    r"|(?:-[ \t]*){3,}$|(?:\*[ \t]*){3,}$|(?:_[ \t]*){3,}$|={3,}[ \t]*$"
    r"|!\[[^\]]{0,200}\]\([^)]*\)[ \t]*$"
    r"|\*\*[^*]+\*\*:?[ \t]*$|__[^_]+__:?[ \t]*$|\*\*[^*]+(?::\*\*|\*\*:)[ \t])"
)
_INDENTED = re.compile(r"(?: {4}| {0,3}\t)")


def kind(line: str) -> Kind:
    """Tell running text and list items from everything that stands for itself.

    Headings, tables, quotations, HTML, rules, images, indented code, bold lines that serve as
    headings and bold labels ("**Note:** …") stand for themselves.
    """
    if _OTHER.match(line):
        return Kind.OTHER
    if _ITEM.match(line):
        return Kind.ITEM
    return Kind.OTHER if _INDENTED.match(line) else Kind.PROSE
