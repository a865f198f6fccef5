"""No character that a machine sends can act on its reader."""

from __future__ import annotations

import unicodedata
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beffroi.report.visible import one_line, visible

ANYTHING = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("a\x00b", "a␀b"),
        ("\x7f", "␡"),
        ("\u202etxt", "⟨U+202E⟩txt"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("\udcff", "⟨U+DCFF⟩"),
        ("one\r\n", "one␍\n"),
        ("élan œuvre ✓ 漢", "élan œuvre ✓ 漢"),
    ],
)
def test_a_character_that_acts_becomes_a_picture_of_itself(sent: str, shown: str) -> None:
    assert visible(sent) == shown


def test_one_line_shows_where_lines_and_tabs_were() -> None:
    assert one_line("a\tb\nc") == "a␉b␤c"


@given(ANYTHING)
def test_what_is_visible_holds_no_control_and_no_direction_override(text: str) -> None:
    left = {character for character in visible(text) if unicodedata.category(character) in {"Cc", "Cs"}}
    assert left <= {"\n", "\t"}
    assert not set(visible(text)) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(ANYTHING)
def test_what_is_visible_is_legal_in_xml(text: str) -> None:
    escaped = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert fromstring(f"<x>{escaped}</x>").text in (visible(text), None)  # noqa: S314 - our own text
