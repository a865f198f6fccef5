"""`beffroi verify`: look at every live machine, read only, and judge."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi.messages import say

from .options import declared, stack_option, town_argument, works
from .verdicts import conclude, outputs


@click.command(help=say("cli-verify-help"), short_help=say("cli-verify-short"))
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
    """Verify the town."""
    at_work = works(declared(town, root, profile), stack, quiet=as_json)
    return conclude(at_work, at_work.verify(), html=html, junit=junit, as_json=as_json)
