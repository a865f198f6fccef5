"""The record of runs: what was seen and judged, kept so that a report can be written again without looking again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from beffroi.errors import CouldNotAct
from beffroi.messages import say
from beffroi.state import StackState
from beffroi.verdict import Frozen, Observation, Verdict


class Run(Frozen):
    """One verification: when, under which plan, what was seen and what was concluded."""

    town: str
    started: datetime
    finished: datetime
    plan_digest: str
    observations: tuple[Observation, ...]
    verdicts: tuple[Verdict, ...]


def save(state: StackState, run: Run) -> Path:
    """Keep `run` in a folder of its own, named by its start (UTC); return the folder."""
    folder = state.part("runs") / run.started.strftime("%Y%m%dT%H%M%S.%fZ")
    folder.mkdir(mode=0o700)
    draft = folder / "run.json.new"
    draft.write_text(json.dumps(run.model_dump(mode="json"), sort_keys=True), "utf-8")
    draft.replace(folder / "run.json")
    return folder


def latest(state: StackState) -> tuple[Path, Run]:
    """Return the newest whole run and its folder; raise CouldNotAct when nothing was ever verified."""
    kept: Sequence[Path] = sorted(state.part("runs").glob("*/run.json"))
    if not kept:
        raise CouldNotAct(say("runs-none", stack=state.name), hint=say("runs-none-hint"))
    # Python's own reader: a host may have said half a character ("\ud800"), which pydantic's reader refuses.
    return kept[-1].parent, Run.model_validate(json.loads(kept[-1].read_text("utf-8")))
