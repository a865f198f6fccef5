"""A waiver has something to waive: a policy that does not hold of its subject, a control that holds on its machine.

Whether a machine passes a control is not known here: `beffroi verify` sees that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Literal

from beffroi.waiver import Waiver

from . import Breach, Proposal, RuleModel, Waivable, compares, load, waivable
from ._held import asks
from ._waivers import breach, numbered

if TYPE_CHECKING:
    from beffroi.policy import Policy

WAIVABLE = Waivable.NEVER

_Breaks = Callable[[str], frozenset[str] | None]
"""The subjects of which a policy does not hold, by the policy's name; None where that was not told."""


class Params(RuleModel):
    """Which waivers: of what `stands`, or of what a `change` did (they are spent once that has been merged)."""

    about: Literal["stands", "change"] = "stands"


def on_change(params: Params) -> bool:
    """Tell whether what stood before is needed: a waiver of a change is spent only where it stood."""
    return params.about == "change"


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the waivers that have nothing to waive; each policy that they name is asked once.

    A new waiver of what a change does may be meant for the next change: it is spent only where it stood before.
    """
    breaks = cache(lambda name: _subjects(proposal.after.policies[name], proposal))
    stood = proposal.before.waivers if proposal.before else ()
    for index, waiver in numbered(proposal):
        of_a_change = _is_of_a_change(waiver, proposal)
        if of_a_change != (params.about == "change") or (of_a_change and waiver not in stood):
            continue
        if not _has_a_use(waiver, proposal, breaks):
            yield breach(index, waiver, "subject", subject=waiver.subject)


def _has_a_use(waiver: Waiver, proposal: Proposal, breaks: _Breaks) -> bool:
    """Tell whether a waiver has something to waive, or names what does not exist (another rule says so)."""
    town = proposal.after
    if waiver.control is not None:
        control = town.controls.get(waiver.control)
        if control is None or not town.city.manages(waiver.subject):
            return True
        return asks(control, town.city, waiver.subject)
    policy = town.policies.get(waiver.policy or "")
    # Another rule refuses the waivers of what is never waived; asked here, this rule would ask itself.
    if policy is None or _is_never_waived(policy):
        return True
    broken = breaks(policy.id)
    return broken is None or waiver.subject in broken


def _is_of_a_change(waiver: Waiver, proposal: Proposal) -> bool:
    policy = proposal.after.policies.get(waiver.policy or "")
    return policy is not None and policy.rule is not None and compares(load(policy.rule))


def _is_never_waived(policy: Policy) -> bool:
    return policy.rule is not None and waivable(load(policy.rule)) == Waivable.NEVER


def _subjects(policy: Policy, proposal: Proposal) -> frozenset[str] | None:
    from beffroi.gate import violations  # noqa: PLC0415 - the gate is made of policies, and policies of rules

    found = list(violations(policy, proposal))
    return None if any(each.unanswered for each in found) else frozenset(each.subject for each in found)
