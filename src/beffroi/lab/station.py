"""Bare network namespaces that stand for what nobody manages: device fleets, the internet, the admin workstation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import network
from .network import Link, Route
from .place import LabPlace
from .processes import end_members


@dataclass(frozen=True)
class Station:
    """A station `name` of the lab at `place`."""

    place: LabPlace
    name: str

    def exists(self) -> bool:
        """Tell whether the station's namespace exists."""
        return network.namespace_exists(self.place.namespace(self.name))

    def connect(self, links: Sequence[Link], routes: Sequence[Route]) -> None:
        """Make the station, or give it these links and routes."""
        network.connect(self.place, self.name, links, routes)

    def delete(self) -> None:
        """End what runs in the station and remove it."""
        end_members(self.place.namespace(self.name))
        network.delete_namespace(self.place.namespace(self.name))
