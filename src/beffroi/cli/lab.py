"""`beffroi lab`: the machines of this computer: status, ssh, exec, stop, down."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click

from beffroi.lab.machine import Machine
from beffroi.lab.place import require_root
from beffroi.messages import say

from .options import declared_as_written, stack_option, town_argument, works


@click.group(help=say("cli-lab-help"), short_help=say("cli-lab-short"))
def command() -> None:
    """Group the lab's verbs."""


@command.command(help=say("cli-lab-status-help"))
@town_argument
@stack_option
def status(town: Path, root: Path | None, profile: str, stack: str | None) -> int:
    """Say which machines run."""
    at_work = works(declared_as_written(town, root, profile), stack)
    down = 0
    for name, machine in at_work.declared.city.machines().items():
        running = Machine(at_work.place, name).running()
        down += not running
        address = next(iter(machine.interfaces.values())).ipv4
        click.echo(f"{name:<12} {say('cli-lab-on' if running else 'cli-lab-off'):<10} {address}")
    return 1 if down else 0


@command.command(help=say("cli-lab-ssh-help"))
@town_argument
@click.argument("host")
@stack_option
def ssh(town: Path, root: Path | None, profile: str, host: str, stack: str | None) -> int:
    """Open a session on `host`, through the bastion."""
    at_work = works(declared_as_written(town, root, profile), stack)
    _known(at_work.declared.city.machines(), host)
    os.execvp("ssh", ["ssh", "-F", str(at_work.ssh_config), host])  # noqa: S606 - the user's own session


@command.command("exec", help=say("cli-lab-exec-help"), context_settings={"ignore_unknown_options": True})
@town_argument
@click.argument("host")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
@stack_option
def exec_(town: Path, root: Path | None, profile: str, host: str, words: tuple[str, ...], stack: str | None) -> int:
    """Run a command on `host` as root."""
    at_work = works(declared_as_written(town, root, profile), stack)
    _known(at_work.declared.city.machines(), host)
    argv = ["ssh", "-F", str(at_work.ssh_config), host, "sudo", "-n", "--", *map(shlex.quote, words)]
    return subprocess.run(argv, check=False).returncode


@command.command(help=say("cli-lab-stop-help"))
@town_argument
@click.argument("host")
@stack_option
def stop(town: Path, root: Path | None, profile: str, host: str, stack: str | None) -> int:
    """Pull a machine's plug."""
    require_root()
    at_work = works(declared_as_written(town, root, profile), stack)
    _known(at_work.declared.city.machines(), host)
    Machine(at_work.place, host).stop()
    return 0


@command.command(help=say("cli-lab-down-help"))
@town_argument
@stack_option
@click.pass_context
def down(ctx: click.Context, town: Path, root: Path | None, profile: str, stack: str | None) -> int:
    """Take the whole lab down: the same as `beffroi destroy --yes`."""
    from .destroy import command as destroy  # noqa: PLC0415

    code: int = ctx.invoke(destroy, town=town, root=root, profile=profile, stack=stack, yes=True)
    return code


def _known(machines: Mapping[str, object], host: str) -> None:
    if host not in machines:
        raise click.BadParameter(say("cli-lab-unknown", host=host, hosts=", ".join(sorted(machines))))
