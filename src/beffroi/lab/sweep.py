"""Remove everything of a lab, whatever state it is in."""

from __future__ import annotations

import shutil

from . import network
from .machine import Machine
from .place import LabPlace
from .processes import end_members


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
