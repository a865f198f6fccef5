"""A large town as a person would write it, drawn from a fixed seed, and the same numbers as Terraform for a peer.

Segments of servers and of users behind one gateway; each host keeps a handful of services; each flow names its reason.
Written by sections, so that each file stays within what the loader reads.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import yaml

SERVERS, USERS, SERVICES = 25, 15, 20
_HOSTS_A_FILE, _FLOWS_A_FILE = 250, 1_000


def write_town(folder: Path, hosts: int, flows: int) -> None:
    """Write a town of so many hosts and flows into a new folder."""
    random = Random(7)  # noqa: S311 - a town to measure is no secret
    folder.mkdir(parents=True)
    machines = {f"h{number}": _host(number) for number in range(hosts - 1)}
    _write(folder / "city.yml", _frame())
    named = {"bastion": _bastion(), **machines}
    for at in range(0, len(named), _HOSTS_A_FILE):
        _write(folder / f"hosts-{at}.yml", {"hosts": dict(list(named.items())[at : at + _HOSTS_A_FILE])})
    drawn = [*_administration(list(machines)), *(_flow(random, number, hosts - 1) for number in range(flows - 2))]
    for at in range(0, len(drawn), _FLOWS_A_FILE):
        _write(folder / f"flows-{at}.yml", {"flows": drawn[at : at + _FLOWS_A_FILE]})


def write_terraform(folder: Path, hosts: int, flows: int) -> None:
    """Write as many servers, networks and openings as Terraform: what a peer reads of the same sort."""
    random = Random(7)  # noqa: S311 - see above
    folder.mkdir(parents=True)
    groups = min(hosts, SERVERS + USERS)
    lines = [
        f'resource "aws_security_group" "s{at}" {{\n  name = "s{at}"\n  description = "segment {at}"\n}}'
        for at in range(groups)
    ]
    lines += [
        f'resource "aws_instance" "h{at}" {{\n  ami = "ami-1"\n  instance_type = "t3.small"\n'
        f'  vpc_security_group_ids = ["sg-{at % groups}"]\n}}'
        for at in range(hosts)
    ]
    lines += [
        f'resource "aws_security_group_rule" "f{at}" {{\n  type = "ingress"\n  description = "why {at}"\n'
        f'  from_port = {8000 + at % SERVICES}\n  to_port = {8000 + at % SERVICES}\n  protocol = "tcp"\n'
        f'  cidr_blocks = ["10.{random.randrange(groups) + 1}.0.0/16"]\n'
        f'  security_group_id = "sg-{random.randrange(groups)}"\n}}'
        for at in range(flows)
    ]
    (folder / "main.tf").write_text("\n".join(lines) + "\n", "utf-8")


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=1000), "utf-8")


def _said(text: str) -> dict[str, str]:
    return {"fr": f"{text} (fr)", "en": text}


def _addresses(segment: int, number: int) -> dict[str, str]:
    return {
        "ipv4": f"10.{segment + 1}.{number // 250}.{number % 250 + 2}",
        "ipv6": f"2001:db8:{segment + 1:x}::{number + 2:x}",
    }


def _machine(
    label: str, interfaces: dict[str, dict[str, str]], services: list[str], **more: list[str]
) -> dict[str, Any]:
    described = {"label": _said(label), "os": "debian-12", "interfaces": interfaces, "responsible": "it"}
    return {**described, "services": services, **more}


def _host(number: int) -> dict[str, Any]:
    segment = number % SERVERS
    offered = ["ssh", *(f"v{at}" for at in range(SERVICES))]
    return _machine(f"h{number}", {f"s{segment}": _addresses(segment, number // SERVERS)}, offered)


def _bastion() -> dict[str, Any]:
    at = {"admin": {"ipv4": "10.200.0.10", "ipv6": "2001:db8:c8::10"}}
    return _machine("bastion", at, ["ssh"], roles=["bastion"])


def _segments() -> dict[str, dict[str, Any]]:
    rows = [(f"s{at}", "servers" if at < SERVERS else "users", at + 1, 16) for at in range(SERVERS + USERS)]
    rows.append(("admin", "administration", 200, 24))
    segments = {
        name: {
            "label": _said(name),
            "vlan": 100 + net,
            "ipv4": f"10.{net}.0.0/{length}",
            "ipv6": f"2001:db8:{net:x}::/64",
            "zone": zone,
        }
        for name, zone, net, length in rows
    }
    outside = {"label": _said("internet"), "vlan": 2, "ipv4": "203.0.113.0/24", "ipv6": "2001:db8:ffff::/64"}
    return {**segments, "internet": {**outside, "zone": "internet"}}


def _frame() -> dict[str, Any]:
    segments = _segments()
    doors = {
        name: {
            "ipv4": it["ipv4"].rpartition(".")[0] + ".1",
            "ipv6": it["ipv6"].removesuffix("/64") + "1",
        }
        for name, it in segments.items()
    }
    desks = {"label": _said("admins"), "kind": "workstations", "segment": "admin", "count": 10, "owner": "it"}
    services = {f"v{at}": {"protocol": "tcp", "ports": [8000 + at], "encrypted": True} for at in range(SERVICES)}
    return {
        "town": {
            "name": "large",
            "label": _said("Large"),
            "population": 200_000,
            "controller": "Large",
            "data_protection_officer": "dpo",
        },
        "functions": {name: {"label": _said(name)} for name in ("it", "dpo")},
        "services": {"ssh": {"protocol": "tcp", "ports": [22], "encrypted": True}, **services},
        "segments": segments,
        "gateways": {"core": _machine("core", doors, ["ssh"])},
        "fleets": {"admins": {**desks, "ipv4": "10.200.0.128/25", "ipv6": "2001:db8:c8::100/120"}},
    }


def _administration(machines: list[str]) -> list[dict[str, Any]]:
    return [
        {"name": "to-bastion", "from": "admins", "to": "bastion", "service": "ssh", "purpose": _said("administer")},
        {
            "name": "to-machines",
            "from": "bastion",
            "to": ["core", *machines],
            "service": "ssh",
            "purpose": _said("administer"),
        },
    ]


def _flow(random: Random, number: int, hosts: int) -> dict[str, Any]:
    users = f"s{random.randrange(SERVERS, SERVERS + USERS)}"
    source = users if number % 4 == 0 else f"h{random.randrange(hosts)}"
    return {
        "name": f"f{number}",
        "from": source,
        "to": f"h{random.randrange(hosts)}",
        "service": f"v{random.randrange(SERVICES)}",
        "purpose": _said(f"why {number}"),
    }
