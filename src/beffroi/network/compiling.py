"""The compiler: a city's declared flows to one nftables ruleset a machine, as nft's own JSON. Pure.

The objects have the form of `nft -j list ruleset` (libnftables-json(5)), so that the reader reads what was compiled
without running nft; ruleset.py prints them as text. A filter chain looks its packets up in a few named sets, however
many flows there are; an element carries its flows' names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, collapse_addresses
from itertools import product
from typing import Any

from beffroi.city import INTERNET, City, Gateway
from beffroi.city.sameness import Same

from .boxes import FlowBox, Opened, disjoint
from .firewall import Family
from .permits import Endpoint, Permit, permits
from .routing import egress
from .services import LAST_PORT, TCP, UDP
from .town import never_forwarded
from .translating import masquerade, publishing
from .words import (
    ACCEPT,
    COUNTER,
    DROP,
    FAMILY_NUMBER,
    FAMILY_WORDS,
    IP_VERSIONS,
    address,
    as_nft_lists,
    chain,
    concat,
    equals,
    limited,
    network,
    payload,
    refusals_logged,
    rule,
    shortened,
    span,
)

Network = Any
Group = tuple[str, str, str]
_PROTOCOLS = {"tcp": TCP, "udp": UDP}
_NAMES = {number: name for name, number in _PROTOCOLS.items()}
_NEIGHBOURS = ["nd-neighbor-solicit", "nd-neighbor-advert"]
_LISTENERS = ["mld-listener-query", "mld-listener-report", "mld-listener-done", "mld2-listener-report"]
_ECHO = {"ip": "icmp", "ip6": "icmpv6"}


def compiled(city: City, machine: str) -> list[dict[str, Any]]:
    """Return the objects of a managed machine's ruleset; raise KeyError when there is none of that name.

    They are kept, and shared by all who ask: nobody may change them.
    """
    return _compiled(Same(city), machine)


@lru_cache(maxsize=4096)
def _compiled(same: Same, machine: str) -> list[dict[str, Any]]:
    city = same.city
    described = city.machine(machine)
    wanted = permits(city, machine)
    sets: list[dict[str, Any]] = []
    chains: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if len(described.interfaces) > 1:
        found, rules = _spoofing(city, machine)
        sets += found
        chains.append((chain("spoofing", "filter", "prerouting", -300, "accept"), rules))
    for hook in ("input", "forward", "output"):
        found, rules = _filter(hook, [permit for permit in wanted if permit.chain == hook])
        sets += found
        chains.append((chain(hook, "filter", hook, 0, "drop"), rules))
    if isinstance(described, Gateway) and described.publish:
        rules = list(publishing(city, described))
        chains.append((chain("publishing", "nat", "prerouting", -100, "accept"), rules))
    if isinstance(described, Gateway) and described.masquerade:
        rules = [masquerade(segment) for segment in described.masquerade]
        chains.append((chain("translation", "nat", "postrouting", 100, "accept"), rules))
    sets = [*_towns(city, chains), *sets]
    named = {"family": "inet", "table": "beffroi"}
    placed = [{"rule": {**named, "chain": head["name"], **each}} for head, rules in chains for each in rules]
    return [
        {"table": {"family": "inet", "name": "beffroi"}},
        *({"set": {**named, **each}} for each in sets),
        *({"chain": {**named, **head}} for head, _ in chains),
        *placed,
    ]


def _filter(hook: str, wanted: Sequence[Permit]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the sets and the rules of one base chain."""
    sets: list[dict[str, Any]] = []
    rules = [
        *_local(hook),
        rule("answers, and errors about them", equals(_state(), ["established", "related"], "in"), COUNTER, ACCEPT),
        rule("invalid", equals(_state(), "invalid", "in"), COUNTER, DROP),
    ]
    for family, version in IP_VERSIONS:
        groups: dict[Group, list[Permit]] = {}
        for permit in wanted:
            ends = (permit.source, permit.destination)
            if all(_networks(end, family) != () for end in ends):
                groups.setdefault(_group(permit, family), []).append(permit)
        for group in sorted(groups, key=str):
            found, more = _looked_up(f"{hook}{version}", family, group, groups[group])
            sets += found
            rules += more
    return sets, [*rules, *refusals_logged(hook)]


def _group(permit: Permit, family: str) -> Group:
    """Return what a set cannot say: by which interface the internet comes or goes, and which sort of set it is."""
    sort = "echo" if permit.service.protocol == "icmp" else "flows"
    entry = permit.entry if permit.source.ipv4 is None else ""
    exit_ = permit.exit if permit.destination.ipv4 is None else ""
    return (
        (f"from-{entry}" if permit.source.ipv4 is None else ""),
        (f"to-{exit_}" if permit.destination.ipv4 is None else ""),
        "published" if permit.published and family == "ip" else sort,
    )


def _looked_up(
    suffix: str, family: str, group: Group, wanted: Sequence[Permit]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return one set of what several permits open, and the rule that looks packets up in it."""
    outside_in, outside_out, sort = group
    echo = sort == "echo"
    opened = disjoint(_boxes(family, wanted))
    sides = [] if outside_in else ["saddr"]
    sides += [] if outside_out else ["daddr"]
    name = "-".join(filter(None, (sort, outside_in, outside_out, suffix)))
    elements = [_element(family, sides, each, echo=echo) for each in opened]
    types = [address(family)] * len(sides) + ([] if echo else ["inet_proto", "inet_service"])
    found = _counting(name, types if len(types) > 1 else types[0], elements) if types else None
    keys = [payload(family, side) for side in sides]
    keys += [] if echo else [{"meta": {"key": "l4proto"}}, payload("th", "dport")]
    words = list(_interfaces(outside_in, outside_out, family))
    words += [equals(concat(keys), f"@{name}")] if found else []
    words += [equals(payload(_ECHO[family], "type"), "echo-request")] if echo else []
    # Without it, the private address would be open to whoever can send to it directly.
    words += [equals({"ct": {"key": "status"}}, "dnat", "in")] if sort == "published" else []
    last = [limited(20, 40)] if echo else []
    about = "echo requests of the declared flows" if echo else f"the declared flows: set {name}"
    return [found] if found else [], [rule(about, *words, equals(_state(), "new", "in"), *last, COUNTER, ACCEPT)]


def _interfaces(outside_in: str, outside_out: str, family: str) -> Iterator[dict[str, Any]]:
    town = f"@town{FAMILY_NUMBER[family]}"
    for way, side, key in ((outside_in, "saddr", "iifname"), (outside_out, "daddr", "oifname")):
        if way:
            interface = way.partition("-")[2]
            if interface:
                yield equals({"meta": {"key": key}}, interface)
            yield equals(payload(family, side), town, "!=")


def _boxes(family: str, wanted: Iterable[Permit]) -> Iterator[tuple[str, FlowBox]]:
    whole = ((0, 0),)
    for permit in wanted:
        sources = [span(each) for each in _networks(permit.source, family) or ()] or whole
        destinations = [span(each) for each in _networks(permit.destination, family) or ()] or whole
        protocol = _PROTOCOLS.get(permit.service.protocol, 0)
        ports = sorted(permit.service.ranges()) or [(0, LAST_PORT)]
        for source, destination, port in product(sources, destinations, ports if protocol else whole):
            yield permit.flow, FlowBox(source, destination, protocol, port)


def _element(family: str, sides: Sequence[str], opened: Opened, *, echo: bool) -> Any:  # noqa: ANN401 - nft's JSON
    box = opened.box
    ends = {"saddr": box.source, "daddr": box.destination}
    parts: list[Any] = [network(FAMILY_NUMBER[family], ends[side]) for side in sides]
    if not echo:
        low, high = box.ports
        parts += [_NAMES[box.protocol], low if low == high else {"range": [low, high]}]
    value = {"concat": parts} if len(parts) > 1 else parts[0]
    return {"elem": {"val": value, "comment": shortened(opened.flows), **COUNTER}}


def _named(name: str, types: str | list[str], elements: list[Any]) -> dict[str, Any]:
    """Return a set; always of intervals, since nft lists these in order, and a hash in another order at every boot."""
    return {"name": name, "type": types, "flags": ["interval"], "elem": elements}


def _counting(name: str, types: str | list[str], elements: list[Any]) -> dict[str, Any]:
    """Return a set whose elements count their packets, each for its flows."""
    return {**_named(name, types, elements), "stmt": [{"counter": None}]}


def _local(hook: str) -> list[dict[str, Any]]:
    if hook == "forward":
        return []
    loopback = {"meta": {"key": "iifname" if hook == "input" else "oifname"}}
    six = equals({"meta": {"key": "protocol"}}, "ip6")
    kind = payload("icmpv6", "type")
    near = [equals(payload("ip6", "saddr"), {"prefix": {"addr": "fe80::", "len": 10}})] if hook == "input" else [six]
    return [
        rule("loopback", equals(loopback, "lo"), ACCEPT),
        # Without `meta protocol`, nft lists the same words for ICMPv6 numbers in an IPv4 packet.
        rule("neighbour discovery", six, equals(kind, {"set": _NEIGHBOURS}), ACCEPT),
        rule("multicast listeners", *near, equals(kind, {"set": _LISTENERS}), ACCEPT),
    ]


def _state() -> dict[str, Any]:
    return {"ct": {"key": "state"}}


def _spoofing(city: City, machine: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the sets and rules that drop sources which the static routes do not place behind an interface (RFC 3704).

    One lookup a packet, however many interfaces there are; what comes from any other interface is left to the filters.
    """
    uplink = egress(city, machine, INTERNET) if INTERNET in city.segments else None
    interfaces = sorted(city.machine(machine).interfaces, key=as_nft_lists)
    entry = {"meta": {"key": "iifname"}}
    sets: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = []
    for family, version in IP_VERSIONS:
        behind: list[Any] = []
        for interface in interfaces:
            here = [_of_segment(city, name, family) for name in _behind(city, machine, interface)]
            if interface == uplink:
                elsewhere = [each for each in _inner(city, family) if each not in here]
                sets.append(_named(f"elsewhere{version}", address(family), _written(version, elsewhere)))
                source = equals(payload(family, "saddr"), f"@elsewhere{version}", "!=")
                rules.append(rule("from outside", equals(entry, interface), source, ACCEPT))
            else:
                written = _written(version, [*here, *_link_local(family)])
                behind += [{"concat": [interface, each]} for each in written]
        if behind:
            sets.append(_named(f"behind{version}", ["ifname", address(family)], behind))
            keys = concat([entry, payload(family, "saddr")])
            rules.append(rule("at home there", equals(keys, f"@behind{version}"), ACCEPT))
    return sets, [*rules, rule("spoofed source", equals(entry, {"set": interfaces}), COUNTER, DROP)]


def _behind(city: City, machine: str, interface: str) -> list[str]:
    return [name for name in city.inner_segments() if egress(city, machine, name) == interface]


def _written(version: Family, networks: Iterable[Network]) -> list[Any]:
    return [network(version, span(each)) for each in collapse_addresses(networks)]


def _towns(city: City, chains: object) -> Iterator[dict[str, Any]]:
    """Yield the sets of what is not the internet, where some rule asks for them."""
    words = repr(chains)
    for family, version in IP_VERSIONS:
        if f"'@town{version}'" in words:
            yield _named(f"town{version}", address(family), _town(city, family))


def _town(city: City, family: str) -> list[Any]:
    """Return what is not the internet: the town's networks, its addresses on the uplink, and no router's addresses."""
    version = FAMILY_NUMBER[family]
    inner = list(collapse_addresses(_inner(city, family)))
    ranges = sorted([*(span(each) for each in inner), *never_forwarded(version)])
    return [network(version, each) for each in ranges]


def _inner(city: City, family: str) -> list[Network]:
    inner = [_of_segment(city, name, family) for name in city.inner_segments()]
    uplinks = [machine.interfaces[INTERNET] for machine in city.members(INTERNET).values()]
    return inner + [_single(uplink.ipv4 if family == "ip" else uplink.ipv6) for uplink in uplinks]


def _link_local(family: str) -> list[Network]:
    return [FAMILY_WORDS["ip6"]("fe80::/10"), FAMILY_WORDS["ip6"]("::/128")] if family == "ip6" else []


def _networks(end: Endpoint, family: str) -> tuple[Network, ...] | None:
    return end.ipv4 if family == "ip" else end.ipv6


def _of_segment(city: City, name: str, family: str) -> Network:
    return city.segments[name].ipv4 if family == "ip" else city.segments[name].ipv6


def _single(one: IPv4Address | IPv6Address) -> Network:
    return FAMILY_WORDS["ip" if isinstance(one, IPv4Address) else "ip6"](one)
