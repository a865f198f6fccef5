from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from beffroi.city import City
from beffroi.network.routing import Hop, meeting, path, routes, segment_gateway, uplink_next_hop, uplink_routes

Town = Callable[..., City]


def _lines(city: City, machine: str) -> list[str]:
    return [f"{route.to} via {route.via} dev {route.dev}" for route in routes(city, machine)]


def test_a_host_has_its_default_route_by_the_gateway_of_its_segment(small_town: Town) -> None:
    assert _lines(small_town(), "app") == [
        "0.0.0.0/0 via 10.0.4.1 dev servers",
        "::/0 via fd00:0:0:4::1 dev servers",
    ]


def test_a_gateway_on_the_uplink_sends_the_rest_to_the_operator(small_town: Town) -> None:
    assert "0.0.0.0/0 via 10.0.1.1 dev internet" in _lines(small_town(), "edge")


def test_a_gateway_has_a_route_to_each_segment_that_it_does_not_touch(small_town: Town) -> None:
    destinations = {str(route.to) for route in routes(small_town(), "edge") if not route.is_default}
    assert destinations == {
        *("10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24"),
        *("fd00:0:0:4::/64", "fd00:0:0:5::/64", "fd00:0:0:6::/64"),
    }


def test_a_host_beside_two_gateways_asks_the_nearer_one_for_each_segment(small_town: Town) -> None:
    town = small_town()
    edge, core = town.gateways["edge"], town.gateways["core"]
    admin = edge.interfaces["admin"].model_copy(
        update={"ipv4": ip_address("10.0.3.2"), "ipv6": ip_address("fd00:0:0:3::2")}
    )
    both = core.model_copy(update={"interfaces": {**core.interfaces, "admin": admin}})
    town = town.model_copy(update={"gateways": {"edge": edge, "core": both}})
    assert "10.0.4.0/24 via 10.0.3.2 dev admin" in _lines(town, "bastion")


def test_a_path_names_every_gateway_and_its_two_sides(small_town: Town) -> None:
    assert path(small_town(), "admin", "servers") == [
        Hop("edge", "admin", "transit"),
        Hop("core", "transit", "servers"),
    ]


def test_a_path_and_its_return_cross_the_same_gateways(small_town: Town) -> None:
    town = small_town()
    for one in town.segments:
        for other in town.segments:
            there = [(hop.gateway, hop.entry, hop.exit) for hop in path(town, one, other)]
            back = [(hop.gateway, hop.exit, hop.entry) for hop in reversed(path(town, other, one))]
            assert there == back, (one, other)


def test_there_is_no_path_without_a_gateway(small_town: Town) -> None:
    assert path(small_town(gateways={}), "admin", "servers") == []


def test_the_gateway_of_a_segment_is_the_one_nearest_to_the_internet(small_town: Town) -> None:
    town = small_town()
    assert [segment_gateway(town, name) for name in ("transit", "servers")] == ["edge", "core"]


def test_the_operators_router_has_the_first_address_that_the_town_leaves_free(small_town: Town) -> None:
    next_hop = uplink_next_hop(small_town())
    assert next_hop is not None
    assert (str(next_hop.ipv4), str(next_hop.ipv6)) == ("10.0.1.1", "fd00:0:0:1::1")


def test_the_operators_router_reaches_every_segment_of_the_town(small_town: Town) -> None:
    town = small_town()
    assert len({route.to for route in uplink_routes(town)}) == 2 * len(town.inner_segments())


def test_machines_of_one_segment_meet_there(small_town: Town) -> None:
    found = meeting(small_town(), "app", "core")
    assert found
    assert [str(side.ipv4) for side in found] == ["10.0.4.10", "10.0.4.1"]


def test_machines_of_two_segments_meet_by_the_addresses_that_their_routes_choose(small_town: Town) -> None:
    found = meeting(small_town(), "core", "logs")
    assert found
    assert [str(side.ipv4) for side in found] == ["10.0.2.2", "10.0.3.11"]


def test_machines_that_no_path_joins_do_not_meet(small_town: Town) -> None:
    assert meeting(small_town(gateways={}), "app", "logs") is None
