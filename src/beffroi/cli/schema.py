"""`beffroi schema`: the JSON Schema of a town's files, for editors."""

from __future__ import annotations

import json

import click

from beffroi.messages import say


@click.command(help=say("cli-schema-help"), short_help=say("cli-schema-short"))
@click.option("--waivers", is_flag=True, help=say("cli-schema-waivers-option"))
def command(*, waivers: bool) -> int:
    """Print the schema."""
    from beffroi import waiver  # noqa: PLC0415
    from beffroi.city import schema  # noqa: PLC0415

    chosen = waiver.json_schema() if waivers else schema.json_schema()
    click.echo(json.dumps(chosen, indent=2, ensure_ascii=False))
    return 0
