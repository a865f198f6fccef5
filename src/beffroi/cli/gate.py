"""`beffroi gate`: do the town's policies accept the change?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from beffroi.declaration import Declaration
from beffroi.errors import RefusedPlan
from beffroi.gate import Decision, judge
from beffroi.messages import say, spoken_language
from beffroi.policy import load_policies
from beffroi.rules import Commitment, Proposal

from .options import declared, json_option, stack_option, town_argument, works


@click.command(help=say("cli-gate-help"), short_help=say("cli-gate-short"))
@town_argument
@stack_option
@json_option
def command(town: Path, root: Path | None, profile: str, stack: str | None, *, as_json: bool) -> int:
    """Plan, and judge the plan."""
    town_declared = declared(town, root, profile)
    plan = works(town_declared, stack, quiet=as_json).plan(refresh=False)
    decision = decide(town_declared, plan.digest)
    if as_json:
        click.echo(decision.model_dump_json())
    else:
        show(town_declared, decision)
    return 0 if decision.accepted else 1


def decide(town: Declaration, plan_digest: str) -> Decision:
    """Return the decision of today's policies on the plan."""
    policies = load_policies(town.root)
    commitment = Commitment(town.city, town.controls, policies, town.waivers)
    return judge(Proposal(commitment, datetime.now(UTC).date()), policies, plan_digest)


def refuse_or_go_on(town: Declaration) -> None:
    """Raise RefusedPlan, each violation told, when a mandatory policy refuses the declaration."""
    decision = decide(town, "")
    if not decision.accepted:
        show(town, decision, err=True)  # standard output is for the answer that --json asks for
        count = len(decision.refusals())
        raise RefusedPlan(say("cli-gate-refused", count=count), hint=say("cli-gate-refused-hint"))


def show(town: Declaration, decision: Decision, *, err: bool = False) -> None:
    """Tell a person the decision, on standard error if `err`: each violation, its file and line, and the way out."""
    language = spoken_language()
    for violation in decision.violations:
        place = town.written.where(violation.path)
        click.echo(
            f"{place}: {say(f'cli-gate-{violation.level}')}: {violation.policy}: {violation.told(language)}", err=err
        )
        click.echo(f"  -> {violation.hint(language)}", err=err)
    count = len(decision.violations if decision.accepted else decision.refusals())
    click.echo(say("cli-gate-accepted" if decision.accepted else "cli-gate-no", count=count), err=err)
