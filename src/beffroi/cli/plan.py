"""`beffroi plan`: what would an apply change?"""

from __future__ import annotations

import os
from pathlib import Path

import click

from beffroi.errors import InvalidInput
from beffroi.messages import say
from beffroi.plan import Change, Plan
from beffroi.records import write_plan
from beffroi.report.visible import visible

from .options import declared, json_option, operation, stack_option, town_argument, works

_MOST_NAMES = 12


@click.command(help=say("cli-plan-help"), short_help=say("cli-plan-short"))
@town_argument
@stack_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help=say("plans-out-option"))
@json_option
def command(town: Path, root: Path | None, profile: str, stack: str | None, out: Path | None, *, as_json: bool) -> int:
    """Show the plan; as root, compared with what really stands."""
    is_root = os.geteuid() == 0
    at_work = works(declared(town, root, profile), stack, quiet=as_json)
    if out is not None and not at_work.declared.place:
        raise InvalidInput(say("plan-out-elsewhere"), where=str(town), hint=say("plan-out-elsewhere-hint"))
    plan = at_work.plan(refresh=is_root)
    if out is not None:
        write_plan(out, plan)
    if as_json:
        click.echo(plan.model_dump_json())
    else:
        show(plan)
        if not is_root:
            click.echo(say("cli-plan-unrefreshed"))
        if out is not None:
            click.echo(say("plan-written", file=out, decision=out.with_suffix(".decision.json")))
    return 0


def show(plan: Plan) -> None:
    """Print the plan for a person."""
    for step in plan.steps:
        changes = f" ({', '.join(step.changes)})" if step.changes else ""
        click.echo(f"  {operation(step.operation):<12} {step.type.rpartition(':')[2]:<10} {step.name}{changes}")
    for each in plan.remedies:
        click.echo(f"  {each.told(plan.folder or plan.town)}")
    for part, change in plan.changes().items():
        for line in told(part, change):
            click.echo(line)
    click.echo(say("cli-plan-end", steps=len(plan.steps), machines=len(plan.settings), digest=plan.digest))


def told(part: str, change: Change) -> list[str]:
    """Return a line for what appears, for what goes and for what changes in one part of the plan."""
    lines = []
    for sort in ("added", "removed", "changed"):
        names = getattr(change, sort)
        shown = [visible(name) for name in names[:_MOST_NAMES]]
        if len(names) > _MOST_NAMES:
            shown.append(say("plan-more", count=len(names) - _MOST_NAMES))
        if names:
            lines.append(say(f"plan-{sort}", part=say(f"plan-part-{part}"), names=", ".join(shown)))
    return lines
