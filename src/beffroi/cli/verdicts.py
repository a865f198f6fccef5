"""How verbs tell verdicts: on the terminal, as JSON, as JUnit, as one HTML file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from beffroi import __version__, runs
from beffroi.apply import Works
from beffroi.declaration import Declaration
from beffroi.framework import load_frameworks
from beffroi.messages import say, spoken_language
from beffroi.report import html as html_report
from beffroi.report import junit as junit_report
from beffroi.report import terminal
from beffroi.report.model import Report, to_json
from beffroi.runs import Run
from beffroi.verdict import exit_code

from .options import json_option, out

_Function = TypeVar("_Function", bound=Callable[..., Any])


def outputs(function: _Function) -> _Function:
    """Add the options --html, --junit and --json."""
    path = click.Path(path_type=Path, dir_okay=False)
    function = click.option("--html", type=path, default=None, help=say("cli-html-option"))(function)
    function = click.option("--junit", type=path, default=None, help=say("cli-junit-option"))(function)
    return json_option(function)


def conclude(works: Works, run: Run, *, html: Path | None, junit: Path | None, as_json: bool) -> int:
    """Keep the run, tell it, and return the exit code."""
    folder = runs.save(works.state, run)
    return tell(works.declared, run, html=html or folder / "report.html", junit=junit, as_json=as_json)


def tell(declared: Declaration, run: Run, *, html: Path, junit: Path | None, as_json: bool) -> int:
    """Tell a run in every form that was asked for, and return the exit code."""
    report = _report(declared, run)
    html.write_text(html_report.render(report, spoken_language()), "utf-8")
    if junit:
        junit.write_text(junit_report.to_xml(report), "utf-8")
    if as_json:
        click.echo(to_json(report))
    else:
        terminal.render(report, out(), spoken_language())
        click.echo(say("cli-report-at", path=html))
    return exit_code(run.verdicts)


def _report(declared: Declaration, run: Run) -> Report:
    return Report(
        city=declared.city,
        controls=dict(declared.controls),
        frameworks=load_frameworks(declared.root),
        verdicts=run.verdicts,
        observations=run.observations,
        plan_digest=run.plan_digest,
        started=run.started,
        finished=run.finished,
        version=__version__,
        waivers=declared.waivers,
    )
