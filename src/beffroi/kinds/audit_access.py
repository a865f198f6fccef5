"""The read-only way in for auditors: an account without password nor shell, whose keys give one fixed answer.

The answer is all that the machine's controls ask, so that verdicts can be had without being root
(`beffroi verify --read-only`). See docs/audit-account.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from beffroi import probe
from beffroi.city import INTERNET
from beffroi.city.roles import BASTION_ROLE
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.verdict import Finding

from . import _audit_files as files
from ._order import Answer, lacks
from ._placed import FOLDER, Written, held, listed, listing, verdict, whole
from ._sections import look
from ._units import units_shown

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

ACCOUNT = files.ACCOUNT
_FOLDERS = (files.FOLDER, files.HOME, f"{files.HOME}/.ssh")
_OTHER_KEYS = f"{files.KEYS}2"
_SSH = 22
_UNITS = (files.SOCKET_UNIT, files.SERVICE_UNIT.replace("@", "@look"))
_SHOWN = ("Id", "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "DropInPaths", "FragmentPath")
_CONFINED = (
    "User",
    "NoNewPrivileges",
    "ProtectSystem",
    "AmbientCapabilities",
    "CapabilityBoundingSet",
    "StandardInput",
)
_NO_PASSWORD = ("!", "*")

PublicKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+ AAAA[A-Za-z0-9+/]+={0,3}( [A-Za-z0-9@._-]+)?$", max_length=2000
    ),
]


class Params(KindModel):
    """Auditors' public keys (none: the way in is there, and nobody's), and whether they may list the firewall."""

    keys: tuple[PublicKey, ...] = ()
    firewall: bool = True


class Setting(SettingModel):
    """The account, and every file that makes its way in; `capabilities` is all that the probe has beyond anybody."""

    account: str
    capabilities: tuple[str, ...]
    files: tuple[Written, ...]

    @property
    def key(self) -> str:
        """Return the account."""
        return self.account


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the way in, without the probe: `completed` adds it, once all that the machine is held to is known."""
    capabilities = (files.READ, files.FIREWALL) if params.firewall else (files.READ,)
    relays = list(_relays(site)) if BASTION_ROLE in site.machine.roles else []
    keys = files.KEYS_HEAD + "".join(files.key_line(key, relays) for key in params.keys)
    written = (
        Written(path=files.DOOR, mode="0755", text=files.DOOR_TEXT),
        Written(path=files.KEYS, mode="0644", text=keys),
        Written(path=f"{files.UNITS}/{files.SOCKET_UNIT}", mode="0644", text=files.SOCKET_TEXT),
    )
    return [Setting(account=files.ACCOUNT, capabilities=capabilities, files=written)]


def _relays(site: Site) -> Iterator[str]:
    """Yield where an auditor's session may go on to from the bastion: SSH of the town's machines, and nothing else."""
    for name, machine in site.city.machines().items():
        for segment, interface in machine.interfaces.items():
            if name != site.name and segment != INTERNET:
                yield f"{interface.ipv4}:{_SSH}"


def completed(setting: Setting, asked: Mapping[str, Sequence[SettingModel]]) -> Setting:
    """Return the setting with the probe that asks all of `asked`, by kind, and the unit that is pinned to it."""
    program = probe.program(probe.commands(asked))
    service = files.service_text(probe.digest(program), probe.REFUSED, setting.capabilities)
    added = (
        Written(path=files.PROBE, mode="0644", text=program),
        Written(path=f"{files.UNITS}/{files.SERVICE_UNIT}", mode="0644", text=service),
    )
    return setting.model_copy(update={"files": (*setting.files, *added)})


def pinned(setting: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the probe in a completed setting, given as plain JSON; "" where there is none."""
    programs = [written.text for written in Setting.model_validate(setting).files if written.path == files.PROBE]
    return probe.digest(programs[0]) if programs else ""


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether somebody else is let in, or the probe is given one capability more."""
    return lacks(after.keys, before.keys) or after.firewall > before.firewall


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return the account, the owner, mode and digest of each file and folder, and systemd's view of both units.

    What is asked does not depend on the probe's text: the probe asks it too.
    """
    (setting,) = settings
    account, standard = setting.account, [written.path for written in setting.files]
    paths = {*standard, *_FOLDERS, _OTHER_KEYS, files.SOCKET, files.PROBE, f"{files.UNITS}/{files.SERVICE_UNIT}"}
    password = f"awk -F: '$1 == \"{account}\" {{ print substr($2, 1, 1) }}' /etc/shadow"
    seen = look(
        host,
        {
            "account": f"getent passwd {account}; id -Gn {account}",
            "password": password,
            "files": listing(paths),
            "units": f"systemctl show -p {','.join((*_SHOWN, *_CONFINED))} {' '.join(_UNITS)}",
        },
        may_fail=frozenset({"account"}),
    )
    return {
        "account": _account(seen["account"].lines() if seen["account"].code == 0 else []),
        "password": seen["password"].text.strip(),
        "files": listed(seen["files"].lines()),
        "units": units_shown(seen["units"].text),
    }


def _account(lines: list[str]) -> dict[str, Any] | None:
    if not lines:
        return None
    _, _, uid, _, _, home, shell = lines[0].split(":")
    return {"uid": int(uid), "home": home, "shell": shell, "groups": lines[1].split()}


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge the account, its files and the units, each by what would let more happen than one fixed answer."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    account = facts["account"]
    wanted = f"{setting.account} in {files.HOME}, {files.DOOR}"
    found = f"{' '.join(account['groups'])} in {account['home']}, {account['shell']}" if account else "absent"
    uid = account["uid"] if account else 0
    yield verdict(found == wanted and uid != 0, setting.account, wanted, f"{found}{'' if uid else ', uid 0'}")
    locked = facts["password"] in _NO_PASSWORD
    yield verdict(locked, f"{setting.account}: password", "locked", "locked" if locked else "one that works")
    for folder in _FOLDERS:
        yield held(facts["files"], folder, FOLDER)
    for written in setting.files:
        yield whole(facts["files"], written)
    yield verdict(_OTHER_KEYS not in facts["files"], _OTHER_KEYS, "absent", "there")
    yield held(facts["files"], files.SOCKET, f"root:{setting.account} 0660 socket")
    yield from _units(setting, facts["units"])


def _units(setting: Setting, units: dict[str, dict[str, str]]) -> Iterator[Finding]:
    capabilities = " ".join(sorted(it.lower() for it in setting.capabilities))
    alike = {"LoadState": "loaded", "NeedDaemonReload": "no", "DropInPaths": ""}
    confined = {
        "User": setting.account,
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "AmbientCapabilities": capabilities,
        "CapabilityBoundingSet": capabilities,
        "StandardInput": "null",
    }
    expectations = (
        {
            **alike,
            "FragmentPath": f"{files.UNITS}/{files.SOCKET_UNIT}",
            "ActiveState": "active",
            "UnitFileState": "enabled",
        },
        {**alike, "FragmentPath": f"{files.UNITS}/{files.SERVICE_UNIT}", **confined},
    )
    for unit, expectation in zip(_UNITS, expectations, strict=True):
        shown = units.get(unit, {})
        for name, value in expectation.items():
            observed = shown.get(name, "(unset)")
            yield verdict(_words(observed) == _words(value), f"{unit}: {name}", value or "none", observed or "none")


def _words(value: str) -> set[str]:
    return set(value.lower().split())
