"""The reference city keeps what the other rooms, and the documentation, say of it."""

from datetime import date
from pathlib import Path

import pytest

from beffroi import declaration
from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.city.machines import FleetKind
from beffroi.gate import Decision, judge
from beffroi.policy import Level, load_policies
from beffroi.rules import Commitment, Proposal, Source

ROOT = Path(__file__).parents[2]
A_DAY_OF_THE_PILOT = date(2027, 1, 1)


@pytest.fixture(name="city", scope="module")
def _city() -> City:
    return load_city(ROOT / "inventory" / "bourg-sur-gave")


def _judged(city: City, today: date) -> Decision:
    town = declaration.load(ROOT / "inventory" / "bourg-sur-gave")
    policies = load_policies(ROOT)
    return judge(Proposal(Commitment(city, town.controls, policies, town.waivers), today), policies)


def test_it_is_a_town_of_its_announced_size(city: City) -> None:
    counts = (len(city.segments), len(city.gateways), len(city.hosts), len(city.fleets), len(city.processing))
    assert counts == (11, 2, 10, 8, 6)
    assert len(city.flows) >= 25


def test_a_vlan_number_reads_in_both_addresses(city: City) -> None:
    for name, segment in city.inner_segments().items():
        assert int(segment.ipv6.network_address.exploded.split(":")[3], 16) == segment.vlan, name
        if name != "dmz":
            assert str(segment.ipv4) == f"10.78.{segment.vlan}.0/24"


def test_every_machine_offers_ssh_and_the_bastion_reaches_it(city: City) -> None:
    [reached] = [flow.destination for flow in city.flows if flow.source == ("bastion",) and flow.service == "ssh"]
    assert {*reached, "bastion"} == set(city.machines())
    assert all("ssh" in machine.services for machine in city.machines().values())


@pytest.mark.parametrize(("flow", "server"), [("machines-to-packages", "mirror"), ("machines-to-log", "log")])
def test_every_machine_gets_packages_and_sends_logs(city: City, flow: str, server: str) -> None:
    [found] = [it for it in city.flows if it.name == flow]
    assert {*found.source, server} == set(city.machines())


def test_every_machine_gets_the_time(city: City) -> None:
    [found] = [it for it in city.flows if it.name == "machines-to-time"]
    assert {*found.source, "core"} == set(city.machines())


def test_every_store_is_claimed_once(city: City) -> None:
    claimed = [store for activity in city.processing.values() for store in activity.stores]
    assert sorted(claimed) == sorted(store for _, store, _ in city.stores())


def test_every_device_has_an_address_in_its_fleets_network(city: City) -> None:
    for name, fleet in city.fleets.items():
        assert fleet.count <= fleet.ipv4.num_addresses - 2, name


def test_cameras_and_sensors_start_no_connection_but_their_own(city: City) -> None:
    devices = {n for n, it in city.fleets.items() if it.kind in {FleetKind.CAMERAS, FleetKind.SENSORS}}
    reached = {name for flow in city.flows if devices & set(flow.source) for name in flow.destination}
    assert reached == {"core", "mqtt"}


def test_no_mandatory_policy_is_violated(city: City) -> None:
    decision = _judged(city, A_DAY_OF_THE_PILOT)
    assert decision.of_level(Level.MANDATORY) == ()


def test_the_gate_advises_on_nothing_but_what_travels_or_lies_in_clear(city: City) -> None:
    decision = _judged(city, A_DAY_OF_THE_PILOT)
    assert {it.policy for it in decision.violations} == {"data/encrypted-in-transit", "data/sensitive-stores-encrypted"}


def test_the_gate_names_the_protocols_in_clear(city: City) -> None:
    found = [it for it in _judged(city, A_DAY_OF_THE_PILOT).violations if it.policy == "data/encrypted-in-transit"]
    assert {it.names["service"] for it in found} == {"rtsp"}


def test_the_gate_names_the_sensitive_activities_whose_volumes_are_not_encrypted(city: City) -> None:
    found = [it for it in _judged(city, A_DAY_OF_THE_PILOT).violations if it.policy.endswith("stores-encrypted")]
    assert {it.names["activity"] for it in found} == {"school-canteen", "social-aid", "video-protection"}


def test_the_pilot_closes_after_the_school_year(city: City) -> None:
    violations = _judged(city, date(2027, 7, 1)).of_level(Level.MANDATORY)
    assert [it.subject for it in violations if it.source == Source.TOWN] == ["school-attendance-pilot"]


def test_its_waivers_hold_and_excuse_what_they_name() -> None:
    town = declaration.load(ROOT / "inventory" / "bourg-sur-gave")
    policies = load_policies(ROOT)
    commitment = Commitment(town.city, town.controls, policies, town.waivers)
    decision = judge(Proposal(commitment, A_DAY_OF_THE_PILOT), policies)
    assert [it.policy for it in decision.violations if it.source == Source.WAIVERS] == []
    assert [it.subject for it in decision.violations if it.waived] == [waiver.subject for waiver in town.waivers] != []


def test_a_change_that_changes_nothing_breaks_no_policy_about_changes() -> None:
    town = declaration.load(ROOT / "inventory" / "bourg-sur-gave")
    policies = load_policies(ROOT)
    commitment = Commitment(town.city, town.controls, policies, town.waivers)
    decision = judge(Proposal(commitment, A_DAY_OF_THE_PILOT, before=commitment), policies)
    assert decision.unasked == ()
    assert [it for it in decision.violations if it.policy.startswith(("changes/", "controls/", "judge/"))] == []
