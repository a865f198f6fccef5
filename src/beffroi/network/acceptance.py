"""Which rules of a running ruleset would accept a new connection from a network, read on the safe side. Pure.

What is not understood counts as accepting: a jump, a verdict map, a match other than source and service never makes a
rule harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .listing import Block, Network, named_sets, networks, without_comment

_SOURCE = re.compile(r"\b(?P<family>ip6?) saddr (?P<negated>!= )?(?P<networks>\{[^}]*\}|\S+)")
_PORTS = re.compile(r"\b(?P<protocol>tcp|udp) dport (?P<ports>\{[^}]*\}|[0-9-]+)(?= )")
_ONE_FAMILY = ((4, re.compile(r"\b(ip [sd]addr|icmp type)\b")), (6, re.compile(r"\b(ip6 [sd]addr|icmpv6 type)\b")))
_LETS_THROUGH = re.compile(r"\b(accept|jump|goto|vmap|queue)\b")
_NO_NEW_CONNECTION = (
    re.compile(r"^ct state (established|related)(,(established|related))* "),
    re.compile(r'^iif(name)? "lo" '),
    re.compile(r"^(ip6 saddr fe80::/10 )?icmpv6 type \{ ((nd-neighbor|mld2?-listener)-[a-z]+(, )?)+ \} "),
)
_LAST_PORT = 65535


@dataclass(frozen=True)
class Service:
    """A protocol and a range of destination ports; `any` for whatever a rule does not narrow down."""

    protocol: str
    first: int = 0
    last: int = _LAST_PORT

    @classmethod
    def read(cls, written: str) -> Service:
        """Read `tcp/443`, `udp/5000-5010` or `icmp`."""
        protocol, _, ports = written.partition("/")
        first, _, last = ports.partition("-")
        return cls(protocol, int(first), int(last or first)) if ports else cls(protocol)

    def within(self, other: Service) -> bool:
        """Tell whether all of this service is part of `other`."""
        return self.protocol == other.protocol and other.first <= self.first and self.last <= other.last


def accepted(found: Sequence[Block], hook: str, source: Network) -> Iterator[tuple[str, tuple[Service, ...]]]:
    """Yield the rules on `hook` that accept new connections from some address of `source`, and to which services."""
    known = named_sets(found)
    for block in found:
        if block.hook != hook:
            continue
        for rule in block.lines[1:]:
            bare = without_comment(rule)
            if _opens(bare) and _meets(bare, source, known):
                yield rule, _services(bare)


def _opens(bare: str) -> bool:
    return bool(_LETS_THROUGH.search(bare)) and not any(harmless.match(bare) for harmless in _NO_NEW_CONNECTION)


def _meets(bare: str, source: Network, sets: dict[str, tuple[Network, ...]]) -> bool:
    if any(version != source.version and family.search(bare) for version, family in _ONE_FAMILY):
        return False
    match = _SOURCE.search(bare)
    if not match:
        return True
    named = [network for network in networks(match["networks"], sets) if network.version == source.version]
    if match["negated"]:
        return not any(source.subnet_of(network) for network in named)  # type: ignore[arg-type]
    return any(source.overlaps(network) for network in named)


def _services(bare: str) -> tuple[Service, ...]:
    if found := _PORTS.search(bare):
        ports = found["ports"].strip("{ }").split(", ")
        return tuple(Service.read(f"{found['protocol']}/{port}") for port in ports)
    if re.search(r"\bicmp(v6)? type echo-request\b", bare):
        return (Service("icmp"),)
    return (Service("any"),)
