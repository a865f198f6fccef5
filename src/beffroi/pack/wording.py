"""Remarks and policies in the words of Pulumi's protocol (`proto/pulumi/analyzer.proto` in pulumi/pulumi)."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi.runtime.proto import analyzer_pb2 as proto

from beffroi import __version__
from beffroi.components.declared import GATEWAY, SEGMENT, SERVER, colourless
from beffroi.messages import say, spoken_language
from beffroi.pack.content import Content
from beffroi.pack.judging import CHANGES_ARE_ELSEWHERE, CITY_IS_SOUND, Remark, is_the_gates
from beffroi.policy import Level, Policy
from beffroi.provider.wire import marshal_struct
from beffroi.report.visible import visible

NAME = "beffroi"

_LEVELS = {
    Level.MANDATORY: proto.MANDATORY,
    Level.ADVISORY: proto.ADVISORY,
    Level.REMEDIATE: proto.REMEDIATE,
}
_COMPONENTS = {"hosts": SERVER, "gateways": GATEWAY, "segments": SEGMENT}

Components = Mapping[tuple[str, str, str], str]
"""The URN of each component of a stack, by (URN of its City, type, name)."""


def shown(text: str) -> str:
    """Return `text` so that it can act neither on a terminal nor on Pulumi's display."""
    return colourless(visible(text))


def diagnostic(remark: Remark, city: str, components: Components) -> proto.AnalyzeDiagnostic:
    """Return a remark on the component that it is about, else on the City whose URN is given."""
    return proto.AnalyzeDiagnostic(
        policyName=remark.policy,
        policyPackName=NAME,
        policyPackVersion=__version__,
        description=shown(remark.title),
        message=shown(remark.message),
        enforcementLevel=proto.MANDATORY if remark.mandatory else proto.ADVISORY,
        urn=_urn(remark, city, components),
    )


def remediation(policy: Policy, inputs: Mapping[str, object]) -> proto.Remediation:
    """Return what a policy's remedy puts in place of a component's inputs."""
    return proto.Remediation(
        policyName=policy.id,
        policyPackName=NAME,
        policyPackVersion=__version__,
        description=shown(policy.title.of(spoken_language())),
        properties=marshal_struct(inputs),
    )


def _urn(remark: Remark, city: str, components: Components) -> str:
    section, *rest = remark.path or ("",)
    kind = _COMPONENTS.get(str(section))
    return components.get((city, kind, str(rest[0])), city) if kind and rest else city


def pack_info(content: Content) -> proto.AnalyzerInfo:
    """Return what the pack says of itself: its policies and, first of all, those that it cannot judge."""
    changes = sorted(name for name, policy in content.policies.items() if is_the_gates(policy))
    description = say("pack-description")
    if changes:
        description += " " + say("pack-changes", count=len(changes), policies=", ".join(changes))
    own = [_own(CITY_IS_SOUND, "pack-city-title", proto.MANDATORY)]
    if changes:
        own.append(_own(CHANGES_ARE_ELSEWHERE, "pack-changes-title", proto.ADVISORY))
    return proto.AnalyzerInfo(
        name=NAME,
        displayName=say("pack-title"),
        description=shown(description),
        version=__version__,
        # Levels are the policies' own: a flag of the command line must not disarm them.
        supportsConfig=False,
        policies=[*own, *(_policy(policy) for policy in content.policies.values())],
    )


def _own(name: str, key: str, level: proto.EnforcementLevel.ValueType) -> proto.PolicyInfo:
    kind = proto.POLICY_TYPE_STACK
    return proto.PolicyInfo(
        name=name, displayName=say(key), description=say(key), enforcementLevel=level, policy_type=kind
    )


def _policy(policy: Policy) -> proto.PolicyInfo:
    language = spoken_language()
    rationale = policy.rationale.of(language)
    if is_the_gates(policy):
        rationale = f"{say('pack-changes-reason')} {rationale}"
    return proto.PolicyInfo(
        name=policy.id,
        displayName=shown(policy.title.of(language)),
        description=shown(rationale),
        remediation_steps=shown(policy.hint.of(language)) if policy.hint else "",
        enforcementLevel=_LEVELS[policy.level],
        policy_type=proto.POLICY_TYPE_STACK,
        tags=[f"{framework}:{requirement}" for framework, ids in policy.maps.items() for requirement in ids],
    )
