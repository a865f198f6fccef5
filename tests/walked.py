"""The plainest engine there is: one packet walked through every rule."""

from __future__ import annotations

from beffroi.network.conntrack import Packet
from beffroi.network.evaluate import Situation
from beffroi.network.firewall import Case, Firewall, Match, Tracking, Verb
from beffroi.network.intervals import Intervals
from beffroi.network.services import Point, Services


class Walk:
    """One packet on its way: what may become of it, whatever each unmodelled word turns out to mean.

    `owners` are the cases that decide so; none where a policy does.
    """

    def __init__(self, firewall: Firewall, packet: Packet, situation: Situation) -> None:
        self.chains = firewall.tables[0].chains
        self.packet, self.situation = packet, situation
        self.fates: set[str] = set()
        self.owners: list[Case] = []
        undecided = self.through("forward")
        if undecided:
            hook = self.chains["forward"].hook
            assert hook is not None
            self.fates.add(hook.policy)

    def through(self, name: str) -> bool:  # noqa: C901 - one branch a verb
        """Walk a chain; tell whether the packet may come back from it undecided."""
        comes_back = False
        for case in (case for rule in self.chains[name].rules for case in rule.cases):
            if not covers(case.match, self.packet, self.situation):
                continue
            stays = bool(case.match.unknown)
            match case.verdict.verb:
                case Verb.UNKNOWN:
                    self.fates |= {"accept", "drop"}
                    self.owners.append(case)
                case Verb.ACCEPT | Verb.DROP | Verb.TRANSLATE as final:
                    self.fates.add(final.value)
                    self.owners.append(case)
                case Verb.RETURN:
                    comes_back = True
                case Verb.JUMP:
                    stays = self.through(case.verdict.chain) or stays
                case Verb.GOTO:
                    comes_back = self.through(case.verdict.chain) or comes_back
                case Verb.NOTRACK:
                    self.fates.add("notrack")
                    stays = True
                case Verb.CONTINUE:
                    stays = True
            if not stays:
                return comes_back
        return True


def covers(match: Match, packet: Packet, situation: Situation) -> bool:
    """Say what a match means, in the longest way."""
    return (
        packet.family in match.families
        and among(match.source, packet.source)
        and among(match.destination, packet.destination)
        and serves(match.services, packet.service)
        and named(match, situation)
        and tracked(match, situation.tracking)
    )


def among(ranges: Intervals | None, number: int) -> bool:
    return ranges is None or any(low <= number <= high for low, high in ranges)


def serves(services: Services, point: Point) -> bool:
    for each in services.boxes:
        good = among(each.protocols, point.protocol)
        if point.protocol in {1, 6, 17, 33, 58, 132, 136}:
            good = good and among(each.first, point.first) and among(each.second, point.second)
        if point.protocol == 6:
            good = good and each.flags & 1 << point.flags != 0
        if good:
            return True
    return False


def named(match: Match, situation: Situation) -> bool:
    for asked, device in ((match.entry, situation.entry), (match.exit, situation.exit)):
        for some in asked:
            inside = device in some.names or [1 for prefix in some.prefixes if device[: len(prefix)] == prefix] != []
            if inside == some.outside:
                return False
    return True


def tracked(match: Match, tracking: Tracking) -> bool:
    if match.states is not None and tracking.state not in match.states:
        return False
    if tracking.direction is None:
        return match.direction is None and match.dnat is None and match.snat is None
    return (
        match.direction in {None, tracking.direction}
        and match.dnat in {None, tracking.dnat}
        and match.snat in {None, tracking.snat}
    )
