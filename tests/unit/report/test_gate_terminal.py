"""An engineer reads what refuses first, and the verdict last; and no file takes the terminal over."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from beffroi.report.gate_terminal import SHOWN_ENTRIES, terminal

SGR = re.compile(r"\x1b\[[0-9;]*m")
ANYTHING = st.text(st.characters(codec=None), min_size=1)


def test_what_refuses_comes_first_and_the_verdict_last(gate_specimen: ModuleType) -> None:
    text = terminal([gate_specimen.make_review()], "en", 300)
    titles = ("What refuses", "Who can talk", "Controls", "Register", "Machines touched", "stood before", "Remarks")
    places = [text.index(title) for title in titles[:5]]
    assert places == sorted(places)
    assert text.rstrip().splitlines()[-1].startswith("✗ example: refused (2 violations refuse;")


def test_a_refusal_has_its_place_on_a_line_of_its_own_and_the_way_out(gate_specimen: ModuleType) -> None:
    text = terminal([gate_specimen.make_review()], "en", 300)
    assert (
        "  ✗ Administration goes through the bastion  network/ssh-through-the-bastion\n"
        "    inventory/example/city.yml:26\n"
        "    flow handy opens port 22 of bastion from desks\n"
        f"    → {gate_specimen.way_out('en')}\n"
    ) in text


def test_what_opens_has_a_witness_and_the_line_responsible(gate_specimen: ModuleType) -> None:
    text = terminal([gate_specimen.make_review()], "en", 120)
    opened = text[text.index("to bastion: opened") : text.index("to recorder: opened")]
    assert "by the flow handy, inventory/example/city.yml:25" in opened
    assert "for example tcp 10.0.40.128:50000 -> 10.0.10.10:22 [syn]" in opened


def test_every_town_has_its_verdict_at_the_end(gate_specimen: ModuleType) -> None:
    reviews = [gate_specimen.make_review(), gate_specimen.undecided(), gate_specimen.accepted()]
    last = terminal(reviews, "en", 300).rstrip().splitlines()[-3:]
    assert [line[0] for line in last] == ["✗", "?", "✓"]


def test_it_speaks_french(gate_specimen: ModuleType) -> None:
    text = terminal([gate_specimen.make_review()], "fr", 100)
    assert "Ce qui fait refuser" in text
    assert "What refuses" not in text


def test_no_town_is_said() -> None:
    assert "no town was judged" in terminal([], "en", 80)


def test_a_long_section_is_cut_and_counted(gate_specimen: ModuleType) -> None:
    review = gate_specimen.make_review()
    blast = tuple(review.blast[0].model_copy(update={"machine": f"h{n}"}) for n in range(SHOWN_ENTRIES + 7))
    text = terminal([review.model_copy(update={"blast": blast})], "en", 100)
    assert text.count("replaced by a new one") == SHOWN_ENTRIES
    assert "  and 7 more" in text


@pytest.mark.parametrize("width", [32, 44, 80, 200])
def test_no_line_is_wider_than_the_terminal(gate_specimen: ModuleType, width: int) -> None:
    text = terminal([gate_specimen.make_review(), gate_specimen.deviating()], "fr", width)
    assert max(map(cell_len, text.splitlines())) <= width


def test_colours_are_ours_and_only_on_demand(gate_specimen: ModuleType) -> None:
    assert SGR.search(terminal([gate_specimen.make_review()], "en", 100, colours=True))
    assert "\x1b" not in terminal([gate_specimen.make_review()], "en", 100)


def test_hostile_names_send_nothing_to_the_terminal_but_our_own_colours(gate_specimen: ModuleType) -> None:
    left = SGR.sub("", terminal([gate_specimen.hostile()], "en", 100, colours=True))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", left)
    assert "␛[2J" in left


@settings(deadline=None, max_examples=30)
@given(ANYTHING)
def test_no_name_sends_a_control(gate_specimen: ModuleType, name: str) -> None:
    text = terminal([gate_specimen.hostile(name)], "en", 100)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)


def test_square_brackets_are_not_read_as_markup(gate_specimen: ModuleType) -> None:
    assert "[bold]x[/bold]" in terminal([gate_specimen.hostile("[bold]x[/bold]")], "en", 100)
