"""The city model: what a town writes, its loader, its cross-checks and its published JSON Schema. Pure."""

from .machines import Fleet, Gateway, Host, Published, Store
from .model import City, Town
from .net import INTERNET, Flow, Interface, Segment, Service, Zone
from .processing import ProcessingActivity, Retention
from .words import Text

__all__ = [
    "INTERNET",
    "City",
    "Fleet",
    "Flow",
    "Gateway",
    "Host",
    "Interface",
    "ProcessingActivity",
    "Published",
    "Retention",
    "Segment",
    "Service",
    "Store",
    "Text",
    "Town",
    "Zone",
]
