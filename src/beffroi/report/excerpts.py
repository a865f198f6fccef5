"""Raw captures as a page shows them: cut at a stated length, each once, within a stated total."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from beffroi.verdict import Capture, Verdict

from .model import Report
from .summary import captures_by_source

STREAM_LIMIT = 8_000
"""Characters kept of each output of each command."""

TOTAL_LIMIT = 1_500_000
"""Characters of captures that one page embeds; a thousand failing machines must still open in a browser."""


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a text, and how many characters the whole has."""

    text: str
    total: int

    @property
    def cut(self) -> bool:
        """Tell whether something is left out."""
        return len(self.text) < self.total


@dataclass(frozen=True)
class Shown:
    """One command and its excerpts."""

    capture: Capture
    command: Excerpt
    stdout: Excerpt
    stderr: Excerpt


@dataclass(frozen=True)
class Evidence:
    """What a page shows behind a verdict: captures, or the anchor where they stand already, or nothing (`left_out`)."""

    anchor: str
    shown: tuple[Shown, ...] = ()
    elsewhere: bool = False
    left_out: bool = False


def evidence(report: Report, verdicts: Iterable[Verdict]) -> dict[tuple[str, str], Evidence]:
    """Return the evidence behind each verdict, by (host, control): the first verdict of a host and kind shows it."""
    by_source = captures_by_source(report)
    anchors: dict[tuple[str, str], str] = {}
    spent = 0
    found: dict[tuple[str, str], Evidence] = {}
    for verdict in verdicts:
        source = (verdict.host, verdict.kind)
        key = (verdict.host, verdict.control)
        if source in anchors:
            found[key] = Evidence(anchors[source], elsewhere=True)
            continue
        shown = tuple(_shown(capture) for capture in by_source.get(source, ()))
        size = sum(len(each.command.text) + len(each.stdout.text) + len(each.stderr.text) for each in shown)
        anchor = f"raw-{len(anchors) + 1}"
        if spent + size > TOTAL_LIMIT:
            found[key] = Evidence(anchor, left_out=True)
            continue
        spent += size
        anchors[source] = anchor
        found[key] = Evidence(anchor, shown)
    return found


def _shown(capture: Capture) -> Shown:
    return Shown(capture, *(_excerpt(text) for text in (capture.command, capture.stdout, capture.stderr)))


def _excerpt(text: str) -> Excerpt:
    return Excerpt(text[:STREAM_LIMIT], len(text))
