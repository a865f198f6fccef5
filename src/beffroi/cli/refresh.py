"""`beffroi refresh`: write into the state what really stands."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi.messages import say

from .options import declared_as_written, operation, stack_option, town_argument, works


@click.command(help=say("cli-refresh-help"), short_help=say("cli-refresh-short"))
@town_argument
@stack_option
def command(town: Path, root: Path | None, profile: str, stack: str | None) -> int:
    """Refresh the state and show what had changed."""
    at_work = works(declared_as_written(town, root, profile), stack)
    with at_work.stack() as city_stack:
        steps = city_stack.refresh(at_work.progress.step)
    for step in steps:
        click.echo(f"  {operation(step.operation):<12} {step.name} {', '.join(step.changes)}".rstrip())
    click.echo(say("cli-refresh-end", steps=len(steps)))
    return 0
