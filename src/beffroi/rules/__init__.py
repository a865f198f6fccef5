"""The rules that policies apply to a proposed city: one rule a file. Pure.

A rule module defines

* `Params`: what a policy may set (a `RuleModel`);
* `find(proposal, params) -> Iterator[Breach]`: every place where the proposed city breaks the rule.

What a breach says to a person is the message `rule-<name>` (with `<name>` the module's, in hyphens) filled in with the
breach's `names`; `rule-<name>-hint` says what to do next. `load(name)` imports a rule; `names()` lists them all.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, cast

from pydantic import BaseModel, ConfigDict

from beffroi.city import City
from beffroi.fieldpath import FieldPath


class RuleModel(BaseModel):
    """A rule's parameters: frozen, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Proposal:
    """What is to be judged: the city as proposed, and the day of the judgement (there is no clock in this room)."""

    city: City
    today: date


@dataclass(frozen=True)
class Breach:
    """One place where a rule is broken: what it is about, where it is written, and the names that tell it."""

    subject: str
    path: FieldPath
    names: dict[str, str] = field(default_factory=dict)


class Rule(Protocol):
    """The face of a rule module."""

    Params: type[RuleModel]

    def find(self, proposal: Proposal, params: Any) -> Iterator[Breach]:  # noqa: ANN401 - each rule types its own
        """Yield every breach, in the order of the town's files."""
        ...


def names() -> list[str]:
    """Return every rule's name, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(name: str) -> Rule:
    """Import the rule `name`; raise KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    return cast("Rule", importlib.import_module(f"{__name__}.{name}"))
