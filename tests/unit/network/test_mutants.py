"""Every rule of a gateway deleted, turned round or let in before all others: found, or proved to change nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mutations import MUTATIONS, Mutation

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.network.committed import committed, proof_of
from beffroi.network.compiling import compiled
from beffroi.network.difference import compare
from beffroi.network.firewall import Firewall
from beffroi.network.reader import read
from beffroi.network.town import town_of

pytestmark = pytest.mark.slow


@cache
def _city() -> City:
    return load_city(Path(__file__).parents[3] / "tests" / "cases" / "hamlet")


@cache
def _committed() -> dict[str, Firewall]:
    return committed(_city())


def _gateway() -> str:
    return next(iter(_city().gateways))


def _mutants() -> Iterator[Any]:
    for index, each in enumerate(compiled(_city(), _gateway())):
        if "rule" in each:
            for mutation in MUTATIONS:
                name = f"{each['rule']['chain']}-{index}-{mutation.__name__}"
                yield pytest.param(index, mutation, id=name)


@cache
def _judged(index: int, mutation: Mutation) -> tuple[frozenset[str], bool]:
    """Return the sorts of findings on a mutant, and whether any new connection fares otherwise than before."""
    objects = copy.deepcopy(compiled(_city(), _gateway()))
    mutation(objects, index)
    firewalls = {**_committed(), _gateway(): read({"nftables": objects})}
    sorts = frozenset(finding.sort.value for finding in proof_of(_city(), firewalls).findings)
    return sorts, bool(compare(town_of(_city(), _committed()), town_of(_city(), firewalls)))


@pytest.mark.parametrize(("index", "mutation"), list(_mutants()))
def test_a_mutant_is_found_or_changes_no_new_connection(index: int, mutation: Mutation) -> None:
    sorts, changed = _judged(index, mutation)
    assert bool(sorts) or not changed
    # Without a change of new connections, what is found is about answers, strays, or what cannot be told.
    assert changed or sorts <= {"half-open", "stray", "unknown"}


def test_many_mutants_are_found() -> None:
    judged = [_judged(*parameters.values) for parameters in _mutants()]
    found = sum(bool(sorts) for sorts, _ in judged)
    assert found > len(judged) / 3, f"{found} of {len(judged)}"
