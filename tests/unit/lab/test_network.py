"""What the lab asks of `ip`, and what it makes of its answers; a stub plays `ip`, so nothing is made."""

import json
from collections.abc import Sequence

import pytest

from beffroi.lab import network
from beffroi.lab.network import Link, Route
from beffroi.lab.place import LabPlace

PLACE = LabPlace("bourg")
ADDRESSES = [
    {"ifname": "lo", "flags": ["UP"], "addr_info": [{"local": "127.0.0.1", "prefixlen": 8, "scope": "host"}]},
    {
        "ifname": "users",
        "flags": ["UP"],
        "addr_info": [
            {"local": "10.0.5.1", "prefixlen": 24, "scope": "global"},
            {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
        ],
    },
    {"ifname": "servers", "flags": ["BROADCAST"], "addr_info": []},
    {"ifname": "admin", "flags": ["UP"], "addr_info": []},
    {},
]
ROUTES = {
    "-4": [{"dst": "default", "gateway": "10.0.5.254"}, {"dst": "10.0.5.0/24", "scope": "link"}],
    "-6": [{"dst": "default", "gateway": "fd00::1"}, {"dst": "fe80::/64"}],
}


class Ip:
    """A stand-in for `ip`: notes what it is asked, and answers as a gateway's namespace would."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run(self, argv: Sequence[str], *, text: str | None = None) -> str:
        self.asked.append(" ".join(argv) + (f" <<< {text.strip()}" if text else ""))
        if "addr" in argv:
            return json.dumps([*ADDRESSES[:-1], {**ADDRESSES[-1], "flags": [], "addr_info": []}])
        if "route" in argv:
            return json.dumps(ROUTES["-4" if "-4" in argv else "-6"])
        return '[{"ifname": "servers"}, {}]' if "-j" in argv else ""


@pytest.fixture(name="ip")
def _ip(monkeypatch: pytest.MonkeyPatch) -> Ip:
    ip = Ip()
    monkeypatch.setattr(network, "run", ip.run)
    monkeypatch.setattr(network, "succeeds", lambda _: False)
    monkeypatch.setattr(network, "namespace_exists", lambda _: True)
    return ip


@pytest.mark.usefixtures("ip")
def test_the_links_that_stand_are_read_with_their_global_addresses() -> None:
    assert network.links_of(PLACE, "core") == [Link("admin", ()), Link("users", ("10.0.5.1/24",))]


@pytest.mark.usefixtures("ip")
def test_the_routes_that_stand_are_those_with_a_next_hop() -> None:
    assert network.routes_of(PLACE, "core") == [Route("default", "10.0.5.254"), Route("default", "fd00::1")]


@pytest.mark.usefixtures("ip")
def test_a_bridge_is_known_by_its_segment() -> None:
    assert (network.bridge_exists(PLACE, "servers"), network.bridge_exists(PLACE, "users")) == (True, False)


def test_a_bridge_that_stands_is_left_alone(ip: Ip) -> None:
    network.add_bridge(PLACE, "servers")
    assert not [asked for asked in ip.asked if "link add" in asked]


def test_a_bridge_is_made_in_the_labs_own_namespace(ip: Ip) -> None:
    network.add_bridge(PLACE, "users")
    assert ip.asked[-1].startswith("ip -n bf-bourg -batch - <<< link add users type bridge")


def test_a_bridge_that_is_gone_is_not_removed_again(ip: Ip) -> None:
    network.delete_bridge(PLACE, "users")
    assert not [asked for asked in ip.asked if "delete" in asked]


def test_interfaces_that_nobody_declared_are_removed_first(ip: Ip) -> None:
    network.connect(PLACE, "db", [], [])
    assert ip.asked[-1] == "ip -n bf-bourg.db link delete servers"


def test_an_interface_bears_its_segments_name_and_addresses(ip: Ip) -> None:
    network.connect(PLACE, "db", [Link("servers", ("10.0.4.11/24", "fd00::11/64"))], [])
    assert ip.asked[-1].endswith(
        "<<< addr add 10.0.4.11/24 dev servers\naddr add fd00::11/64 dev servers nodad\nlink set servers up"
    )


def test_routes_of_each_family_are_set_apart(ip: Ip) -> None:
    network.connect(PLACE, "db", [], [Route("default", "10.0.4.1"), Route("default", "fd00::1")])
    assert ip.asked[-2:] == [
        "ip -4 -n bf-bourg.db -batch - <<< route replace default via 10.0.4.1",
        "ip -6 -n bf-bourg.db -batch - <<< route replace default via fd00::1",
    ]
