"""`beffroi prove`: do the firewalls let through exactly what the town declares, and never what it forbids?"""

from __future__ import annotations

import time
from pathlib import Path

import click

from beffroi import firewalls
from beffroi.declaration import Declaration
from beffroi.limits import uncollected
from beffroi.messages import say
from beffroi.network.answer import Answer, Deviation, answer
from beffroi.network.certificate import certificate as certified
from beffroi.network.committed import committed, proof_of
from beffroi.network.firewall import Firewall
from beffroi.network.invariants import Invariant
from beffroi.network.reader import read
from beffroi.policy import load_policies
from beffroi.report.visible import one_line

from .options import declared, json_option, stack_option, town_argument, works

_CONCLUSIONS = ("prove-all-proved", "prove-not-proved", "prove-doubtful")

SHOWN, SHOWN_PACKETS = 20, 3
"""Deviations told in full; the rest is counted, and --json has them all."""


def machine_files(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[str, Path]:
    """Return the files that `MACHINE=FILE` names, by machine."""
    files = {}
    for word in words:
        machine, equals, file = word.partition("=")
        if not (machine and equals and Path(file).is_file()):
            raise click.BadParameter(say("prove-firewall-form", word=one_line(word)))
        files[machine] = Path(file)
    return files


@click.command(help=say("cli-prove-help"), short_help=say("cli-prove-short"))
@town_argument
@stack_option
@click.option("--deployed", is_flag=True, help=say("prove-deployed-option"))
@click.option(
    "--firewall",
    "files",
    multiple=True,
    metavar="MACHINE=FILE",
    callback=machine_files,
    help=say("prove-firewall-option"),
)
@click.option("--certificate", type=click.Path(path_type=Path, dir_okay=False), help=say("prove-certificate-option"))
@json_option
def command(
    town: Path,
    root: Path | None,
    profile: str,
    stack: str | None,
    files: dict[str, Path],
    certificate: Path | None,
    *,
    deployed: bool,
    as_json: bool,
) -> int:
    """Prove the town."""
    begun = time.monotonic()
    town_declared = declared(town, root, profile)
    found = committed(town_declared.city)
    if deployed:
        found |= {name: read(each) for name, each in firewalls.running(works(town_declared, stack, quiet=True)).items()}
    found |= _given(town_declared, files)
    invariants = invariants_of(town_declared)
    with uncollected():
        proof = proof_of(town_declared.city, found, *invariants.values())
        given = answer(proof, invariants)
    if certificate:
        certificate.write_text(certified(proof), "utf-8")
    if as_json:
        click.echo(given.model_dump_json())
    else:
        show(town_declared, given, time.monotonic() - begun)
    return given.exit_code


def invariants_of(town: Declaration) -> dict[str, Invariant]:
    """Return the town's invariants, by the id of their policy."""
    policies = load_policies(town.root)
    return {
        name: Invariant.model_validate(policy.params)
        for name, policy in policies.items()
        if policy.rule == "never_arrives"
    }


def show(town: Declaration, given: Answer, seconds: float) -> None:
    """Tell a person what was proved, or what was not and why."""
    counts: dict[str, object] = {
        "flows": given.flows,
        "machines": len(given.machines),
        "pairs": given.pairs,
        "open": given.open_pairs,
    }
    click.echo(say("prove-looked", language=None, town=town.city.town.name, **counts))
    for each in given.deviations[:SHOWN]:
        _tell(town, each)
    if len(given.deviations) > SHOWN:
        click.echo(say("prove-more-deviations", count=len(given.deviations) - SHOWN))
    for machine, remark in given.remarks[:SHOWN]:
        click.echo(say("prove-remark", machine=machine, remark=remark))
    broken = {each.invariant for each in given.deviations if each.invariant}
    told: dict[str, object] = {
        "count": len(given.deviations),
        "held": len(given.invariants) - len(broken),
        "seconds": f"{seconds:.1f}",
    }
    click.echo(say(_CONCLUSIONS[given.exit_code], language=None, **told))
    for key, flows in (("prove-limited", given.limited), ("prove-unenforced", given.unenforced)):
        if flows:
            click.echo(say(key, count=len(flows), flows=", ".join(flows)))


def _tell(town: Declaration, each: Deviation) -> None:
    places = {"start": each.start, "end": each.end, "family": f"IPv{each.family}"}
    click.echo(say(f"prove-{each.sort}", invariant=each.invariant, flows=", ".join(each.flows), **places))
    for words in each.packets[:SHOWN_PACKETS]:
        click.echo(say("prove-packets", packets=words))
    if len(each.packets) > SHOWN_PACKETS:
        click.echo(say("prove-more-packets", count=len(each.packets) - SHOWN_PACKETS))
    click.echo(say("prove-witness", packet=each.witness))
    for rule in each.rules:
        click.echo(say("prove-rule", machine=rule.machine, rule=rule.rule, text=one_line(rule.text), verb=rule.verb))
    for name in each.flows:
        index = next(at for at, flow in enumerate(town.city.flows) if flow.name == name)
        click.echo(say("prove-flow", flow=name, place=town.written.where(("flows", index))))


def _given(town: Declaration, files: dict[str, Path]) -> dict[str, Firewall]:
    unknown = [name for name in files if name not in town.city.machines()]
    if unknown:
        raise click.BadParameter(say("prove-no-machine", name=one_line(unknown[0])))
    return {name: firewalls.from_file(path) for name, path in files.items()}
