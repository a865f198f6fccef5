"""What the last whole apply of a stack left, kept beside its state: plans say what changes since."""

from __future__ import annotations

from beffroi.errors import CouldNotAct, InvalidInput
from beffroi.messages import say
from beffroi.plan import Plan
from beffroi.records import read_plan, write_plan
from beffroi.state import StackState

_FILE = "applied.json"


def remember(state: StackState, plan: Plan) -> None:
    """Keep the plan that was applied, to its end."""
    write_plan(state.folder / _FILE, plan.model_copy(update={"applied": None}))


def forget(state: StackState) -> None:
    """Keep nothing: what was applied is gone."""
    (state.folder / _FILE).unlink(missing_ok=True)


def last_applied(state: StackState) -> Plan | None:
    """Return the plan of the last whole apply, None before the first; raise CouldNotAct when its record is damaged."""
    path = state.folder / _FILE
    if not path.exists():
        return None
    try:
        return read_plan(path)
    except InvalidInput as error:
        raise CouldNotAct(error.what, where=error.where, hint=say("applied-damaged-hint")) from error
