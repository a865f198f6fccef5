"""What verbs do with a plan that was written to a file: find its town, see that it fits, and that it was approved."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import click

from beffroi import declaration, signature
from beffroi.apply import Consent
from beffroi.approval import Approval, require_approval, require_fit
from beffroi.declaration import Declaration
from beffroi.errors import InvalidInput, RefusedPlan
from beffroi.messages import say
from beffroi.plan import Plan, make_plan
from beffroi.records import read_content, read_decision
from beffroi.report.visible import shorten


def town_of(plan: Plan, root: Path) -> Path:
    """Return the folder of a plan's town under the content; raise InvalidInput when it leads out of it."""
    written = PurePosixPath(plan.folder)
    folder = root / written
    inside = folder.resolve().is_relative_to(root.resolve()) if plan.folder.isprintable() else False
    if not plan.folder or written.is_absolute() or ".." in written.parts or not inside:
        raise InvalidInput(say("plan-file-folder", folder=shorten(plan.folder, 80)), hint=say("plan-file-folder-hint"))
    if not folder.is_dir():
        raise InvalidInput(
            say("plan-file-no-town", folder=shorten(plan.folder, 80)), hint=say("plan-file-no-town-hint")
        )
    return folder


def declared_by(plan: Plan, root: Path | None, profile: str | None) -> Declaration:
    """Return what the plan's town declares today, under `root` or the content around the current folder."""
    content = root or declaration.content_root(Path.cwd())
    return declaration.load(town_of(plan, content), root=content, profile=profile or plan.profile)


def require_declared(plan: Plan, town: Declaration, stack: str) -> None:
    """Raise RefusedPlan when the town's files alone tell already that the plan no longer fits: no stack is asked."""
    asked = make_plan(
        town.city, town.desired, stack, plan.steps, applied=plan.applied, folder=town.place, profile=town.profile
    )
    require_fit(plan, asked)


def consent_of(plan: Plan, town: Declaration, decision: Path, signers: Path | None = None) -> Consent:
    """Return the consent of a written plan; raise RefusedPlan at once when no decision approves it, then or now.

    Where `signers`, or else the town, names who may sign, one of them must have signed the decision.
    """
    from .gate import decide  # noqa: PLC0415

    if not decision.is_file():
        raise RefusedPlan(say("approval-none", file=decision), hint=say("approval-again"))
    content = read_content(decision)
    _require_signed(content, decision, signers or signature.signers_of(town.folder))
    approval = Approval(plan, read_decision(decision, content))
    today = datetime.now(UTC).date()
    require_approval(plan, approval.decision, today)
    approval.require_still(decide(town, plan.digest))
    return lambda actual: approval.require(actual, today)


def _require_signed(content: bytes, decision: Path, signers: Path | None) -> None:
    if signers is not None:
        click.echo(say("signature-by", signer=signature.require_signed(content, decision, signers)), err=True)
    elif signature.beside(decision).exists():
        click.echo(say("signature-not-asked", file=signature.FILE), err=True)


def decided_on(digest: str) -> Consent:
    """Return the consent of a person who names a plan by its digest."""

    def consent(actual: Plan) -> None:
        if actual.digest != digest:
            raise RefusedPlan(
                say("apply-other-plan", wanted=digest, actual=actual.digest), hint=say("apply-other-plan-hint")
            )

    return consent
