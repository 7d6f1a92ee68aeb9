"""The common numbered list, as people really have it: samples, one habit each."""

import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.bank.formats import Format, Reading, read


def listed(text: str) -> Reading:
    return read(text.encode(), Format.NUMBERED)


def told(text: str) -> list[tuple[int, str, str]]:
    """The questions of a list that holds nothing doubtful."""
    reading = listed(text)
    assert reading.refusals == []
    return [(each.number, each.prompt, each.answer) for each in reading.documents]


def refused(text: str) -> list[tuple[int, int | None, str]]:
    return [(each.line, each.number, each.reason) for each in listed(text).refusals]


def noted(text: str) -> list[tuple[int, str]]:
    return [(each.line, each.text) for each in listed(text).notes]


# The plain form.


def test_a_question_stands_on_one_line_and_its_answer_on_the_following() -> None:
    text = """\
51. How do you keep uploads safe?
Check the name, the type and the size.
Store the file outside the web root.

52. What is `url_for` for?
It builds the address of an endpoint.
"""
    assert told(text) == [
        (
            51,
            "How do you keep uploads safe?",
            "Check the name, the type and the size.\nStore the file outside the web root.",
        ),
        (52, "What is `url_for` for?", "It builds the address of an endpoint."),
    ]


def test_each_question_knows_its_line() -> None:
    text = "\n\n51. How?\nSo.\n\n\n52. Why?\nThus.\n"
    assert [each.line for each in listed(text).documents] == [3, 7]


def test_numbering_may_start_anywhere() -> None:
    assert [number for number, *_ in told("7. How?\nSo.\n\n8. Why?\nThus.")] == [7, 8]


def test_no_blank_line_is_needed_between_questions() -> None:
    text = "51. How do you log in?\nWith a token\n52. How do you log out?\nBy revoking it\n"
    assert told(text) == [
        (51, "How do you log in?", "With a token"),
        (52, "How do you log out?", "By revoking it"),
    ]


def test_an_answer_may_stand_on_the_line_of_its_question() -> None:
    text = "51. What is Flask? A web framework in Python.\n52. What is WSGI? An interface.\n"
    assert told(text) == [
        (51, "What is Flask?", "A web framework in Python."),
        (52, "What is WSGI?", "An interface."),
    ]


def test_an_answer_may_begin_on_the_line_of_its_question_and_go_on_below() -> None:
    text = "51. What is Flask? A web framework\nin Python.\n\nIt is small.\n"
    assert told(text) == [
        (51, "What is Flask?", "A web framework\nin Python.\n\nIt is small."),
    ]


def test_paragraphs_of_an_answer_stay_apart() -> None:
    text = "51. What is CORS?\nA browser rule.\n\nServers opt out of it.\n\n\nWith headers!\n"
    assert told(text)[0][2] == ("A browser rule.\n\nServers opt out of it.\n\n\nWith headers!")


def test_several_questions_in_one_prompt_are_one_prompt() -> None:
    text = "51. What is `g`? How long does it live? (basics)\nFor one request.\n"
    assert told(text) == [
        (51, "What is `g`? How long does it live? (basics)", "For one request."),
    ]


def test_a_request_after_the_question_belongs_to_the_prompt() -> None:
    text = "51. What is a blueprint? Give an example.\nDescribe it.\n"
    assert told("51. What is a blueprint? Explain with an example.\nA group of routes.\n") == [
        (51, "What is a blueprint? Explain with an example.", "A group of routes."),
    ]
    assert told(text)[0][1] == "What is a blueprint?"


def test_a_question_mark_in_code_or_an_address_ends_no_prompt() -> None:
    text = (
        "51. What does `GET /items?page=2` answer when https://example.org/?page=1 was the last "
        "one?\nAn empty list.\n"
    )
    assert told(text)[0][1:] == (
        "What does `GET /items?page=2` answer when https://example.org/?page=1 was the last one?",
        "An empty list.",
    )


def test_a_question_further_on_belongs_to_the_answer() -> None:
    assert told("51. What is Flask? A framework. Want more? Read on.\n") == [
        (51, "What is Flask?", "A framework. Want more? Read on."),
    ]


def test_a_question_mark_in_brackets_ends_no_prompt() -> None:
    text = "51. How do you quote an address\n\nThe marks (, / ? : @) are kept. Others are not.\n"
    assert told(text)[0][1:] == (
        "How do you quote an address",
        "The marks (, / ? : @) are kept. Others are not.",
    )
    assert told("51. What is a view (or is it a function?) in Flask?\nA callable.\n")[0][1:] == (
        "What is a view (or is it a function?) in Flask?",
        "A callable.",
    )


def test_symbols_after_the_question_mark_are_no_answer() -> None:
    assert told("51. What is Flask? 🔥\nA framework.\n")[0][1:] == (
        "What is Flask? 🔥",
        "A framework.",
    )


# The forms of the number.


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("51. How?", "52. Why?"),
        ("51) How?", "52) Why?"),
        ("**51.** How?", "**52.** Why?"),
        ("**51. How?**", "**52. Why?**"),
        ("**51) How?**", "**52) Why?**"),
        ("51. **How?**", "52. **Why?**"),
        ("### 51. How?", "### 52. Why?"),
        ("## 51) How? ##", "## 52) Why? ##"),
        ("### **51. How?**", "### **52. Why?**"),
        ("### 51: How?", "### 52: Why?"),
        ("Q51. How?", "Q52. Why?"),
        ("Q51: How?", "Q52: Why?"),
        ("Q 51) How?", "Q 52) Why?"),
        ("q51. How?", "q52. Why?"),
        ("**Q51.** How?", "**Q52.** Why?"),
        ("**Q51: How?**", "**Q52: Why?**"),
        ("Question 51: How?", "Question 52: Why?"),
        ("Question #51. How?", "Question #52. Why?"),
        ("51.\tHow?", "52.\tWhy?"),
        ("51.   How?", "52.   Why?"),
        ("51.How?", "52.Why?"),
        ("51\\. How?", "52\\. Why?"),
        ("051. How?", "052. Why?"),
        ("  51. How?", "  52. Why?"),
        ("\t51. How?", "\t52. Why?"),
        ("51. ### How?", "52. ### Why?"),
        ("51. Q: How?", "52. Q: Why?"),
        ("51. **Question:** How?", "52. **Question:** Why?"),
        ("51.\nHow?", "52.\nWhy?"),
        ("51.\n\nHow?", "52.\n\nWhy?"),
    ],
)
def test_the_number_comes_in_many_forms(first: str, second: str) -> None:
    assert told(f"{first}\nSo it is.\n\n{second}\nThus.\n") == [
        (51, "How?", "So it is."),
        (52, "Why?", "Thus."),
    ]


def test_the_form_may_change_within_a_list() -> None:
    text = "51. How?\nSo.\n\n52) Why?\nThus.\n\n### 53. When?\nNow.\n\n**54.** Where?\nHere.\n"
    assert [number for number, *_ in told(text)] == [51, 52, 53, 54]


def test_bold_print_inside_a_prompt_stays() -> None:
    assert told("51. What is **the** context?\nState.\n")[0][1] == "What is **the** context?"
    assert told("51. **What** is **it**?\nState.\n")[0][1] == "**What** is **it**?"


@pytest.mark.parametrize("line", ["3.11 is enough", "51.5 percent", "80:80 maps it", "2.x is old"])
def test_a_number_that_goes_on_begins_no_question(line: str) -> None:
    text = f"51. Which Python?\nSee the page:\n{line}\n\n52. Why?\nThus.\n"
    assert told(text)[0][2] == f"See the page:\n{line}"


# Bytes and lines.


def test_windows_line_ends_a_byte_order_mark_and_tabs_are_normal() -> None:
    data = "51.\tHow do you café?\r\n\tFirst → so.\r\n\r\n\tThen.\r\n52.\tWhy?\r\n\tThus.\r\n"
    reading = read(b"\xef\xbb\xbf" + data.encode())
    assert reading.format is Format.NUMBERED
    assert [(each.prompt, each.answer) for each in reading.documents] == [
        ("How do you café?", "First → so.\n\nThen."),
        ("Why?", "Thus."),
    ]


def test_questions_in_other_scripts_are_read() -> None:
    text = (
        "1. **Что такое Flask?**\n   - **Ответ**: Это микрофреймворк.\n\n"
        "2. ما هو Flask؟\nإطار عمل.\n\n"
        "3.Flaskとは何ですか？\nフレームワークです。\n\n続きます。\n"
    )
    assert told(text) == [
        (1, "Что такое Flask?", "Это микрофреймворк."),
        (2, "ما هو Flask؟", "إطار عمل."),
        (3, "Flaskとは何ですか？", "フレームワークです。\n\n続きます。"),
    ]


def test_an_indented_answer_is_brought_out_and_its_code_stays_code() -> None:
    text = """\
1.  ### What is a view?

    A function:

    ```python
    def view():
        return "ok"
    ```

        $ flask run

2.  ### What is a route?
    An address.
"""
    assert told(text) == [
        (
            1,
            "What is a view?",
            'A function:\n\n```python\ndef view():\n    return "ok"\n```\n\n    $ flask run',
        ),
        (2, "What is a route?", "An address."),
    ]


def test_indented_code_under_a_heading_stays_code() -> None:
    text = "### 51. How do you start it?\n\n    $ flask run\n\n### 52. Why?\n\nThus.\n"
    assert told(text)[0][2] == "    $ flask run"


# A blank line too many.


def test_a_blank_line_inside_a_prompt_is_taken_out() -> None:
    text = "51. How do you limit the rate of requests in\n\na Flask API?\nWith Flask-Limiter.\n"
    assert told(text) == [
        (51, "How do you limit the rate of requests in a Flask API?", "With Flask-Limiter.")
    ]
    assert noted(text) == [(1, "a blank line inside the prompt: taken out")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("How do you secure", "Flask applications?"),
        ("What is the difference between `before_request`", "and `after_request`?"),
        ("What is the purpose of", "`url_for` in Flask?"),
        ("How do you handle file uploads, and", "what must you check?"),
        ("In Flask, how would you", "Cache a view?"),
        ("You see a 500 in production. What", "do you do?"),
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n", "\n \t\n"])
def test_the_halves_of_a_prompt_belong_together(first: str, second: str, gap: str) -> None:
    text = f"51. {first}{gap}{second}\nThe answer to it.\n\n52. Why?\nThus.\n"
    assert told(text)[0] == (51, f"{first} {second}", "The answer to it.")


def test_the_halves_of_a_prompt_without_a_question_mark_belong_together() -> None:
    text = "51. Explain the difference between\n\nsessions and cookies.\n\nSessions are signed.\n"
    assert told(text) == [
        (51, "Explain the difference between sessions and cookies.", "Sessions are signed."),
    ]


def test_a_prompt_without_a_question_mark_ends_with_its_sentence() -> None:
    text = "51. Explain the difference between\nsessions and cookies. Sessions are signed.\nSo.\n"
    assert told(text) == [
        (51, "Explain the difference between sessions and cookies.", "Sessions are signed.\nSo."),
    ]
    assert told("51. Explain how\nflask runs. It is WSGI.\nIs it? Yes.\n")[0][1:] == (
        "Explain how flask runs.",
        "It is WSGI.\nIs it? Yes.",
    )
    assert told("51. Explain how Flask\nhandles requests\n\nIt uses WSGI.\n")[0][1:] == (
        "Explain how Flask handles requests",
        "It uses WSGI.",
    )


def test_a_prompt_leaves_something_to_its_answer() -> None:
    assert told("51. Flask blueprints\nare groups of routes\n")[0][1:] == (
        "Flask blueprints",
        "are groups of routes",
    )
    ((_, _, reason),) = refused("51. Explain the\nrequest context\n\n")
    assert reason.startswith("answer is missing")


def test_a_statement_before_the_question_belongs_to_the_prompt() -> None:
    assert told("51. You lost the key.\nWhat now?\nMake another.\n")[0][1:] == (
        "You lost the key. What now?",
        "Make another.",
    )
    assert told("51. You lost the key.\nWhat now? Make another.\n")[0][1:] == (
        "You lost the key.",
        "What now? Make another.",
    )
    assert told("51. You lost the key.\n\nWhat now?\nMake another.\n")[0][1:] == (
        "You lost the key.",
        "What now?\nMake another.",
    )


def test_a_blank_line_inside_an_answer_is_taken_out() -> None:
    text = """\
51. How do you limit requests?
Use Flask-Limiter and give it a storage that all

processes share. Redis is one.

It counts by address.
"""
    assert told(text)[0][2] == (
        "Use Flask-Limiter and give it a storage that all processes share. Redis is one.\n\n"
        "It counts by address."
    )
    assert noted(text) == [(3, "a blank line inside a sentence: taken out")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("You can use", "Flask-Login for it."),
        ("Use `secure_filename()` from", "`werkzeug.utils` to clean it."),
        ("Call the `@app.before_request`", "decorator first."),
        ("It takes a name, a value", "(and more)."),
        ("Some extensions, e.g.", "Flask-Login, help."),
        ("Use the (new", "and better) way."),
        ("It runs `flask", "run` for you."),
        ("You can use", "**Flask-Login** for it."),
        ("Set the header and", "401 is the status."),
    ],
)
def test_the_halves_of_a_sentence_belong_together(first: str, second: str) -> None:
    assert told(f"51. How?\n{first}\n\n{second}\n")[0][2] == f"{first} {second}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("It is done.", "Then you test it."),
        ("Is it done?", "Then you test it."),
        ('He said "yes."', "Then you test it."),
        ("It is done (mostly).", "then lower case follows."),
        ("Do this:", "Then you test it."),
        ("It works like this", "```python\nrun()\n```"),
        ("```python\nrun()\n```", "and that is all"),
        ("It offers", "- one\n- two"),
        ("- one\n- two", "After the list it goes on."),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "and so on"),
        ("#### Example", "runs at once"),
        ("**Example**", "runs at once"),
        ("> quoted", "and then"),
        ("Then", "> quoted"),
        ("Then", "    $ flask run"),
        ("<details>", "inside"),
        ("It looks like this", "![a screen](screen.png)"),
        ("The output is 4", "**Note:** it counts."),
        ("The output is 4", "**Note**: it counts."),
        ("- one", "It also has:\n- two"),
        ("It is done。", "Then"),
    ],
)
def test_a_paragraph_that_is_one_stays_one(first: str, second: str) -> None:
    answer = f"{first}\n\n{second}"
    assert told(f"51. How?\n{answer}\n")[0][2] == answer


@pytest.mark.parametrize(("first", "second"), [("Use the", "Flask way."), ("Use it", "with care.")])
def test_more_than_one_blank_line_is_mended_where_the_sentence_surely_goes_on(
    first: str, second: str
) -> None:
    assert told(f"51. How?\n{first}\n\n\n{second}\n")[0][2] == f"{first} {second}"
    apart = "Use Flask\n\n\nThen look"
    assert told(f"51. How?\n{apart}\n")[0][2] == apart


def test_an_item_torn_in_two_is_mended() -> None:
    text = "51. How?\n- check the extension, the size and\n\n  the first bytes\n- store it\n"
    assert told(text)[0][2] == "- check the extension, the size and the first bytes\n- store it"


def test_the_rest_of_an_item_is_found_between_two_items() -> None:
    text = "51. How?\n- use\n\nFlask-Login for it\n- store it\n\nFlask does the rest\n"
    assert told(text)[0][2] == "- use Flask-Login for it\n- store it\n\nFlask does the rest"


def test_paragraphs_without_full_stops_are_a_list_and_stay_apart() -> None:
    text = "51. What helps?\nChecking the name\n\nLimiting the size\n\nStoring it elsewhere\n"
    assert told(text)[0][2] == "Checking the name\n\nLimiting the size\n\nStoring it elsewhere"


def test_blank_lines_in_code_stay() -> None:
    code = "```python\nimport flask\n\n\napp = flask.Flask(__name__)\n```"
    assert told(f"51. How?\n{code}\n\n52. Why?\nThus.\n")[0][2] == code


# The prompt and the answer.


def test_a_prompt_goes_on_to_its_question_mark() -> None:
    text = """\
51. You run four workers behind a proxy and users report that they are logged out
at random. What is the likely cause, and how do you
find it?
Each worker has its own secret key.
"""
    assert told(text) == [
        (
            51,
            "You run four workers behind a proxy and users report that they are logged out at "
            "random. What is the likely cause, and how do you find it?",
            "Each worker has its own secret key.",
        )
    ]


def test_a_prompt_may_end_in_the_middle_of_its_second_line() -> None:
    text = "51. How do you accept files without\nrunning what is in them? Check them.\nMove them.\n"
    assert told(text) == [
        (51, "How do you accept files without running what is in them?", "Check them.\nMove them.")
    ]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Explain blueprints.", "Blueprints group routes. Why? For order."),
        ("Explain blueprints", "Blueprints group routes."),
        ("Flask blueprints", "Blueprints group routes."),
        ("Flask blueprints", "Need order? Use blueprints."),
        ("What is `url_for`", "`url_for` builds addresses."),
        ("What does jsonify do", "jsonify makes a response."),
        ("What does redirect() do", "url_for() is passed to it."),
        ("Describe the request context", "It holds what a request brings."),
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_prompt_without_a_question_mark_is_its_line(prompt: str, answer: str, gap: str) -> None:
    text = f"51. {prompt}{gap}{answer}\n\n52. Why?\nThus.\n"
    assert told(text)[0] == (51, prompt, answer)


@pytest.mark.parametrize(
    "lead_in",
    [
        "Answer: ",
        "answer: ",
        "ANSWER:\n",
        "**Answer:** ",
        "**Answer**: ",
        "*Answer:* ",
        "__Answer:__\n\n",
        "**Answer:**\n",
        "#### Answer\n\n",
        "Answer\n",
        "Answer - ",
        "Answer – ",
        "A: ",
        "**A:** ",
        "**A**: ",
        "A51. ",
        "A51: ",
        "Ans: ",
        "Ans. ",
        "Ans:\n",
        "Answer 51: ",
        "- **Answer**: ",
        "Solution: ",
        "Ответ: ",
        "Respuesta: ",
        "Réponse : ",
        "Antwort: ",
        "答：",
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_lead_in_is_no_part_of_the_answer(lead_in: str, gap: str) -> None:
    text = f"51. How do you do it?{gap}{lead_in}Like **this**.\n\nAnd so.\n"
    assert told(text) == [(51, "How do you do it?", "Like **this**.\n\nAnd so.")]


def test_a_lead_in_may_stand_on_the_line_of_the_question() -> None:
    assert told("51. What is it? Answer: a test.\n52. Why? **A:** Thus.\n") == [
        (51, "What is it?", "a test."),
        (52, "Why?", "Thus."),
    ]


def test_a_lead_in_ends_a_prompt_that_is_no_question() -> None:
    text = "51. Complete the sentence:\nFlask is a\nAnswer: microframework.\n52. Why?\nThus.\n"
    assert told("51. Flask is a\nmicroframework for\nAnswer: the web.\n52. Why?\nThus.\n")[0] == (
        51,
        "Flask is a microframework for",
        "the web.",
    )
    assert told(text)[0][1] == "Complete the sentence:"


def test_an_item_that_is_the_whole_answer_is_brought_out() -> None:
    text = "1. **What is it?**\n   - **Answer**: A list:\n     ```python\n     x = 1\n     ```\n"
    assert told(text) == [(1, "What is it?", "A list:\n```python\nx = 1\n```")]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("**Answer: yes**, always.", "**yes**, always."),
        ("Answer: **Yes**, always.", "**Yes**, always."),
        ("**Answer:** **Yes**, always.", "**Yes**, always."),
        ("*Answer*: *Yes*, always.", "*Yes*, always."),
    ],
)
def test_bold_print_after_a_lead_in_stays(line: str, answer: str) -> None:
    assert told(f"51. Is it?\n{line}\n")[0][2] == answer


@pytest.mark.parametrize(
    "answer",
    ["A view: a function.", "A. One of them.", "A - B", "Answers vary.", "Answer them all."],
)
def test_what_only_looks_like_a_lead_in_stays(answer: str) -> None:
    assert told(f"51. What is it?\n{answer}\n")[0][2] == answer


@pytest.mark.parametrize(
    "text",
    [
        "51. How?\n\n52. Why?\nThus.\n",
        "51. How?\nAnswer:\n\n52. Why?\nThus.\n",
        "51. How?\n---\n52. Why?\nThus.\n",
        "51. How?\n\n## Next part\n\n52. Why?\nThus.\n",
        "51. How?\n52. Why?\nThus.\n",
    ],
)
def test_a_question_without_an_answer_is_refused_with_its_line(text: str) -> None:
    ((line, number, reason),) = refused(text)
    assert (line, number) == (1, 51)
    assert reason.startswith("answer is missing")
    assert [each.number for each in listed(text).documents] == [52]


def test_a_number_with_nothing_after_it_is_refused() -> None:
    ((line, number, reason),) = refused("51. How?\nSo.\n\n52.\n\n53. Why?\nThus.\n")
    assert (line, number) == (4, 52)
    assert "prompt is missing" in reason


# What stands around the list.


def test_text_before_the_first_question_is_left_out_and_told() -> None:
    text = "# Flask questions\n\nCollected in 2024.\n\n51. How?\nSo.\n"
    assert told(text) == [(51, "How?", "So.")]
    assert noted(text) == [(1, "lines 1 to 3 stand before the first question: left out")]


def test_a_numbered_list_in_the_introduction_is_no_question() -> None:
    text = "How to use this:\n1. Read\n2. Try\n3. Repeat\n\n51. How?\nSo.\n\n52. Why?\nThus.\n"
    assert [number for number, *_ in told(text)] == [51, 52]


def test_the_first_questions_need_no_question_mark() -> None:
    text = (
        "1. Ways to make objects\n- by hand\n\n2. Prototype chains\nThey link.\n\n"
        "3. What is JSON?\nA format.\n"
    )
    assert [number for number, *_ in told(text)] == [1, 2, 3]


def test_a_table_of_contents_is_passed_over() -> None:
    text = """\
# Contents

51. [How?](#51-how)
52. [Why?](#52-why)
53. [When?](#53-when)

## Basics

### 51. How?
So.

### 52. Why?
Thus.

### 53. When?
Now.
"""
    assert told(text) == [(51, "How?", "So."), (52, "Why?", "Thus."), (53, "When?", "Now.")]
    assert (1, "lines 1 to 7 stand before the first question: left out") in noted(text)


def test_questions_without_answers_before_steps_are_no_table_of_contents() -> None:
    text = "1. How?\n2. Why?\n3. When?\n1. First so\n2. Then so\n"
    assert [number for _, number, _ in refused(text)] == [1, 2]
    (document,) = listed(text).documents
    assert (document.number, document.answer) == (3, "1. First so\n2. Then so")


def test_a_list_with_an_answer_in_it_is_no_table_of_contents() -> None:
    text = "1. How?\nSo.\n2. Why?\nThus.\n3. When?\nNow.\n\n1. How?\nSo.\n"
    assert [each.number for each in listed(text).documents] == [1, 2]
    assert [(line, number) for line, number, _ in refused(text)] == [(8, 3)]


def test_headings_rules_and_links_between_questions_belong_to_neither() -> None:
    text = """\
51. How?
So.

**[⬆ Back to Top](#contents)**

---

## Part two

52. Why?
Thus.
<br>
<!-- next -->
***
Part three
----------

53. When?
Now.
"""
    assert told(text) == [(51, "How?", "So."), (52, "Why?", "Thus."), (53, "When?", "Now.")]
    assert noted(text) == [
        (8, "the heading '## Part two': left out"),
        (15, "the heading 'Part three': left out"),
    ]


def test_a_heading_inside_an_answer_stays() -> None:
    text = "51. How?\n\n#### Step\n\nDo it.\n\n---\n\nMore.\n\n52. Why?\nThus.\n"
    assert told(text)[0][2] == "#### Step\n\nDo it.\n\n---\n\nMore."


# Code fences.


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
@pytest.mark.parametrize("tag", ["", "text", " markdown"])
def test_the_whole_list_may_stand_in_a_code_fence(fence: str, tag: str) -> None:
    text = (
        f"Here they are:\n\n{fence}{tag}\n51. How?\nSo.\n\n52. Why?\nThus.\n{fence}\nGood luck!\n"
    )
    assert told(text) == [(51, "How?", "So."), (52, "Why?", "Thus.")]
    assert noted(text) == [
        (1, "line 1 stands before the first question: left out"),
        (10, "the text after the code fence around the list: left out"),
    ]


def test_the_fence_around_the_list_may_be_open_at_the_end() -> None:
    assert told("```\n51. How?\nSo.\n\n52. Why?\nThus.\n")[1] == (52, "Why?", "Thus.")


def test_a_title_may_stand_in_the_fence_around_the_list() -> None:
    text = "```\nFlask questions\n\n51. How?\nSo.\n```\n"
    assert told(text) == [(51, "How?", "So.")]


def test_code_inside_the_fence_around_the_list_keeps_its_fence() -> None:
    text = """\
```
51. How?
Like this:
```python
run()
```
That is all.

52. Why?
~~~
because()
~~~
```
"""
    assert told(text) == [
        (51, "How?", "Like this:\n```python\nrun()\n```\nThat is all."),
        (52, "Why?", "~~~\nbecause()\n~~~"),
    ]


def test_a_longer_fence_around_the_list_holds_any_code() -> None:
    text = "````\n51. How?\n```\nrun()\n```\n\n52. Why?\nThus.\n````\n"
    assert told(text) == [(51, "How?", "```\nrun()\n```"), (52, "Why?", "Thus.")]


def test_each_question_may_stand_in_a_fence_of_its_own() -> None:
    text = "```\n51. How?\nSo.\n```\n\n```\n52. Why?\nThus.\n```\n"
    assert told(text) == [(51, "How?", "So."), (52, "Why?", "Thus.")]


def test_a_prompt_may_stand_in_a_fence_and_its_answer_below() -> None:
    text = "```\n51. How?\n```\nSo.\n\n```\n52. Why?\n```\nThus.\n"
    assert told(text) == [(51, "How?", "So."), (52, "Why?", "Thus.")]


def test_code_of_an_answer_is_not_searched_for_questions() -> None:
    code = "```text\n52. Is this a question?\n1. Or a step?\n```"
    text = f"51. What does such a list look like?\n{code}\n\n52. Why?\nThus.\n"
    assert told(text) == [
        (51, "What does such a list look like?", code),
        (52, "Why?", "Thus."),
    ]


def test_numbered_lines_in_code_are_code() -> None:
    code = "```\n52. plain\n53. lines\n```"
    text = f"51. How?\n{code}\n\n52. Why?\nThus.\n"
    assert told(text)[0] == (51, "How?", code)


def test_code_that_ends_where_it_seems_to_may_hold_the_next_number() -> None:
    code = "```text\n52. Is this a question?\n```"
    assert told(f"51. How?\nSo:\n{code}\n\n53. Why?\nThus.\n") == [
        (51, "How?", f"So:\n{code}"),
        (53, "Why?", "Thus."),
    ]
    assert told(f"51. How?\n{code}\n~~~\nx\n~~~\n```py\ny\n```\n")[0][2].startswith(code)


def test_a_fence_around_one_question_among_others_without_is_refused() -> None:
    text = "51. How?\nSo:\n```\n52. Why?\nThus.\n```\n\n53. When?\nNow.\n"
    assert refused(text)[0][:2] == (3, 51)


def test_a_fence_around_the_second_half_of_a_list_is_taken_off() -> None:
    text = "51. How?\nSo.\n\n```\n52. Why?\nThus.\n\n53. When?\nNow.\n```\n"
    assert [(number, answer) for number, _, answer in told(text)] == [
        (51, "So."),
        (52, "Thus."),
        (53, "Now."),
    ]


def test_code_in_a_longer_fence_around_the_list_may_hold_the_next_number() -> None:
    code = "```\nSee:\n52. Is this a question?\n```"
    assert told(f"````\n51. How?\n{code}\n````\n") == [(51, "How?", code)]


def test_a_fence_that_is_not_closed_before_the_next_question_is_refused() -> None:
    text = "51. How?\n```python\nrun()\n\n52. Why?\n```python\nwhy()\n```\n\n53. When?\nNow.\n"
    ((line, number, reason),) = refused(text)
    assert (line, number) == (2, 51)
    assert "a question seems to begin inside the code fence" in reason
    assert [each.answer for each in listed(text).documents] == ["```python\nwhy()\n```", "Now."]


def test_a_stray_fence_between_questions_swallows_none() -> None:
    text = "72. How?\nSo.\n```\n\n73. Why?\nUse\n```\nx\n```\n\n74. When?\nNow.\n"
    assert [(line, number) for line, number, _ in refused(text)] == [(3, 72)]
    assert [each.number for each in listed(text).documents] == [73, 74]


def test_text_between_fences_that_may_be_code_is_refused() -> None:
    text = "```\n51. How?\nUse:\n```\nrun()\n```\n52. Why?\nThus.\n```\n"
    ((line, number, reason),) = refused(text)
    assert (line, number) == (5, 51)
    assert "'run()'" in reason


def test_a_heading_between_two_fenced_lists_is_left_out() -> None:
    text = "```\n51. How?\nSo.\n```\n\n## More\n\n```\n52. Why?\nThus.\n```\n"
    assert told(text) == [(51, "How?", "So."), (52, "Why?", "Thus.")]


# Numbered lists inside answers.


def test_steps_of_an_answer_are_no_questions() -> None:
    answer = "Do this:\n1. Install it.\n2. Configure it.\n3. Run it.\n\nDone."
    assert told(f"51. How?\n{answer}\n\n52. Why?\nThus.\n")[0] == (51, "How?", answer)


def test_steps_apart_with_text_between_are_no_questions() -> None:
    answer = "1. Install it\n\n   With pip.\n\n2. Run it\n\nWith flask.\n\n3. Done"
    assert told(f"51. How?\n{answer}\n\n52. Why?\nThus.\n")[0] == (51, "How?", answer)


def test_steps_in_the_first_answers_of_a_list_from_one_are_no_questions() -> None:
    text = """\
1. How do you start?
1. Install it.
2. Run it.
3. Look.

2. How do you stop?
Press:
1. Control
2. C

3. How do you go on?
1. Read
2. Write
3. Test

4. How do you end?
You do not:
1. one
2. two
3. three
4. four
5. five

5. Why?
Thus.
"""
    assert [(number, answer.count("\n")) for number, _, answer in told(text)] == [
        (1, 2),
        (2, 2),
        (3, 2),
        (4, 5),
        (5, 0),
    ]


def test_as_many_steps_as_the_question_has_numbers_are_told_from_the_next_question() -> None:
    text = "3. How?\n1. a\n2. b\n3. c\n\n4. Why?\n1. a\n2. b\n3. c\n4. d\n\n5. When?\nNow.\n"
    assert [number for number, *_ in told(text)] == [3, 4, 5]


def test_steps_at_the_end_of_the_last_answer_stay_in_it() -> None:
    text = "1. How?\nSo.\n\n2. Why?\n1. a\n2. b\n3. c\n"
    assert told(text)[1] == (2, "Why?", "1. a\n2. b\n3. c")


def test_steps_that_ask_are_no_questions() -> None:
    answer = "Ask yourself:\n1. Who may upload?\n2. How much?\n3. What for?"
    assert told(f"51. How?\n{answer}\n\n52. Why?\nThus.\n")[0][2] == answer
    assert told(f"1. How?\n{answer}\n\n2. Why?\nThus.\n")[0][2] == answer


def test_indented_steps_are_no_questions() -> None:
    answer = "Ask:\n  1. Who may upload?\n     Nobody.\n  2. How much?\n     Little."
    assert told(f"51. How?\n{answer}\n\n52. Why?\nThus.\n")[0][2] == answer


def test_steps_of_another_look_are_no_questions() -> None:
    answer = "1. Who asks?\n\nYou do.\n\n2. Who answers?\n\nThey do.\n\n7. Who knows?"
    text = f"### 1. How?\n\n{answer[:-16]}\n\n### 2. Why?\n\nThus.\n"
    assert [number for number, *_ in told(text)] == [1, 2]


def test_steps_that_ask_and_are_answered_are_told_by_the_look_of_the_list() -> None:
    answer = "1. Who?\nAnybody.\n2. When?\nNow."
    text = f"Q1. How?\n{answer}\n\nQ2. Why?\nThus.\n"
    assert told(text)[0] == (1, "How?", answer)


def test_a_list_of_topics_without_a_question_mark_goes_by_its_sequence() -> None:
    text = """\
1. Blueprints
They group routes:
1. make one
2. register it

2. Templates
They hold HTML.

3. Sessions
They keep state.
"""
    assert told(text) == [
        (1, "Blueprints", "They group routes:\n1. make one\n2. register it"),
        (2, "Templates", "They hold HTML."),
        (3, "Sessions", "They keep state."),
    ]


def test_a_number_at_the_start_of_a_wrapped_line_begins_no_question() -> None:
    text = """\
79. Which port does it use?
By default the server listens on port
80. After that you may change it.

80. How do you change it?
With an option.
"""
    assert [(number, answer) for number, _, answer in told(text)] == [
        (79, "By default the server listens on port\n80. After that you may change it."),
        (80, "With an option."),
    ]


@pytest.mark.parametrize("line", ["404. Not found is sent.", "2024. It was then."])
def test_a_far_number_at_the_start_of_a_wrapped_line_begins_no_question(line: str) -> None:
    text = f"51. How?\nThe status is\n{line}\n\n52. Why?\nThus.\n"
    assert told(text)[0][2] == f"The status is\n{line}"


def test_a_paragraph_may_begin_with_a_number_where_the_count_goes_on_below() -> None:
    answer = "Some are:\n\n404. Not found.\n\n51. is the number here."
    assert told(f"51. How?\n{answer}\n\n52. Why?\nThus.\n")[0][2] == answer


def test_a_topic_between_questions_is_one_where_the_count_goes_on() -> None:
    text = "51. How?\nIt is a thing\n52. Blueprints\nThey group.\n\n53. Why?\nThus.\n"
    assert [number for number, *_ in told(text)] == [51, 52, 53]
    assert [number for number, *_ in told("51. How?\nSo.\n\n52. Blueprints\nThey group.\n")] == [
        51,
        52,
    ]


def test_a_number_of_another_look_in_mid_sentence_begins_no_question() -> None:
    answer = "It is\n90. Is that clear? Yes."
    assert told(f"### 51. How?\n{answer}\n\n### 52. Why?\nThus.\n")[0][2] == answer


# The sequence broken.


def test_a_gap_in_the_numbers_is_told_and_taken() -> None:
    text = "51. How?\nSo.\n\n54. Why?\nThus.\n\n55. When?\nNow.\n\n57. Where?\nHere.\n"
    assert [number for number, *_ in told(text)] == [51, 54, 55, 57]
    assert noted(text) == [
        (4, "numbers 52 to 53 are not in this list"),
        (10, "number 56 is not in this list"),
    ]


def test_topics_after_a_gap_are_taken_where_the_count_goes_on() -> None:
    text = "51. Blueprints\nThey group.\n\n53. Sessions\nThey keep.\n\n54. Cookies\nThey stay.\n"
    assert [number for number, *_ in told(text)] == [51, 53, 54]


def test_a_number_given_twice_is_refused_with_the_first_ones_line() -> None:
    text = "51. How?\nSo.\n\n52. Why?\nThus.\n\n52. When?\nNow.\n\n53. Where?\nHere.\n"
    ((line, number, reason),) = refused(text)
    assert (line, number) == (7, 52)
    assert "stands on line 4 already" in reason
    assert [each.number for each in listed(text).documents] == [51, 52, 53]


def test_two_questions_may_have_changed_places() -> None:
    text = "51. How?\nSo.\n\n53. Why?\nThus.\n\n52. When?\nNow.\n\n54. Where?\nHere.\n"
    assert [number for number, *_ in told(text)] == [51, 53, 52, 54]


def test_a_list_may_count_down() -> None:
    text = "53. How?\nSo.\n\n52. Why?\nThus.\n\n51. When?\nNow.\n"
    assert [number for number, *_ in told(text)] == [53, 52, 51]


# Doubt.


def test_a_list_that_begins_anew_is_refused_where_it_does() -> None:
    text = """\
1. How?
So.

2. Why?
Thus.

## Part two

1. When?
Now.

2. Where?
Here.
"""
    ((line, number, reason),) = refused(text)
    assert (line, number) == (9, 2)
    assert "'1. When?' may begin a question or belong to answer 2" in reason
    assert [each.number for each in listed(text).documents] == [1]


def test_questions_with_answers_inside_an_answer_are_refused() -> None:
    text = "51. How?\nAsk:\n1. Who?\nAnybody.\n2. When?\nNow.\n\n52. Why?\nThus.\n"
    assert [(line, number) for line, number, _ in refused(text)] == [(3, 51)]
    assert [each.number for each in listed(text).documents] == [52]


def test_steps_that_ask_at_the_end_of_a_short_list_are_refused() -> None:
    text = "1. How?\nAsk:\n1. Who?\n2. When?\n"
    assert [(line, number) for line, number, _ in refused(text)] == [(4, 1)]


def test_a_question_of_another_look_and_number_is_refused() -> None:
    text = "### 51. How?\nSo.\n\n90. Is this one?\nYes.\n\n### 52. Why?\nThus.\n"
    assert [(line, number) for line, number, _ in refused(text)] == [(4, 51)]


def test_a_topic_whose_number_was_given_is_refused() -> None:
    text = "1. Routes\nText.\n\n2. Views\nText.\n\n2. Forms\nText.\n\n3. Files\nText.\n"
    assert [(line, number) for line, number, _ in refused(text)] == [(7, 2)]
    assert [each.number for each in listed(text).documents] == [1, 3]


def test_the_last_number_in_mid_sentence_is_refused() -> None:
    text = "79. Which port?\nThe server listens on port\n80. After that you may change it.\n"
    assert [(line, number) for line, number, _ in refused(text)] == [(3, 79)]


def test_a_paragraph_that_begins_with_a_far_number_is_refused() -> None:
    text = "51. How?\nSo it was.\n\n404. Not found.\n"
    assert [(line, number) for line, number, _ in refused(text)] == [(4, 51)]


def test_steps_and_topics_that_look_alike_are_refused() -> None:
    text = (
        "1. Routes\nDo:\n\n1. this\n\n2. that\n\n3. more\n\n2. Views\n\nText.\n\n3. Files\nText.\n"
    )
    assert refused(text)[0][:2] == (6, 1)


def test_a_file_without_a_question_says_so() -> None:
    ((line, _, reason),) = refused("Flask is nice.\n\nVery.\n")
    assert line == 1
    assert "no question" in reason


# All at once, and at size.

WORDS = st.sampled_from(
    ["check", "store", "send", "limit", "sign", "cache", "route", "query", "token", "cookie"]
)
SENTENCES = st.lists(WORDS, min_size=2, max_size=8).map(lambda words: f"You {' '.join(words)}.")
PARTS = st.one_of(
    SENTENCES,
    st.lists(SENTENCES, min_size=2, max_size=3).map("\n".join),
    st.integers(2, 6).map(lambda n: "\n".join(f"{i}. Step {i}." for i in range(1, n + 1))),
    st.lists(SENTENCES, min_size=1, max_size=3).map(lambda s: "\n".join(f"- {x}" for x in s)),
    SENTENCES.map(lambda s: f"```python\n# {s}\n\n1. no\n2. question?\n60. How?\n```"),
)
ANSWERS = st.lists(PARTS, min_size=1, max_size=4).map("\n\n".join)
PROMPTS = st.lists(WORDS, min_size=1, max_size=6).map(
    lambda words: f"How do you {' '.join(words)}?"
)


@dataclass(frozen=True)
class Made:
    """A list and how it is written down."""

    first: int
    questions: list[tuple[str, str]]
    form: str
    around: str
    blank: str
    lead_in: str
    end: str

    @property
    def text(self) -> str:
        parts = [
            # A fence begins a line of its own.
            f"{self.form.format(number, prompt)}\n"
            f"{self.lead_in if answer[0].isalpha() else ''}{answer}{self.blank}"
            for number, (prompt, answer) in enumerate(self.questions, self.first)
        ]
        return (self.around + "".join(parts) + self.around).replace("\n", self.end)


MADE = st.builds(
    Made,
    first=st.integers(1, 120),
    questions=st.lists(st.tuples(PROMPTS, ANSWERS), min_size=1, max_size=8),
    form=st.sampled_from(["{}. {}", "{}) {}", "**{}.** {}", "### {}. {}", "Q{}. {}", "**{}. {}**"]),
    around=st.sampled_from(["", "~~~\n", "````\n"]),
    blank=st.sampled_from(["\n", "\n\n", "\n \n\n"]),
    lead_in=st.sampled_from(["", "Answer: ", "**A:** ", "**Answer:**\n"]),
    end=st.sampled_from(["\n", "\r\n"]),
)


@given(made=MADE)
@settings(deadline=None)
def test_every_well_made_list_is_read_as_it_was_meant(made: Made) -> None:
    assert told(made.text) == [
        (number, prompt, answer)
        for number, (prompt, answer) in enumerate(made.questions, made.first)
    ]


NAMES = st.sampled_from(
    ["Flask-Login", "`url_for`", "JWT", "a", "of", "the", "(g)", "401", "SQL's"]
)
TALK = st.lists(WORDS | NAMES, min_size=3, max_size=9)


@given(
    prompt=TALK,
    answer=st.lists(TALK, min_size=1, max_size=3),
    torn=st.integers(0),
    at=st.integers(0),
)
@settings(deadline=None)
def test_one_blank_line_inside_any_sentence_is_mended(
    prompt: list[str], answer: list[str], torn: int, at: int
) -> None:
    sentences = [["How", "do", "you", *prompt], *(["You", *words] for words in answer)]
    whole = [f"{' '.join(words)}{'.' if place else '?'}" for place, words in enumerate(sentences)]
    cut = torn % len(sentences)
    begin = 1 + at % (len(sentences[cut]) - 1)
    end = "." if cut else "?"
    halves = f"{' '.join(sentences[cut][:begin])}\n\n{' '.join(sentences[cut][begin:])}{end}"
    lines = [halves if place == cut else line for place, line in enumerate(whole)]
    text = "51. " + "\n".join(lines) + "\n\n52. Why?\nThus.\n"
    assert told(text)[0] == (51, whole[0], "\n".join(whole[1:]))


def test_many_questions_are_read_in_time_that_grows_with_their_number() -> None:
    def seconds(count: int) -> float:
        text = "".join(
            f"{number}. How do you do it {number} times?\nSo:\n1. one\n2. two\n\n```\nx\n```\n\n"
            for number in range(51, 51 + count)
        ).encode()
        begun = time.process_time()
        assert len(read(text).documents) == count
        return time.process_time() - begun

    seconds(100)
    assert seconds(4_000) < 12 * seconds(1_000)


@pytest.mark.parametrize(
    "line",
    [
        "1. a\n",
        "2. a?\n",
        "```a\n",
        "```\n",
        "~~~\n51. How?\n",
        "51. How?\n```x\n",
        "Q \n",
        "a\n\n",
    ],
)
def test_hostile_repetition_takes_no_longer_than_its_length_deserves(line: str) -> None:
    begun = time.process_time()
    listed(line * 20_000)
    listed("51. How?\n" + line * 20_000)
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("run", ["`", "* ", "- ", "(", "?", ". ", "Q ", "_", "[top", " "])
def test_a_hostile_line_takes_no_longer_than_its_length_deserves(run: str) -> None:
    begun = time.process_time()
    listed(f"51. How?\n{run * 50_000}x\n\n{run * 50_000}x\n52. {run * 50_000}\n")
    assert time.process_time() - begun < 20
