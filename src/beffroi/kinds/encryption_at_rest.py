"""Stores that are declared encrypted lie on encrypted volumes: dm-crypt on every way down to a disk (lsblk(8)).

A container's volumes are its computer's: there the verdict is `notapplicable`, never `pass`, since whoever holds the
computer must be asked. A network file system and a mapping of another sort fail: nothing here shows that they encrypt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from beffroi.city import Host
from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask_all, quoted

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

UNENFORCED = "a machine's volumes are encrypted when it is made: no role can do so below data that is there"
NOT_IN_THE_LAB = "the lab's machines are containers, whose volumes are their computer's"

MEANS = {"store": "a name for people: the role changes nothing"}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""

CONTAINER = "the volume is the computer's, not the container's"
_NO_CONTAINER = "none"


class Params(KindModel):
    """Stores say of themselves that they are encrypted (`encrypted_at_rest`); `all_stores` asks it of others too."""

    all_stores: bool = False


class Setting(SettingModel):
    """A store that must lie on an encrypted volume."""

    store: str
    path: str

    @property
    def key(self) -> str:
        """Return the store's folder."""
        return self.path


def expected(params: Params, site: Site) -> list[Setting]:
    """Return a setting for each store of the machine that is declared encrypted, or for each."""
    stores = site.machine.stores.items() if isinstance(site.machine, Host) else ()
    return [
        Setting(store=name, path=store.path) for name, store in stores if store.encrypted_at_rest or params.all_stores
    ]


def weakened(before: Params, after: Params) -> bool:
    """Tell whether fewer stores are asked about; which ones are declared encrypted, the town says."""
    return before.all_stores > after.all_stores


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return the sort of container, and for each store the volume that holds it with all that lies below that."""
    paths = quoted([setting.path for setting in settings])
    seen = ask_all(
        host,
        virtualization="systemd-detect-virt --container || :",
        volumes=f"""
for path in {paths}; do
  if [ -e "$path" ]; then
    source=$(findmnt --noheadings --nofsroot --first-only --output SOURCE --target "$path") || source=
    below=$(lsblk --json --inverse --output NAME,TYPE "$source" 2>/dev/null | tr -d '\\n') || below=
    printf '%s|%s|%s\\n' "$path" "$source" "$below"
  fi
done""",
    )
    virtualization = seen["virtualization"].strip()
    if not virtualization:
        raise CouldNotLook(say("kinds-a-unreadable", line="systemd-detect-virt"))
    return {"virtualization": virtualization, "volumes": dict(map(_volume, seen["volumes"].splitlines()))}


def _volume(line: str) -> tuple[str, dict[str, Any]]:
    path, *rest = line.split("|", 2)
    if len(rest) != len(("source", "below")):
        raise CouldNotLook(say("kinds-a-unreadable", line=line))
    try:
        devices = json.loads(rest[1] or "{}").get("blockdevices", [])
        return path, {"source": rest[0], "ways": sorted({" < ".join(way) for it in devices for way in _ways(it)})}
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise CouldNotLook(say("kinds-a-unreadable", line=line)) from error


def _ways(device: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield, for each disk that a volume stands on, the sorts of devices from the volume down to it."""
    below = device.get("children", [])
    for way in (way for it in below for way in _ways(it)):
        yield (str(device["type"]), *way)
    if not below:
        yield (str(device["type"]),)


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge each store's volume; in a container, none."""
    return [_finding(setting, facts) for setting in settings]


def _finding(setting: Setting, facts: dict[str, Any]) -> Finding:
    volume = facts["volumes"].get(setting.path)
    ways = volume["ways"] if volume else []
    encrypted = bool(ways) and all("crypt" in way.split(" < ") for way in ways)
    apart = facts["virtualization"] == _NO_CONTAINER
    outcome = (Outcome.PASS if encrypted else Outcome.FAIL) if apart else Outcome.NOT_APPLICABLE
    seen = "; ".join(ways) or (f"no local disk: {volume['source']}"[:200] if volume else "absent")
    return Finding(
        outcome=outcome,
        subject=f"{setting.store}: {setting.path}",
        expected="crypt on every way to a disk",
        observed=seen,
        reason="" if apart else CONTAINER,
    )
