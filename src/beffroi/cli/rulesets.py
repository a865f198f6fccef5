"""`beffroi flows rulesets` and `flows drift`: what the edit of a ruleset changes, and whether what runs is as meant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from beffroi import firewalls
from beffroi.messages import say
from beffroi.network.alteration import MANY, Alteration, Comparison, compare_rulesets
from beffroi.network.committed import committed
from beffroi.network.describe import described
from beffroi.network.evaluate import Situation
from beffroi.network.firewall import Place, Tracking
from beffroi.network.reader import read
from beffroi.network.situations import OTHER
from beffroi.report.visible import one_line

from .options import declared, stack_option, town_argument, works

SHOWN, SHOWN_PACKETS = 20, 4
"""Alterations told of one machine, and lines of packets of each; the rest is counted."""

_File = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(help=say("flows-rulesets-help"))
@click.argument("old", type=_File)
@click.argument("new", type=_File)
def rulesets(old: Path, new: Path) -> int:
    """Say what an edit of one ruleset changes."""
    return _concluded({"": compare_rulesets(firewalls.from_file(old), firewalls.from_file(new))})


@click.command(help=say("flows-drift-help"))
@town_argument
@stack_option
def drift(town: Path, root: Path | None, profile: str, stack: str | None) -> int:
    """Say where the running firewalls do otherwise than the declared flows mean."""
    found = declared(town, root, profile)
    meant = committed(found.city)
    running = firewalls.running(works(found, stack, quiet=True))
    return _concluded({name: compare_rulesets(meant[name], read(each)) for name, each in running.items()})


def _concluded(found: dict[str, Comparison]) -> int:
    for machine, comparison in found.items():
        for each in comparison.alterations[:SHOWN]:
            _tell(machine, each)
        if len(comparison.alterations) > SHOWN:
            click.echo(say("flows-more-alterations", count=len(comparison.alterations) - SHOWN))
        for name in comparison.unfollowed:
            click.echo(_at(machine) + say("flows-unfollowed", table=one_line(name)))
    alterations = [each for comparison in found.values() for each in comparison.alterations]
    if all(comparison.same for comparison in found.values()):
        click.echo(say("flows-same", count=len(found)))
        return 0
    click.echo(say("flows-altered", count=len(alterations)))
    return 1 if any(not each.doubtful for each in alterations) else 2


def _at(machine: str) -> str:
    return f"{machine}: " if machine else ""


def _tell(machine: str, each: Alteration) -> None:
    key = "flows-altered-perhaps" if each.doubtful else f"flows-altered-{each.sort}"
    click.echo(_at(machine) + say(key, family=f"IPv{each.family}", hook=each.hook))
    lines = described(each.packets)
    for words in lines[:SHOWN_PACKETS]:
        click.echo(say("prove-packets", packets=words))
    if len(lines) > SHOWN_PACKETS:
        click.echo(say("flows-more-packets", count=len(lines) - SHOWN_PACKETS))
    for words in situated(each.situations):
        click.echo(say("flows-situation", words=words))
    witness = each.packets.witness()
    if witness is not None:
        click.echo(say("prove-witness", packet=witness.show()))
    click.echo(say("flows-before", rule=rule(each.before)))
    click.echo(say("flows-after", rule=rule(each.after)))


def rule(place: Place | None) -> str:
    """Return where a rule stands and what it says, on one line."""
    if place is None:
        return say("flows-no-rule")
    if place == MANY:
        return say("flows-many-rules")
    return say("flows-rule", rule=str(place), text=one_line(" ".join(filter(None, (place.text, place.comment)))))


def situated(situations: Iterable[Situation]) -> list[str]:
    """Return situations in a few lines, in nft's own words: those of the same connections and entry on one."""
    tracked: dict[tuple[str, str], list[Tracking]] = {}
    for each in situations:
        tracked.setdefault((each.entry, each.exit), []).append(each.tracking)
    exits: dict[tuple[str, str], list[str]] = {}
    for (entry, exit_), trackings in tracked.items():
        exits.setdefault((_connections(trackings), entry), []).append(exit_)
    entries: dict[tuple[str, str], list[str]] = {}
    for (connections, entry), names in exits.items():
        entries.setdefault((connections, _named("oifname", names)), []).append(entry)
    return [
        " ".join(filter(None, (_named("iifname", names), out, connections)))
        for (connections, out), names in entries.items()
    ]


def _named(word: str, names: Iterable[str]) -> str:
    told = sorted({say("flows-other-interfaces") if name == OTHER else one_line(name) for name in names if name})
    return f"{word} {', '.join(told)};" if told and told != [say("flows-other-interfaces")] else ""


def _connections(trackings: Iterable[Tracking]) -> str:
    """Return the states that a packet may have; more is said only of states that do not all fare alike."""
    ways: dict[str, list[Tracking]] = {}
    for each in trackings:
        ways.setdefault(each.state.value, []).append(each)
    words = [state if len(some) in {1, 4, 8} else ", ".join(map(_way, some)) for state, some in ways.items()]
    return f"ct state {', '.join(words)}"


def _way(tracking: Tracking) -> str:
    status = [name for name, there in (("dnat", tracking.dnat), ("snat", tracking.snat)) if there]
    return " ".join((tracking.state, str(tracking.direction or ""), *status))
