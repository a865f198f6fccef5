"""The city as Pulumi components: City, Segment, Server and Gateway, over any target."""

from .city import City
from .gateway import Gateway
from .segment import Segment
from .server import Server

__all__ = ["City", "Gateway", "Segment", "Server"]
