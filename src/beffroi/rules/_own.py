"""What stands for a town's own predicate: it is run elsewhere and only if it is trusted (`beffroi.predicates`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ConfigDict

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Whatever the policy sets: the predicate itself looks at it."""

    model_config = ConfigDict(frozen=True, extra="allow")


def find(_proposal: Proposal, _params: Any) -> Iterator[Breach]:  # noqa: ANN401 - the face of a rule
    """Yield nothing: the proposal holds what the predicate answered."""
    yield from ()
