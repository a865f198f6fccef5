"""What the statements of a rule do, one after the other: conditions, verdicts, translations. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from beffroi.messages import say
from beffroi.network.firewall import Case, Match, Unknown, Verb, Verdict

from .elements import Element, Elements, referred
from .expressions import Setting, key_of, shown
from .keys import Key, Together
from .matches import ANYTHING, Alternatives, conjunction, doubted, met
from .numbers import Test
from .refusals import Budget, malformed
from .translations import translations

_NO_EFFECT = frozenset({"counter", "log", "comment", "last", "reset", "secmark", "ct timeout"})
_PERHAPS_HOLDING = frozenset({"limit", "quota", "ct count", "meter", "set", "map"})
_ASTRAY = Verdict(Verb.UNKNOWN, astray=True)
_ENDINGS = {"reject": Verdict(Verb.DROP), "synproxy": Verdict(Verb.UNKNOWN)}
_ENDINGS |= dict.fromkeys(("queue", "tproxy", "dup", "fwd"), _ASTRAY)
_HELPERS = frozenset({"ct helper", "ct expectation"})
_HARMLESS_FIELDS = frozenset({"dscp", "ecn", "ttl", "hoplimit", "flowlabel", "id", "checksum", "window", "urgptr"})
_STEERING = frozenset({"pkttype", "broute"})
"""What a bridge goes by to hand a frame to the machine itself."""

_PLAIN_VERDICTS = {"accept": Verb.ACCEPT, "drop": Verb.DROP, "return": Verb.RETURN, "continue": Verb.CONTINUE}
_TRANSLATIONS = frozenset({"dnat", "snat", "masquerade", "redirect"})
_FINAL = frozenset({Verb.ACCEPT, Verb.DROP, Verb.RETURN, Verb.GOTO, Verb.UNKNOWN})
_CHAINED = {"jump": Verb.JUMP, "goto": Verb.GOTO}

Branch = tuple[Match, str]
"""One way in which the conditions so far may hold, and the comment of the element that it comes from."""

_NO_CONDITION: list[Branch] = [(each, "") for each in ANYTHING]


@dataclass
class RuleBody:
    """A rule as it is read: the branches that hold so far, and the cases that have come of it.

    `excluded` are branches that keep the rule from applying: it then stands in a chain of its own, behind them.
    A rule that acts and goes on (`notrack accept`) has several `parts`: rules one after the other.
    """

    setting: Setting
    sets: Mapping[str, Elements]
    budget: Budget
    branches: list[Branch] = field(default_factory=_NO_CONDITION.copy)
    before: list[Branch] = field(default_factory=list)
    excluded: list[Branch] = field(default_factory=list)
    parts: list[list[Case]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    asides: list[Literal["zone", "helper", "offload"]] = field(default_factory=list)
    ended: bool = False

    def read(self, statements: Sequence[object]) -> None:
        """Read every statement of the rule."""
        for statement in statements:
            if not isinstance(statement, dict) or len(statement) != 1:
                raise malformed(statement)
            ((name, about),) = statement.items()
            if not self.ended:
                self._statement(name, about)
        if not self.parts:
            self._end(Verdict(Verb.CONTINUE))

    def _statement(self, name: str, about: object) -> None:
        if name in _CONDITIONS:
            _CONDITIONS[name](self, about)
        elif name in _PLAIN_VERDICTS or name in _CHAINED:
            self._end(verdict_of({name: about}))
        elif name in _TRANSLATIONS:
            self._translate(name, about)
        elif name in _ENDINGS:
            self._end(_ENDINGS[name])
        elif name in _HELPERS:
            self.asides.append("helper")
            self.remarks.append(say("reading-helper", words=shown({name: about})))
        elif name == "notrack":
            self._act(Verdict(Verb.NOTRACK))
        elif name in _PERHAPS_HOLDING or (name == "counter" and isinstance(about, dict) and "map" in about):
            self._doubt(Unknown(shown({name: about}), rate=_is_rate(name, about)))
        elif name not in _NO_EFFECT:
            self._perhaps_end(Unknown(shown({name: about})))

    def _offload(self, _about: object) -> None:
        self.remarks.append(say("reading-offloaded"))
        self.asides.append("offload")

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
        together = Together(keys)
        found = [(match, each.comment) for each in elements.members for match in together.matching(each.value)]
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
        self._choose([(found, verdict_of(each.leads_to)) for each, found in _found(keys, elements, together=together)])

    def _choose(self, choices: Sequence[tuple[list[Branch], Verdict]]) -> None:
        """Add one case a choice; where the verdict is `continue`, the kernel goes on with the rest of the rule."""
        before, going_on = self.branches, []
        cases = []
        for found, verdict in choices:
            self.branches = before
            self._branch(found)
            cases += [Case(match, verdict, label) for match, label in self.branches]
            if verdict.verb is Verb.CONTINUE:
                going_on += self.branches
        self.parts.append(cases)
        self.branches = going_on
        self.ended = not going_on

    def _translate(self, name: str, about: object) -> None:
        written = about if isinstance(about, dict) else {}
        self._choose(
            [
                ([(each, "") for each in condition], Verdict(Verb.TRANSLATE, translation=translation))
                for condition, translation in translations(name, written, self)
            ]
        )

    def _mangle(self, about: object) -> None:
        """Rewriting what rules look at changes the packet for those that come after: what follows is unknown."""
        if not isinstance(about, dict) or not isinstance(about.get("key"), dict):
            raise malformed(about)
        payload = about["key"].get("payload")
        if payload is not None and not (isinstance(payload, dict) and payload.get("field") in _HARMLESS_FIELDS):
            self.remarks.append(say("reading-rewrites", words=shown({"mangle": about})))
            self._end(_ASTRAY)
            return
        written = about["key"]
        if written.get("ct", {}).get("key") == "zone":
            self.asides.append("zone")
            self.remarks.append(say("reading-zone", words=shown({"mangle": about})))
        elif written.get("meta", {}).get("key") in _STEERING:
            self._perhaps_end(Unknown(shown({"mangle": about})))
        if isinstance(about.get("value"), dict):  # a look-up that finds nothing ends the rule
            self._doubt(Unknown(shown({"mangle": about})))

    def _keys(self, parts: object) -> list[Key]:
        if not isinstance(parts, list):
            raise malformed(parts)
        return [key_of(part, self.setting) for part in parts]

    def _hold(self, alternatives: Alternatives) -> None:
        self._branch([(each, "") for each in alternatives])

    def _branch(self, found: Sequence[Branch]) -> None:
        self.budget.spend(len(self.branches) * len(found))
        if self.branches == _NO_CONDITION:
            self.branches = list(found)
            return
        self.branches = [
            (both, label or comment)
            for one, label in self.branches
            for other, comment in found
            if (both := met((one, other))) is not None
        ]

    def _doubt(self, unknown: Unknown) -> None:
        self.branches = [(doubted((match,), unknown)[0], label) for match, label in self.branches]

    def _perhaps_end(self, unknown: Unknown) -> None:
        """Take a statement that may be anything: a condition, a verdict, a change of the packet, or neither."""
        self._doubt(unknown)
        self._act(_ASTRAY)

    def _act(self, verdict: Verdict) -> None:
        self.parts.append([Case(match, verdict, label) for match, label in self.branches])

    def _end(self, verdict: Verdict) -> None:
        self.ended = True
        self._act(verdict)


def _is_rate(name: str, about: object) -> bool:
    """Tell whether a statement lets packets through up to a rate; `over` lets through those beyond."""
    return name == "limit" and isinstance(about, dict) and not about.get("inv")


def _found(keys: Sequence[Key], elements: Elements, *, together: bool) -> Iterator[tuple[Element, list[Branch]]]:
    """Yield the elements of a map with what they match, `*` last, which matches what no other does."""
    all_keys = Together(keys)
    rest: Element | None = None
    others = []
    for each in elements.members:
        if each.value == "*":
            rest = each
            continue
        others.append(each)
        matched = all_keys.matching(each.value if together else {"concat": [each.value]})
        yield each, [(match, each.comment) for match in matched]
    if rest is None:
        return
    if not together:
        left = keys[0].matching(Test("!=", tuple(each.value for each in others), several=True))
    else:
        left = conjunction(*(key.readable() for key in keys))
        if not all(verdict_of(each.leads_to).verb in _FINAL for each in others):
            left = doubted(left, Unknown("*"))
    yield rest, [(match, rest.comment) for match in left]


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
    return _ASTRAY


_CONDITIONS: dict[str, Callable[[RuleBody, object], None]] = {
    "match": RuleBody._match,  # noqa: SLF001 - the class's own table of statements
    "vmap": RuleBody._vmap,  # noqa: SLF001
    "mangle": RuleBody._mangle,  # noqa: SLF001
    "flow": RuleBody._offload,  # noqa: SLF001
}
