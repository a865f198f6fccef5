"""`beffroi schema`: the JSON Schema of a town's files, for editors."""

from __future__ import annotations

import json

import click

from beffroi.messages import say


@click.command(help=say("cli-schema-help"), short_help=say("cli-schema-short"))
def command() -> int:
    """Print the schema."""
    from beffroi.city.schema import json_schema  # noqa: PLC0415

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0
