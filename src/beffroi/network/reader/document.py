"""The whole document: tables, chains, sets, and rules in their order. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

from beffroi.errors import UNREADABLE
from beffroi.fieldpath import visible
from beffroi.messages import say, spoken_language
from beffroi.network.firewall import Aside, Case, Chain, Firewall, Hook, Place, Rule, Table, Unknown, Verb, Verdict
from beffroi.network.nfttext import rule_text

from .beside import in_doubt
from .elements import Elements, changed_by, named
from .expressions import LONGEST_KEPT, Setting, Written
from .jumps import refuse_loops
from .matches import conjunction, doubted
from .refusals import Budget, NotAFirewall, malformed
from .statements import RuleBody

MOST_ELEMENTS = 4_000_000
"""Elements and cases that one document may come to."""

_MOST_NESTED = 64
_NESTING = (dict, list)
_IP_FAMILIES = frozenset({"ip", "ip6", "inet"})
_SILENT = frozenset({"match", "counter", "accept", "drop", "return", "jump", "goto", "continue", "vmap"})


def read(document: object) -> Firewall:
    """Return the firewall of a `nft -j list ruleset` document.

    Raise NotAFirewall when it is malformed, jumps in a loop or to nowhere, or goes beyond the limits of this module.
    """
    try:
        return _read(document)
    except UNREADABLE as error:  # a machine may say anything
        raise malformed(error) from error


def _read(document: object) -> Firewall:
    listed = document.get("nftables") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise malformed(document if not isinstance(document, dict) else sorted(map(str, document)))
    _refuse_nested(listed)
    draft = _Draft(Budget(MOST_ELEMENTS))
    for entry in listed:
        if not isinstance(entry, dict):
            raise malformed(entry)
        for sort, about in entry.items():
            if sort in _TAKEN:
                if not isinstance(about, dict):
                    raise malformed(entry)
                _TAKEN[sort](draft, about)
    return draft.firewall()


@dataclass
class _TableDraft:
    family: str
    name: str
    sets: dict[str, Elements] = field(default_factory=dict)
    hooks: dict[str, Hook | None] = field(default_factory=dict)
    rules: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    dormant: bool = False


@dataclass
class _Draft:
    """The objects of a document, rules not yet read: they may name sets that come later."""

    budget: Budget
    tables: dict[tuple[str, str], _TableDraft] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)

    def table(self, about: Mapping[str, object], key: str = "table") -> _TableDraft:
        """Return the table that an object belongs to."""
        family, name = _word(about, "family"), _word(about, key)
        return self.tables.setdefault((family, name), _TableDraft(family, name))

    def add_table(self, about: Mapping[str, object]) -> None:
        """Take a table. A dormant one has chains, but no packet meets them; nft 1.0.6 garbles the flag's name."""
        table = self.table(about, "name")
        flags = about.get("flags", [])
        named_flags = [flags] if isinstance(flags, str) else flags
        if not isinstance(named_flags, list) or not all(isinstance(each, str) for each in named_flags):
            raise NotAFirewall(say("reading-flags", table=visible(f"{table.family} {table.name}")))
        table.dormant = "dormant" in named_flags

    def add_set(self, about: Mapping[str, object]) -> None:
        """Take a set or a map."""
        self.table(about).sets[_word(about, "name")] = named(about, self.budget)

    def add_chain(self, about: Mapping[str, object]) -> None:
        """Take a chain."""
        table, name = self.table(about), _word(about, "name")
        table.hooks[name] = _hook(about)
        table.rules.setdefault(name, [])

    def add_rule(self, about: Mapping[str, object]) -> None:
        """Take a rule, to be read when all is known."""
        table = self.table(about)
        table.rules.setdefault(_word(about, "chain"), []).append(about)
        table.changed |= changed_by(about.get("expr"))

    def firewall(self) -> Firewall:
        """Read the rules, and return all."""
        tables = [self._read(table) for table in self.tables.values()]
        doubts = filter(None, map(in_doubt, tables))
        return Firewall((*tables, *doubts), tuple(self.remarks), tuple(self.asides))

    def _read(self, table: _TableDraft) -> Table:
        chains: dict[str, Chain] = {}
        table.sets |= {name: replace(table.sets[name], changing=True) for name in table.changed & table.sets.keys()}
        if table.dormant:
            self.remarks.append(say("reading-dormant", table=visible(f"{table.family} {table.name}")))
            table.hooks.clear()
        for name, written in table.rules.items():
            rules: list[Rule] = []
            for position, about in enumerate(written, 1):
                read_as, own = self._rules(table, name, position, about)
                rules += read_as
                chains |= own
            chains[name] = Chain(name, tuple(rules), table.hooks.get(name))
        refuse_loops(chains)
        self.remarks += [
            say("reading-not-ip", table=visible(f"{table.family} {table.name}"), chain=visible(name))
            for name, hook in table.hooks.items()
            if hook is not None and (table.family not in _IP_FAMILIES or hook.hook in {"ingress", "egress"})
        ]
        return Table(table.family, table.name, chains)

    def _body(self, table: _TableDraft, expressions: list[object]) -> tuple[RuleBody, str]:
        """Return what a rule says, and its text; what names no set says the same in every document."""
        written = repr(expressions)
        if "@" in written or len(written) > LONGEST_KEPT:
            return _said(table.family, expressions, table.sets, self.budget)
        alone, cost = _said_alone(table.family, Written(written, expressions), spoken_language())
        self.budget.spend(cost)
        return alone

    def _rules(
        self, table: _TableDraft, chain: str, position: int, about: Mapping[str, object]
    ) -> tuple[list[Rule], dict[str, Chain]]:
        """Return what a rule becomes, and the chains that it needs of its own; an error tells where it stands."""
        where = f"{table.family} {table.name}"
        place = Place(where, chain, position)
        try:
            expressions = about.get("expr", [])
            if not isinstance(expressions, list):
                raise malformed(about)
            body, text = self._body(table, expressions)
            place = _placed(place, about, text)
        except NotAFirewall as error:
            error.where = error.where or visible(str(place))
            raise
        self.remarks += body.remarks
        self.asides += [Aside(sort, f"{where} {chain}: {place.text}") for sort in body.asides]
        speaks = any(_does_more(each) for each in expressions)
        if not body.excluded:
            return [Rule(tuple(cases), place, speaks) for cases in body.parts], {}
        return _behind(body, place, speaks=speaks)


def _said(family: str, expressions: list[object], sets: Mapping[str, Elements], budget: Budget) -> tuple[RuleBody, str]:
    body = RuleBody(Setting(family), sets, budget)
    body.read(expressions)
    return body, rule_text(expressions)


@lru_cache(maxsize=4096)
def _said_alone(family: str, written: Written, _language: str) -> tuple[tuple[RuleBody, str], int]:
    """Return the same for statements that name no set, and what it costs: machines have most rules in common."""
    budget = Budget(MOST_ELEMENTS)
    return _said(family, written.value, {}, budget), budget.most - budget.left


def _placed(place: Place, about: Mapping[str, object], text: str) -> Place:
    handle, comment = about.get("handle", 0), about.get("comment", "")
    return replace(
        place,
        handle=handle if isinstance(handle, int) else 0,
        comment=comment if isinstance(comment, str) else "",
        text=text,
    )


def _does_more(expression: object) -> bool:
    """Tell whether an expression does something else than choose packets and give a verdict."""
    return isinstance(expression, dict) and any(key not in _SILENT for key in expression)


def _behind(body: RuleBody, place: Place, *, speaks: bool) -> tuple[list[Rule], dict[str, Chain]]:
    """Return a rule that a set keeps from applying: a jump to a chain where the set's elements return first.

    A verdict that leaves the rule's own chain cannot stand in another one: such a rule may hold, or not.
    """
    leaving = {Verb.RETURN, Verb.GOTO}
    if any(case.verdict.verb in leaving for cases in body.parts for case in cases):
        doubt = Unknown(f"!= {place.text}")
        held = tuple(match for match, _ in body.before)
        return [
            Rule(
                tuple(
                    Case(match, case.verdict, case.label)
                    for case in cases
                    for match in doubted(conjunction(held, (case.match,)), doubt)
                ),
                place,
                speaks,
            )
            for cases in body.parts
        ], {}
    name = f"{place.chain} {place.position} !="
    exceptions = tuple(Case(match, Verdict(Verb.RETURN), label) for match, label in body.excluded)
    behind = Chain(name, (Rule(exceptions, place), *(Rule(tuple(cases), place, speaks) for cases in body.parts)))
    jumps = tuple(Case(match, Verdict(Verb.JUMP, name), label) for match, label in body.before)
    return [Rule(jumps, place)], {name: behind}


def _hook(about: Mapping[str, object]) -> Hook | None:
    if "hook" not in about:
        return None
    priority, policy, device = about.get("prio", 0), about.get("policy", "accept"), about.get("dev", ())
    if not isinstance(priority, int) or policy not in {"accept", "drop"}:
        raise malformed({"prio": priority, "policy": policy})
    devices: Any = (device,) if isinstance(device, str) else device
    kept: Literal["accept", "drop"] = "drop" if policy == "drop" else "accept"
    return Hook(_word(about, "type"), _word(about, "hook"), priority, kept, tuple(map(str, devices)))


def _word(about: Mapping[str, object], key: str) -> str:
    found = about.get(key)
    if not isinstance(found, str):
        raise malformed({key: found})
    return found


def _refuse_nested(listed: list[object]) -> None:
    """Refuse what would exhaust the stack of whoever walks it."""
    level: list[Any] = [listed]
    for _ in range(_MOST_NESTED + 1):
        parts = [part if isinstance(part, list) else part.values() for part in level]
        level = [each for part in parts for each in part if isinstance(each, _NESTING)]
        if not level:
            return
    raise NotAFirewall(say("reading-too-deep"), hint=say("reading-malformed-hint"))


_TAKEN = {
    "table": _Draft.add_table,
    "set": _Draft.add_set,
    "map": _Draft.add_set,
    "chain": _Draft.add_chain,
    "rule": _Draft.add_rule,
}
