"""What becomes of each machine when a change is applied: the blast radius, from the declarations alone. Pure.

What a target must make anew replaces a machine (its operating system), what it must plug in anew restarts its network
(interfaces, routes). A real preview may know better; it is shown beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from beffroi.city import City, Host
from beffroi.declaration import Declaration
from beffroi.network.routing import routes
from beffroi.review import Blast, Impact

_FIREWALL_KIND = "nftables_ruleset"


def blast(before: Declaration, after: Declaration) -> tuple[Blast, ...]:
    """Return the machines that the change touches, the gravest first."""
    found = [*_gone(before, after), *_touched(before, after)]
    gravity = list(Impact)
    return tuple(sorted(found, key=lambda each: gravity.index(each.impact)))


def _gone(before: Declaration, after: Declaration) -> Iterator[Blast]:
    for name in before.city.machines():
        if not after.city.manages(name):
            yield Blast(machine=name, impact=Impact.DESTROYED, causes=(), stores=_stores(before.city, name))


def _touched(before: Declaration, after: Declaration) -> Iterator[Blast]:
    old = before.city.machines()
    earlier, later = before.desired.all_settings(), after.desired.all_settings()
    for name in after.city.machines():
        if name not in old:
            yield Blast(machine=name, impact=Impact.CREATED, causes=())
            continue
        impact, causes = _impact(before.city, after.city, name)
        kinds = _changed_kinds(earlier.get(name, {}), later.get(name, {}))
        if impact is None and kinds - {_FIREWALL_KIND}:
            impact = Impact.RECONFIGURED
        if impact is None and kinds:
            impact = Impact.FIREWALL
        if impact is not None:
            stores = _stores(before.city, name) if impact == Impact.REPLACED else ()
            yield Blast(machine=name, impact=impact, causes=(*causes, *sorted(kinds)), stores=stores)


def _impact(before: City, after: City, name: str) -> tuple[Impact | None, tuple[str, ...]]:
    old, new = before.machine(name), after.machine(name)
    if type(old) is not type(new) or old.os != new.os:
        return Impact.REPLACED, ("os",)
    causes = [cause for cause, differs in (("interfaces", old.interfaces != new.interfaces),) if differs]
    causes += ["routes"] if routes(before, name) != routes(after, name) else []
    return (Impact.RESTARTED if causes else None), tuple(causes)


def _changed_kinds(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {kind for kind in before.keys() | after.keys() if before.get(kind) != after.get(kind)}


def _stores(city: City, name: str) -> tuple[str, ...]:
    machine = city.machine(name)
    return tuple(machine.stores) if isinstance(machine, Host) else ()
