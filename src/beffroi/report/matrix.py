"""The table of machines and controls: every verdict one sign, drawn compactly since there may be tens of thousands."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from beffroi.verdict import Outcome

from .bilingual import of_text, safe
from .model import SYMBOLS, Report

CONTROLS_AS_LINES_UP_TO = 40
"""Machines: up to here controls are the lines, since their titles read best across; above, machines are."""

_LETTER = {
    Outcome.PASS: "p",
    Outcome.FAIL: "f",
    Outcome.ERROR: "e",
    Outcome.NOT_CHECKED: "k",
    Outcome.WAIVED: "w",
    Outcome.NOT_APPLICABLE: "n",
}


@dataclass(frozen=True)
class Header:
    """The name of a line or of a column."""

    id: str
    label: Markup
    detail: Markup


@dataclass(frozen=True)
class Line:
    """One line of the table: its header and its cells, already markup."""

    header: Header
    cells: Markup


@dataclass(frozen=True)
class Matrix:
    """The whole table. `hosts_are_lines` tells which way round it is."""

    hosts_are_lines: bool
    columns: tuple[Header, ...]
    lines: tuple[Line, ...]


def build(report: Report, anchors: dict[tuple[str, str], str]) -> Matrix:
    """Return the table; `anchors` gives, by (host, control), where the page tells more about a verdict."""
    hosts, controls = report.hosts(), report.control_ids()
    host_headers = {host: Header(f"h{index}", safe(host), _label(report, host)) for index, host in enumerate(hosts)}
    control_headers = {
        control: Header(f"c{index}", of_text(report.title(control)), safe(control))
        for index, control in enumerate(controls)
    }
    outcomes = {(verdict.host, verdict.control): verdict.outcome for verdict in report.verdicts}
    cells = {key: _cell(key, outcome, anchors, host_headers, control_headers) for key, outcome in outcomes.items()}
    if len(hosts) > CONTROLS_AS_LINES_UP_TO:
        lines = [
            Line(header, _join(cells, [(host, each) for each in controls])) for host, header in host_headers.items()
        ]
        return Matrix(hosts_are_lines=True, columns=tuple(control_headers.values()), lines=tuple(lines))
    lines = [Line(header, _join(cells, [(host, each) for host in hosts])) for each, header in control_headers.items()]
    return Matrix(hosts_are_lines=False, columns=tuple(host_headers.values()), lines=tuple(lines))


def _label(report: Report, host: str) -> Markup:
    machine = report.city.machines().get(host)
    return of_text(machine.label) if machine else Markup("")


def _join(cells: dict[tuple[str, str], str], keys: list[tuple[str, str]]) -> Markup:
    return Markup("".join(cells.get(key, "<td>") for key in keys))  # noqa: S704 - cells are escaped where they are made


def _cell(
    key: tuple[str, str],
    outcome: Outcome,
    anchors: dict[tuple[str, str], str],
    hosts: dict[str, Header],
    controls: dict[str, Header],
) -> str:
    letter, symbol = _LETTER[outcome], SYMBOLS[outcome]
    anchor = anchors.get(key)
    if anchor is None:
        return f"<td class={letter}>{symbol}"
    names = f"{hosts[key[0]].id} {controls[key[1]].id} l-{outcome}"
    return f'<td class={letter}><a href="#{escape(anchor)}" aria-labelledby="{names}">{symbol}</a>'
