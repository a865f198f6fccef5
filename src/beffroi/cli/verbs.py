"""The verbs by name. Each is imported only when it is asked for, so that `beffroi check` stays instant."""

from __future__ import annotations

import importlib

import click

from beffroi import __version__
from beffroi.messages import say

VERBS = (
    "check",
    "plan",
    "gate",
    "prove",
    "flows",
    "apply",
    "verify",
    "report",
    "register",
    "request",
    "refresh",
    "destroy",
    "lab",
    "controls",
    "schema",
    "completion",
)


class Verbs(click.Group):
    """A group whose commands live in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's face
        """Return the verbs in the order of a day's work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's face
        """Import and return the verb `cmd_name`, or None."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"beffroi.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101 - a house rule, held by a test
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's face
        """List the verbs with their first sentence, without importing any of them."""
        with formatter.section(say("cli-verbs")):
            formatter.write_dl([(verb, say(f"cli-{verb}-short")) for verb in VERBS])


@click.command(cls=Verbs, help=say("cli-help"), epilog=say("cli-epilog"), context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="beffroi", help=say("cli-version"))
def program() -> None:
    """Be the program."""
