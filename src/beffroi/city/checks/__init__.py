"""What must hold between the parts of a city: one file a subject, each a function from the city to its mistakes."""

from __future__ import annotations

from beffroi.city.model import City

from . import addresses, databases, flows, names, published, register
from .mistake import Mistake

__all__ = ["Mistake", "mistakes_in"]


def mistakes_in(city: City) -> list[Mistake]:
    """Return every mistake of a city whose fields are each well formed."""
    subjects = (names, addresses, flows, published, register, databases)
    return [mistake for subject in subjects for mistake in subject.mistakes(city)]
