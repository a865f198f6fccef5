"""`beffroi destroy`: remove everything that was provisioned."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi.applied import forget
from beffroi.lab.place import require_root
from beffroi.lab.sweep import sweep
from beffroi.messages import say

from .options import declared_as_written, stack_option, town_argument, works


@click.command(help=say("cli-destroy-help"), short_help=say("cli-destroy-short"))
@town_argument
@stack_option
@click.option("--yes", is_flag=True, help=say("cli-yes-option"))
def command(town: Path, root: Path | None, profile: str, stack: str | None, *, yes: bool) -> int:
    """Destroy the stack's resources, then whatever a killed run left behind."""
    require_root()
    at_work = works(declared_as_written(town, root, profile), stack)
    if not yes and not click.confirm(say("cli-destroy-confirm", town=at_work.state.name)):
        return 2
    at_work.hang_up()
    with at_work.stack() as city_stack:
        steps = city_stack.destroy(at_work.progress.step)
        left = sweep(at_work.place)
        forget(at_work.state)
    click.echo(say("cli-destroy-end", steps=len(steps), left=len(left)))
    return 0
