"""A service's wish, turned into a proposed change of the town: what to write, what is still to be answered. Pure."""

from .edit import Edited, edited, unlike
from .proposal import Addition, Draft, draft
from .questions import Asked, questions
from .wish import ActivityWish, Wish, read_wish

__all__ = [
    "ActivityWish",
    "Addition",
    "Asked",
    "Draft",
    "Edited",
    "Wish",
    "draft",
    "edited",
    "questions",
    "read_wish",
    "unlike",
]
