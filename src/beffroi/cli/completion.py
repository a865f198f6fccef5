"""`beffroi completion`: the script that completes verbs and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from beffroi.messages import say


@click.command(help=say("cli-completion-help"), short_help=say("cli-completion-short"))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the script for `shell`."""
    from .verbs import program  # noqa: PLC0415 - the program imports this verb

    completion = get_completion_class(shell)
    if completion is None:
        raise click.BadParameter(shell)
    click.echo(completion(program, {}, "beffroi", "_BEFFROI_COMPLETE").source())
    return 0
