"""The rules that policies apply to a proposed change of a town: one rule a file. Pure.

A rule module defines

* `Params`: what a policy may set (a `RuleModel`);
* `find(proposal, params) -> Iterator[Breach]`: every place where the proposal breaks the rule;
* `prepare(proposal, all_params)`, where work can be shared by all the policies of the rule: called once before them;
* `ON_CHANGE = True`, where it compares with what stood before: it is not asked of a proposal without a `before`;
  or `on_change(params)`, where that depends on what the policy sets;
* `WAIVABLE`, where a waiver does not do (a `Waivable`).

What a breach says to a person is the message `rule-<name>` (with `<name>` the module's, in hyphens) filled in with the
breach's `names`; `rule-<name>-hint` says what to do next. `load(name)` imports a rule; `names()` lists them all.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from pydantic import BaseModel, ConfigDict

from beffroi.city import City
from beffroi.control import Control
from beffroi.fieldpath import FieldPath
from beffroi.predicates.written import is_own
from beffroi.replaced import Replaced
from beffroi.waiver import Waiver

if TYPE_CHECKING:
    from beffroi.policy import Policy


class RuleModel(BaseModel):
    """A rule's parameters: frozen, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(StrEnum):
    """In which part of the repository the path of a breach is written.

    `town` and `before`: the town's files, as proposed and as they were. `waivers`: waivers.yml, a position first.
    `controls` and `policies`: a control's or a policy's file, its id first.
    """

    TOWN = "town"
    BEFORE = "before"
    WAIVERS = "waivers"
    CONTROLS = "controls"
    POLICIES = "policies"


@dataclass(frozen=True)
class Breach:
    """One place where a rule is broken: what it is about, where it is written, and the names that tell it.

    A `doubtful` breach may be none: something about it is not modelled, so that the gate cannot tell.
    """

    subject: str
    path: FieldPath
    names: dict[str, str] = field(default_factory=dict)
    source: Source = Source.TOWN
    doubtful: bool = False


@dataclass(frozen=True)
class Unanswered:
    """A predicate of the town's that gave no answer: why (the message `rule-<why>`), and the names that tell it."""

    why: str
    names: dict[str, str] = field(default_factory=dict)


Own = tuple[Breach, ...] | Unanswered
"""What a predicate of the town's answered."""


@dataclass(frozen=True)
class Commitment:
    """What one version of a town's repository commits to: the city, its controls (values set), policies, waivers.

    `city` is what will stand. Where remedies took the place of values of the files, `replaced` tells them, and
    `as_written` is the city that the files declare. `own` holds what the town's own predicates answered about this
    version, by policy; a policy that it does not hold was not asked.
    """

    city: City
    controls: Mapping[str, Control] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    as_written: City | None = None
    replaced: tuple[Replaced, ...] = ()
    own: Mapping[str, Own] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """What is to be judged: the commitment as proposed, the day of the judgement (there is no clock in this room).

    `before` is the commitment that the proposal changes; None where there is nothing to compare with.
    """

    after: Commitment
    today: date
    before: Commitment | None = None

    @property
    def city(self) -> City:
        """Return the city as proposed."""
        return self.after.city


class Waivable(StrEnum):
    """Whether a waiver lets a rule's breaches pass.

    `if-it-stood`: only a waiver that stood before the change, so that no change excuses what it does to its judge.
    """

    ALWAYS = "always"
    IF_IT_STOOD = "if-it-stood"
    NEVER = "never"


class Rule(Protocol):
    """The face of a rule module."""

    Params: type[RuleModel]

    def find(self, proposal: Proposal, params: Any) -> Iterator[Breach]:  # noqa: ANN401 - each rule types its own
        """Yield every breach, in the order of the town's files."""
        ...


@cache
def names() -> list[str]:
    """Return every rule's name, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def compares(rule: Rule, params: Mapping[str, Any] | None = None) -> bool:
    """Tell whether a rule, with what a policy sets, is about what a change does, and so needs what stood before."""
    depends = getattr(rule, "on_change", None)
    if depends is not None:
        return params is not None and bool(depends(rule.Params.model_validate(params)))
    return bool(getattr(rule, "ON_CHANGE", False))


def prepare(rule: Rule, proposal: Proposal, params: Sequence[RuleModel]) -> None:
    """Let a rule do at once what all its policies need."""
    share = getattr(rule, "prepare", None)
    if share is not None:
        share(proposal, params)


def waivable(rule: Rule) -> Waivable:
    """Tell whether a rule's breaches may be waived."""
    return cast("Waivable", getattr(rule, "WAIVABLE", Waivable.ALWAYS))


def load(name: str) -> Rule:
    """Import the rule `name`, or what stands for a predicate of the town's; raise KeyError when there is none."""
    if is_own(name):
        name = "_own"
    elif name not in names():
        raise KeyError(name)
    return cast("Rule", importlib.import_module(f"{__name__}.{name}"))
