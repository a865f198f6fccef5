"""Names are told apart from prose, whatever they hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beffroi.report.inline import LONGEST_NAME, Run, joined, name, plain, prose, told

ANYTHING = st.text(st.characters(codec=None))


def test_a_text_that_fills_a_message_in_is_code_and_a_number_is_not() -> None:
    words = told("rule-port-sources", "en", flow="handy", port="22", destination="db", source="desks")
    assert words[:2] == (Run("flow "), Run("handy", code=True))
    assert told("pages-more-entries-many", "en", count=3) == (Run("and "), Run("3"), Run(" more"))


def test_backquotes_of_a_message_hold_what_fills_them_in() -> None:
    words = told("rule-personal-data-in-clear-hint", "en", service="http")
    assert Run("encrypted: true", code=True) in words


def test_words_that_fill_a_message_in_stay_as_they_are() -> None:
    assert told("pages-place", "en", place=prose("a `b`")) == (Run("a "), Run("b", code=True))


def test_backquotes_of_a_file_s_sentence_make_code_when_they_are_even() -> None:
    assert prose("set `a` to b") == (Run("set "), Run("a", code=True), Run(" to b"))
    assert prose("set `a to b") == (Run("set `a to b"),)


def test_a_long_name_is_cut() -> None:
    assert plain(name("x" * 1000)) == "x" * (LONGEST_NAME - 1) + "…"


def test_nothing_is_shown_as_something() -> None:
    assert plain(name("")) == "∅"


def test_words_are_joined() -> None:
    assert plain(joined([name("a"), name("b")])) == "a, b"


@pytest.mark.parametrize("say", [name, prose], ids=["name", "prose"])
@given(ANYTHING)
def test_words_are_one_visible_line(say: object, text: str) -> None:
    assert callable(say)
    assert not set(plain(say(text))) & set("\n\r\t\x0b\x0c\x1b\u2028\u2029\x85")
