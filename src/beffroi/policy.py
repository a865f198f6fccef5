"""Policies: what a proposed city must satisfy before anything is deployed. One policy a file, data only.

A policy names a rule of `beffroi.rules` and sets its parameters; its id is its path below `policies/`. It carries its
own tests: `good` examples that it lets through (near misses first of all) and `bad` ones that it finds.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from beffroi import rules, yamlfile
from beffroi.city import City
from beffroi.city.words import Declared, Line, Name, Text
from beffroi.errors import InvalidCity, Problem
from beffroi.messages import say
from beffroi.yamlfile import Document

EXAMPLE_TOWN = "example-town.yml"
"""The small town, beside the families of policies, that every example is a change of."""


class Level(StrEnum):
    """What a violation does: a mandatory policy refuses the plan, an advisory one speaks."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"


class Example(Declared):
    """A change of the example town: mappings are merged into its own, lists take the place of its own.

    `finds` names the subjects that the policy must find: none in a good example, some in a bad one.
    A flow may leave out its name and purpose.
    """

    why: Line
    town: dict[str, Any] = {}
    today: date = date(2026, 1, 1)
    finds: tuple[str, ...] = ()

    def city(self, base: dict[str, Any]) -> City:
        """Return the example town with this change; raise ValidationError when it is no city."""
        town = _merged(base, self.town)
        flows = [
            {"name": f"flow-{index}", "purpose": {"fr": self.why, "en": self.why}, **flow}
            for index, flow in enumerate(town.get("flows", []))
        ]
        return City.model_validate({**town, "flows": flows})


class Policy(Declared):
    """A rule with its parameters: why it stands, what a violation does, which outside texts ask for it (`maps`)."""

    id: str
    title: Text
    rationale: Text
    level: Level
    rule: str
    params: dict[str, Any] = {}
    maps: dict[Name, tuple[str | int, ...]] = {}
    good: Annotated[tuple[Example, ...], Field(min_length=1)]
    bad: Annotated[tuple[Example, ...], Field(min_length=1)]


def load_policies(root: Path) -> dict[str, Policy]:
    """Read every policy of `root/policies/<family>/`, by id; raise InvalidCity with all the problems found."""
    folder = root / "policies"
    policies: dict[str, Policy] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*/*.yml")):
        policy_id = path.relative_to(folder).with_suffix("").as_posix()
        try:
            document = yamlfile.read(path, shown_as=path.relative_to(root).as_posix(), within=root)
            policies[policy_id], found = _policy(policy_id, document)
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


def _policy(policy_id: str, document: Document) -> tuple[Policy, list[Problem]]:
    policy = Policy.model_validate({"id": policy_id, **document.mapping()})
    if policy.rule not in rules.names():
        hint = say("policy-unknown-rule-hint", rules=", ".join(rules.names()))
        return policy, [document.problem(("rule",), say("policy-unknown-rule", rule=policy.rule), hint)]
    params = rules.load(policy.rule).Params
    try:
        params.model_validate(policy.params)
    except ValidationError as error:
        return policy, document.problems(error, prefix=("params",), model=params)
    return policy, []


def _merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both else value
    return merged
