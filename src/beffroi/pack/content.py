"""What the folder of a policy pack holds: the policies, and the controls that stand beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beffroi.control import Control, load_controls
from beffroi.errors import InvalidInput
from beffroi.messages import say
from beffroi.policy import Policy, load_policies
from beffroi.profile import load_profile

FOLDER = "policies"


@dataclass(frozen=True)
class Content:
    """The policies that judge, and the controls that the town holds itself to."""

    policies: Mapping[str, Policy]
    controls: Mapping[str, Control] = field(default_factory=dict)


def load(folder: Path, profile: str) -> Content:
    """Read the pack in `folder` (it holds PulumiPolicy.yaml and is named `policies`), and `profile` beside it.

    Raise InvalidInput (InvalidCity with all the problems found) when it cannot be read, or holds no policy.
    """
    folder = folder.resolve()
    if folder.name != FOLDER:
        raise InvalidInput(say("pack-not-policies", folder=folder.name), hint=say("pack-not-policies-hint"))
    policies = load_policies(folder.parent)
    if not policies:
        raise InvalidInput(say("pack-no-policy"), hint=say("pack-no-policy-hint"))
    return Content(policies, load_profile(folder.parent, profile, load_controls(folder.parent)))
