"""The gate's own judgement of a town that a Pulumi program declares, as remarks under policies' names.

A policy that breaks takes no other with it: they are then judged one by one. What could not be judged is never said to
hold: it is a mandatory remark, or it stands in `unjudged`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from beffroi.fieldpath import FieldPath, dotted
from beffroi.gate import Violation, compares, judge
from beffroi.messages import say, spoken_language
from beffroi.pack.content import Content
from beffroi.pack.declared import Trouble, Unreadable, read
from beffroi.policy import Level, Policy
from beffroi.rules import Commitment, Proposal, Source

CITY_IS_SOUND = "pack/city-is-sound"
CHANGES_ARE_ELSEWHERE = "pack/changes-are-judged-by-the-gate"


@dataclass(frozen=True)
class Remark:
    """One thing to say under a policy's name; `path` is what it is about in the town, empty for all of it."""

    policy: str
    title: str
    message: str
    mandatory: bool
    path: FieldPath = ()


@dataclass(frozen=True)
class Answer:
    """What the pack says of one town; `unjudged` gives, for each policy that was not judged, why."""

    remarks: tuple[Remark, ...]
    unjudged: Mapping[str, str] = field(default_factory=dict)

    @property
    def refuses(self) -> bool:
        """Tell whether a remark stands in the way."""
        return any(remark.mandatory for remark in self.remarks)


def answer(inputs: Mapping[str, object], ignored: Sequence[str], content: Content, today: date) -> Answer:
    """Judge the town that a City's inputs declare (`declared.read`), on a day, by the policies of the pack."""
    try:
        town = read(inputs, ignored)
    except Unreadable as unreadable:
        return undecided(unreadable.troubles, content)
    remarks = [_about(trouble) for trouble in town.troubles]
    commitment = Commitment(town.city, content.controls, content.policies, town.waivers)
    asked = {name: policy for name, policy in content.policies.items() if not is_the_gates(policy)}
    remarks += _remarks(asked, Proposal(commitment, today))
    remarks.sort(key=lambda remark: not remark.mandatory)
    changes = sorted(content.policies.keys() - asked.keys())
    if changes:
        words = say("pack-changes", count=len(changes), policies=", ".join(changes))
        message = _message(words, say("pack-changes-hint"))
        remarks.append(Remark(CHANGES_ARE_ELSEWHERE, say("pack-changes-title"), message, mandatory=False))
    return Answer(tuple(remarks), dict.fromkeys(changes, say("pack-changes-reason")))


def is_the_gates(policy: Policy) -> bool:
    """Tell whether the gate alone judges a policy: it needs what stood before, or runs code of the town's."""
    return compares(policy) or policy.predicate is not None


def undecided(troubles: Sequence[Trouble], content: Content) -> Answer:
    """Return the answer for what cannot be read: refused, and no policy judged."""
    unjudged = dict.fromkeys(content.policies, say("pack-undecided-reason"))
    return Answer(tuple(map(_about, troubles)), unjudged)


def _about(trouble: Trouble) -> Remark:
    message = _message(_placed(trouble.path, trouble.reason), trouble.hint)
    return Remark(CITY_IS_SOUND, say("pack-city-title"), message, mandatory=True, path=trouble.path)


def _remarks(policies: Mapping[str, Policy], proposal: Proposal) -> Iterator[Remark]:
    try:
        found = judge(proposal, policies).violations
    except Exception as error:  # noqa: BLE001 - whatever a rule stumbles over, the others still judge, and it refuses
        if len(policies) == 1:
            yield from [_broken(policy, error) for policy in policies.values()]
            return
        for name, policy in policies.items():
            yield from _remarks({name: policy}, proposal)
        return
    yield from [_remark(policies[violation.policy], violation) for violation in found]


def _broken(policy: Policy, error: Exception) -> Remark:
    words = say("pack-broken", error=f"{type(error).__name__}: {error}")
    message = _message(words, say("pack-broken-hint"))
    return Remark(policy.id, policy.title.of(spoken_language()), message, mandatory=True)


def _remark(policy: Policy, violation: Violation) -> Remark:
    told = _placed(violation.path, violation.told())
    if violation.doubtful:
        told = say("pack-undecided", told=told)
    if violation.waived:
        told = say("pack-waived", told=told)
    hint = violation.hint()
    if policy.remedy is not None:
        hint = say("pack-remedy", hint=hint, remedy=json.dumps(policy.remedy, ensure_ascii=False))
    mandatory = policy.level != Level.ADVISORY and not violation.waived
    path = violation.path if violation.source == Source.TOWN else ()
    return Remark(policy.id, policy.title.of(spoken_language()), _message(told, hint), mandatory, path)


def _placed(path: FieldPath, words: str) -> str:
    return f"{dotted(path)}: {words}" if path else words


def _message(words: str, hint: str) -> str:
    return f"{words}\n  -> {hint}"
