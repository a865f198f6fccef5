"""`beffroi report`: write the last verification's report again, without looking again."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi import runs
from beffroi.messages import say

from .options import declared, stack_option, town_argument, works
from .verdicts import outputs, tell


@click.command(help=say("cli-report-help"), short_help=say("cli-report-short"))
@town_argument
@stack_option
@outputs
def command(
    town: Path,
    root: Path | None,
    profile: str,
    stack: str | None,
    html: Path | None,
    junit: Path | None,
    *,
    as_json: bool,
) -> int:
    """Report on the last run."""
    at_work = works(declared(town, root, profile), stack, quiet=as_json)
    folder, run = runs.latest(at_work.state)
    return tell(at_work.declared, run, html=html or folder / "report.html", junit=junit, as_json=as_json)
