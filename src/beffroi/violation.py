"""What breaks a policy in a proposed change of a town, one violation after the other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from beffroi import rules
from beffroi.city import City
from beffroi.city.words import Text
from beffroi.fieldpath import dotted
from beffroi.messages import say, spoken_language
from beffroi.planned import Sort
from beffroi.policy import Level, Policy
from beffroi.predicates.written import Predicate
from beffroi.replaced import Replaced
from beffroi.rules import Proposal, Source
from beffroi.schemas import unsatisfied
from beffroi.verdict import Frozen

OWN, NOT_RUN = "own", "own_not_run"
"""What stands for the rule of a violation that a predicate of the town's told, and of one that was not trusted."""

_UNANSWERED = "own_"


class Violation(Frozen):
    """A policy does not hold, about `subject`, which is written at `path` of a `source`.

    It carries names and the policy's own words, not sentences, so that a decision is the same value in every language.
    `known` ones stood before the change too; `waived` ones are let pass by a waiver that still counts; a `doubtful`
    one may be none, since something about it is not modelled. One of a `remediate` policy stands in the files, and not
    in what is planned: `replaced` tells the values that its remedy puts there, none where it could not be made.
    An `unanswered` one says why a predicate of the town's told nothing.
    """

    policy: str
    title: Text
    rule: str
    level: Level
    subject: str
    path: tuple[str | int, ...]
    source: Source = Source.TOWN
    names: dict[str, str]
    way_out: Text | None = None
    known: bool = False
    waived: bool = False
    doubtful: bool = False
    replaced: tuple[Replaced, ...] = ()

    @property
    def unanswered(self) -> bool:
        """Tell whether it stands for the answer that a predicate of the town's did not give."""
        return self.rule.startswith(_UNANSWERED)

    @property
    def stands(self) -> bool:
        """Tell whether it refuses: nothing waives it, and it is mandatory or its safe remedy could not be made."""
        refuses = self.level == Level.MANDATORY or (self.level == Level.REMEDIATE and not self.replaced)
        return refuses and not self.waived

    @property
    def field(self) -> str:
        """Return the path as a person reads it: `flows.12.service`."""
        return dotted(self.path)

    def told(self, language: str | None = None) -> str:
        """Say what is wrong, in the reader's language (or in `language`)."""
        spoken = language or spoken_language()
        names = {**self.named(spoken), "title": self.title.of(spoken)} if self.way_out else self.names
        return say(f"rule-{self.rule.replace('_', '-')}", language=spoken, **names)

    def named(self, language: str) -> dict[str, str]:
        """Return the names that tell it; what a predicate of the town's says is `told`, in the language."""
        return {**self.names, "told": self.names[language]} if self.rule == OWN else self.names

    def hint(self, language: str | None = None) -> str:
        """Say what to do next."""
        if self.way_out is not None:
            return self.way_out.of(language or spoken_language())
        return say(f"rule-{self.rule.replace('_', '-')}-hint", language=language, **self.names)


def _to_remedy(policy: Policy, commitment: rules.Commitment) -> list[rules.Breach]:
    """Return what a `remediate` policy finds in the files, and whatever another policy's remedy broke."""
    found = list(left_by(policy, commitment.as_written or commitment.city))
    if commitment.as_written is not None:
        subjects = {breach.subject for breach in found}
        found += [breach for breach in left_by(policy, commitment.city) if breach.subject not in subjects]
    return found


def left_by(policy: Policy, city: City) -> Iterator[rules.Breach]:
    """Yield what breaks the schema of a policy in a city, in the order of the town's files."""
    return unsatisfied(policy.schema_ or {}, [Sort(sort) for sort in policy.applies_to], city)


def violations(policy: Policy, proposal: Proposal) -> Iterator[Violation]:
    """Yield where `proposal` breaks one policy, in the order of the town's files.

    A `remediate` policy is asked about the files too; all others about what is planned alone, remedies made.
    """
    breaches: Iterable[rules.Breach]
    if policy.predicate is not None:
        yield from _told(policy, policy.predicate, proposal)
        return
    if policy.level == Level.REMEDIATE:
        breaches = _to_remedy(policy, proposal.after)
    elif policy.schema_ is not None:
        breaches = left_by(policy, proposal.city)
    else:
        rule = rules.load(policy.rule or "")
        breaches = rule.find(proposal, rule.Params.model_validate(policy.params))
    for breach in breaches:
        yield _violation(policy, policy.rule or "schema", breach)


def _violation(policy: Policy, rule: str, breach: rules.Breach) -> Violation:
    return Violation(
        policy=policy.id,
        title=policy.title,
        rule=rule,
        level=policy.level,
        subject=breach.subject,
        path=breach.path,
        source=breach.source,
        names=breach.names,
        way_out=None if rule.startswith(_UNANSWERED) else policy.hint,
        doubtful=breach.doubtful,
    )


def _told(policy: Policy, predicate: Predicate, proposal: Proposal) -> Iterator[Violation]:
    """Yield what a predicate of the town's answered, or one doubt where it did not: it never passes for good."""
    answer = proposal.after.own.get(policy.id, rules.Unanswered(NOT_RUN, {"file": predicate.file}))
    if isinstance(answer, rules.Unanswered):
        where = (policy.id, "rule")
        doubt = rules.Breach(proposal.city.town.name, where, answer.names, Source.POLICIES, doubtful=True)
        yield _violation(policy, answer.why, doubt)
        return
    for breach in answer:
        yield _violation(policy, OWN, breach)
