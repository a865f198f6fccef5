"""The real nft takes what the compiler writes, and lists it as the compiler says that it does."""

from __future__ import annotations

from typing import Any

import pytest
from towns import REPOSITORY

from beffroi import nft
from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.network.compiling import compiled
from beffroi.network.ruleset import ruleset

pytestmark = pytest.mark.lab

TOWNS = ("inventory/bourg-sur-gave", "tests/cases/hamlet")


def _city(folder: str) -> City:
    return load_city(REPOSITORY / folder)


def _listed(city: City, machine: str) -> list[Any]:
    document = nft.listed(ruleset(city, machine), shown_as=machine)
    assert isinstance(document, dict)
    return [_bare(each) for each in document["nftables"] if "metainfo" not in each]


def _bare(value: Any) -> Any:  # noqa: ANN401 - nft's JSON
    """Leave out what differs between two loads: handles and counts."""
    if isinstance(value, dict):
        return {key: None if key == "counter" else _bare(inner) for key, inner in value.items() if key != "handle"}
    return [_bare(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("folder", TOWNS)
def test_nft_lists_every_machines_ruleset_as_it_was_compiled(folder: str) -> None:
    city = _city(folder)
    for machine in city.machines():
        assert _listed(city, machine) == _bare(compiled(city, machine)), machine


def test_nft_lists_a_loaded_ruleset_the_same_each_time() -> None:
    city = _city(TOWNS[0])
    assert _listed(city, "core") == _listed(city, "core")
