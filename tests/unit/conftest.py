"""A small town for the tests of rooms that need one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City

_TEXT = {"fr": "x", "en": "x"}


def _interfaces(**last: int) -> dict[str, Any]:
    return {
        name: {"ipv4": f"10.0.{_VLANS[name]}.{n}", "ipv6": f"fd00:0:0:{_VLANS[name]}::{n}"} for name, n in last.items()
    }


_VLANS = {"internet": 1, "transit": 2, "admin": 3, "servers": 4, "users": 5, "sensors": 6}
_ZONES = {
    "internet": "internet",
    "transit": "transit",
    "admin": "administration",
    "servers": "servers",
    "users": "users",
    "sensors": "devices",
}


def _machine(interfaces: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"label": _TEXT, "os": "debian-12", "responsible": "it", "interfaces": interfaces, **more}


def flow(name: str, source: str | list[str], destination: str | list[str], service: str) -> dict[str, Any]:
    return {"name": name, "from": source, "to": destination, "service": service, "purpose": _TEXT}


def make_town(**changes: object) -> City:
    """Two gateways in line (internet - edge - transit - core - servers, users, sensors), admin beside the edge."""
    town: dict[str, Any] = {
        "town": {
            "name": "bourg",
            "label": _TEXT,
            "population": 10,
            "controller": "Mairie",
            "data_protection_officer": "dpo",
        },
        "functions": {"it": {"label": _TEXT}, "dpo": {"label": _TEXT}},
        "segments": {
            name: {
                "label": _TEXT,
                "vlan": vlan,
                "ipv4": f"10.0.{vlan}.0/24",
                "ipv6": f"fd00:0:0:{vlan}::/64",
                "zone": _ZONES[name],
            }
            for name, vlan in _VLANS.items()
        },
        "services": {
            "ssh": {"protocol": "tcp", "ports": [22]},
            "web": {"protocol": "tcp", "ports": [80, 443]},
            "mqtt": {"protocol": "tcp", "ports": [8883]},
            "syslog": {"protocol": "tcp", "ports": [514]},
            "ntp": {"protocol": "udp", "ports": [123]},
            "ping": {"protocol": "icmp"},
        },
        "gateways": {
            "edge": _machine(_interfaces(internet=2, transit=1, admin=1), masquerade=["internet"]),
            "core": _machine(_interfaces(transit=2, servers=1, users=1, sensors=1)),
        },
        "hosts": {
            "bastion": _machine(_interfaces(admin=10), services=["ssh"]),
            "logs": _machine(_interfaces(admin=11), services=["syslog", "ntp"], roles=["log-collector", "time-server"]),
            "app": _machine(_interfaces(servers=10), services=["web", "ssh"]),
            "db": _machine(_interfaces(servers=11), services=["ssh"]),
        },
        "fleets": {
            "probes": {
                "label": _TEXT,
                "kind": "sensors",
                "segment": "sensors",
                "ipv4": "10.0.6.128/25",
                "ipv6": "fd00:0:0:6:1::/80",
                "count": 50,
                "owner": "it",
            },
        },
        "flows": [],
    }
    return City.model_validate({**town, **changes})


@pytest.fixture
def small_town() -> Callable[..., City]:
    return make_town


@pytest.fixture
def flow_of() -> Callable[..., dict[str, Any]]:
    return flow
