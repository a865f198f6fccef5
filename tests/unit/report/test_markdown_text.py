"""Whatever a file says, Markdown takes it for words: no markup, no link, no mention, no reference."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from beffroi.report.inline import Run
from beffroi.report.markdown_text import code, inline, prose
from beffroi.report.visible import one_line

ANYTHING = st.text(st.characters(codec=None)).map(one_line)
LIVELY = st.text(st.sampled_from("`*_~[]()<>!&#@:|\\-+=.$%^/ '\"1aGHgh0fwwwi\u00a0\u3000é✗")).map(one_line)
TEXTS = st.one_of(ANYTHING, LIVELY)
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ZERO_WIDTH = "\u200b"
REFERENCES = re.compile(
    r"@\w|[#!$%~&^][0-9a-zA-Z\"]|\w+://|www\.\w|:[\w+-]+:|\bGH-[0-9]|\b[0-9a-f]{7,40}\b", re.IGNORECASE
)


def tokens(markdown: str) -> list[Token]:
    """Return the tokens inside the only paragraph that Markdown may see."""
    opened, line, closed = READER.parse(markdown)
    assert (opened.type, line.type, closed.type) == ("paragraph_open", "inline", "paragraph_close")
    return [token for token in line.children or [] if token.type != "text" or token.content]


def text_of(found: list[Token]) -> str:
    return "".join(token.content for token in found)


@given(TEXTS)
def test_prose_is_read_as_the_very_same_text(text: str) -> None:
    found = tokens(f"x{prose(text)}y")
    assert {token.type for token in found} <= {"text", "text_special"}
    assert text_of(found).replace(ZERO_WIDTH, "") == f"x{text}y"


@given(TEXTS.filter(bool))
def test_a_name_is_read_as_one_code_span(text: str) -> None:
    [span] = [token for token in tokens(f"x {code(text)} y") if token.type != "text"]
    assert (span.type, span.content) == ("code_inline", text)


@given(TEXTS.filter(str.strip), TEXTS.filter(str.strip))
def test_a_line_of_words_is_one_paragraph_wherever_it_begins(first: str, second: str) -> None:
    found = tokens(inline((Run(first), Run(second, code=True), Run(first))))
    assert {token.type for token in found} <= {"text", "text_special", "code_inline"}


@given(TEXTS)
def test_prose_holds_nothing_that_a_forge_looks_for(text: str) -> None:
    read = READER.renderInline(prose(text)).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    assert not REFERENCES.search(read.replace("&quot;", '"'))


@given(TEXTS)
def test_prose_holds_no_tag_and_no_comment(text: str) -> None:
    assert "<" not in prose(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a | b", r"a \| b"),
        ("<!-- x -->", r"&lt;\!&#8203;-- x --&gt;"),
        ("[x](y)", r"\[x\](y)"),
        ("@someone", "@&#8203;someone"),
        ("see #12", r"see \#&#8203;12"),
        ("GH-12", "GH&#8203;-12"),
        (":boom:", ":&#8203;boom:"),
        ("https://example.org", "https:&#8203;//example.org"),
        ("www.example.org", "www&#8203;.example.org"),
        ("5e5e5e5e", "5&#8203;e5e5e5e"),
        ("R & D: l'accès", "R &amp; D: l'accès"),
    ],
)
def test_what_could_act_is_written_so_that_it_cannot(text: str, written: str) -> None:
    assert prose(text) == written


@pytest.mark.parametrize(
    ("text", "written"), [("a", "`a`"), ("a`b", "``a`b``"), ("`a`", "`` `a` ``"), ("``", "``` `` ```"), (" ", "` `")]
)
def test_a_code_span_s_fence_is_longer_than_any_inside(text: str, written: str) -> None:
    assert code(text) == written


@pytest.mark.parametrize(
    "text", ["- x", "+ x", "1. x", "1) x", "= x", "# x", "> x", "    x", "~~~", "***", "---", "==="]
)
def test_a_line_begins_no_block(text: str) -> None:
    assert text_of(tokens(inline((Run(text),)))).replace(ZERO_WIDTH, "") == text.strip()
