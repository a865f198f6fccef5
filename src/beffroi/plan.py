"""The plan: what an apply would change, as canonical JSON with a digest. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal

from beffroi.city import City
from beffroi.desired import DesiredState
from beffroi.replaced import Replaced
from beffroi.verdict import Frozen

FORM = 1
"""The version of a plan's form: a plan of another one is planned again, never guessed at."""

PARTS = (
    "town",
    "stack",
    "folder",
    "profile",
    "city",
    "remedies",
    "steps",
    "settings",
    "rulesets",
    "processing",
    "applied",
)
"""The parts of a plan that must still be the same when it is applied, in the order in which they are told."""

_RULESETS = "nftables_ruleset"


class Step(Frozen):
    """One provisioning step: Pulumi's operation on one resource, and the inputs that change."""

    operation: str
    type: str
    name: str
    changes: tuple[str, ...] = ()


class Standing(Frozen):
    """What a town is held to, by SHA-256: settings and firewalls by machine, the register by activity.

    `settings` digests the canonical JSON of what a machine's roles are to enforce; `rulesets` the very text of its
    /etc/nftables.conf; `processing` the canonical JSON of each processing activity (RGPD, article 30).
    """

    settings: dict[str, str]
    rulesets: dict[str, str]
    processing: dict[str, str]


class Change(Frozen):
    """Which names of one part appear, go, or mean something else than what was last applied; sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class Plan(Standing):
    """What an apply would do: provisioning steps, and all that the town is to be held to.

    `folder` is the town's, relative to the content's root, with slashes; empty when it lies elsewhere. `applied` is
    what the last whole apply left, None before the first. `remedies` are the values with which it is made in place of
    those of the town's files.
    """

    form: Literal[1] = 1
    town: str
    stack: str
    folder: str = ""
    profile: str = "town"
    city: str
    steps: tuple[Step, ...]
    applied: Standing | None = None
    remedies: tuple[Replaced, ...] = ()

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the plan's canonical JSON (sorted keys, UTF-8): what a decision names."""
        # Left out where there are none, so that plans keep the digest that they had before there were remedies.
        return digest(self.model_dump(mode="json", exclude=None if self.remedies else {"remedies"}))

    @property
    def standing(self) -> Standing:
        """Return what the town is held to once the plan is applied."""
        return Standing(settings=self.settings, rulesets=self.rulesets, processing=self.processing)

    def changes(self) -> dict[str, Change]:
        """Return what changes since the last whole apply, for settings, rulesets and processing."""
        before = self.applied or Standing(settings={}, rulesets={}, processing={})
        return {
            "settings": _change(before.settings, self.settings),
            "rulesets": _change(before.rulesets, self.rulesets),
            "processing": _change(before.processing, self.processing),
        }


def make_plan(  # noqa: PLR0913 - each is a part of the plan
    city: City,
    desired: DesiredState,
    stack: str,
    steps: Sequence[Step],
    *,
    applied: Standing | None = None,
    folder: str = "",
    profile: str = "town",
    remedies: Sequence[Replaced] = (),
) -> Plan:
    """Return the plan of `steps` and of what `city` and `desired` ask for, compared with what was last `applied`.

    `remedies` tell which values of `city` are not those of the town's files.
    """
    settings = desired.all_settings()
    return Plan(
        town=city.town.name,
        stack=stack,
        folder=folder,
        profile=profile,
        city=digest(city.model_dump(mode="json", by_alias=True)),
        steps=tuple(steps),
        settings={host: digest(of_host) for host, of_host in settings.items()},
        rulesets={host: sha256(text.encode()).hexdigest() for host, text in _rulesets(settings).items()},
        processing={name: digest(it.model_dump(mode="json", by_alias=True)) for name, it in city.processing.items()},
        applied=applied,
        remedies=tuple(remedies),
    )


def misfits(wanted: Plan, actual: Plan) -> tuple[str, ...]:
    """Return the parts (of PARTS) in which what would be done now differs from the plan that was written."""
    return tuple(part for part in PARTS if getattr(wanted, part) != getattr(actual, part))


def digest(value: object) -> str:
    """Return the SHA-256, in hexadecimal, of a value's canonical JSON."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def _rulesets(settings: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> dict[str, str]:
    """Return the text of each firewall that is to be enforced: several controls ask for the same one."""
    return {host: of_host[_RULESETS][0]["ruleset"] for host, of_host in settings.items() if of_host.get(_RULESETS)}


def _change(before: Mapping[str, str], after: Mapping[str, str]) -> Change:
    return Change(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )
