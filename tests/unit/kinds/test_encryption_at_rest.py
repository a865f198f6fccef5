from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import Store
from beffroi.errors import CouldNotLook
from beffroi.kinds import Site
from beffroi.kinds.encryption_at_rest import CONTAINER, Params, Setting, expected, judge, observe, weakened
from beffroi.verdict import Outcome

SETTING = Setting(store="files", path="/srv/civil")

# As Debian 12's lsblk 2.38.1 writes them: `lsblk --json --inverse --output NAME,TYPE SOURCE`.
PLAIN = '{"blockdevices": [{"name": "sda2", "type": "part", "children": [{"name": "sda", "type": "disk"}]}]}'
LUKS_BELOW_LVM = (
    '{"blockdevices": [{"name": "vg-srv", "type": "lvm", "children": [{"name": "sda3_crypt", "type": "crypt", '
    '"children": [{"name": "sda3", "type": "part", "children": [{"name": "sda", "type": "disk"}]}]}]}]}'
)
HALF_A_MIRROR = (
    '{"blockdevices": [{"name": "md0", "type": "raid1", "children": [{"name": "a_crypt", "type": "crypt", "children": '
    '[{"name": "sda1", "type": "part"}]}, {"name": "sdb1", "type": "part"}]}]}'
)


def _facts(host_that_says: Callable[..., Any], below: str, virtualization: str = "none") -> dict[str, Any]:
    volumes = f"/srv/civil|/dev/mapper/x|{below}\n"
    return observe(host_that_says(virtualization=f"{virtualization}\n", volumes=volumes), [SETTING])


@pytest.mark.parametrize(
    ("below", "outcome"),
    [(LUKS_BELOW_LVM, Outcome.PASS), (PLAIN, Outcome.FAIL), (HALF_A_MIRROR, Outcome.FAIL), ("", Outcome.FAIL)],
)
def test_every_way_to_a_disk_must_be_encrypted(
    host_that_says: Callable[..., Any], below: str, outcome: Outcome
) -> None:
    (finding,) = judge([SETTING], _facts(host_that_says, below))
    assert finding.outcome is outcome


@pytest.mark.parametrize("below", [LUKS_BELOW_LVM, PLAIN, ""])
def test_a_container_never_passes(host_that_says: Callable[..., Any], below: str) -> None:
    (finding,) = judge([SETTING], _facts(host_that_says, below, "systemd-nspawn"))
    assert (finding.outcome, finding.reason) == (Outcome.NOT_APPLICABLE, CONTAINER)


def test_a_store_that_is_not_there_fails(host_that_says: Callable[..., Any]) -> None:
    facts = observe(host_that_says(virtualization="none\n", volumes=""), [SETTING])
    (finding,) = judge([SETTING], facts)
    assert (finding.outcome, finding.observed) == (Outcome.FAIL, "absent")


@pytest.mark.parametrize("below", ["{cut", "[]", '{"blockdevices": [{"name": "x"}]}', '{"blockdevices": 1}'])
def test_what_lsblk_does_not_say_so_is_no_verdict(host_that_says: Callable[..., Any], below: str) -> None:
    with pytest.raises(CouldNotLook):
        _facts(host_that_says, below)


def test_an_unknown_sort_of_machine_is_no_verdict(host_that_says: Callable[..., Any]) -> None:
    with pytest.raises(CouldNotLook):
        _facts(host_that_says, PLAIN, "")


def test_stores_that_declare_it_are_looked_at_alone(site_of: Callable[[str], Site]) -> None:
    site = site_of("app")
    assert expected(Params(), site) == []
    store = site.machine.stores["files"].model_copy(update={"encrypted_at_rest": True})  # type: ignore[union-attr]
    assert isinstance(store, Store)
    machine = site.machine.model_copy(update={"stores": {"files": store}})
    assert expected(Params(), Site(name="app", machine=machine, city=site.city)) == [SETTING]


def test_every_store_may_be_asked_about(site_of: Callable[[str], Site]) -> None:
    assert expected(Params(all_stores=True), site_of("app")) == [SETTING]


def test_fewer_stores_are_a_weaker_control() -> None:
    assert weakened(Params(all_stores=True), Params())
    assert not weakened(Params(), Params(all_stores=True))


def test_recorded_outputs_are_json() -> None:
    assert all(json.loads(text) for text in (PLAIN, LUKS_BELOW_LVM, HALF_A_MIRROR))
