"""`beffroi flows`: who may talk to whom, why a packet passes or not, rule by rule."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi import firewalls
from beffroi.declaration import Declaration
from beffroi.messages import say
from beffroi.network.anomalies import anomalies as anomalous
from beffroi.network.asking import Question, between, flows_of, packet
from beffroi.network.committed import committed
from beffroi.network.counters import unused
from beffroi.network.describe import described
from beffroi.network.difference import Alike, alike, compare
from beffroi.network.journey import Journey, journey
from beffroi.network.reader import read
from beffroi.network.town import Town, town_of
from beffroi.network.trace import Decision
from beffroi.report.visible import one_line

from . import rulesets
from .options import declared, stack_option, town_argument, works

_EXITS = {Decision.ACCEPT: 0, Decision.DROP: 1, Decision.UNKNOWN: 2}


@click.group(help=say("cli-flows-help"), short_help=say("cli-flows-short"))
def command() -> None:
    """Hold the questions that can be asked of flows."""


command.add_command(rulesets.rulesets)
command.add_command(rulesets.drift)


@command.command("list", help=say("flows-list-help"))
@town_argument
def list_(town: Path, root: Path | None, profile: str) -> int:
    """List the declared flows with their place."""
    found = declared(town, root, profile)
    for index, flow in enumerate(found.city.flows):
        ends = f"{', '.join(flow.source)} -> {', '.join(flow.destination)}"
        until = say("flows-until", day=flow.until) if flow.until else ""
        click.echo(f"{found.written.where(('flows', index))}: {flow.name}: {ends} ({flow.service}){until}")
    return 0


@command.command(help=say("flows-why-help"))
@town_argument
@stack_option
@click.option("--deployed", is_flag=True, help=say("prove-deployed-option"))
@click.argument("question", metavar="'SOURCE -> DESTINATION:PORT'")
def why(town: Path, root: Path | None, profile: str, stack: str | None, question: str, *, deployed: bool) -> int:
    """Say what becomes of a connection between two names, hop by hop."""
    found = declared(town, root, profile)
    stood = _town(found, stack, deployed=deployed)
    return max(_tell(found, stood, each) for each in between(stood, question))


@command.command(help=say("flows-can-help"))
@town_argument
@stack_option
@click.option("--deployed", is_flag=True, help=say("prove-deployed-option"))
@click.option("--from", "start", help=say("flows-from-option"))
@click.argument("question", metavar="'tcp ADDRESS:PORT -> ADDRESS:PORT'")
def can(
    town: Path, root: Path | None, profile: str, stack: str | None, start: str | None, question: str, *, deployed: bool
) -> int:
    """Say what becomes of one packet, hop by hop."""
    found = declared(town, root, profile)
    stood = _town(found, stack, deployed=deployed)
    return _tell(found, stood, packet(stood, question, start))


@command.command(help=say("flows-diff-help"))
@click.argument("old", type=click.Path(path_type=Path, exists=True, file_okay=False))
@town_argument
def diff(town: Path, root: Path | None, profile: str, old: Path) -> int:
    """Say what a change of the declaration opens and closes."""
    before, after = declared(old, root, profile), declared(town, root, profile)
    towns = {"closed": (before, _town(before, None)), "opened": (after, _town(after, None))}
    changes = compare(towns["closed"][1], towns["opened"][1])
    told = [
        each for sort, (found, _) in towns.items() for each in alike(found.city, changes) if each.change.sort == sort
    ]
    for each in told:
        _tell_change(*towns[each.change.sort], each)
    click.echo(say("flows-changed" if told else "flows-unchanged", count=len(told)))
    return int(bool(told))


@command.command(help=say("flows-anomalies-help"))
@town_argument
@stack_option
@click.option("--deployed", is_flag=True, help=say("prove-deployed-option"))
def anomalies(town: Path, root: Path | None, profile: str, stack: str | None, *, deployed: bool) -> int:
    """Name the rules that do nothing, and with --deployed the flows that nothing uses."""
    found = declared(town, root, profile)
    running = firewalls.running(works(found, stack, quiet=True)) if deployed else {}
    judged = {name: read(each) for name, each in running.items()} or committed(found.city)
    count = 0
    for machine, firewall in judged.items():
        for each in anomalous(firewall):
            count += 1
            text = one_line(each.label or each.place.text)
            click.echo(say(f"flows-{each.sort}", machine=machine, rule=each.place, text=text))
            for cause in each.causes:
                click.echo(say("flows-cause", rule=rulesets.rule(cause)))
    for flow in unused(running):
        index = next((at for at, each in enumerate(found.city.flows) if each.name == flow), None)
        if index is not None:
            click.echo(say("flows-unused", flow=flow, place=found.written.where(("flows", index))))
    click.echo(say("flows-anomalous" if count else "flows-no-anomaly", count=count))
    return int(bool(count))


def _tell_change(found: Declaration, town: Town, alike_from: Alike) -> None:
    change = alike_from.change
    places = {"start": change.start, "end": change.end, "family": f"IPv{change.family}"}
    click.echo(say(f"flows-{'doubtful' if change.doubtful else change.sort}", **places))
    for words in described(change.packets)[:3]:
        click.echo(say("prove-packets", packets=words))
    if alike_from.elsewhere:
        click.echo(say("flows-elsewhere", places=", ".join(alike_from.elsewhere)))
    witness = change.packets.witness()
    if witness is None:
        return
    click.echo(say("prove-witness", packet=witness.show()))
    for index in flows_of(town, Question(change.start, witness)):
        place = found.written.where(("flows", index))
        click.echo(say("prove-flow", flow=found.city.flows[index].name, place=place))


def _town(found: Declaration, stack: str | None, *, deployed: bool = False) -> Town:
    if not deployed:
        return town_of(found.city, committed(found.city))
    running = firewalls.running(works(found, stack, quiet=True))
    return town_of(found.city, {name: read(document) for name, document in running.items()})


def _tell(found: Declaration, town: Town, question: Question) -> int:
    gone = journey(town, question.packet, question.start)
    click.echo(say("flows-asked", packet=gone.packet.show(), start=gone.start))
    _tell_legs(gone)
    for index in flows_of(town, question):
        flow = found.city.flows[index]
        place = found.written.where(("flows", index))
        click.echo(say("prove-flow", flow=flow.name, place=place))
    key = {Decision.ACCEPT: "flows-arrives", Decision.DROP: "flows-refused", Decision.UNKNOWN: "flows-unknown"}
    last = gone.legs[-1].device if gone.legs else gone.start
    click.echo(say(key[gone.decision], end=gone.end, machine=last))
    return _EXITS[gone.decision]


def _tell_legs(gone: Journey) -> None:
    for leg in gone.legs:
        for step in leg.trace.steps:
            text = one_line(step.label or step.place.comment or step.place.text)
            where = str(step.place)
            click.echo(say("flows-step", machine=leg.device, hook=step.hook, rule=where, verb=step.verb, text=text))
