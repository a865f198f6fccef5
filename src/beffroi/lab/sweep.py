"""Remove everything of a lab, whatever state it is in."""

from __future__ import annotations

import contextlib
import shutil

from beffroi.errors import CouldNotAct

from . import network
from .command import run
from .machine import Machine
from .place import LabPlace
from .processes import end_members


def close_connections(ssh_config: str, bastion: str) -> None:
    """End the SSH connection that is held through the bastion, if there is one."""
    with contextlib.suppress(CouldNotAct):
        run(["ssh", "-F", ssh_config, "-O", "exit", bastion])


def sweep(place: LabPlace) -> list[str]:
    """Remove every machine and namespace of the lab, and return their names; empty when nothing was left."""
    removed = place.machines()
    for machine in removed:
        Machine(place, machine).delete()
    for namespace in place.namespaces():
        end_members(namespace)
        network.delete_namespace(namespace)
        removed.append(namespace)
    shutil.rmtree(place.folder, ignore_errors=True)
    return removed
