"""The summary that a terminal shows: what was not looked at, what fails and how to mend it, what is waived, machines.

Pure but for the console that it is given. Colour and width are the console's affair (rich obeys NO_COLOR and COLUMNS).
"""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from beffroi.messages import say
from beffroi.verdict import Outcome, Verdict
from beffroi.waiver import Waiver

from .bilingual import spoken_day, spoken_seconds
from .model import NOT_LOOKED_AT, SYMBOLS, Report
from .summary import Deviation, answer, by_host, deviations, groups, needless, silent_machines, tally, telling
from .summary import Group as Verdicts
from .visible import one_line

SHOWN_MACHINES = 8
"""Failing machines told in full under one control."""

SHOWN_VALUE = 160
"""Characters shown of one value or name."""

_STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold yellow",
    Outcome.NOT_CHECKED: "yellow",
    Outcome.WAIVED: "magenta",
    Outcome.NOT_APPLICABLE: "dim",
}


def render(report: Report, console: Console, language: str) -> None:
    """Print the summary of `report` in `language`; nothing that a host said can act on the terminal."""
    console.print(_Summary(report, language).everything())


class _Summary:
    """The parts of the summary, in one language."""

    def __init__(self, report: Report, language: str) -> None:
        self.report = report
        self.language = language

    def everything(self) -> Group:
        excuses = (self.waived(), self.needless())
        parts = [self.heading(), self.unseen(), self.failures(), *excuses, self.machines(), self.last_word()]
        return Group(*(part for part in parts if part is not None))

    def said(self, key: str, **names: object) -> str:
        return say(f"report-{key}", language=self.language, **names)

    def title(self, key: str) -> Text:
        return Text(f"\n{self.said(key)}", style="bold")

    def heading(self) -> Group:
        report = self.report
        when = spoken_day(report.started, f"{report.started:%H:%M:%S}", self.language)
        lasted = spoken_seconds((report.finished - report.started).total_seconds(), self.language)
        town = _plain(report.city.town.label.of(self.language), "bold")
        counts = Text("  ").join(
            Text(f"{SYMBOLS[outcome]} {count} {self.outcome(outcome)}", style=_STYLES[outcome])
            for outcome, count in tally(report.verdicts).items()
            if count
        )
        return Group(town, Text(f"{when} · {lasted}", style="dim"), counts)

    def outcome(self, outcome: Outcome) -> str:
        return self.said(f"outcome-{outcome}").lower()

    def unseen(self) -> Group | None:
        found = groups(self.report, NOT_LOOKED_AT)
        silent = silent_machines(self.report)
        if not found and not silent:
            return None
        asked = {host: len(verdicts) for host, verdicts in by_host(self.report).items()}
        lines: list[RenderableType] = [self.title("unseen")]
        lines += [self._unseen_line(group, asked[group.host]) for group in found]
        if silent:
            lines.append(_indented(_plain(f"{self.said('silent')} : {', '.join(silent)}")))
        return Group(*lines)

    def _unseen_line(self, group: Verdicts, asked: int) -> RenderableType:
        count = len(group.verdicts)
        whole = count == asked and count > 1
        what = self.said("whole-machine") if whole else self.said("some-controls", count=count, all=asked)
        line = Text(f"{SYMBOLS[group.outcome]} ", style=_STYLES[group.outcome])
        line.append_text(_plain(group.host, "bold")).append(f"  {what}")
        if group.reason:
            line.append("  ").append_text(_plain(group.reason, "dim"))
        return _indented(line)

    def failures(self) -> Group | None:
        found = deviations(self.report)
        if not found:
            return None
        return Group(self.title("failures"), *(self._failure(deviation) for deviation in found))

    def _failure(self, deviation: Deviation) -> RenderableType:
        head = Text(f"{SYMBOLS[Outcome.FAIL]} ", style=_STYLES[Outcome.FAIL])
        head.append_text(_plain(self.report.title(deviation.id).of(self.language), "bold"))
        head.append("  ").append_text(_plain(deviation.id, "dim"))
        head.append(f"  {self.said(f'severity-{deviation.severity}')}", style="dim")
        lines: list[RenderableType] = [head]
        for verdict in deviation.verdicts[:SHOWN_MACHINES]:
            lines += [_indented(line) for line in self._case(verdict)]
        more = len(deviation.verdicts) - SHOWN_MACHINES
        if more > 0:
            lines.append(_indented(Text(self.said("more-machines", count=more), style="dim")))
        lines.append(_indented(Text(f"→ {self._mend(deviation)}", style="cyan")))
        return _indented(Group(*lines))

    def _case(self, verdict: Verdict) -> list[Text]:
        found = telling(verdict)
        if not found:
            return [_plain(f"{verdict.host}  {verdict.reason or self.said('no-finding')}")]
        return [
            _plain(verdict.host, "bold")
            .append("  ")
            .append_text(
                _plain(
                    f"{finding.subject} : {self.said('expected').lower()} {_value(finding.expected)}, "
                    f"{self.said('observed').lower()} {_value(finding.observed)}"
                )
            )
            for finding in found
        ]

    def _mend(self, deviation: Deviation) -> str:
        hosts = [one_line(verdict.host) for verdict in deviation.verdicts]
        shown = ", ".join(hosts[:SHOWN_MACHINES]) + (", …" if len(hosts) > SHOWN_MACHINES else "")
        return self.said("mend-line", role=one_line(deviation.verdicts[0].kind), hosts=shown).replace("`", "")

    def waived(self) -> Group | None:
        found = groups(self.report, (Outcome.WAIVED,))
        return Group(self.title("waived"), *map(self._waived_line, found)) if found else None

    def _waived_line(self, group: Verdicts) -> RenderableType:
        controls = ", ".join(verdict.control for verdict in group.verdicts)
        line = Text(f"{SYMBOLS[Outcome.WAIVED]} ", style=_STYLES[Outcome.WAIVED])
        line.append_text(_plain(group.host, "bold")).append("  ").append_text(_plain(controls))
        return _indented(line.append("  ").append_text(_plain(group.reason, "dim")))

    def needless(self) -> Group | None:
        found = needless(self.report)
        return Group(self.title("needless"), *map(self._needless_line, found)) if found else None

    def _needless_line(self, waiver: Waiver) -> RenderableType:
        line = Text(f"{SYMBOLS[Outcome.PASS]} ", style=_STYLES[Outcome.PASS])
        line.append_text(_plain(waiver.subject, "bold")).append("  ").append_text(_plain(str(waiver.control)))
        until = spoken_day(waiver.until, None, self.language)
        told = self.said("needless-line", day=until, owner=waiver.owner).replace("`", "")
        return _indented(line.append("  ").append_text(_plain(told, "dim")))

    def machines(self) -> Group | None:
        seen = [outcome for outcome, count in tally(self.report.verdicts).items() if count]
        if not seen:
            return None
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column("", overflow="fold")
        for outcome in seen:
            table.add_column(SYMBOLS[outcome], justify="right", style=_STYLES[outcome], no_wrap=True, min_width=4)
        for host, verdicts in by_host(self.report).items():
            counts = tally(verdicts)
            table.add_row(_plain(host), *(str(counts[outcome] or "·") for outcome in seen))
        legend = "  ".join(f"{SYMBOLS[outcome]} {self.outcome(outcome)}" for outcome in seen)
        return Group(self.title("per-host"), _indented(table), _indented(Text(legend, style="dim")))

    def last_word(self) -> Text:
        return Text(f"\n{self.said(f'answer-{answer(self.report)}')}", style="bold")


def _plain(text: str, style: str = "") -> Text:
    """Return a text of the world: visible, on one line, cut, and never read as rich's own markup."""
    flat = one_line(text)
    return Text(flat if len(flat) <= 4 * SHOWN_VALUE else f"{flat[: 4 * SHOWN_VALUE]}…", style=style)


def _value(text: str) -> str:
    if not text:
        return "∅"
    return text if len(text) <= SHOWN_VALUE else f"{text[:SHOWN_VALUE]}…"


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, 2), expand=False)
