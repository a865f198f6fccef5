"""The plan: what an apply would change, as canonical JSON with a digest. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from beffroi.city import City
from beffroi.desired import DesiredState
from beffroi.verdict import Frozen


class Step(Frozen):
    """One provisioning step: Pulumi's operation on one resource, and the inputs that change."""

    operation: str
    type: str
    name: str
    changes: tuple[str, ...] = ()


class Plan(Frozen):
    """What an apply would do: provisioning steps, and the settings to be enforced, by their digest.

    `settings` gives, for each machine, the SHA-256 of the canonical JSON of what its roles are to enforce.
    """

    town: str
    stack: str
    city: str
    steps: tuple[Step, ...]
    settings: dict[str, str]

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the plan's canonical JSON (RFC 8785's sorting, UTF-8): what a decision names."""
        return digest(self.model_dump(mode="json"))


def make_plan(city: City, desired: DesiredState, stack: str, steps: Sequence[Step]) -> Plan:
    """Return the plan of `steps` and of the settings that `desired` asks for."""
    return Plan(
        town=city.town.name,
        stack=stack,
        city=digest(city.model_dump(mode="json", by_alias=True)),
        steps=tuple(steps),
        settings={host: digest(desired.settings(host)) for host in desired.hosts()},
    )


def digest(value: object) -> str:
    """Return the SHA-256, in hexadecimal, of a value's canonical JSON."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
