"""The kernel takes every compiled ruleset, and lists it back as it was compiled."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City, Flow
from beffroi.city.loader import load_city
from beffroi.network.compiling import compiled
from beffroi.network.ruleset import ruleset
from beffroi.nft import listed

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
TOWNS = ("inventory/bourg-sur-gave", "tests/cases/hamlet", "tests/cases/minimal")
DRAWN_TOWNS, MOST_FLOWS = 6, 40


def _machines() -> Iterator[tuple[str, str]]:
    for town in TOWNS:
        for machine in load_city(ROOT / town).machines():
            yield town, machine


def _bare(value: Any) -> Any:  # noqa: ANN401 - nft's JSON
    """Return nft's JSON without what counts or is numbered by the kernel."""
    if isinstance(value, dict):
        counted = {"packets", "bytes"} == value.keys()
        return None if counted else {key: _bare(each) for key, each in value.items() if key != "handle"}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def _listed(city: City, machine: str) -> Any:  # noqa: ANN401 - nft's JSON
    document: Any = listed(ruleset(city, machine), shown_as=machine)
    return [_bare(each) for each in document["nftables"] if "metainfo" not in each]


@pytest.mark.parametrize(("town", "machine"), [pytest.param(*each, id="/".join(each)) for each in _machines()])
def test_what_nft_lists_is_what_was_compiled(town: str, machine: str) -> None:
    city = load_city(ROOT / town)
    assert _listed(city, machine) == _bare(compiled(city, machine))


@pytest.mark.parametrize("seed", range(DRAWN_TOWNS))
def test_whatever_flows_are_drawn_the_kernel_takes_them_as_compiled(seed: int) -> None:
    city = load_city(ROOT / "inventory/bourg-sur-gave")
    rng = random.Random(seed)
    places = ["internet", *city.inner_segments(), *city.hosts, *city.gateways, *city.fleets]
    flows = tuple(
        Flow.model_validate(
            {
                "name": f"drawn-{number}",
                "from": rng.sample(places, rng.randint(1, 3)),
                "to": rng.sample(places, rng.randint(1, 3)),
                "service": rng.choice(list(city.services)),
                "purpose": {"fr": "x", "en": "x"},
            }
        )
        for number in range(rng.randint(1, MOST_FLOWS))
    )
    drawn = city.model_copy(update={"flows": flows})
    for machine in ("edge", "core", "web"):
        assert _listed(drawn, machine) == _bare(compiled(drawn, machine))


def test_what_an_element_has_counted_is_no_drift() -> None:
    text = ruleset(load_city(ROOT / "inventory/bourg-sur-gave"), "core")
    counted = text.replace(" counter comment", " counter packets 7 bytes 900 comment")
    assert counted != text
    words = ("unshare", "--net", "sh", "-c", "nft -f /dev/stdin && nft -s list ruleset")
    listings = [
        subprocess.run(words, input=each, check=True, capture_output=True, text=True).stdout for each in (text, counted)
    ]
    assert listings[0] == listings[1]
