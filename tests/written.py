"""A plan, a violation and a decision to write to files, for the tests of all that reads them."""

from __future__ import annotations

from datetime import date

from beffroi.city.words import Text
from beffroi.gate import Decision, Violation
from beffroi.plan import Plan, Standing, Step
from beffroi.policy import Level

PLAN = Plan(
    town="bourg",
    stack="bourg",
    folder="inventory/bourg",
    city="c",
    steps=(Step(operation="create", type="beffroi:lab:Machine", name="db", changes=("links",)),),
    settings={"db": "s"},
    rulesets={"db": "r"},
    processing={"registry": "p"},
    applied=Standing(settings={}, rulesets={}, processing={}),
)
VIOLATION = Violation(
    policy="network/ssh-through-the-bastion",
    title=Text(fr="x", en="x"),
    rule="schema",
    level=Level.MANDATORY,
    subject="shortcut",
    path=("flows", 0),
    names={"sort": "flow", "subject": "shortcut", "field": "service", "value": "ssh"},
    way_out=Text(fr="x", en="x"),
)
DECISION = Decision(plan=PLAN.digest, today=date(2026, 1, 1), policies=("a/b",), violations=(VIOLATION,))
