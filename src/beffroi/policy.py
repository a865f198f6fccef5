"""Policies: what a proposed city must satisfy before anything is deployed. One policy a file, data only.

A policy either names a rule of `beffroi.rules` and sets its parameters, or gives a JSON Schema (draft 2020-12) that
every planned resource of some sorts must satisfy. Its id is its path below `policies/`. It carries its own tests:
`good` examples that it lets through (near misses first of all) and `bad` ones that it finds.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, ValidationError

from beffroi import rules, yamlfile
from beffroi.city import City
from beffroi.city.words import Declared, Line, Name, Text
from beffroi.control import Control
from beffroi.errors import InvalidCity, Problem
from beffroi.fieldpath import FieldPath
from beffroi.messages import say
from beffroi.planned import Sort
from beffroi.predicates.written import FOLDER, MOST_BYTES, Predicate, is_own
from beffroi.predicates.written import read as read_predicate
from beffroi.report.visible import one_line
from beffroi.rules import Commitment, Proposal
from beffroi.waiver import Waiver
from beffroi.yamlfile import Document

EXAMPLE_TOWN = "example-town.yml"
"""The small town, beside the families of policies, that every example is a change of."""


class Level(StrEnum):
    """What a violation does: a mandatory policy refuses the plan, an advisory one speaks.

    A `remediate` one carries a safe remedy: the plan is made with it, and the gate says so.
    """

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
    REMEDIATE = "remediate"


class Example(Declared):
    """A change of the example town: mappings are merged into its own, lists take the place of its own, null removes.

    `finds` names the subjects that the policy must find: none in a good example, some in a bad one.
    A flow may leave out its name and purpose. `before`, a change of the example town too, is what the proposal would
    change: by default the example town itself, for rules that compare. `waivers` and `controls` stand in the proposal,
    `waivers_before` and `controls_before` in what it changes (control ids with their fields).
    """

    why: Line
    town: dict[str, Any] = {}
    before: dict[str, Any] | None = None
    waivers: tuple[Waiver, ...] = ()
    waivers_before: tuple[Waiver, ...] = ()
    controls: dict[str, dict[str, Any]] = {}
    controls_before: dict[str, dict[str, Any]] = {}
    policies: dict[str, dict[str, Any]] = {}
    policies_before: dict[str, dict[str, Any]] = {}
    today: date = date(2026, 1, 1)
    finds: tuple[str, ...] = ()

    def proposal(self, base: dict[str, Any]) -> Proposal:
        """Return the change that this example proposes; raise ValidationError when it is no city."""
        before = Commitment(
            self.city(base, self.before or {}),
            controls=_controls(self.controls_before),
            policies=_policies(self.policies_before),
            waivers=self.waivers_before,
        )
        after = Commitment(
            self.city(base, self.town),
            controls=_controls(self.controls),
            policies=_policies(self.policies),
            waivers=self.waivers,
        )
        return Proposal(after, self.today, before)

    def city(self, base: dict[str, Any], change: dict[str, Any]) -> City:
        """Return the example town with a change; raise ValidationError when it is no city."""
        town = _merged(base, change)
        flows = [
            {"name": f"flow-{index}", "purpose": {"fr": self.why, "en": self.why}, **flow}
            for index, flow in enumerate(town.get("flows", []))
        ]
        return City.model_validate({**town, "flows": flows})


class Policy(Declared):
    """A rule with its parameters, or a schema: why it stands, what a violation does, which texts ask for it (`maps`).

    `schema` holds for every planned resource of the sorts of `applies_to`; `hint` says what to do about a violation.
    `remedy` is a merge patch (RFC 7396) of the resource that mends it.
    """

    id: str
    title: Text
    rationale: Text
    level: Level
    rule: str | None = None
    params: dict[str, Any] = {}
    applies_to: tuple[Sort, ...] = ()
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    hint: Text | None = None
    remedy: dict[str, Any] | None = None
    maps: dict[Name, tuple[str | int, ...]] = {}
    good: Annotated[tuple[Example, ...], Field(min_length=1)]
    bad: Annotated[tuple[Example, ...], Field(min_length=1)]

    @property
    def predicate(self) -> Predicate | None:
        """Return the town's own predicate that judges, as it stands beside this policy; None for a rule of ours."""
        return None


class OwnPolicy(Policy):
    """A policy whose rule is a predicate of the town's, `policies/rules/NAME.py`; `own` is its text."""

    own: Predicate

    @property
    def predicate(self) -> Predicate | None:
        """Return the predicate."""
        return self.own


def load_policies(root: Path) -> dict[str, Policy]:
    """Read every policy of `root/policies/<family>/`, by id; raise InvalidCity with all the problems found."""
    folder = root / "policies"
    policies: dict[str, Policy] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*/*.yml")):
        policy_id = path.relative_to(folder).with_suffix("").as_posix()
        try:
            document = yamlfile.read(path, shown_as=path.relative_to(root).as_posix(), within=root)
            policies[policy_id], found = _policy(policy_id, document, root)
            problems += found
        except InvalidCity as error:
            problems += error.problems
        except ValidationError as error:
            problems += document.problems(error, model=Policy)
    if problems:
        raise InvalidCity(problems)
    return policies


def example_town(root: Path) -> dict[str, Any]:
    """Read the town that examples change, as plain data; raise InvalidCity when it is not readable."""
    path = root / "policies" / EXAMPLE_TOWN
    return yamlfile.read(path, shown_as=path.relative_to(root).as_posix(), within=root).mapping()


def _policy(policy_id: str, document: Document, root: Path) -> tuple[Policy, list[Problem]]:
    policy = Policy.model_validate({"id": policy_id, **document.mapping()})
    shape = _misshapen(policy)
    if shape:
        path, key = shape
        return policy, [document.problem(path, say(key), say(f"{key}-hint"))]
    if policy.schema_ is not None:
        return policy, _schema_problems(policy, document)
    if is_own(policy.rule):
        return _own(policy, document, root)
    if policy.rule not in rules.names():
        hint = say("policy-unknown-rule-hint", rules=", ".join(rules.names()))
        return policy, [document.problem(("rule",), say("policy-unknown-rule", rule=policy.rule), hint)]
    params = rules.load(policy.rule).Params
    try:
        params.model_validate(policy.params)
    except ValidationError as error:
        return policy, document.problems(error, prefix=("params",), model=params)
    return policy, []


def _own(policy: Policy, document: Document, root: Path) -> tuple[Policy, list[Problem]]:
    """Return the policy with the text of its predicate, which is read and not run."""
    if policy.hint is None:
        return policy, [
            document.problem(("rule",), say("policy-own-hint-missing"), say("policy-own-hint-missing-hint"))
        ]
    predicate = read_predicate(root, policy.rule or "")
    if isinstance(predicate, str):
        names: dict[str, Any] = {"rule": policy.rule, "folder": FOLDER, "most": MOST_BYTES // 1024}
        return policy, [document.problem(("rule",), say(predicate, **names), say(f"{predicate}-hint", **names))]
    fields = {name: getattr(policy, name) for name in Policy.model_fields}
    return OwnPolicy.model_construct(**fields, own=predicate), []


def _misshapen(policy: Policy) -> tuple[FieldPath, str] | None:
    """Return the field and the message of a policy that is neither a rule nor a schema, or only half of one."""
    if (policy.rule is None) == (policy.schema_ is None):
        return ("rule",), "policy-rule-or-schema"
    if policy.schema_ is not None and not (policy.applies_to and policy.hint):
        return ("schema",), "policy-schema-incomplete"
    if (policy.level == Level.REMEDIATE) != (policy.remedy is not None):
        return ("remedy",), "policy-remedy"
    if policy.remedy is not None and policy.schema_ is None:
        return ("remedy",), "policy-remedy-without-schema"
    return None


def _schema_problems(policy: Policy, document: Document) -> list[Problem]:
    try:
        Draft202012Validator.check_schema(policy.schema_ or {})
    except SchemaError as error:
        path = ("schema", *(part if isinstance(part, int) else str(part) for part in error.absolute_path))
        reason = say("policy-schema-wrong", words=one_line(error.message)[:200])
        return [document.problem(path, reason, say("policy-schema-wrong-hint"))]
    return []


def _controls(written: dict[str, dict[str, Any]]) -> dict[str, Control]:
    words = {"title": {"fr": "-", "en": "-"}, "rationale": {"fr": "-", "en": "-"}, "severity": "medium", "maps": {}}
    return {name: Control.model_validate({"id": name, **words, **fields}) for name, fields in written.items()}


def _policies(written: dict[str, dict[str, Any]]) -> dict[str, Policy]:
    words = {"title": {"fr": "-", "en": "-"}, "rationale": {"fr": "-", "en": "-"}}
    cases = {"good": [{"why": "-"}], "bad": [{"why": "-"}]}
    return {name: Policy.model_validate({"id": name, **words, **cases, **fields}) for name, fields in written.items()}


def _merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
            continue
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both else value
    return merged
