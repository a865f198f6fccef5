"""What the kernel does that nobody would guess: each fact of docs/network-kernel-facts.md, by hand, with real packets.

Each case says what comes out of the kernel, and the step-by-step model is asked the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from kernel import frames
from kernel.campaign import Campaign, campaign
from kernel.rounds import Judged, Rounds

from beffroi.network.conntrack import Connection, Packet
from beffroi.network.firewall import Direction, Firewall, State
from beffroi.network.services import ACK, ICMP, ICMPV6, RST, SYN, TCP, UDP, Point
from beffroi.network.trace import Decision, received, sent

pytestmark = pytest.mark.lab

FILTER = "type filter hook {} priority {}; policy {};"
NAT = "type nat hook {} priority {};"


@pytest.fixture(scope="module")
def judging() -> Iterator[Campaign]:
    with campaign() as made:
        yield made


def packet(source: str, destination: str, service: Point) -> Packet:
    one, other = ip_address(source), ip_address(destination)
    return Packet(6 if one.version == 6 else 4, int(one), int(other), service)


def tcp(source: str, destination: str, port: int, flags: int = SYN, *, client: int = 40000) -> Packet:
    return packet(source, destination, Point(TCP, client, port, flags))


def table(*chains: str, family: str = "inet") -> str:
    return f"table {family} t {{\n" + "\n".join(chains) + "\n}"


def chain(name: str, hook: str, *rules: str) -> str:
    return f"chain {name} {{ {hook}\n" + "\n".join(rules) + "\n}"


def comes(judging: Campaign, firewall: Firewall, entry: str, each: Packet) -> Packet | None:
    """Send one packet of no connection; return it as it comes out, which the model must have said."""
    machine = judging.namespaces.plan.machine()
    came = _kernel(judging, entry, each)
    said = (received if entry else sent)(firewall, each, machine=machine, **({"entry": entry} if entry else {}))
    assert said.decision is (Decision.ACCEPT if came else Decision.DROP), said.show()
    assert came is None or any(end.allows(came) for end in said.ends), said.show()
    return came


def _kernel(judging: Campaign, entry: str, each: Packet, *, side: str = "original") -> Packet | None:
    seen = judging.wire.through([(entry, frames.forged(each, 1, ident=7, side=side))])
    return seen[1].packet if seen else None


def test_a_mid_stream_ack_of_no_connection_is_new(judging: Campaign) -> None:
    firewall = judging.firewall(table(chain("f", FILTER.format("forward", 0, "drop"), "ct state new accept")))
    assert comes(judging, firewall, "town", tcp("10.1.0.5", "10.2.0.5", 22, ACK, client=1001))
    assert not comes(judging, firewall, "town", tcp("10.1.0.5", "10.2.0.5", 22, RST, client=1002))
    assert not comes(judging, firewall, "town", tcp("10.1.0.5", "10.2.0.5", 22, SYN | ACK, client=1003))


def test_accepting_what_dnat_wrote_opens_the_private_address_too(judging: Campaign) -> None:
    before = chain("b", NAT.format("prerouting", "dstnat"), "ip daddr 203.0.113.1 tcp dport 443 dnat ip to 10.2.0.9")
    open_ = table(before, chain("f", FILTER.format("forward", 0, "drop"), "ip daddr 10.2.0.9 tcp dport 443 accept"))
    firewall = judging.firewall(open_)
    assert comes(judging, firewall, "internet", tcp("198.51.100.5", "203.0.113.1", 443, client=1011))
    assert comes(judging, firewall, "internet", tcp("198.51.100.5", "10.2.0.9", 443, client=1012))
    guarded = judging.firewall(open_.replace("dport 443 accept", "dport 443 ct status dnat accept"))
    assert comes(judging, guarded, "internet", tcp("198.51.100.5", "203.0.113.1", 443, client=1013))
    assert not comes(judging, guarded, "internet", tcp("198.51.100.5", "10.2.0.9", 443, client=1014))


def test_a_second_packet_before_any_answer_is_still_new(judging: Campaign) -> None:
    judging.firewall(table(chain("f", FILTER.format("forward", 0, "accept"), "ct state established drop")))
    opening = packet("10.1.0.5", "10.2.0.5", Point(UDP, 1021, 53, 0))
    assert _kernel(judging, "town", opening)
    assert _kernel(judging, "town", opening)
    assert not _kernel(judging, "servers", packet("10.2.0.5", "10.1.0.5", Point(UDP, 53, 1021, 0)))
    # The answer was dropped after conntrack saw it: the connection is established all the same.
    assert not _kernel(judging, "town", opening)


@pytest.mark.parametrize("priority", ["-150", "-100", "0", "300"])
def test_a_nat_chain_translates_at_the_hook_s_own_place_whatever_its_priority(judging: Campaign, priority: str) -> None:
    firewall = judging.firewall(
        table(
            chain("b", NAT.format("prerouting", priority), "ip daddr 203.0.113.1 tcp dport 80 dnat ip to 10.2.0.9"),
            chain("early", FILTER.format("prerouting", -101, "accept"), "ip daddr 10.2.0.9 drop"),
            chain("late", FILTER.format("prerouting", -99, "accept"), "ip daddr 203.0.113.1 drop"),
        )
    )
    came = comes(
        judging, firewall, "internet", tcp("198.51.100.6", "203.0.113.1", 80, client=1031 + int(priority) % 97)
    )
    assert came is not None
    assert came.destination == int(ip_address("10.2.0.9"))


def test_the_first_translation_of_a_hook_ends_its_nat_chains(judging: Campaign) -> None:
    firewall = judging.firewall(
        table(
            chain("one", NAT.format("prerouting", -110), "tcp dport 81 accept", "tcp dport 80 dnat ip to 10.2.0.8"),
            chain("two", NAT.format("prerouting", -90), "tcp dport { 80, 81 } dnat ip to 10.2.0.9"),
        )
    )
    first = comes(judging, firewall, "internet", tcp("198.51.100.7", "203.0.113.1", 80, client=1041))
    second = comes(judging, firewall, "internet", tcp("198.51.100.7", "203.0.113.1", 81, client=1042))
    assert [each and str(ip_address(each.destination)) for each in (first, second)] == ["10.2.0.8", "10.2.0.9"]


def test_of_two_chains_of_one_priority_the_last_made_comes_first(judging: Campaign) -> None:
    one, two = (
        chain(name, NAT.format("prerouting", "dstnat"), f"tcp dport 80 dnat ip to 10.2.0.{last}")
        for name, last in (("one", 8), ("two", 9))
    )
    for client, chains, last in ((1055, (one, two), "9"), (1056, (two, one), "8")):
        firewall = judging.firewall(table(*chains))
        came = comes(judging, firewall, "internet", tcp("198.51.100.8", "203.0.113.1", 80, client=client))
        assert came is not None
        assert str(ip_address(came.destination)) == f"10.2.0.{last}"


def test_a_translation_of_the_other_family_is_passed_over(judging: Campaign) -> None:
    before = chain("b", NAT.format("prerouting", "dstnat"), "tcp dport 80 dnat ip to 10.2.0.9", "tcp dport 80 drop")
    firewall = judging.firewall(table(before, chain("f", FILTER.format("forward", 0, "accept"), "ct state new accept")))
    assert comes(judging, firewall, "internet", tcp("198.51.100.8", "203.0.113.1", 80, client=1051))
    assert not comes(judging, firewall, "internet", tcp("2001:db8:9::8", "2001:db8:2::9", 80, client=1052))


def test_nat_chains_see_no_packet_of_a_family_that_nothing_asks_conntrack_for(judging: Campaign) -> None:
    judging.firewall(table(chain("b", NAT.format("prerouting", "dstnat"), "tcp dport 80 dnat ip to 10.2.0.9", "drop")))
    assert not _kernel(judging, "internet", tcp("198.51.100.8", "10.2.0.9", 81, client=1053))
    assert _kernel(judging, "internet", tcp("2001:db8:9::8", "2001:db8:2::9", 81, client=1054))


def test_neighbour_discovery_is_untracked_and_an_answer_to_nothing_is_invalid(judging: Campaign) -> None:
    rules = ("ct state untracked accept", "ct state invalid drop", "ct state new drop")
    firewall = judging.firewall(table(chain("f", FILTER.format("forward", 0, "drop"), *rules)))
    for kind, passes in ((133, True), (135, True), (136, True), (143, True), (128, False), (129, False), (1, False)):
        each = packet("2001:db8:1::5", "2001:db8:2::5", Point(ICMPV6, kind, 0, 0))
        assert bool(comes(judging, firewall, "town", each)) is passes, kind


def test_before_conntrack_every_packet_looks_invalid(judging: Campaign) -> None:
    raw = chain(
        "r",
        FILTER.format("prerouting", -300, "accept"),
        "ct state invalid tcp dport 81 drop",
        "ct direction original drop",
    )
    after = chain("m", FILTER.format("prerouting", -150, "accept"), "ct state invalid tcp dport 82 drop")
    firewall = judging.firewall(table(raw, after))
    assert not comes(judging, firewall, "town", tcp("10.1.0.5", "10.2.0.5", 81, client=1061))
    assert comes(judging, firewall, "town", tcp("10.1.0.5", "10.2.0.5", 82, client=1062))


def test_notrack_after_conntrack_does_nothing_to_a_tracked_packet(judging: Campaign) -> None:
    late = chain("m", FILTER.format("prerouting", -150, "accept"), "notrack")
    firewall = judging.firewall(
        table(late, chain("f", FILTER.format("forward", 0, "accept"), "ct state untracked drop"))
    )
    assert comes(judging, firewall, "town", tcp("10.1.0.5", "10.2.0.5", 80, client=1071))
    assert not comes(judging, firewall, "town", tcp("10.1.0.5", "10.2.0.5", 80, RST, client=1072))


def test_an_untracked_packet_is_never_translated(judging: Campaign) -> None:
    raw = chain("r", FILTER.format("prerouting", -300, "accept"), "tcp dport 80 notrack")
    behind = chain("b", NAT.format("postrouting", "srcnat"), 'oifname "internet" masquerade')
    firewall = judging.firewall(table(raw, behind))
    for port, source in ((80, "10.1.0.5"), (81, "203.0.113.1")):
        came = comes(judging, firewall, "town", tcp("10.1.0.5", "198.51.100.9", port, client=1081))
        assert came is not None
        assert str(ip_address(came.source)) == source


def test_postrouting_still_knows_where_a_forwarded_packet_came_in(judging: Campaign) -> None:
    firewall = judging.firewall(
        table(chain("p", FILTER.format("postrouting", 0, "accept"), 'iifname "town" tcp dport 80 drop'))
    )
    assert not comes(judging, firewall, "town", tcp("10.1.0.5", "10.2.0.5", 80, client=1091))
    assert comes(judging, firewall, "internet", tcp("198.51.100.5", "10.2.0.5", 80, client=1092))


def test_an_error_about_a_translated_connection_carries_the_public_address(judging: Campaign) -> None:
    before = chain("b", NAT.format("prerouting", "dstnat"), "ip daddr 203.0.113.1 tcp dport 443 dnat ip to 10.2.0.9")
    rules = ("ct state related ct direction reply accept", "ct state new accept")
    firewall = judging.firewall(table(before, chain("f", FILTER.format("forward", 0, "drop"), *rules)))
    opening = tcp("198.51.100.5", "203.0.113.1", 443, client=1101)
    left = comes(judging, firewall, "internet", opening)
    assert left is not None
    router = packet("10.2.0.77", "198.51.100.5", Point(ICMP, 3, 1, 0))
    seen = judging.wire.through([("servers", frames.forged(router, 2, quoted=frames.forged(left, 1)))])
    known = Connection(opening, left)
    tracking = known.tracking(State.RELATED, Direction.REPLY)
    said = received(
        firewall,
        router,
        entry="servers",
        machine=judging.namespaces.plan.machine(),
        tracking=tracking,
        connection=known,
    )
    assert str(ip_address(seen[2].packet.source)) == "203.0.113.1"
    assert said.end is not None
    assert said.end.packet == seen[2].packet


def test_what_the_firewall_sends_itself_meets_output_and_postrouting(judging: Campaign) -> None:
    firewall = judging.firewall(
        table(
            chain("o", FILTER.format("output", 0, "drop"), 'oifname "servers" tcp dport { 80, 81 } accept'),
            chain("p", FILTER.format("postrouting", 0, "accept"), "tcp dport 81 drop"),
        )
    )
    assert comes(judging, firewall, "", tcp("10.2.0.1", "10.2.0.5", 80, client=1111))
    assert not comes(judging, firewall, "", tcp("10.2.0.1", "10.2.0.5", 81, client=1112))
    assert not comes(judging, firewall, "", tcp("10.2.0.1", "10.2.0.5", 82, client=1113))
    assert not comes(judging, firewall, "", tcp("10.1.0.1", "10.1.0.5", 80, client=1114))


def test_output_s_later_chains_still_see_the_first_way_out_after_a_translation(judging: Campaign) -> None:
    firewall = judging.firewall(
        table(
            chain("d", NAT.format("output", -100), "ip daddr 10.2.0.5 tcp dport 80 dnat ip to 10.1.0.5"),
            chain("o", FILTER.format("output", 0, "drop"), 'oifname "servers" ip daddr 10.1.0.5 accept'),
            chain("p", FILTER.format("postrouting", 0, "drop"), 'oifname "town" ip daddr 10.1.0.5 accept'),
        )
    )
    came = comes(judging, firewall, "", tcp("10.2.0.1", "10.2.0.5", 80, client=1121))
    assert came is not None
    assert str(ip_address(came.destination)) == "10.1.0.5"


def shown(judged: list[Judged]) -> str:
    return "\n".join(one.show() for one in judged if not one.agreed)


def test_all_that_follows_an_accepted_packet_is_judged_too(judging: Campaign) -> None:
    behind = chain("b", NAT.format("postrouting", "srcnat"), 'oifname "internet" masquerade')
    rules = ("ct state established,related accept", "ct state new accept")
    firewall = judging.firewall(table(behind, chain("f", FILTER.format("forward", 0, "drop"), *rules)))
    rounds = Rounds(judging.wire, firewall, judging.namespaces.plan.machine(), 1)
    judged = rounds.all([("town", tcp("10.1.0.5", "198.51.100.5", 80, client=1131))])
    assert [one.shot.sort for one in judged] == [
        "new",
        "answer",
        "further",
        "error",
        "error back",
        "error about nothing",
    ]
    assert all(one.seen and one.seen.exit for one in judged[:5])
    assert not shown(judged)
