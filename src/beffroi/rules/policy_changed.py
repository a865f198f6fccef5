"""A policy goes on judging the same thing, in the same way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from . import Breach, Proposal, RuleModel, Source, Waivable

if TYPE_CHECKING:
    from beffroi.policy import Policy

ON_CHANGE = True
WAIVABLE = Waivable.IF_IT_STOOD

_SHOWN = 80


class Params(RuleModel):
    """The fields of a policy that are looked at."""

    fields: Annotated[
        tuple[Literal["rule", "params", "applies_to", "schema", "remedy", "predicate"], ...], Field(min_length=1)
    ]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the policies one of whose fields is another one, each once."""
    if proposal.before is None:
        return
    for name, policy in proposal.after.policies.items():
        old = proposal.before.policies.get(name)
        if old is None:
            continue
        for field in params.fields:
            was, now = _value(old, field), _value(policy, field)
            if was != now:
                names = {"policy": name, "field": field, "before": _shown(was), "after": _shown(now)}
                yield Breach(name, (name, field), names, Source.POLICIES)
                break


def _value(policy: Policy, field: str) -> object:
    if field == "applies_to":
        return sorted(sort.value for sort in policy.applies_to)
    if field == "predicate":
        return str(policy.predicate or "")
    return getattr(policy, "schema_" if field == "schema" else field)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
