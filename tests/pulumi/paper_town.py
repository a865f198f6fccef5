"""A town on paper, declared with the real components: its machines and segments are boxes in the test's cupboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cupboard
import pulumi

from beffroi.provider.declare import Declared, declare
from beffroi.targets import MachineDeclaration, Provisioned

if TYPE_CHECKING:
    from beffroi.city import Fleet, Segment

_PROVIDER = cupboard.cupboard()


@dataclass(frozen=True)
class Paper:
    """A target that makes a box for each thing."""

    def segment(self, name: str, segment: Segment, parent: pulumi.Resource) -> pulumi.Resource:
        return self._box(f"segment-{name}", parent, str(segment.ipv4))

    def machine(
        self, declaration: MachineDeclaration, parent: pulumi.Resource, needs: list[pulumi.Resource]
    ) -> Provisioned:
        box = self._box(f"machine-{declaration.name}", parent, declaration.name, needs)
        return Provisioned(box, box.output("place"))

    def surroundings(self, fleets: dict[str, Fleet], parent: pulumi.Resource, needs: list[pulumi.Resource]) -> None:
        for name in fleets:
            self._box(f"fleet-{name}", parent, name, needs)

    @staticmethod
    def _box(name: str, parent: pulumi.Resource, note: str, needs: list[pulumi.Resource] | None = None) -> Declared:
        opts = pulumi.ResourceOptions(parent=parent, depends_on=needs or [])
        return declare(_PROVIDER, cupboard.Box, name, {"name": name, "on": note}, opts)
