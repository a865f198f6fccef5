"""Which packets a change opens and closes, and the declared flows behind them. Pure."""

from __future__ import annotations

from beffroi.network.asking import Question, flows_of
from beffroi.network.committed import committed, compared, proved
from beffroi.network.describe import described
from beffroi.network.difference import Alike, alike
from beffroi.network.town import Town, town_of
from beffroi.review import FlowChange

from .spots import Version


def flow_changes(before: Version, after: Version) -> tuple[FlowChange, ...]:
    """Return what the change opens and closes between all places, told once for all who may send it."""
    city = before.declared.city
    old, new = town_of(city, committed(city)), proved(after.declared.city).town
    changes = compared(old, new)
    sides = {"opened": (after, new), "closed": (before, old)}
    return tuple(
        _told(each, *sides[sort])
        for sort, (version, _) in sides.items()
        for each in alike(version.declared.city, (it for it in changes if it.sort == sort))
    )


def _told(each: Alike, version: Version, town: Town) -> FlowChange:
    change = each.change
    witness = change.packets.witness()
    behind = flows_of(town, Question(change.start, witness)) if witness else ()
    flows = version.declared.city.flows
    gone = change.sort == "closed"
    return FlowChange(
        sort=change.sort,
        family=change.family,
        start=change.start,
        end=change.end,
        packets=tuple(described(change.packets)),
        witness=witness.show() if witness else "",
        doubtful=change.doubtful,
        flows=tuple((flows[index].name, version.spot(("flows", index), before=gone)) for index in behind),
        elsewhere=each.elsewhere,
    )
