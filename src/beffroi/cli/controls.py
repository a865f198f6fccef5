"""`beffroi controls`: what the town holds itself to."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.table import Table

from beffroi.messages import say, spoken_language

from .options import declared_as_written, json_option, out, town_argument


@click.command(help=say("cli-controls-help"), short_help=say("cli-controls-short"))
@town_argument
@json_option
def command(town: Path, root: Path | None, profile: str, *, as_json: bool) -> int:
    """List the controls of the profile."""
    controls = declared_as_written(town, root, profile).controls
    if as_json:
        plain = {name: control.model_dump(mode="json") for name, control in controls.items()}
        click.echo(json.dumps(plain, sort_keys=True, ensure_ascii=False, indent=1))
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("cli-column-control", "cli-column-title", "cli-column-maps"):
        table.add_column(say(column))
    for name, control in controls.items():
        maps = ", ".join(f"{framework} {' '.join(map(str, ids))}" for framework, ids in control.maps.items())
        table.add_row(name, control.title.of(spoken_language()), maps)
    out().print(table)
    return 0
