"""What the statements of a rule do, one after the other: conditions, verdicts, translations. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from beffroi.network.firewall import Case, Match, Unknown, Verb, Verdict
from beffroi.network.intervals import Intervals

from .elements import Element, Elements, referred
from .expressions import Setting, key_of, shown
from .keys import Key
from .matches import ANYTHING, Alternatives, conjunction, doubted
from .numbers import Scale, Test, equal_to, span
from .refusals import Budget, NotModelled, malformed
from .translations import translations

_NO_EFFECT = frozenset({"counter", "log", "comment", "flow", "last", "set", "map"})
_DOUBTFUL_END = frozenset({"queue", "tproxy", "synproxy", "dup", "fwd"})
_PLAIN_VERDICTS = {"accept": Verb.ACCEPT, "drop": Verb.DROP, "return": Verb.RETURN, "continue": Verb.CONTINUE}
_TRANSLATIONS = frozenset({"dnat", "snat", "masquerade", "redirect"})
_CHAINED = {"jump": Verb.JUMP, "goto": Verb.GOTO}

Branch = tuple[Match, str]
"""One way in which the conditions so far may hold, and the comment of the element that it comes from."""


@dataclass
class RuleBody:
    """A rule as it is read: the branches that hold so far, and the cases that have come of it.

    `excluded` are branches that keep the rule from applying: it then stands in a chain of its own, behind them.
    """

    setting: Setting
    sets: Mapping[str, Elements]
    budget: Budget
    branches: list[Branch] = field(default_factory=lambda: [(each, "") for each in ANYTHING])
    before: list[Branch] = field(default_factory=list)
    excluded: list[Branch] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    ended: bool = False

    def read(self, statements: Sequence[object]) -> None:
        """Read every statement of the rule."""
        for statement in statements:
            if not isinstance(statement, dict) or len(statement) != 1:
                raise malformed(statement)
            ((name, about),) = statement.items()
            self._statement(name, about)
        if not self.ended:
            self._end(Verdict(Verb.CONTINUE))

    def _statement(self, name: str, about: object) -> None:
        if name == "match":
            self._match(about)
        elif name == "vmap":
            self._vmap(about)
        elif name in _PLAIN_VERDICTS or name in _CHAINED:
            self._end(verdict_of({name: about}))
        elif name == "reject":
            self._end(Verdict(Verb.DROP))
        elif name == "notrack":
            self._end(Verdict(Verb.NOTRACK))
        elif name in _TRANSLATIONS:
            self._translate(name, about)
        elif name in _DOUBTFUL_END:
            self._end(Verdict(Verb.UNKNOWN))
        elif name == "mangle":
            self._mangle(about)
        elif name not in _NO_EFFECT:
            self._doubt(Unknown(shown({name: about}), rate=name == "limit"))

    def _match(self, about: object) -> None:
        if not isinstance(about, dict) or not {"op", "left", "right"} <= about.keys():
            raise malformed(about)
        operator, left, right = str(about["op"]), about["left"], about["right"]
        elements = referred(right, self.sets, self.budget)
        if isinstance(left, dict) and "concat" in left:
            self._match_together(operator, left["concat"], elements, about)
            return
        mask = None
        if isinstance(left, dict) and isinstance(left.get("&"), list) and len(left["&"]) == 2:  # noqa: PLR2004 - two operands
            left, mask = left["&"]
        key = key_of(left, self.setting)
        if elements is not None and elements.changing:
            self._hold(doubted(key.readable(), Unknown(shown(about))))
            return
        if elements is None:
            self._hold(key.matching(Test(operator, (right,), mask)))
            return
        values = tuple(each.value for each in elements.members)
        catchall = any(each.value == "*" for each in elements.members)
        plain = tuple(value for value in values if value != "*")
        self._hold(key.matching(Test(operator, plain, mask, several=True, catchall=catchall)))

    def _match_together(self, operator: str, parts: object, elements: Elements | None, about: object) -> None:
        """Match several keys at once: with a set, one branch an element."""
        keys = self._keys(parts)
        if elements is None:
            right = about["right"] if isinstance(about, dict) else None
            elements = Elements((Element(right),))
        if elements.changing:
            readable = conjunction(*(key.readable() for key in keys))
            self._hold(doubted(readable, Unknown(shown(about))))
            return
        found = [(match, each.comment) for each in elements.members for match in _together(keys, each.value)]
        if operator == "!=":
            self._exclude(found, conjunction(*(key.readable() for key in keys)))
        else:
            self._branch(found)

    def _exclude(self, found: list[Branch], readable: Alternatives) -> None:
        self._hold(readable)
        if self.excluded:
            self._doubt(Unknown("!="))
            return
        self.before, self.excluded = self.branches, found
        self.branches = [(each, "") for each in ANYTHING]

    def _vmap(self, about: object) -> None:
        if not isinstance(about, dict) or not {"key", "data"} <= about.keys():
            raise malformed(about)
        left = about["key"]
        together = isinstance(left, dict) and "concat" in left
        keys = self._keys(left["concat"] if together else [left])
        elements = referred(about["data"], self.sets, self.budget)
        if elements is None:
            raise malformed(about)
        if elements.changing:
            readable = conjunction(*(key.readable() for key in keys))
            self._hold(doubted(readable, Unknown(shown(about))))
            self._end(Verdict(Verb.UNKNOWN))
            return
        branches = self.branches
        for each in elements.members:
            value = each.value if together else {"concat": [each.value]}
            self.branches = branches
            self._branch([(match, each.comment) for match in _together(keys, value)])
            self._end(verdict_of(each.leads_to))

    def _translate(self, name: str, about: object) -> None:
        written = about if isinstance(about, dict) else {}
        branches = self.branches
        for condition, translation in translations(name, written, self):
            self.branches = branches
            self._hold(condition)
            self._end(Verdict(Verb.TRANSLATE, translation=translation))

    def _mangle(self, about: object) -> None:
        """Rewriting what rules look at changes the packet for those that come after: what follows is unknown."""
        key = about.get("key") if isinstance(about, dict) else None
        if isinstance(key, dict) and "payload" in key:
            self.remarks.append(shown({"mangle": about}))
            self._end(Verdict(Verb.UNKNOWN))

    def _keys(self, parts: object) -> list[Key]:
        if not isinstance(parts, list):
            raise malformed(parts)
        return [key_of(part, self.setting) for part in parts]

    def _hold(self, alternatives: Alternatives) -> None:
        self._branch([(each, "") for each in alternatives])

    def _branch(self, found: Sequence[Branch]) -> None:
        self.budget.spend(len(self.branches) * len(found))
        self.branches = [
            (both, label or comment)
            for one, label in self.branches
            for other, comment in found
            for both in conjunction((one,), (other,))
        ]

    def _doubt(self, unknown: Unknown) -> None:
        self.branches = [(doubted((match,), unknown)[0], label) for match, label in self.branches]

    def _end(self, verdict: Verdict) -> None:
        self.ended = True
        if self.excluded and verdict.verb in {Verb.RETURN, Verb.GOTO}:
            self._doubt(Unknown(f"!= {verdict.verb}"))
        self.cases += [Case(match, verdict, label) for match, label in self.branches]


def verdict_of(written: object) -> Verdict:
    """Return the verdict that `{"accept": null}` or `{"jump": {"target": ...}}` says."""
    if not isinstance(written, dict) or len(written) != 1:
        raise malformed(written)
    ((name, about),) = written.items()
    if name in _CHAINED:
        target = about.get("target") if isinstance(about, dict) else None
        if not isinstance(target, str):
            raise malformed(written)
        return Verdict(_CHAINED[name], target)
    if name in _PLAIN_VERDICTS:
        return Verdict(_PLAIN_VERDICTS[name])
    return Verdict(Verb.UNKNOWN)


def _together(keys: Sequence[Key], value: object) -> Alternatives:
    parts = value.get("concat") if isinstance(value, dict) else None
    if value == "*":
        return conjunction(*(key.readable() for key in keys))
    if not isinstance(parts, list) or len(parts) != len(keys):
        raise malformed(value)
    return conjunction(*(key.matching(equal_to(part)) for key, part in zip(keys, parts, strict=True)))


def ranges(value: object, scale: Scale) -> Intervals | None:
    """Return the numbers of a translation's value, None when it is not modelled."""
    try:
        return (span(value, scale),)
    except NotModelled:
        return None
