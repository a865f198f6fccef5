"""Two versions of a repository's content, judged and compared: by the engine's own parts, put together in the tests.

It stands where `beffroi gate --base --head` is to stand, and fills in what the pages need of a review but controls,
the register and machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from beffroi.city.loader import Loaded, load
from beffroi.errors import InvalidCity
from beffroi.gate import Strictness, Violation, judge
from beffroi.network.answer import answer
from beffroi.network.asking import Question, flows_of
from beffroi.network.committed import committed, proved
from beffroi.network.describe import described
from beffroi.network.difference import Change, compare
from beffroi.network.town import Town, town_of
from beffroi.policy import Policy, load_policies
from beffroi.review import Asked, Fault, FlowChange, Found, Review, Spot
from beffroi.rules import Commitment, Proposal, Source
from beffroi.waiver import load_waivers
from beffroi.yamlfile import Document


@dataclass(frozen=True, eq=False)
class Version:
    """A town's content at one commit."""

    written: Loaded
    policies: Mapping[str, Policy]
    commitment: Commitment
    waivers: Document | None


@cache
def version(root: Path, town: str, _commit: str) -> Version:
    """Read the town in `root`; raise InvalidCity. A commit, once read, stays the same."""
    written = load(root / "inventory" / town, shown_as=f"inventory/{town}")
    policies = load_policies(root)
    waivers, document = load_waivers(root / "inventory" / town, shown_as=f"inventory/{town}/waivers.yml")
    return Version(written, policies, Commitment(written.city, {}, policies, waivers), document)


@cache
def network(found: Version) -> Town:
    return town_of(found.written.city, committed(found.written.city))


def review(before: Version, after: Version, today: date, strictness: Strictness) -> Review:
    """Return what the gate is to answer: the policies of both versions judge, in the base's words first."""
    policies = {**after.policies, **before.policies}
    decision = judge(Proposal(after.commitment, today, before.commitment), policies, strictness=strictness)
    city = after.written.city
    return Review(
        town=city.town.name,
        base="main",
        head="proposed",
        decision=decision,
        found=tuple(Found(violation=each, spot=spot_of(each, before, after)) for each in decision.violations),
        deviations=answer(proved(city), {}).deviations,
        flows=flow_changes(before.written, after.written, network(before), network(after)),
        flows_compared=True,
        asked=tuple(
            Asked(policy=each.id, title=each.title, rationale=each.rationale, level=each.level)
            for each in policies.values()
        ),
    )


def faults(town: str, error: InvalidCity, root: Path) -> Review:
    """Return the review of files that hold mistakes."""
    found = tuple(
        Fault(
            spot=Spot(file=each.file.removeprefix(f"{root}/"), line=each.line),
            field=each.field,
            reason=each.reason,
            hint=each.hint,
        )
        for each in error.problems
    )
    return Review(town=town, base="main", head="proposed", faults=found)


def spot_of(violation: Violation, before: Version, after: Version) -> Spot:
    if violation.source == Source.WAIVERS and after.waivers:
        lines = after.waivers.problem(("waivers", *violation.path), "", "")
        return Spot(file=lines.file, line=lines.line)
    there = before if violation.source == Source.BEFORE else after
    return spot(there.written, violation.path, before=there is before)


def spot(written: Loaded, path: tuple[str | int, ...], *, before: bool = False) -> Spot:
    file, _, line = written.where(path).rpartition(":")
    return Spot(file=file, line=int(line), before=before)


def flow_changes(before: Loaded, after: Loaded, old: Town, new: Town) -> tuple[FlowChange, ...]:
    """Return what a change opens and closes: the real difference, with its witnesses and the flows behind it."""
    sides = {"opened": (after, new), "closed": (before, old)}
    return tuple(_flow_change(change, *sides[change.sort]) for change in compare(old, new))


def _flow_change(change: Change, written: Loaded, there: Town) -> FlowChange:
    witness = change.packets.witness()
    assert witness is not None
    before = change.sort == "closed"
    behind = flows_of(there, Question(change.start, witness))
    return FlowChange(
        sort=change.sort,
        family=change.family,
        start=change.start,
        end=change.end,
        packets=tuple(described(change.packets)),
        witness=witness.show(),
        doubtful=change.doubtful,
        flows=tuple((there.city.flows[index].name, spot(written, ("flows", index), before=before)) for index in behind),
    )
