"""Where servers come from: one interface for every provider of segments and machines. The lab is the embedded one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pulumi

    from beffroi.city import Fleet, Segment


@dataclass(frozen=True)
class MachineDeclaration:
    """A machine as declared: addresses by segment (prefix notation), and routes (network or `default`, next hop)."""

    name: str
    links: tuple[tuple[str, tuple[str, ...]], ...]
    routes: tuple[tuple[str, str], ...]
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Provisioned:
    """A machine that a target provides: its resource, and its public SSH host key, known before anyone connects."""

    resource: pulumi.Resource
    host_key: pulumi.Output[str]


class Target(Protocol):
    """A provider of segments and machines."""

    def segment(self, name: str, segment: Segment, parent: pulumi.Resource) -> pulumi.Resource:
        """Declare a network segment."""
        ...

    def machine(
        self, declaration: MachineDeclaration, parent: pulumi.Resource, needs: list[pulumi.Resource]
    ) -> Provisioned:
        """Declare a server or a gateway, on segments that exist (`needs`)."""
        ...

    def surroundings(self, fleets: dict[str, Fleet], parent: pulumi.Resource, needs: list[pulumi.Resource]) -> None:
        """Declare what a lab must stand in for: fleets and the internet. A real target has nothing to declare."""
        ...
