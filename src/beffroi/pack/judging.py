"""The gate's own judgement of a town that a Pulumi program declares, as remarks under policies' names.

Each policy is judged apart, so that one that breaks takes no other with it. What could not be judged is never said to
hold: it is a mandatory remark, or it stands in `unjudged`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from beffroi.fieldpath import FieldPath, dotted
from beffroi.gate import Violation, judge
from beffroi.messages import say, spoken_language
from beffroi.pack.content import Content, compares
from beffroi.pack.declared import Town, Trouble, Unreadable, read
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
    for policy in content.policies.values():
        if not compares(policy):
            remarks += _remarks(policy, town, content, today)
    remarks.sort(key=lambda remark: not remark.mandatory)
    changes = sorted(name for name, policy in content.policies.items() if compares(policy))
    if changes:
        words = say("pack-changes", count=len(changes), policies=", ".join(changes))
        message = _message(words, say("pack-changes-hint"))
        remarks.append(Remark(CHANGES_ARE_ELSEWHERE, say("pack-changes-title"), message, mandatory=False))
    return Answer(tuple(remarks), dict.fromkeys(changes, say("pack-changes-reason")))


def undecided(troubles: Sequence[Trouble], content: Content) -> Answer:
    """Return the answer for what cannot be read: refused, and no policy judged."""
    unjudged = dict.fromkeys(content.policies, say("pack-undecided-reason"))
    return Answer(tuple(map(_about, troubles)), unjudged)


def _about(trouble: Trouble) -> Remark:
    message = _message(_placed(trouble.path, trouble.reason), trouble.hint)
    return Remark(CITY_IS_SOUND, say("pack-city-title"), message, mandatory=True, path=trouble.path)


def _remarks(policy: Policy, town: Town, content: Content, today: date) -> Iterator[Remark]:
    commitment = Commitment(town.city, content.controls, content.policies, town.waivers)
    title = policy.title.of(spoken_language())
    try:
        found = judge(Proposal(commitment, today), {policy.id: policy}).violations
        yield from [_remark(policy, title, violation) for violation in found]
    except Exception as error:  # noqa: BLE001 - whatever a rule stumbles over, the others still judge, and this one refuses
        words = say("pack-broken", error=f"{type(error).__name__}: {error}")
        yield Remark(policy.id, title, _message(words, say("pack-broken-hint")), mandatory=True)


def _remark(policy: Policy, title: str, violation: Violation) -> Remark:
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
    return Remark(policy.id, title, _message(told, hint), mandatory, path)


def _placed(path: FieldPath, words: str) -> str:
    return f"{dotted(path)}: {words}" if path else words


def _message(words: str, hint: str) -> str:
    return f"{words}\n  -> {hint}"
