"""What a proof says, as values that any page can tell: findings with a witness and the rules behind it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from beffroi.verdict import Frozen

from .conntrack import Packet
from .crossing import Crossing
from .describe import described
from .invariants import Invariant, refutations
from .journey import journey
from .packets import PacketSet
from .proof import Finding, Proof, Sort
from .town import Town


class Responsible(Frozen):
    """A rule that the witness met: the machine, where the rule stands there, its text, and what it said."""

    machine: str
    rule: str
    text: str
    verb: str


class Deviation(Frozen):
    """Packets that do not do as declared, or break an invariant: all of them in words, and a witness.

    `flows` are those that declare the packets, by name. `start` and `end` are a segment or a machine.
    """

    sort: str
    family: int
    start: str
    end: str
    witness: str
    packets: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    rules: tuple[Responsible, ...] = ()
    invariant: str = ""

    @property
    def unknown(self) -> bool:
        """Tell whether it may be no deviation at all: something is not modelled."""
        return self.sort == Sort.UNKNOWN


class Answer(Frozen):
    """What was proved of a town: `deviations` is empty when all is as declared and every invariant holds.

    `remarks` say what was read in a machine's rules and not followed, by machine.
    """

    flows: int
    machines: tuple[str, ...]
    pairs: int
    open_pairs: int
    limited: tuple[str, ...]
    unenforced: tuple[str, ...]
    invariants: tuple[str, ...]
    deviations: tuple[Deviation, ...]
    remarks: tuple[tuple[str, str], ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0 when all is proved, 1 when something is refuted, 2 when only doubts remain."""
        if all(each.unknown for each in self.deviations):
            return 2 if self.deviations else 0
        return 1


def answer(proof: Proof, invariants: Mapping[str, Invariant]) -> Answer:
    """Return what a proof says of its town and of invariants by id, in the order of places and families."""
    town = proof.town
    deviations = _once(_deviation(town, finding) for finding in proof.findings)
    for name, invariant in invariants.items():
        for each in refutations(proof, invariant):
            sort = Sort.UNKNOWN if each.doubtful else "refuted"
            found = _told(town, each.packets, each.start, each.crossings)
            deviations.append(
                Deviation(sort=sort, family=each.family, start=each.start, end=each.end, invariant=name, **found)
            )
    places = len(town.segments) + len(town.devices)
    opened = {pair for family in proof.families.values() for pair in family.open_pairs if pair[0] != pair[1]}
    return Answer(
        flows=len(town.city.flows),
        machines=tuple(town.devices),
        pairs=places * (places - 1),
        open_pairs=len(opened),
        limited=_names(each.flow for family in proof.families.values() for each in family.limited()),
        unenforced=_names(
            each.flow
            for family in proof.families.values()
            for each in family.declared
            if each.first and each.start == each.end
        ),
        invariants=tuple(invariants),
        deviations=tuple(deviations),
        remarks=tuple((name, each) for name, device in town.devices.items() for each in device.firewall.remarks),
    )


def _once(deviations: Iterable[Deviation]) -> list[Deviation]:
    """Leave out the strays that come with new connections by the very same rules: one mistake is told once."""
    found = list(deviations)
    more = {(each.family, each.start, each.end, each.rules) for each in found if each.sort == Sort.MORE}
    return [
        each for each in found if each.sort != Sort.STRAY or (each.family, each.start, each.end, each.rules) not in more
    ]


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _deviation(town: Town, finding: Finding) -> Deviation:
    found = _told(town, finding.packets, finding.start, finding.crossings)
    return Deviation(
        sort=finding.sort, family=finding.family, start=finding.start, end=finding.end, flows=finding.flows, **found
    )


def _told(town: Town, packets: PacketSet, start: str, crossings: tuple[Crossing, ...]) -> dict[str, Any]:
    witness = packets.witness()
    if witness is None:
        return {"witness": ""}
    words = tuple(described(packets))
    first = crossings[0].device.name if crossings and crossings[0].entry else None
    return {"witness": witness.show(), "packets": words, "rules": responsible(town, witness, start, first)}


def responsible(town: Town, packet: Packet, start: str, first: str | None = None) -> tuple[Responsible, ...]:
    """Return the rule that decided on each machine that the packet met."""
    return tuple(
        Responsible(
            machine=leg.device,
            rule=str(leg.deciding.place),
            text=leg.deciding.label or leg.deciding.place.comment or leg.deciding.place.text,
            verb=leg.deciding.verb,
        )
        for leg in journey(town, packet, start, first=first).legs
        if leg.deciding is not None
    )
