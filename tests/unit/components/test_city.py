"""What the Pulumi program declares for a town; the engine is played by Pulumi's own mocks, so nothing is made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.components.server import declaration
from beffroi.targets.lab import workstation

PROGRAM = Path(__file__).with_name("declared_town.py")
TOWN = load_city(Path(__file__).parents[3] / "inventory" / "bourg-sur-gave")
SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # noqa: S105 - how Pulumi's wire format marks a secret


class Declared:
    """What one run of the program declared."""

    def __init__(self, city: City) -> None:
        plain = city.model_dump_json(by_alias=True)
        said = subprocess.run(
            [sys.executable, PROGRAM], input=plain, capture_output=True, text=True, timeout=120, check=True
        )
        answer = json.loads(said.stdout)
        self.keys: dict[str, str] = answer["keys"]
        self.resources: list[dict[str, Any]] = answer["declared"]

    def inputs(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the inputs of each resource of a type, by name."""
        return {it["name"]: it["inputs"] for it in self.resources if it["type"] == kind}


@pytest.fixture(name="declared", scope="module")
def _declared() -> Declared:
    return Declared(TOWN)


def test_the_city_carries_the_whole_declaration(declared: Declared) -> None:
    carried = declared.inputs("beffroi:city:City")["bourg-sur-gave"]
    assert City.model_validate_json(carried["declaration"], by_alias=True, by_name=False) == TOWN
    assert carried["waivers"] == []


@pytest.mark.parametrize(
    ("kind", "parts"), [("Segment", TOWN.segments), ("Gateway", TOWN.gateways), ("Server", TOWN.hosts)]
)
def test_each_component_carries_what_is_declared_of_it(
    declared: Declared, kind: str, parts: dict[str, BaseModel]
) -> None:
    carried = declared.inputs(f"beffroi:city:{kind}")
    assert carried == {
        name: part.model_dump(mode="json", by_alias=True, exclude_none=True) for name, part in parts.items()
    }


def test_a_town_is_one_component(declared: Declared) -> None:
    assert set(declared.inputs("beffroi:city:City")) == {"bourg-sur-gave"}


def test_each_machine_is_declared_once(declared: Declared) -> None:
    names = [it["name"] for it in declared.resources if it["type"] == "beffroi:lab:Machine"]
    assert sorted(names) == sorted(TOWN.machines())


def test_gateways_and_hosts_are_told_apart(declared: Declared) -> None:
    assert set(declared.inputs("beffroi:city:Gateway")) == set(TOWN.gateways)
    assert set(declared.inputs("beffroi:city:Server")) == set(TOWN.hosts)


def test_each_segment_is_a_network_of_its_own(declared: Declared) -> None:
    networks = {name: (it["ipv4"], it["ipv6"]) for name, it in declared.inputs("beffroi:lab:Segment").items()}
    assert networks == {name: (str(it.ipv4), str(it.ipv6)) for name, it in TOWN.segments.items()}


def test_each_fleet_has_a_station_and_so_has_the_internet(declared: Declared) -> None:
    assert set(declared.inputs("beffroi:lab:Station")) == {*TOWN.fleets, "internet"}


def test_there_is_one_lab(declared: Declared) -> None:
    assert list(declared.inputs("beffroi:lab:Network").values()) == [{"lab": "test"}]


@pytest.mark.parametrize("name", TOWN.machines())
def test_a_machine_has_the_declared_addresses(declared: Declared, name: str) -> None:
    links = declared.inputs("beffroi:lab:Machine")[name]["links"]
    seen = {it["segment"]: [str(ip_interface(address).ip) for address in it["addresses"]] for it in links}
    wanted = TOWN.machines()[name].interfaces
    assert seen == {segment: [str(it.ipv4), str(it.ipv6)] for segment, it in wanted.items()}


@pytest.mark.parametrize("name", TOWN.machines())
def test_an_address_has_the_prefix_of_its_segment(declared: Declared, name: str) -> None:
    for link in declared.inputs("beffroi:lab:Machine")[name]["links"]:
        segment = TOWN.segments[link["segment"]]
        assert [ip_interface(address).network for address in link["addresses"]] == [segment.ipv4, segment.ipv6]


@pytest.mark.parametrize("kind", ["beffroi:lab:Machine", "beffroi:lab:Station"])
def test_each_next_hop_is_a_neighbour(declared: Declared, kind: str) -> None:
    strangers = []
    for name, it in declared.inputs(kind).items():
        near = [ip_interface(address).network for link in it["links"] for address in link["addresses"]]
        hops = [ip_address(route["via"]) for route in it["routes"]]
        strangers += [(name, hop) for hop in hops if not any(hop in network for network in near)]
    assert not strangers


@pytest.mark.parametrize("name", TOWN.hosts)
def test_a_host_leaves_by_its_gateway_in_both_families(declared: Declared, name: str) -> None:
    routes = declared.inputs("beffroi:lab:Machine")[name]["routes"]
    defaults = {ip_address(route["via"]).version for route in routes if route["to"] == "default"}
    assert defaults == {4, 6}


def test_a_station_stands_in_its_fleets_own_addresses(declared: Declared) -> None:
    stations = declared.inputs("beffroi:lab:Station")
    for name, fleet in TOWN.fleets.items():
        [link] = stations[name]["links"]
        first, second = (ip_interface(address).ip for address in link["addresses"])
        assert first in ip_network(fleet.ipv4)
        assert second in ip_network(fleet.ipv6)


def test_the_mirror_alone_is_given_the_repository(declared: Declared) -> None:
    machines = declared.inputs("beffroi:lab:Machine")
    assert {name: it["volumes"] for name, it in machines.items() if it["volumes"]} == {
        "mirror": [["/mirror", "/srv/mirror"]]
    }


def test_the_console_password_is_always_a_secret(declared: Declared) -> None:
    machines = declared.inputs("beffroi:lab:Machine")
    assert all(SECRET_SIGNATURE in it["consolePassword"] for it in machines.values())


def test_the_host_key_of_each_machine_is_known_before_anyone_connects(declared: Declared) -> None:
    assert declared.keys == {name: f"ssh-ed25519 {name}" for name in TOWN.machines()}


def test_a_town_without_internet_has_no_internet_station(small_town: Callable[..., City]) -> None:
    plain = small_town().model_dump(mode="json", by_alias=True)
    plain["segments"].pop("internet")
    plain["gateways"]["edge"]["interfaces"].pop("internet")
    plain["gateways"]["edge"]["masquerade"] = []
    assert set(Declared(City.model_validate(plain)).inputs("beffroi:lab:Station")) == {"probes"}


def test_a_machine_is_declared_the_same_whatever_the_order_of_its_interfaces(small_town: Callable[..., City]) -> None:
    plain = small_town().model_dump(mode="json", by_alias=True)
    interfaces = plain["gateways"]["core"]["interfaces"]
    plain["gateways"]["core"]["interfaces"] = dict(reversed(interfaces.items()))
    assert declaration(City.model_validate(plain), "core") == declaration(small_town(), "core")


def test_a_town_is_administered_from_a_fleet_of_its_administration() -> None:
    assert workstation(TOWN) == "admin-workstations"


def test_a_town_without_such_a_fleet_has_no_workstation(small_town: Callable[..., City]) -> None:
    assert workstation(small_town()) is None
