"""The record of runs: what was seen and judged, kept so that a report can be written again without looking again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from beffroi.errors import CouldNotAct
from beffroi.messages import say
from beffroi.observe.captures import About, CaptureStore, KeptRun
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


_CAPTURES = "captures"


def begin(state: StackState, town: str, started: datetime) -> CaptureStore:
    """Begin the record of a run: what is seen is kept from the first answer on, in a folder of its own."""
    folder = _folder(state, started)
    folder.mkdir(mode=0o700)
    return CaptureStore.begin(folder / _CAPTURES, About(town=town, started=started))


def save(state: StackState, run: Run) -> Path:
    """Keep `run` in its folder, named by its start (UTC); return the folder. Its captures stand beside it already."""
    folder = _folder(state, run.started)
    folder.mkdir(mode=0o700, exist_ok=True)
    plain = run.model_dump(mode="json")
    if (folder / _CAPTURES).is_dir():
        for observation in plain["observations"]:
            del observation["captures"]
    draft = folder / "run.json.new"
    draft.write_text(json.dumps(plain, sort_keys=True), "utf-8")
    draft.replace(folder / "run.json")
    return folder


def latest(state: StackState) -> tuple[Path, Run]:
    """Return the newest whole run and its folder; raise CouldNotAct when nothing was ever verified."""
    kept: Sequence[Path] = sorted(state.part("runs").glob("*/run.json"))
    if not kept:
        raise CouldNotAct(say("runs-none", stack=state.name), hint=say("runs-none-hint"))
    # Python's own reader: a host may have said half a character ("\ud800"), which pydantic's reader refuses.
    run = Run.model_validate(json.loads(kept[-1].read_text("utf-8")))
    folder = kept[-1].parent
    return folder, _with_captures(run, folder / _CAPTURES) if (folder / _CAPTURES).is_dir() else run


def captures(state: StackState, name: str) -> KeptRun:
    """Return what a run kept: `name` is its name, `latest`, or a folder from anywhere; raise CouldNotAct for none."""
    if name == "latest":
        kept = sorted(state.part("runs").glob(f"*/{_CAPTURES}"))
        if not kept:
            raise CouldNotAct(say("runs-none", stack=state.name), hint=say("runs-none-hint"))
        return KeptRun.open(kept[-1])
    named = state.part("runs") / name
    folder = named if "/" not in name and named.is_dir() else Path(name)
    return KeptRun.open(folder / _CAPTURES if (folder / _CAPTURES).is_dir() else folder)


def _folder(state: StackState, started: datetime) -> Path:
    return state.part("runs") / started.strftime("%Y%m%dT%H%M%S.%fZ")


def _with_captures(run: Run, folder: Path) -> Run:
    kept = KeptRun.open(folder)
    observations = [
        observation.model_copy(update={"captures": kept.captures(observation.host, observation.kind)})
        for observation in run.observations
    ]
    return run.model_copy(update={"observations": tuple(observations)})
