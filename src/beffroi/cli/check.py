"""`beffroi check`: is the declaration sound? The model alone: no root, no network, no Pulumi."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi import declaration
from beffroi.messages import say


@click.command(help=say("cli-check-help"), short_help=say("cli-check-short"))
@click.argument("town", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--root", type=click.Path(path_type=Path, exists=True, file_okay=False), help=say("cli-root-option"))
@click.option("--profile", default="town", show_default=True, help=say("cli-profile-option"))
def command(town: Path, root: Path | None, profile: str) -> int:
    """Load the town and say what it is made of."""
    declared = declaration.load(town, root=root, profile=profile)
    city = declared.city
    counts: dict[str, object] = {
        "segments": len(city.segments),
        "gateways": len(city.gateways),
        "hosts": len(city.hosts),
        "fleets": len(city.fleets),
        "flows": len(city.flows),
        "processing": len(city.processing),
        "controls": len(declared.controls),
        "checks": len(declared.desired.checks),
    }
    click.echo(say("cli-check-good", language=None, town=city.town.name, **counts))
    return 0
