"""The comment on a pull request: short first, whole, bounded, and nothing in it acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from accepted import agree
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from beffroi.report.gate_markdown import GITHUB_MOST, MARKER, SHOWN_ENTRIES, markdown

CASES = Path(__file__).parents[2] / "cases" / "gate_pages"
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ANYTHING = st.text(st.characters(codec=None), min_size=1)
LIVELY = st.text(st.sampled_from("`*_~[]()<>!&#@:|\\-+=.$\n /'\"1a"), min_size=1)
INERT = {"text", "text_special", "code_inline", "strong_open", "strong_close"}


def blocks(text: str) -> list[str]:
    return [token.content if token.type == "html_block" else token.type for token in READER.parse(text)]


@cache
def tame_blocks(gate_specimen: ModuleType) -> list[str]:
    return blocks(markdown([gate_specimen.hostile("name")], "en"))


def inlines(text: str) -> Iterator[Token]:
    for token in READER.parse(text):
        yield from token.children or ()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_comment_is_the_one_that_was_accepted(gate_specimen: ModuleType, language: str) -> None:
    agree(CASES / f"comment.{language}.md", markdown([gate_specimen.make_review()], language))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_comment_on_several_towns_is_the_one_that_was_accepted(gate_specimen: ModuleType, language: str) -> None:
    made = (gate_specimen.mistaken, gate_specimen.accepted, gate_specimen.undecided, gate_specimen.deviating)
    agree(CASES / f"towns.{language}.md", markdown([make() for make in made], language))


def test_its_first_line_lets_a_later_run_find_it(gate_specimen: ModuleType) -> None:
    assert markdown([gate_specimen.accepted()], "en").splitlines()[0] == MARKER


def test_there_is_one_verdict_a_town_before_anything_else(gate_specimen: ModuleType) -> None:
    lines = markdown([gate_specimen.make_review(), gate_specimen.accepted()], "en").splitlines()
    verdicts = [line for line in lines if line.startswith(("- ✗ **`example`", "- ✓ **`example`"))]
    assert [re.search(r": (\w+)", line)[1] for line in verdicts] == ["refused", "accepted"]  # type: ignore[index]
    assert lines.index(verdicts[1]) < next(at for at, line in enumerate(lines) if line.startswith("####"))


def test_what_refuses_is_not_folded_and_all_else_is(gate_specimen: ModuleType) -> None:
    before, *folds = markdown([gate_specimen.make_review()], "en").split("<details>")
    assert "What refuses the change" in before
    assert [re.search("<summary>([A-Z][a-z]+)", fold)[1] for fold in folds] == [  # type: ignore[index]
        "Who",
        "Controls",
        "Register",
        "Machines",
        "Violations",
        "Waived",
        "Remarks",
    ]


def test_every_entry_is_an_item_of_its_own_with_its_lines_below(gate_specimen: ModuleType) -> None:
    depths = {
        token.level
        for token in READER.parse(markdown([gate_specimen.make_review()], "en"))
        if token.type == "list_item_open"
    }
    assert depths == {1, 3}


def test_nobody_judged_is_said() -> None:
    assert "no town was judged" in markdown([], "en")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_hostile_names_leave_the_structure_as_it_was(gate_specimen: ModuleType, language: str) -> None:
    tame, nasty = (markdown([gate_specimen.hostile(name)], language) for name in ("name", gate_specimen.NASTY))
    assert blocks(nasty) == blocks(tame)
    assert {token.type for token in inlines(nasty)} <= INERT


@settings(deadline=None, max_examples=30)
@given(st.one_of(ANYTHING, LIVELY))
def test_no_name_changes_the_structure(gate_specimen: ModuleType, name: str) -> None:
    comment = markdown([gate_specimen.hostile(name)], "en")
    assert blocks(comment) == tame_blocks(gate_specimen)
    assert {token.type for token in inlines(comment)} <= INERT


@settings(deadline=None, max_examples=30)
@given(st.one_of(ANYTHING, LIVELY))
def test_no_line_begins_with_words_from_a_file(gate_specimen: ModuleType, name: str) -> None:
    # GitLab and bots obey lines such as `/merge`.
    begun = {line.lstrip(" ")[:1] for line in markdown([gate_specimen.hostile(f"/{name}")], "en").splitlines()}
    assert "/" not in begun


def many(gate_specimen: ModuleType, count: int) -> object:
    review = gate_specimen.make_review()
    machines = [review.blast[0].model_copy(update={"machine": f"host-{number}"}) for number in range(count)]
    found = [review.found[number % 2] for number in range(count)]
    return review.model_copy(update={"blast": tuple(machines), "found": tuple(found)})


@pytest.fixture(params=[8_000, 20_000, GITHUB_MOST])
def most(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.mark.parametrize("towns", [1, 10, 100])
def test_a_comment_stays_within_its_bound(gate_specimen: ModuleType, most: int, towns: int) -> None:
    comment = markdown([many(gate_specimen, 60)] * towns, "fr", most=most)  # type: ignore[list-item]
    assert len(comment) <= most


@pytest.mark.parametrize("towns", [1, 10])
def test_a_comment_that_is_cut_closes_what_it_opens(gate_specimen: ModuleType, most: int, towns: int) -> None:
    comment = markdown([many(gate_specimen, 60)] * towns, "en", most=most)  # type: ignore[list-item]
    assert comment.count("<details>") == comment.count("</details>")
    assert re.match(r"\d+ entr(y|ies) w", comment.rstrip().splitlines()[-1])


def test_a_comment_says_how_much_it_leaves_out(gate_specimen: ModuleType) -> None:
    comment = markdown([many(gate_specimen, 100)], "en")  # type: ignore[list-item]
    shown = comment.count("replaced by a new one")
    assert shown == SHOWN_ENTRIES
    assert f"- and {100 - SHOWN_ENTRIES} more" in comment
    assert re.search(r"^\d+ entries were left out of this page.*`beffroi gate --json`", comment, re.MULTILINE)


def test_what_refuses_in_the_last_town_comes_before_what_the_first_one_folds(gate_specimen: ModuleType) -> None:
    comment = markdown([many(gate_specimen, 30), gate_specimen.mistaken()], "en", most=8_000)  # type: ignore[list-item]
    assert "did you mean" in comment


def test_a_hostile_comment_stays_within_its_bound(gate_specimen: ModuleType, most: int) -> None:
    longest = "@`" * 5_000
    assert len(markdown([gate_specimen.hostile(longest)] * 20, "en", most=most)) <= most
