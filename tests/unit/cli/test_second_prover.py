"""The second process brings the very proof that the first would have made, or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.cli.second_prover import second_prover
from beffroi.network import committed as committing
from beffroi.network.committed import committed, compared, constraints, proved
from beffroi.network.difference import Change, changes, compare
from beffroi.network.firewall import Family
from beffroi.network.invariants import Invariant, Places, refutations
from beffroi.network.proof import FamilyProof, prove_family
from beffroi.network.town import Town, town_of

pytestmark = pytest.mark.slow  # each proves the reference city

TOWN = Path(__file__).parents[3] / "inventory" / "bourg-sur-gave"
REFUTED = Invariant(destinations=Places(roles=("bastion",)))


@pytest.fixture(autouse=True)
def _two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr("threading.active_count", lambda: 1)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the families that this process proves itself from now on."""
    families: list[int] = []

    def noted(*asked: object) -> FamilyProof:
        families.append(asked[1])  # type: ignore[arg-type]
        return prove_family(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr("beffroi.network.proof.prove_family", noted)
    monkeypatch.setattr(committing, "_proofs", type(committing._proofs)(maxlen=8))  # noqa: SLF001 - no proof is known
    return families


def _asked(city: City, *invariants: Invariant) -> tuple[City, Sequence[Invariant]]:
    return city, invariants


def test_what_the_second_process_proves_is_not_proved_again(own: list[int]) -> None:
    city = load_city(TOWN)
    with second_prover(lambda: _asked(load_city(TOWN), REFUTED), seconds=60, mebibytes=4096):
        proved(city, REFUTED)
    assert own == [4]


def test_the_second_process_finds_what_the_first_would(own: list[int]) -> None:
    del own
    city = load_city(TOWN)
    with second_prover(lambda: _asked(load_city(TOWN), REFUTED), seconds=60, mebibytes=4096):
        proof = proved(city, REFUTED)
    alone = prove_family(town_of(city, committed(city)), 6, constraints(city, [REFUTED]))
    brought = proof.families[6]
    assert brought.open_pairs == alone.open_pairs
    found = [each for each in refutations(proof, REFUTED) if each.family == 6]
    witnesses = [each.packets.witness() for each in found]
    assert witnesses
    assert [(each.start, each.end) for each in brought.reached.arrivals] == [
        (each.start, each.end) for each in alone.reached.arrivals
    ]
    assert [list(each.packets.rows()) for each in brought.reached.arrivals] == [
        list(each.packets.rows()) for each in alone.reached.arrivals
    ]
    assert all(each.device is proof.town.devices[each.device.name] for it in found for each in it.crossings)


def test_another_question_is_answered_by_the_first_process(own: list[int]) -> None:
    city = load_city(TOWN)
    with second_prover(lambda: _asked(load_city(TOWN)), seconds=60, mebibytes=4096):
        proved(city, REFUTED)
    assert own == [4, 6]


def test_a_second_process_that_fails_is_no_matter(own: list[int], capfd: pytest.CaptureFixture[str]) -> None:
    with second_prover(lambda: _asked(load_city(TOWN / "nowhere")), seconds=60, mebibytes=4096):
        proved(load_city(TOWN), REFUTED)
    assert own == [4, 6]
    assert capfd.readouterr() == ("", "")


def test_a_lone_processor_gets_no_second_process(own: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    with second_prover(lambda: _asked(load_city(TOWN), REFUTED), seconds=60, mebibytes=4096):
        proved(load_city(TOWN), REFUTED)
    assert own == [4, 6]


@pytest.fixture
def compared_here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the families that this process compares itself from now on."""
    families: list[int] = []

    def noted(old: Town, new: Town, family: Family) -> Iterator[Change]:
        families.append(family)
        return changes(old, new, family)

    monkeypatch.setattr("beffroi.network.difference.changes", noted)
    return families


def _without_a_flow(city: City) -> City:
    return city.model_copy(update={"flows": city.flows[:-1]})


def _changes(before: City, after: City, base: Callable[[], City | None]) -> list[Change]:
    with second_prover(lambda: _asked(after, REFUTED), base, seconds=60, mebibytes=4096):
        new = proved(after, REFUTED).town
        return compared(town_of(before, committed(before)), new)


def test_what_the_second_process_compares_is_what_the_first_would_find(
    own: list[int], compared_here: list[int]
) -> None:
    del own
    after = load_city(TOWN)
    before = _without_a_flow(after)
    brought = _changes(before, after, lambda: before)
    assert compared_here == [4]
    old, new = town_of(before, committed(before)), town_of(after, committed(after))
    alone = compare(old, new)
    assert {each.family for each in brought} == {4, 6}
    assert [_as_told(each) for each in brought] == [_as_told(each) for each in alone]


def _as_told(change: Change) -> tuple[object, ...]:
    path = [(each.device.name, each.entry, each.exit) for each in change.crossings]
    return change.sort, change.family, change.start, change.end, list(change.packets.rows()), path


@pytest.mark.parametrize("base", [lambda: None, lambda: load_city(TOWN), lambda: load_city(TOWN / "nowhere")])
def test_another_base_is_compared_by_the_first_process(
    own: list[int], compared_here: list[int], base: Callable[[], City | None]
) -> None:
    after = load_city(TOWN)
    assert _changes(_without_a_flow(after), after, base)
    assert (own, compared_here) == ([4], [4, 6])


def test_no_second_process_outlives_the_question() -> None:
    with second_prover(lambda: _asked(load_city(TOWN), REFUTED), seconds=60, mebibytes=4096):
        pass
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
