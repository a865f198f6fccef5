"""One default-drop nftables ruleset a machine, from the declared flows alone. Pure.

Each accepting rule carries its flow's name as comment, and counts. Neighbour discovery and what RFC 4890 (sections 4.3
and 4.4) says must not be dropped pass; echo passes where a flow declares it, at a bounded rate. A gateway also drops,
before anything else, sources that cannot come from where they come (RFC 3704). Drops are logged at a bounded rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses

from beffroi.city import INTERNET, City, Gateway

from .permits import PRIVATE_IPV4, Endpoint, Permit, permits
from .routing import egress

Network = IPv4Network | IPv6Network

_HEADER = """#!/usr/sbin/nft -f
# Derived from the town's declared flows: edits here do not last.

flush ruleset

"""
_FAMILIES = ("ip", "ip6")
_LINK_LOCAL = IPv6Network("fe80::/10")
_UNSPECIFIED = IPv6Network("::/128")
_NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255"
_LISTENERS = "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }"
_ECHO_RATE = "limit rate 20/second burst 40 packets"
_LOG_RATE = "limit rate 5/second burst 10 packets"


def ruleset(city: City, machine: str) -> str:
    """Return the text of /etc/nftables.conf for a managed machine; raise KeyError when there is none of that name."""
    wanted = permits(city, machine)
    blocks = [_town_set("town4", "ipv4_addr", _town(city, "ip")), _town_set("town6", "ipv6_addr", _town(city, "ip6"))]
    described = city.machines()[machine]
    if isinstance(described, Gateway):
        blocks.append(
            _chain("spoofing", "filter hook prerouting priority raw; policy accept;", _spoofing(city, machine))
        )
    blocks += [_filter(hook, [permit for permit in wanted if permit.chain == hook]) for hook in _LOCAL_RULES]
    if isinstance(described, Gateway) and described.masquerade:
        rules = [_masquerade(segment) for segment in described.masquerade]
        blocks.append(_chain("translation", "nat hook postrouting priority srcnat; policy accept;", rules))
    body = "\n\n".join(blocks)
    return f"{_HEADER}table inet beffroi {{\n{body}\n}}\n"


_LOCAL_RULES = {
    "input": (
        'iifname "lo" accept comment "loopback"',
        f'{_NEIGHBOURS} accept comment "neighbour discovery"',
        f'ip6 saddr fe80::/10 {_LISTENERS} accept comment "multicast listeners"',
    ),
    "forward": (),
    "output": (
        'oifname "lo" accept comment "loopback"',
        f'{_NEIGHBOURS} accept comment "neighbour discovery"',
        f'{_LISTENERS} accept comment "multicast listeners"',
    ),
}


def _filter(hook: str, wanted: Sequence[Permit]) -> str:
    rules = [
        *_LOCAL_RULES[hook],
        'ct state established,related counter accept comment "answers, and errors about them"',
        'ct state invalid counter drop comment "invalid"',
        *_accepting(wanted),
        f'{_LOG_RATE} log prefix "beffroi {hook} refused: " comment "a sample of what is refused"',
        'counter comment "refused"',
    ]
    return _chain(hook, f"filter hook {hook} priority filter; policy drop;", rules)


def _accepting(wanted: Sequence[Permit]) -> list[str]:
    groups: dict[tuple[object, ...], list[Permit]] = {}
    for permit in wanted:
        outside = (permit.source.ipv4 is None, permit.destination.ipv4 is None)
        groups.setdefault((permit.flow, permit.entry, permit.exit, *outside), []).append(permit)
    return [rule for group in groups.values() for family in _FAMILIES for rule in _rules(group, family)]


def _rules(group: Sequence[Permit], family: str) -> list[str]:
    """Write permits that differ by their ends alone as few rules, each an exact product of sources and destinations."""
    ends: dict[str, list[Endpoint]] = {}
    for permit in group:
        ends.setdefault(_match(family, "daddr", [permit.destination]), []).append(permit.source)
    merged: dict[str, list[Permit]] = {}
    for permit in group:
        source = _match(family, "saddr", ends[_match(family, "daddr", [permit.destination])])
        merged.setdefault(source, []).append(permit)
    return [_rule(family, source, same) for source, same in merged.items()]


def _rule(family: str, source: str, same: Sequence[Permit]) -> str:
    first = same[0]
    sides = [f'iifname "{first.entry}"'] * bool(first.entry) + [f'oifname "{first.exit}"'] * bool(first.exit)
    destination = _match(family, "daddr", [permit.destination for permit in same])
    words = [*sides, source, destination, _service(first, family), "ct state new"]
    words += [_ECHO_RATE] if first.service.protocol == "icmp" else []
    return " ".join([*words, f'counter accept comment "flow {first.flow}"'])


def _match(family: str, side: str, ends: Sequence[Endpoint]) -> str:
    found = [end.ipv4 if family == "ip" else end.ipv6 for end in ends]
    if None in found:
        return f"{family} {side} != @town{'4' if family == 'ip' else '6'}"
    return f"{family} {side} {_set(network for networks in found for network in networks or ())}"


def _service(permit: Permit, family: str) -> str:
    service = permit.service
    if service.protocol == "icmp":
        return "icmp type echo-request" if family == "ip" else "icmpv6 type echo-request"
    ports = [f"{first}" if first == last else f"{first}-{last}" for first, last in sorted(service.ranges())]
    if not ports:
        return f"meta l4proto {service.protocol}"
    return f"{service.protocol} dport {ports[0] if len(ports) == 1 else '{ ' + ', '.join(ports) + ' }'}"


def _spoofing(city: City, machine: str) -> list[str]:
    """Drop, interface by interface, the sources that the static routes do not place behind it."""
    rules: list[str] = []
    uplink = egress(city, machine, INTERNET) if INTERNET in city.segments else None
    for interface in city.machines()[machine].interfaces:
        behind = [name for name in city.inner_segments() if egress(city, machine, name) == interface]
        for family in _FAMILIES:
            here = [_of_segment(city, name, family) for name in behind]
            if interface == uplink:
                elsewhere = [network for network in _town(city, family) if not _within(network, here)]
                match = f"{family} saddr {_set(elsewhere)}" if elsewhere else ""
            else:
                always = [_LINK_LOCAL, _UNSPECIFIED] if family == "ip6" else []
                match = f"{family} saddr != {_set([*here, *always])}"
            rules += [f'iifname "{interface}" {match} counter drop comment "spoofed source"'] if match else []
    return rules


def _masquerade(segment: str) -> str:
    return f'oifname "{segment}" ip saddr {_set(PRIVATE_IPV4)} counter masquerade comment "private sources hidden"'


def _town(city: City, family: str) -> list[Network]:
    """Return the town's own networks, and its gateways' addresses on the uplink."""
    inner = [_of_segment(city, name, family) for name in city.inner_segments()]
    uplinks = [machine.interfaces[INTERNET] for machine in city.members(INTERNET).values()]
    return inner + [_single(uplink.ipv4 if family == "ip" else uplink.ipv6) for uplink in uplinks]


def _of_segment(city: City, name: str, family: str) -> Network:
    return city.segments[name].ipv4 if family == "ip" else city.segments[name].ipv6


def _single(address: IPv4Address | IPv6Address) -> Network:
    return IPv4Network(address) if isinstance(address, IPv4Address) else IPv6Network(address)


def _within(network: Network, others: Iterable[Network]) -> bool:
    return any(network.version == other.version and network.subnet_of(other) for other in others)  # type: ignore[arg-type]


def _set(networks: Iterable[Network]) -> str:
    """Write networks as nft does: merged where they overlap (an nftables interval set refuses overlaps), in order."""
    written = [
        f"{network.network_address}" if network.prefixlen == network.max_prefixlen else f"{network}"
        for network in collapse_addresses(networks)  # type: ignore[type-var]
    ]
    return written[0] if len(written) == 1 else "{ " + ", ".join(written) + " }"


def _town_set(name: str, element_type: str, networks: Sequence[Network]) -> str:
    elements = _set(networks).strip("{ }")
    lines = ("{", f"    type {element_type}", "    flags interval", f"    elements = {{ {elements} }}", "}")
    return f"    set {name} " + "\n    ".join(lines)


def _chain(name: str, hook: str, rules: Sequence[str]) -> str:
    body = "".join(f"        {rule}\n" for rule in rules)
    return f"    chain {name} {{\n        type {hook}\n{body}    }}"
