"""Bridges, namespaces and the cables between them, all inside the lab's own network namespace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .command import run, succeeds
from .place import LabPlace

# Duplicate address detection would hold every IPv6 address back for a second, and router advertisements would add
# addresses that nobody declared.
_QUIET_IPV6 = "net.ipv6.conf.{scope}.accept_dad=0 net.ipv6.conf.{scope}.accept_ra=0 net.ipv6.conf.{scope}.autoconf=0"


@dataclass(frozen=True)
class Link:
    """A member's interface on a segment: named as the segment, with addresses in prefix notation (`10.0.0.5/24`)."""

    segment: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """A static route: a network or `default`, and the next hop's address."""

    to: str
    via: str


def namespace_exists(name: str) -> bool:
    """Tell whether the network namespace `name` exists."""
    return (Path("/run/netns") / name).exists()


def add_namespace(name: str) -> None:
    """Make the network namespace `name`, loopback up, without automatic IPv6; nothing to do when it exists."""
    if namespace_exists(name):
        return
    run(["ip", "netns", "add", name])
    settings = [part for scope in ("all", "default") for part in _QUIET_IPV6.format(scope=scope).split()]
    run(["ip", "netns", "exec", name, "sysctl", "-q", "-w", *settings])
    run(["ip", "-n", name, "link", "set", "lo", "up"])


def delete_namespace(name: str) -> None:
    """Remove the network namespace `name`, and the cables that end in it; nothing to do when there is none."""
    if namespace_exists(name):
        run(["ip", "netns", "delete", name])


def add_bridge(place: LabPlace, segment: str) -> None:
    """Make the segment's bridge; nothing to do when it exists."""
    if bridge_exists(place, segment):
        return
    lines = [
        f"link add {segment} type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
        f"link set {segment} up",
    ]
    run(["ip", "-n", place.network, "-batch", "-"], text="\n".join(lines) + "\n")


def bridge_exists(place: LabPlace, segment: str) -> bool:
    """Tell whether the segment's bridge exists and is up."""
    if not namespace_exists(place.network):
        return False
    shown = run(["ip", "-n", place.network, "-j", "link", "show", "type", "bridge", "up"])
    return any(link.get("ifname") == segment for link in json.loads(shown or "[]"))


def delete_bridge(place: LabPlace, segment: str) -> None:
    """Remove the segment's bridge; nothing to do when there is none."""
    if bridge_exists(place, segment):
        run(["ip", "-n", place.network, "link", "delete", segment])


def connect(place: LabPlace, member: str, links: Sequence[Link], routes: Sequence[Route]) -> None:
    """Make the member's namespace hold exactly these interfaces, addresses and routes."""
    namespace = place.namespace(member)
    add_namespace(namespace)
    for name in _interfaces(namespace):
        run(["ip", "-n", namespace, "link", "delete", name])
    for link in links:
        _plug(place, member, link)
    lines = [f"route replace {route.to} via {route.via}" for route in routes]
    _batch(namespace, [line for line in lines if ":" not in line], family="-4")
    _batch(namespace, [line for line in lines if ":" in line], family="-6")


def _plug(place: LabPlace, member: str, link: Link) -> None:
    namespace = place.namespace(member)
    port = place.port(member, link.segment)
    if succeeds(["ip", "-n", place.network, "link", "show", port]):
        run(["ip", "-n", place.network, "link", "delete", port])
    lines = [
        f"link add {port} type veth peer name {link.segment} netns {namespace}",
        f"link set {port} master {link.segment} up",
    ]
    run(["ip", "-n", place.network, "-batch", "-"], text="\n".join(lines) + "\n")
    nodad = {address: " nodad" if ":" in address else "" for address in link.addresses}
    addresses = [f"addr add {address} dev {link.segment}{nodad[address]}" for address in link.addresses]
    _batch(namespace, [*addresses, f"link set {link.segment} up"])


def _batch(namespace: str, lines: Sequence[str], family: str = "-family=inet") -> None:
    options = [] if family.startswith("-f") else [family]
    if lines:
        run(["ip", *options, "-n", namespace, "-batch", "-"], text="\n".join(lines) + "\n")


def _interfaces(namespace: str) -> list[str]:
    shown = json.loads(run(["ip", "-n", namespace, "-j", "link", "show", "type", "veth"]) or "[]")
    return [link["ifname"] for link in shown if "ifname" in link]


def links_of(place: LabPlace, member: str) -> list[Link]:
    """Return the member's real interfaces that are up, with their global addresses, sorted by segment."""
    shown: list[dict[str, Any]] = json.loads(run(["ip", "-n", place.namespace(member), "-j", "addr", "show"]) or "[]")
    return sorted(
        (
            Link(
                segment=link["ifname"],
                addresses=tuple(
                    f"{address['local']}/{address['prefixlen']}"
                    for address in link["addr_info"]
                    if address["scope"] == "global"
                ),
            )
            for link in shown
            if link.get("ifname", "lo") != "lo" and "UP" in link["flags"]
        ),
        key=lambda link: link.segment,
    )


def routes_of(place: LabPlace, member: str) -> list[Route]:
    """Return the member's real static routes, sorted."""
    found: list[Route] = []
    for family in ("-4", "-6"):
        shown = json.loads(run(["ip", family, "-n", place.namespace(member), "-j", "route", "show"]) or "[]")
        found += [Route(to=route["dst"], via=route["gateway"]) for route in shown if "gateway" in route]
    return sorted(found, key=lambda route: (route.to, route.via))
