"""`beffroi verify`: look at every live machine, read only, and judge."""

from __future__ import annotations

from pathlib import Path

import click

from beffroi import runs
from beffroi.apply import Works
from beffroi.messages import say
from beffroi.runs import Run

from .options import declared, stack_option, town_argument, works
from .verdicts import conclude, outputs, tell


@click.command(help=say("cli-verify-help"), short_help=say("cli-verify-short"))
@town_argument
@stack_option
@click.option("--from-captures", "captures", metavar="RUN", default=None, help=say("cli-captures-option"))
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
    captures: str | None,
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
    if captures is not None and read_only:
        raise click.UsageError(say("cli-captures-read-only"))
    at_work = works(declared(town, root, profile), stack, quiet=as_json)
    if captures is not None:
        return _again(at_work, captures, html=html, junit=junit, as_json=as_json)
    run = _as_auditor(at_work, identity) if read_only else at_work.verify()
    return conclude(at_work, run, html=html, junit=junit, as_json=as_json)


def _as_auditor(at_work: Works, identity: Path | None) -> Run:
    from beffroi.auditing import verify_as_auditor  # noqa: PLC0415 - only where it is asked for

    return verify_as_auditor(at_work, identity or Path.home() / ".ssh" / "id_ed25519")


def _again(at_work: Works, captures: str, *, html: Path | None, junit: Path | None, as_json: bool) -> int:
    """Judge again what a run kept; nothing is looked at, and no new run is recorded."""
    kept = runs.captures(at_work.state, captures)
    click.echo(say("captures-replayed", when=kept.about.started.isoformat(timespec="seconds")), err=True)
    if not kept.complete:
        click.echo(say("captures-cut-short"), err=True)
    return tell(at_work.declared, at_work.replay(kept), html=html, junit=junit, as_json=as_json)
