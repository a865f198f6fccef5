"""`beffroi apply`: make the town so, and verify it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from beffroi.apply import Applied, Consent, Works
from beffroi.messages import say
from beffroi.plan import Plan
from beffroi.records import read_plan
from beffroi.report.visible import visible

from .options import declared, stack_option, town_or_plan_argument, trust_option, works
from .trusting import Trust
from .verdicts import conclude, outputs
from .written_plans import consent_of, decided_on, declared_by, require_declared


@click.command(help=say("cli-apply-help"), short_help=say("cli-apply-short"))
@town_or_plan_argument
@stack_option
@click.option("--yes", is_flag=True, help=say("cli-yes-option"))
@click.option("--all", "everything", is_flag=True, help=say("cli-all-option"))
@click.option("--drifted", is_flag=True, help=say("cli-drifted-option"))
@click.option("--decided", default=None, metavar="DIGEST", help=say("cli-decided-option"))
@click.option(
    "--decision", type=click.Path(path_type=Path, dir_okay=False), default=None, help=say("plans-decision-option")
)
@trust_option
@click.option(
    "--signers",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help=say("plans-signers-option"),
)
@outputs
def command(
    town: Path,
    root: Path | None,
    profile: str | None,
    stack: str | None,
    decided: str | None,
    decision: Path | None,
    signers: Path | None,
    html: Path | None,
    junit: Path | None,
    *,
    yes: bool,
    everything: bool,
    trust: bool,
    drifted: bool,
    as_json: bool,
) -> int:
    """Provision, configure, look."""
    if everything and drifted:
        raise click.UsageError(say("cli-drifted-or-all"))
    trusted = Trust.CHANGE if trust else Trust.NOBODY
    if town.is_file():
        plan = read_plan(town)
        at_work = works(declared_by(plan, root, profile), stack or plan.stack, quiet=as_json)
        consents = [_consent(plan, at_work, decision or town.with_suffix(".decision.json"), signers, trusted)]
    elif decision is not None or signers is not None:
        raise click.UsageError(say("plans-decision-without-plan"))
    else:
        at_work = works(declared(town, root, profile or "town"), stack, quiet=as_json)
        consents = _policies_agree(at_work, trusted)
    consents += [decided_on(decided)] if decided is not None else []
    if not yes and not click.confirm(say("cli-apply-confirm", town=at_work.declared.city.town.name)):
        return 2
    made = partial(at_work.apply, everything=everything, covered=drifted)
    return _apply(at_work, made, consents, html=html, junit=junit, as_json=as_json)


def _consent(plan: Plan, at_work: Works, decision: Path, signers: Path | None, trust: Trust) -> Consent:
    require_declared(plan, at_work.declared, at_work.state.name)
    return consent_of(plan, at_work.declared, decision, signers, trust)


def _policies_agree(at_work: Works, trust: Trust) -> list[Consent]:
    """Return no further consent; raise RefusedPlan when a mandatory policy refuses the declaration."""
    from .gate import refuse_or_go_on  # noqa: PLC0415

    refuse_or_go_on(at_work.declared, trust)
    return []


def _apply(
    at_work: Works,
    make: Callable[..., Applied],
    consents: list[Consent],
    *,
    html: Path | None,
    junit: Path | None,
    as_json: bool,
) -> int:
    def consent(plan: Plan) -> None:
        for each in consents:
            each(plan)

    applied = make(consent=consent)
    changed = sum(done.changed for done in applied.convergences)
    click.echo(say("cli-apply-end", steps=len(applied.steps), changed=changed), err=True)
    for host, failures in applied.failures.items():
        click.echo(say("cli-apply-failed", host=host, words=visible("\n    ".join(failures))), err=True)
    code = conclude(at_work, applied.run, html=html, junit=junit, as_json=as_json)
    return max(code, 2 if applied.failures else 0)
