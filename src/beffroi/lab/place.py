"""Where a lab lives on this computer: its folders, and the names of its network namespaces."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from beffroi.errors import MissingTool
from beffroi.messages import say

LABS = Path(os.environ.get("BEFFROI_LABS", "/var/lib/beffroi/labs"))


def require_root() -> None:
    """Raise MissingTool unless the process is root: only the lab needs it (namespaces, mounts, containers)."""
    if os.geteuid() != 0:
        raise MissingTool(say("lab-needs-root"), hint=say("lab-needs-root-hint"))


@dataclass(frozen=True)
class LabPlace:
    """The places of the lab `name`."""

    name: str

    @property
    def folder(self) -> Path:
        """Return the lab's folder: one sub-folder a machine."""
        return LABS / self.name

    def machine(self, machine: str) -> Path:
        """Return the folder of one machine."""
        return self.folder / "machines" / machine

    def machines(self) -> list[str]:
        """Return the machines that have a folder, running or not."""
        folder = self.folder / "machines"
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    @property
    def network(self) -> str:
        """Return the name of the lab's own network namespace, where the bridges are."""
        return f"bf-{self.name}"

    def namespace(self, member: str) -> str:
        """Return the name of the network namespace of a machine, a fleet or a workstation."""
        return f"bf-{self.name}.{member}"

    def namespaces(self) -> list[str]:
        """Return every network namespace of this lab that exists now."""
        folder = Path("/run/netns")
        names = (entry.name for entry in folder.iterdir()) if folder.is_dir() else ()
        return sorted(name for name in names if name == self.network or name.startswith(f"{self.network}."))

    @staticmethod
    def port(member: str, segment: str) -> str:
        """Return the name of a bridge's port; Linux limits it to 15 bytes, so it is a digest."""
        return "p" + sha256(f"{member}/{segment}".encode()).hexdigest()[:12]
