"""`beffroi gate`: may this change be merged, what does it change, and why?"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path, PurePosixPath

import click

from beffroi.declaration import Declaration
from beffroi.errors import InvalidCity, RefusedPlan
from beffroi.gate import Decision, Strictness, Violation, judge
from beffroi.limits import uncollected, within
from beffroi.messages import say, spoken_language
from beffroi.plan import Plan, make_plan
from beffroi.policy import Level, load_policies
from beffroi.records import read_plan, write_decision
from beffroi.review import Review
from beffroi.reviewing import Proposed, Question, Version, faulty, review, spot_of, version
from beffroi.signature import beside

from .options import json_option, operation, stack_option, towns_argument, works
from .proposals import Asked, asked, asked_of_the_network, base_version, compared_with
from .second_prover import second_prover
from .trusting import Trust, trusting
from .written_plans import require_declared

_Head = Version | InvalidCity
"""A town of the proposed version, or what is wrong in its files."""

_File = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True)
class _Wanted:
    """How to judge: what the options say."""

    profile: str
    stack: str | None
    strictness: Strictness
    today: date
    preview: bool
    plan: Plan | None
    trust: Trust


@click.command(help=say("cli-gate-help"), short_help=say("cli-gate-short"))
@towns_argument
@stack_option
@click.option("--base", metavar="REF", help=say("review-base-option"))
@click.option("--head", metavar="REF", help=say("review-head-option"))
@click.option("--strict/--regressions", "strict", default=True, help=say("review-strictness-option"))
@click.option("--trust", "trust", flag_value=Trust.CHANGE.value, help=say("trust-option"))
@click.option("--trust-base", "trust", flag_value=Trust.BASE.value, help=say("trust-base-option"))
@click.option("--preview", is_flag=True, help=say("review-preview-option"))
@click.option("--plan", "written", type=_File, help=say("plans-plan-option"))
@click.option("--decision", type=_File, help=say("plans-gate-decision-option"))
@click.option("--markdown", type=_File, help=say("review-markdown-option"))
@click.option("--sarif", type=_File, help=say("review-sarif-option"))
@click.option("--codequality", type=_File, help=say("review-codequality-option"))
@click.option("--junit", type=_File, help=say("review-junit-option"))
@click.option("--html", type=_File, help=say("review-html-option"))
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help=say("review-today-option"))
@click.option("--time-limit", type=click.IntRange(1, 86_400), default=120, help=say("review-time-option"))
@click.option("--memory-limit", type=click.IntRange(128), default=4096, help=say("review-memory-option"))
@json_option
def command(
    towns: tuple[Path, ...],
    root: Path | None,
    profile: str,
    stack: str | None,
    base: str | None,
    head: str | None,
    written: Path | None,
    decision: Path | None,
    markdown: Path | None,
    sarif: Path | None,
    codequality: Path | None,
    junit: Path | None,
    html: Path | None,
    trust: str | None,
    today: datetime | None,
    time_limit: int,
    memory_limit: int,
    *,
    strict: bool,
    preview: bool,
    as_json: bool,
) -> int:
    """Judge, tell, and write the pages that were asked for."""
    strictness = Strictness.STRICT if strict else Strictness.REGRESSIONS
    plan = read_plan(written) if written else None
    day = (today or datetime.now(UTC)).date()
    wanted = _Wanted(profile, stack, strictness, day, preview, plan, Trust(trust or Trust.NOBODY))
    pages = {"markdown": markdown, "sarif": sarif, "codequality": codequality, "junit": junit, "html": html}
    with uncollected():
        with asked(towns, root, base, head) as question:
            _require_one(question, one=bool(written or decision))
            reviews = _reviews(question, wanted, seconds=time_limit, mebibytes=memory_limit)
        _keep(reviews[0], decision)
        _write(reviews, pages)
        _show(reviews, as_json=as_json)
        return worst_exit([each.exit_code for each in reviews])


def _reviews(question: Asked, wanted: _Wanted, *, seconds: int, mebibytes: int) -> list[Review]:
    """Read, plan and judge every town, within bounds where nothing but this program runs."""
    with ExitStack() as stack:
        if len(question.towns) == 1:
            network = partial(asked_of_the_network, question, question.towns[0])
            before = partial(compared_with, question, question.towns[0])
            stack.enter_context(second_prover(network, before, seconds=seconds, mebibytes=mebibytes))
        with within(seconds=seconds, mebibytes=mebibytes):
            heads = {town: _read(question, town, wanted) for town in question.towns}
        plans = {town: _plan(head, wanted) for town, head in heads.items()}  # runs programs, so within no bounds
        with within(seconds=seconds, mebibytes=mebibytes):
            return [_judged(question, town, wanted, head, plans[town]) for town, head in heads.items()]


def worst_exit(codes: Sequence[int]) -> int:
    """Return the code of several towns: a refusal is told before a doubt."""
    return 1 if 1 in codes else max(codes, default=0)


def _require_one(question: Asked, *, one: bool) -> None:
    if one and len(question.towns) != 1:
        raise click.UsageError(say("plans-one-town"))


def _read(question: Asked, town: PurePosixPath, wanted: _Wanted) -> _Head:
    try:
        return question.head.version(town, wanted.profile)
    except InvalidCity as error:
        return error


def _plan(head: _Head, wanted: _Wanted) -> Plan | None:
    """Return the plan that is judged, if any: the written one, or that of a preview."""
    if isinstance(head, InvalidCity):
        return None  # the review tells its faults
    if wanted.plan is not None:
        require_declared(wanted.plan, head.declared, wanted.stack or wanted.plan.stack)
        return wanted.plan
    return works(head.declared, wanted.stack, quiet=True).plan(refresh=False) if wanted.preview else None


def _keep(found: Review, path: Path | None) -> None:
    """Write the decision; an older one does not outlive files that hold mistakes, nor does its signature."""
    if path is not None:
        beside(path).unlink(missing_ok=True)
    if path is not None and found.decision is not None:
        write_decision(path, found.decision)
    elif path is not None:
        path.unlink(missing_ok=True)


def _judged(question: Asked, town: PurePosixPath, wanted: _Wanted, after: _Head, plan: Plan | None) -> Review:
    names = {"base": question.base.name if question.base else "", "head": question.head.name}
    if isinstance(after, InvalidCity):
        return faulty(town.name, after, **names)
    before, reason = base_version(question.base, town, wanted.profile)
    if reason:
        click.echo(say("review-no-base", reason=reason), err=True)
    proposed = trusting(Proposed(after, before, names["base"], names["head"]), wanted.trust, wanted.today)
    steps = None if plan is None else tuple(_step(plan))
    asked_about = Question(
        today=wanted.today, strictness=wanted.strictness, plan=_digest(after, wanted, plan), steps=steps
    )
    return review(proposed, asked_about)


def _digest(after: Version, wanted: _Wanted, plan: Plan | None) -> str:
    town = after.declared
    stack = wanted.stack or town.city.town.name
    return (plan or make_plan(town.city, town.desired, stack, (), remedies=town.replaced)).digest


def _step(plan: Plan) -> Sequence[str]:
    return [f"{operation(step.operation)} {step.type.rpartition(':')[2]} {step.name}" for step in plan.steps]


def _write(reviews: Sequence[Review], wanted: dict[str, Path | None]) -> None:
    language = spoken_language()
    for form, path in wanted.items():
        if path is not None:
            path.write_text(_WRITERS[form](reviews, language), "utf-8")


def _markdown(reviews: Sequence[Review], language: str) -> str:
    from beffroi.report.gate_markdown import markdown  # noqa: PLC0415 - each page only when it is asked for

    return markdown(reviews, language)


def _sarif(reviews: Sequence[Review], language: str) -> str:
    from beffroi.report.gate_sarif import sarif  # noqa: PLC0415

    return _json(sarif(reviews, language))


def _codequality(reviews: Sequence[Review], language: str) -> str:
    from beffroi.report.gate_codequality import codequality  # noqa: PLC0415

    return _json(codequality(reviews, language))


def _json(written: object) -> str:
    return json.dumps(written, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _junit(reviews: Sequence[Review], language: str) -> str:
    from beffroi.report.gate_junit import junit  # noqa: PLC0415

    return junit(reviews, language)


def _html(reviews: Sequence[Review], language: str) -> str:
    from beffroi.report.gate_html import html  # noqa: PLC0415

    return html(reviews, language)


_WRITERS: dict[str, Callable[[Sequence[Review], str], str]] = {
    "markdown": _markdown,
    "sarif": _sarif,
    "codequality": _codequality,
    "junit": _junit,
    "html": _html,
}


def _show(reviews: Sequence[Review], *, as_json: bool) -> None:
    if as_json:
        click.echo("[" + ",".join(each.model_dump_json() for each in reviews) + "]")
        return
    from beffroi.report.gate_terminal import render  # noqa: PLC0415

    from .options import out  # noqa: PLC0415

    render(reviews, out(), spoken_language())


def decide(town: Declaration, plan_digest: str, trust: Trust = Trust.NOBODY) -> Decision:
    """Return the decision of today's policies on the plan."""
    return _decision(version(town, load_policies(town.root)), plan_digest, trust)


def refuse_or_go_on(town: Declaration, trust: Trust = Trust.NOBODY) -> None:
    """Raise RefusedPlan, each violation told, when a mandatory policy refuses the declaration."""
    standing = version(town, load_policies(town.root))
    decision = _decision(standing, "", trust)
    if not decision.accepted:
        show(standing, decision)
        count = len(decision.refusals())
        raise RefusedPlan(say("cli-gate-refused", count=count), hint=say("cli-gate-refused-hint"))


def _decision(standing: Version, plan_digest: str, trust: Trust) -> Decision:
    today = datetime.now(UTC).date()
    proposed = trusting(Proposed(standing), trust, today)
    return judge(proposed.proposal(today), standing.policies, plan_digest)


def _level(violation: Violation) -> Level:
    """Return what a violation does: a remedy that could not be made makes its policy mandatory."""
    return Level.MANDATORY if violation.stands else violation.level


def show(standing: Version, decision: Decision) -> None:
    """Tell a person each violation, its file and line, and the way out: on standard error, beside any answer."""
    language = spoken_language()
    for violation in decision.violations:
        place = spot_of(violation.source, violation.path, standing, None)
        click.echo(
            f"{place}: {say(f'cli-gate-{_level(violation)}')}: {violation.policy}: {violation.told(language)}", err=True
        )
        click.echo(f"  -> {violation.hint(language)}", err=True)
