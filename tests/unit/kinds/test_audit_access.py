from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.city import City
from beffroi.errors import CouldNotLook
from beffroi.kinds import Site, sysctl
from beffroi.kinds.audit_access import Params, Setting, completed, expected, judge, observe, pinned
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]
Says = Callable[..., Any]

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA auditor"
DOOR = "/usr/lib/beffroi/audit-door"
PROBE = "/usr/lib/beffroi/audit-probe"
KEYS = "/var/lib/beffroi-audit/.ssh/authorized_keys"
SOCKET, SERVICE = "beffroi-audit.socket", "beffroi-audit@look.service"


def _setting(town: City, machine: str = "app", **params: Any) -> Setting:  # noqa: ANN401 - a control's values
    site = Site(name=machine, machine=town.machines()[machine], city=town)
    (setting,) = expected(Params.model_validate(params), site)
    return completed(setting, {"sysctl": [sysctl.Setting(name="net.ipv4.ip_forward", value="0")]})


def _text(setting: Setting, path: str) -> str:
    return next(written.text for written in setting.files if written.path == path)


def _facts(setting: Setting) -> dict[str, Any]:
    """What a machine shows whose way in is the declared one."""
    folder = {"held": "root:root 0755", "type": "directory", "sha256": "none"}
    held = {
        it.path: {"held": f"root:root {it.mode}", "type": "regular file", "sha256": it.digest()} for it in setting.files
    }
    unit = {"LoadState": "loaded", "NeedDaemonReload": "no", "DropInPaths": ""}
    capabilities = "cap_dac_read_search cap_net_admin"
    return {
        "account": {"uid": 997, "home": "/var/lib/beffroi-audit", "shell": DOOR, "groups": ["audit"]},
        "password": "!",
        "files": {
            **held,
            **dict.fromkeys(("/usr/lib/beffroi", "/var/lib/beffroi-audit", "/var/lib/beffroi-audit/.ssh"), folder),
            "/run/beffroi-audit.sock": {"held": "root:audit 0660", "type": "socket", "sha256": "none"},
        },
        "units": {
            SOCKET: {
                **unit,
                "FragmentPath": f"/etc/systemd/system/{SOCKET}",
                "ActiveState": "active",
                "UnitFileState": "enabled",
            },
            SERVICE: {
                **unit,
                "FragmentPath": "/etc/systemd/system/beffroi-audit@.service",
                "User": "audit",
                "NoNewPrivileges": "yes",
                "ProtectSystem": "strict",
                "AmbientCapabilities": capabilities,
                "CapabilityBoundingSet": capabilities,
                "StandardInput": "null",
            },
        },
    }


def test_the_declared_way_in_passes(small_town: Town) -> None:
    setting = _setting(small_town())
    assert worst(judge([setting], _facts(setting))) is Outcome.PASS


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("account",), None),
        (("account", "uid"), 0),
        (("account", "shell"), "/bin/sh"),
        (("account", "home"), "/home/audit"),
        (("account", "groups"), ["audit", "sudo"]),
        (("password",), "$"),
        (("password",), ""),
        (("files", PROBE, "sha256"), "0" * 64),
        (("files", PROBE, "type"), "symbolic link"),
        (("files", PROBE, "held"), "audit:audit 0644"),
        (("files", DOOR, "held"), "root:root 0775"),
        (("files", KEYS, "sha256"), "0" * 64),
        (("files", "/usr/lib/beffroi", "held"), "root:staff 0775"),
        (("files", "/var/lib/beffroi-audit", "held"), "audit:audit 0755"),
        (("files", f"{KEYS}2"), {"held": "root:root 0644", "type": "regular file", "sha256": "0"}),
        (("files", "/run/beffroi-audit.sock", "held"), "root:audit 0666"),
        (("units", SOCKET, "ActiveState"), "failed"),
        (("units", SOCKET, "UnitFileState"), "disabled"),
        (("units", SERVICE, "DropInPaths"), "/run/systemd/system/beffroi-audit@.service.d/x.conf"),
        (("units", SERVICE, "FragmentPath"), "/run/systemd/system/beffroi-audit@.service"),
        (("units", SERVICE, "NeedDaemonReload"), "yes"),
        (("units", SERVICE, "User"), "root"),
        (("units", SERVICE, "AmbientCapabilities"), "cap_dac_read_search cap_sys_admin"),
        (("units", SERVICE), {}),
    ],
    ids=str,
)
def test_each_thing_that_lets_more_happen_fails(small_town: Town, place: tuple[str, ...], value: object) -> None:
    setting = _setting(small_town())
    facts = copy.deepcopy(_facts(setting))
    holder = facts
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    assert worst(judge([setting], facts)) is Outcome.FAIL


def test_a_missing_probe_fails(small_town: Town) -> None:
    setting = _setting(small_town())
    facts = _facts(setting)
    del facts["files"][PROBE]
    assert worst(judge([setting], facts)) is Outcome.FAIL


def test_a_key_is_held_to_the_door(small_town: Town) -> None:
    line = _text(_setting(small_town(), keys=[KEY]), KEYS).splitlines()[-1]
    assert line == f'restrict,command="{DOOR}" {KEY}'


def test_on_the_bastion_a_key_also_goes_on_to_ssh_of_the_towns_inner_machines(small_town: Town) -> None:
    town = small_town()
    bastion = town.hosts["bastion"].model_copy(update={"roles": ("bastion",)})
    town = town.model_copy(update={"hosts": {**town.hosts, "bastion": bastion}})
    line = _text(_setting(town, "bastion", keys=[KEY]), KEYS).splitlines()[-1]
    assert line.startswith('restrict,port-forwarding,permitopen="')
    opened = set(line.partition(",command=")[0].removeprefix("restrict,port-forwarding,").split(","))
    inner = {
        str(interface.ipv4)
        for name, machine in town.machines().items()
        for segment, interface in machine.interfaces.items()
        if name != "bastion" and segment != "internet"
    }
    assert opened == {f'permitopen="{address}:22"' for address in inner}


def test_without_the_firewall_one_capability_is_left(small_town: Town) -> None:
    unit = _text(_setting(small_town(), firewall=False), "/etc/systemd/system/beffroi-audit@.service")
    assert "\nCapabilityBoundingSet=CAP_DAC_READ_SEARCH\n" in unit
    assert "CAP_NET_ADMIN" not in unit


def test_the_pin_is_the_digest_of_the_probe(small_town: Town) -> None:
    setting = _setting(small_town())
    pin = pinned(setting.model_dump(mode="json"))
    assert f"pinned={pin};" in _text(setting, "/etc/systemd/system/beffroi-audit@.service")


def test_what_is_asked_does_not_depend_on_the_probes_own_text(small_town: Town, host_that_says: Says) -> None:
    town = small_town()
    setting = _setting(town)
    longer = completed(setting, {"sysctl": [sysctl.Setting(name="kernel.sysrq", value="0")]})
    asked = []
    for each in (setting, longer):
        host = host_that_says("")
        with pytest.raises(CouldNotLook):
            observe(host, [each])
        asked += host.asked
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    "key",
    [
        'command="sh" ssh-ed25519 AAAAC3Nz',
        "ssh-ed25519 AAAAC3Nz\nssh-ed25519 AAAAC3Nz",
        "ssh-ed25519",
        "AAAAC3Nz",
        "ssh-ed25519 AAAAC3Nz some one",
    ],
)
def test_what_is_not_one_plain_public_key_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        Params.model_validate({"keys": [key]})
