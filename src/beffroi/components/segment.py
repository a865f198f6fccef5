"""A network segment of the city."""

from __future__ import annotations

import pulumi

from beffroi import city as model
from beffroi.targets import Target

from .declared import SEGMENT, plain


class Segment(pulumi.ComponentResource):
    """One segment: whatever the target makes of a VLAN with an IPv4 and an IPv6 network."""

    def __init__(self, name: str, segment: model.Segment, target: Target, opts: pulumi.ResourceOptions) -> None:
        super().__init__(SEGMENT, name, plain(segment), opts)
        self.network = target.segment(name, segment, parent=self)
        self.register_outputs({})
