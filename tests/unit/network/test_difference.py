from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.network.committed import committed
from beffroi.network.describe import described
from beffroi.network.difference import Change, alike, changes, compare, sharing
from beffroi.network.firewall import Family
from beffroi.network.town import FAMILIES, Town, town_of

Make = Callable[..., City]
FlowOf = Callable[..., dict[str, Any]]


def _town(city: City) -> Town:
    return town_of(city, committed(city))


def _told(changes: list[Change]) -> set[tuple[str, str, str, str]]:
    return {(each.sort, each.start, each.end, words) for each in changes for words in described(each.packets)}


def test_the_same_flows_under_other_names_and_in_another_order_change_nothing(
    small_town: Make, flow_of: FlowOf
) -> None:
    one = small_town(flows=[flow_of("a", "bastion", "app", "ssh"), flow_of("b", "users", "db", "web")])
    other = small_town(flows=[flow_of("c", "users", "db", "web"), flow_of("d", "bastion", "app", "ssh")])
    assert compare(_town(one), _town(other)) == []


def test_a_flow_split_in_two_changes_nothing(small_town: Make, flow_of: FlowOf) -> None:
    one = small_town(flows=[flow_of("both", "bastion", ["app", "db"], "ssh")])
    other = small_town(flows=[flow_of("one", "bastion", "app", "ssh"), flow_of("two", "bastion", "db", "ssh")])
    assert compare(_town(one), _town(other)) == []


def test_a_new_flow_opens_its_packets_and_no_others(small_town: Make, flow_of: FlowOf) -> None:
    old = small_town(flows=[flow_of("a", "users", "db", "web")])
    new = small_town(flows=[flow_of("a", "users", "db", "web"), flow_of("ssh", "bastion", "app", "ssh")])
    told = _told(compare(_town(old), _town(new)))
    assert {(sort, end) for sort, _, end, _ in told} == {("opened", "app")}
    assert ("opened", "bastion", "app", "10.0.3.10 -> 10.0.4.10 tcp/22") in told


def test_what_one_change_opens_its_undoing_closes(small_town: Make, flow_of: FlowOf) -> None:
    old = small_town(flows=[])
    new = small_town(flows=[flow_of("ssh", "bastion", "app", "ssh")])
    opened = {told[1:] for told in _told(compare(_town(old), _town(new)))}
    closed = {told[1:] for told in _told(compare(_town(new), _town(old)))}
    assert opened == closed != set()


def test_two_towns_share_the_machines_that_a_change_leaves_alone(small_town: Make, flow_of: FlowOf) -> None:
    old = _town(small_town(flows=[]))
    new = _town(small_town(flows=[flow_of("ssh", "bastion", "app", "ssh")]))
    shared = sharing(old, new)
    other = {name for name, device in shared.devices.items() if device is not old.devices[name]}
    assert {"bastion", "app"} <= other < old.devices.keys()
    assert all(shared.devices[name] is new.devices[name] for name in other)


@pytest.mark.parametrize("family", FAMILIES)
def test_machines_followed_once_for_two_towns_give_what_each_gives_alone(
    small_town: Make, flow_of: FlowOf, family: Family
) -> None:
    old = _town(small_town(flows=[flow_of("a", "users", "db", "web")]))
    new = _town(small_town(flows=[flow_of("a", "users", "db", "web"), flow_of("ssh", "bastion", "app", "ssh")]))
    told = _told(list(changes(old, sharing(old, new), family)))
    assert told
    assert told == _told(list(changes(old, new, family)))


def test_the_same_packets_from_several_links_are_one_change_told_from_where_their_source_lives(
    small_town: Make, flow_of: FlowOf
) -> None:
    old, new = small_town(flows=[]), small_town(flows=[flow_of("ssh", "bastion", "app", "ssh")])
    changes = compare(_town(old), _town(new))
    told = alike(new, changes)
    assert len(told) < len(changes)
    assert {each.change.start for each in told} <= {"bastion", "admin"}
    assert sum(1 + len(each.elsewhere) for each in told) == len(changes)


def test_what_the_internet_may_send_is_told_from_the_internet(small_town: Make, flow_of: FlowOf) -> None:
    new = small_town(flows=[flow_of("public", "internet", "app", "web")])
    told = alike(new, compare(_town(small_town()), _town(new)))
    assert {each.change.start for each in told if each.change.end == "app"} == {"internet"}
