"""JUnit XML, as continuous integration servers read it: one suite a machine, one case a control. Pure.

What could not be told is an `error`, never `skipped`: a server shows skipped cases in green.
"""

from __future__ import annotations

from collections import defaultdict
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from beffroi.messages import say
from beffroi.verdict import Outcome, Verdict

from .model import NOT_LOOKED_AT, Report
from .summary import by_host, captures_by_source, tally, telling
from .visible import one_line, visible

_SKIPPED = (Outcome.NOT_APPLICABLE, Outcome.WAIVED)


def to_xml(report: Report, language: str = "en") -> str:
    """Return the verdicts as JUnit XML 1.0, well formed whatever the hosts said: illegal characters become pictures."""
    root = Element("testsuites", {"name": "beffroi", **_figures(report.verdicts)})
    root.set("time", f"{(report.finished - report.started).total_seconds():.3f}")
    spent = _seconds_by_host(report)
    for host, verdicts in by_host(report).items():
        suite = SubElement(root, "testsuite", {"name": one_line(host), **_figures(verdicts)})
        suite.set("timestamp", report.started.isoformat(timespec="seconds"))
        suite.set("time", f"{spent.get(host, 0.0):.3f}")
        for verdict in verdicts:
            _case(suite, report, verdict, language)
    return written(root)


def written(root: Element) -> str:
    """Return a document as text, indented."""
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _figures(verdicts: tuple[Verdict, ...] | list[Verdict]) -> dict[str, str]:
    counts = tally(verdicts)
    return {
        "tests": str(len(verdicts)),
        "failures": str(counts[Outcome.FAIL]),
        "errors": str(sum(counts[outcome] for outcome in NOT_LOOKED_AT)),
        "skipped": str(sum(counts[outcome] for outcome in _SKIPPED)),
    }


def _seconds_by_host(report: Report) -> dict[str, float]:
    spent: defaultdict[str, float] = defaultdict(float)
    for (host, _), captures in captures_by_source(report).items():
        spent[host] += sum(capture.seconds for capture in captures)
    return spent


def _case(suite: Element, report: Report, verdict: Verdict, language: str) -> None:
    case = SubElement(suite, "testcase", {"classname": one_line(verdict.host), "name": one_line(verdict.control)})
    if verdict.outcome is Outcome.PASS:
        return
    title = report.title(verdict.control).of(language)
    outcome = say(f"report-outcome-{verdict.outcome}", language=language)
    why = f" ({verdict.reason})" if verdict.reason else ""
    attributes = {"message": one_line(f"{outcome}: {title}{why}")}
    if verdict.outcome in _SKIPPED:
        SubElement(case, "skipped", attributes)
        return
    tag = "failure" if verdict.outcome is Outcome.FAIL else "error"
    element = SubElement(case, tag, {**attributes, "type": verdict.outcome.value})
    element.text = visible("\n".join(_lines(verdict, language))) or None


def _lines(verdict: Verdict, language: str) -> list[str]:
    expected, observed = (say(f"report-{word}", language=language).lower() for word in ("expected", "observed"))
    lines = [
        f"{finding.subject}: {expected} {finding.expected}, {observed} {finding.observed}"
        + (f" ({finding.reason})" if finding.reason else "")
        for finding in telling(verdict)
    ]
    return lines or ([verdict.reason] if verdict.reason else [])
