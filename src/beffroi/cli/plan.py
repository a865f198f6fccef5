"""`beffroi plan`: what would an apply change?"""

from __future__ import annotations

import os
from pathlib import Path

import click

from beffroi.messages import say
from beffroi.plan import Plan

from .options import declared, json_option, operation, stack_option, town_argument, works


@click.command(help=say("cli-plan-help"), short_help=say("cli-plan-short"))
@town_argument
@stack_option
@json_option
def command(town: Path, root: Path | None, profile: str, stack: str | None, *, as_json: bool) -> int:
    """Show the plan; as root, compared with what really stands."""
    is_root = os.geteuid() == 0
    plan = works(declared(town, root, profile), stack, quiet=as_json).plan(refresh=is_root)
    if as_json:
        click.echo(plan.model_dump_json())
    else:
        show(plan)
        if not is_root:
            click.echo(say("cli-plan-unrefreshed"))
    return 0


def show(plan: Plan) -> None:
    """Print the plan for a person."""
    for step in plan.steps:
        changes = f" ({', '.join(step.changes)})" if step.changes else ""
        click.echo(f"  {operation(step.operation):<12} {step.type.rpartition(':')[2]:<10} {step.name}{changes}")
    click.echo(say("cli-plan-end", steps=len(plan.steps), machines=len(plan.settings), digest=plan.digest))
