"""Two network namespaces of our own: a firewall with real interfaces, and the world around it. Needs root.

Sockets stay in the namespace where they were made, so one thread holds both ends of every cable. What this kernel
never forwards, whatever the ruleset, is kept out of the tests: sources or destinations in 0/8, 127/8, 224/4 and above,
::1, link-local and multicast addresses, and packets that claim to come from the firewall itself.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

from beffroi.network.firewall import Family
from beffroi.network.trace import Machine

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_OUTSIDE_MAC, _FIREWALL_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
_NEXT_HOPS = {4: "192.0.2.254", 6: "fe80::1"}
_CTNETLINK_DELETE_ALL = struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 1 | 4, 1, 0, 0, 0, 0)
_SYSCTLS = {
    "net/ipv4/ip_forward": 1,
    "net/ipv6/conf/all/forwarding": 1,
    **{f"net/ipv4/conf/{scope}/{name}": 0 for scope in ("all", "default") for name in ("rp_filter", "send_redirects")},
    # However slow the machine, no connection is forgotten between a packet and what follows from it.
    **{f"net/netfilter/nf_conntrack_{name}": 600 for name in ("udp_timeout", "icmp_timeout", "icmpv6_timeout")},
    **{f"net/netfilter/nf_conntrack_{name}": 600 for name in ("gre_timeout", "sctp_timeout_cookie_wait")},
    **{f"net/ipv6/conf/{scope}/accept_{what}": 0 for scope in ("all", "default") for what in ("dad", "ra")},
}

Network = IPv4Network | IPv6Network
ETHERNET = {
    family: bytes.fromhex((_FIREWALL_MAC + _OUTSIDE_MAC).replace(":", "")) + struct.pack("!H", word)
    for family, word in ((4, 0x0800), (6, 0x86DD), (0, 0x88B5))
}
"""The Ethernet header towards the firewall, by family; 0 is for a frame of no protocol, our own mark in the stream."""


@dataclass(frozen=True)
class Cable:
    """An interface of the firewall: its own addresses, and the networks that its routes place behind it."""

    own: tuple[str, ...]
    behind: tuple[Network, ...]

    def own_of(self, family: Family) -> list[int]:
        """Return the firewall's addresses there, as numbers."""
        return [int(ip_address(each)) for each in self.own if ip_address(each).version == family]


@dataclass(frozen=True)
class Plan:
    """The firewall's interfaces by name: what both the kernel and the model are told of addresses and routes."""

    cables: Mapping[str, Cable]

    def own(self, family: Family) -> set[int]:
        """Return every address of the firewall itself."""
        return {number for cable in self.cables.values() for number in cable.own_of(family)}

    def machine(self) -> Machine:
        """Return what the model is told."""
        routes: dict[int, list[tuple[int, int, int, str]]] = {4: [], 6: []}
        for name, cable in self.cables.items():
            for network in cable.behind:
                first, last = int(network.network_address), int(network.broadcast_address)
                routes[network.version].append((-network.prefixlen, first, last, name))
        for found in routes.values():
            found.sort()
        own = {4: self.own(4), 6: self.own(6)}

        def route(family: Family, address: int) -> str | None:
            if address in own[family]:
                return ""
            return next((name for _, low, high, name in routes[family] if low <= address <= high), None)

        def address(family: Family, interface: str) -> int | None:
            return next(iter(self.cables[interface].own_of(family)), None)

        return Machine(route, address)


class Namespaces:
    """The firewall's and the world's namespaces, cabled as a plan says."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._held = ExitStack()

    def __enter__(self) -> Self:
        self._home = self._hold()
        try:
            self._world = self._fresh()
            self._firewall = self._fresh()
            self._cable()
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()

    @contextmanager
    def world(self) -> Iterator[None]:
        """Make sockets and processes in the world's namespace."""
        with self._inside(self._world):
            yield

    @contextmanager
    def firewall(self) -> Iterator[None]:
        """Make sockets and processes in the firewall's namespace."""
        with self._inside(self._firewall):
            yield

    def load(self, ruleset: str) -> str | None:
        """Replace the firewall's ruleset; return what nft says against it, if anything."""
        with self.firewall():
            text = f"flush ruleset\n{ruleset}"
            done = subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else None

    def listing(self) -> str:
        """Return the ruleset in force, as nft's JSON."""
        with self.firewall():
            return subprocess.run(["nft", "-j", "list", "ruleset"], capture_output=True, text=True, check=True).stdout

    def forget_connections(self) -> None:
        """Empty the firewall's connection table."""
        with self.firewall(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
            netlink.send(_CTNETLINK_DELETE_ALL)
            answer = netlink.recv(4096)
            (error,) = struct.unpack_from("=i", answer, 16)
            if error:
                raise OSError(-error, os.strerror(-error))

    def _hold(self) -> int:
        descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._held.callback(os.close, descriptor)
        return descriptor

    def _fresh(self) -> int:
        if _LIBC.unshare(_CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare: a network namespace takes root")
        try:
            return self._hold()
        finally:
            _enter(self._home)

    @contextmanager
    def _inside(self, descriptor: int) -> Iterator[None]:
        _enter(descriptor)
        try:
            yield
        finally:
            _enter(self._home)

    def _cable(self) -> None:
        with self.firewall():
            for name, value in _SYSCTLS.items():
                Path("/proc/sys", name).write_text(str(value))
            _ip("link set lo up")
        with self.world():
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
            for number, name in enumerate(self.plan.cables):
                _ip(
                    f"link add w{number} address {_OUTSIDE_MAC} type veth"
                    f" peer name {name} address {_FIREWALL_MAC} netns /proc/self/fd/{self._firewall}",
                    keep=self._firewall,
                )
                _ip(f"link set w{number} up")
        with self.firewall():
            _ip("\n".join(line for name, cable in self.plan.cables.items() for line in _addresses(name, cable)))


def _addresses(name: str, cable: Cable) -> Iterator[str]:
    yield f"link set {name} up"
    for family in (4, 6):
        yield f"neigh add {_NEXT_HOPS[family]} lladdr {_OUTSIDE_MAC} dev {name} nud permanent"
    for own in cable.own:
        yield f"addr add {own}/{ip_address(own).max_prefixlen} dev {name}"
    for network in cable.behind:
        yield f"route add {network} via {_NEXT_HOPS[network.version]} dev {name} onlink"


def _ip(commands: str, *, keep: int | None = None) -> None:
    argv = ["ip", "-batch", "-"]
    kept = () if keep is None else (keep,)
    done = subprocess.run(argv, input=commands, capture_output=True, text=True, check=False, pass_fds=kept)
    if done.returncode:
        raise RuntimeError(done.stderr + commands)


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
