from __future__ import annotations

import pytest

from beffroi import nft
from beffroi.errors import InvalidInput, MissingTool
from beffroi.network.reader import read


def test_a_ruleset_written_as_text_is_listed_as_json() -> None:
    found = nft.listed("table inet t { chain c { }\n }\n", shown_as="town.nft")
    assert list(read(found).tables[0].chains) == ["c"]


def test_a_mistake_is_located_in_the_file_that_the_reader_knows() -> None:
    with pytest.raises(InvalidInput, match=r"town\.nft:2"):
        nft.listed("table inet t {\n  chain c { wrong }\n}\n", shown_as="town.nft")


def test_interfaces_that_rules_want_by_number_are_made_first() -> None:
    rules = "table inet t { chain c { iif wan0 accept\n oif { lan0, lan1 } drop\n }\n }\n"
    first, second = read(nft.listed(rules, shown_as="town.nft")).tables[0].chains["c"].rules
    assert first.cases[0].match.entry[0].names == {"wan0"}
    assert second.cases[0].match.exit[0].names == {"lan0", "lan1"}


def test_a_computer_without_nft_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingTool, match="nft"):
        nft.listed("", shown_as="town.nft")


def test_a_text_beyond_the_limit_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "_MOST_BYTES", 10)
    with pytest.raises(InvalidInput):
        nft.listed("table inet t { chain c { } }", shown_as="town.nft")
