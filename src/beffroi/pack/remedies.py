"""The remedies that a policy pack may make: those of values that drive none of the stack's resources.

Pulumi lets a pack put other inputs in place of a component's. Ours drive nothing: the resources were declared beside
them. So a remedy is made here only where it touches what configuration alone enforces (a store, a service, a flow, the
register), and where the state would otherwise be the only one to say something else. Any other stays a refusal: the
program is to be mended, as `beffroi.program` does it before it declares anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from beffroi.city import City
from beffroi.components.declared import city_inputs, plain
from beffroi.fieldpath import FieldPath
from beffroi.pack.content import Content
from beffroi.pack.declared import Unreadable, read
from beffroi.policy import Level
from beffroi.remedy import remedied, spared
from beffroi.replaced import Replaced
from beffroi.waiver import Waiver

_CONFIGURED = frozenset({"services", "flows", "processing"})
_STORES = ("hosts", "stores")


@dataclass(frozen=True)
class Step:
    """One policy's remedy: the city before and after it, the inputs that then declare it, and what is replaced."""

    policy: str
    before: City
    after: City
    inputs: dict[str, object]
    replaced: tuple[Replaced, ...]


def steps(inputs: Mapping[str, object], ignored: Sequence[str], content: Content) -> list[Step]:
    """Return the remedies of the town that a City's inputs declare, in order; none of what cannot be read."""
    try:
        town = read(inputs, ignored)
    except Unreadable:
        return []
    return [] if town.troubles else list(_steps(town.city, town.waivers, content))


def _steps(city: City, waivers: Sequence[Waiver], content: Content) -> Iterator[Step]:
    for name, policy in sorted(content.policies.items()):
        if policy.level != Level.REMEDIATE:
            continue
        after, replaced = remedied(city, {name: policy}, spared(waivers))
        if replaced and all(_drives_nothing(each.path) for each in replaced):
            yield Step(name, city, after, city_inputs(after, waivers), replaced)
            city = after


def _drives_nothing(path: FieldPath) -> bool:
    return path[0] in _CONFIGURED or (path[0], *path[2:3]) == _STORES


def of_server(name: str, inputs: Mapping[str, object], made: Sequence[Step]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each policy that mends a Server's own inputs, and the inputs that then declare it."""
    for step in made:
        if name in step.before.hosts and plain(step.before.hosts[name]) == inputs:
            mended = plain(step.after.hosts[name])
            if mended != inputs:
                inputs = mended
                yield step.policy, mended
