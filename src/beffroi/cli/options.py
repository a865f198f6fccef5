"""Arguments and options that several verbs share, and what they make of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from beffroi import declaration
from beffroi.apply import Progress, Works
from beffroi.converge import Action
from beffroi.declaration import Declaration
from beffroi.messages import say
from beffroi.plan import Step
from beffroi.report.visible import visible
from beffroi.state import StackState
from beffroi.verdict import Observation

SHOWN_REMEDIES = 20
"""Values replaced by remedies that a verb tells one by one; the plan has them all."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def town_argument(function: _Function) -> _Function:
    """Add the argument TOWN and the options --root and --profile."""
    path = click.Path(path_type=Path, exists=True, file_okay=False)
    for decorate in (
        click.option("--profile", default="town", show_default=True, help=say("cli-profile-option")),
        click.option("--root", type=path, default=None, help=say("cli-root-option")),
        click.argument("town", type=path),
    ):
        function = decorate(function)
    return function


def towns_argument(function: _Function) -> _Function:
    """Add the argument TOWN, which may be given several times or not at all, and the options --root and --profile."""
    path = click.Path(path_type=Path, exists=True, file_okay=False)
    for decorate in (
        click.option("--profile", default="town", show_default=True, help=say("cli-profile-option")),
        click.option("--root", type=path, default=None, help=say("cli-root-option")),
        click.argument("towns", metavar="[TOWN]...", type=path, nargs=-1),
    ):
        function = decorate(function)
    return function


def town_or_plan_argument(function: _Function) -> _Function:
    """Add the argument TOWN|PLAN, a folder or a plan's file, and the options --root and --profile."""
    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    for decorate in (
        click.option("--profile", default=None, help=say("plans-profile-option")),
        click.option("--root", type=folder, default=None, help=say("cli-root-option")),
        click.argument("town", metavar="TOWN|PLAN", type=click.Path(path_type=Path, exists=True)),
    ):
        function = decorate(function)
    return function


def stack_option(function: _Function) -> _Function:
    """Add the option --stack."""
    return click.option("--stack", default=None, help=say("cli-stack-option"))(function)


def json_option(function: _Function) -> _Function:
    """Add the option --json."""
    return click.option("--json", "as_json", is_flag=True, help=say("cli-json-option"))(function)


def trust_option(function: _Function) -> _Function:
    """Add the option --trust, for a verb that compares with nothing."""
    return click.option("--trust", is_flag=True, help=say("trust-apply-option"))(function)


def declared_as_written(town: Path, root: Path | None, profile: str) -> Declaration:
    """Return what the town's files declare, for verbs that need no more of it than its names."""
    return declaration.load(town, root=root, profile=profile)


def declared(town: Path, root: Path | None, profile: str) -> Declaration:
    """Return what the town declares, safe remedies made: what is planned, applied and verified. Each value is told."""
    from beffroi.policy import load_policies  # noqa: PLC0415 - `check` reads no policy, and stays instant
    from beffroi.remedy import mended  # noqa: PLC0415

    found = declared_as_written(town, root, profile)
    found = mended(found, load_policies(found.root))
    for each in found.replaced[:SHOWN_REMEDIES]:
        click.echo(each.told(found.written.where(each.path)), err=True)
    if len(found.replaced) > SHOWN_REMEDIES:
        click.echo(say("remedy-more", count=len(found.replaced) - SHOWN_REMEDIES), err=True)
    return found


def works(town: Declaration, stack: str | None, *, quiet: bool = False) -> Works:
    """Return the town's works: `stack` names the stack and its lab, the town's name by default."""
    name = stack or town.city.town.name
    if not (name.isascii() and all(part.isalnum() for part in name.split("-"))):
        raise click.BadParameter(say("cli-stack-name", name=name))
    return Works(town, StackState(name), progress(quiet=quiet))


def progress(*, quiet: bool) -> Progress:
    """Return a progress that writes one line an event to standard error, so that standard output stays the answer."""
    console = Console(stderr=True, highlight=False, markup=False, quiet=quiet, soft_wrap=True)
    return Progress(
        say=console.print,
        step=lambda step, ended: _tell_step(console, step, ended=ended),
        action=lambda action: _tell_action(console, action),
        seen=lambda observation: _tell_seen(console, observation),
    )


def _tell_step(console: Console, step: Step, *, ended: bool) -> None:
    if step.type.startswith("beffroi:city:"):
        return
    key = "cli-step-done" if ended else "cli-step-begun"
    console.print(say(key, operation=operation(step.operation), name=step.name, type=step.type.rpartition(":")[2]))


def _tell_action(console: Console, action: Action) -> None:
    if action.status in {"changed", "failed", "unreachable"}:
        line = say(f"cli-action-{action.status}", host=action.host, role=action.role, task=action.task)
        console.print(line, visible(action.message) if action.status != "changed" else "")


def _tell_seen(console: Console, observation: Observation) -> None:
    if observation.could_not_look:
        console.print(say("cli-not-seen", host=observation.host, kind=observation.kind))


def operation(name: str) -> str:
    """Return Pulumi's operation in the reader's language, or as it is when it is a rare one."""
    known = {"create", "update", "delete", "replace", "create-replacement", "delete-replaced"}
    return say(f"cli-op-{name}") if name in known else name


def out() -> Console:
    """Return the console of standard output: colours only on a terminal, no markup from what hosts say."""
    return Console(file=sys.stdout, highlight=False, markup=False)
