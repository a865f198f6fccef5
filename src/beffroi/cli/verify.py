"""`beffroi verify`: look at every live machine, read only, and judge."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi.apply import Works
from beffroi.messages import say
from beffroi.runs import Run

from .options import declared, stack_option, town_argument, works
from .verdicts import conclude, outputs


@click.command(help=say("cli-verify-help"), short_help=say("cli-verify-short"))
@town_argument
@stack_option
@click.option("--read-only", is_flag=True, help=say("cli-read-only-option"))
@click.option(
    "--identity", type=click.Path(path_type=Path, dir_okay=False), default=None, help=say("cli-identity-option")
)
@outputs
def command(
    town: Path,
    root: Path | None,
    profile: str,
    stack: str | None,
    identity: Path | None,
    html: Path | None,
    junit: Path | None,
    *,
    read_only: bool,
    as_json: bool,
) -> int:
    """Verify the town."""
    if identity is not None and not read_only:
        raise click.UsageError(say("cli-identity-without-read-only"))
    at_work = works(declared(town, root, profile), stack, quiet=as_json)
    run = _as_auditor(at_work, identity) if read_only else at_work.verify()
    return conclude(at_work, run, html=html, junit=junit, as_json=as_json)


def _as_auditor(at_work: Works, identity: Path | None) -> Run:
    from beffroi.auditing import verify_as_auditor  # noqa: PLC0415 - only where it is asked for

    return verify_as_auditor(at_work, identity or Path.home() / ".ssh" / "id_ed25519")
