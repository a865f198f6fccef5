"""`beffroi apply`: make the town so, and verify it."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi.messages import say
from beffroi.report.visible import visible

from .options import declared, stack_option, town_argument, works
from .verdicts import conclude, outputs


@click.command(help=say("cli-apply-help"), short_help=say("cli-apply-short"))
@town_argument
@stack_option
@click.option("--yes", is_flag=True, help=say("cli-yes-option"))
@click.option("--all", "everything", is_flag=True, help=say("cli-all-option"))
@click.option("--decided", default=None, metavar="DIGEST", help=say("cli-decided-option"))
@outputs
def command(
    town: Path,
    root: Path | None,
    profile: str,
    stack: str | None,
    decided: str | None,
    html: Path | None,
    junit: Path | None,
    *,
    yes: bool,
    everything: bool,
    as_json: bool,
) -> int:
    """Provision, configure, look."""
    from .gate import refuse_or_go_on  # noqa: PLC0415

    town_declared = declared(town, root, profile)
    refuse_or_go_on(town_declared)
    if not yes and not click.confirm(say("cli-apply-confirm", town=town_declared.city.town.name)):
        return 2
    at_work = works(town_declared, stack, quiet=as_json)
    applied = at_work.apply(decided=decided, everything=everything)
    changed = sum(done.changed for done in applied.convergences)
    click.echo(say("cli-apply-end", steps=len(applied.steps), changed=changed), err=True)
    for host, failures in applied.failures.items():
        click.echo(say("cli-apply-failed", host=host, words=visible("\n    ".join(failures))), err=True)
    code = conclude(at_work, applied.run, html=html, junit=junit, as_json=as_json)
    return max(code, 2 if applied.failures else 0)
