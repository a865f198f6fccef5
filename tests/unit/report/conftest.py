"""The made-up verification that this room's tests share with those that open it in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from beffroi.city import Text


@pytest.fixture(scope="session")
def specimen() -> ModuleType:
    return _module("specimen")


@pytest.fixture(scope="session")
def gate_specimen() -> ModuleType:
    return _module("gate_specimen")


def _module(name: str) -> ModuleType:
    path = Path(__file__).parents[2] / "report" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOSTILE = (
    "<script>alert('x')</script>\"'><b>&amp; \x1b[2J\x1b]0;owned\x07 \x00 \u202egnp.exe\u202c \x9b31m \r\udcff\ufffe"
)


@pytest.fixture(scope="session")
def hostile(specimen: ModuleType) -> object:
    """A report in which names, values and captures try all that they can."""
    made = specimen.make_report()
    finding = specimen.Finding(outcome="fail", subject=HOSTILE, expected=HOSTILE, observed=HOSTILE, reason=HOSTILE)
    verdict = specimen.Verdict(
        host=HOSTILE, control=HOSTILE, kind=HOSTILE, outcome="fail", findings=(finding,), reason=HOSTILE
    )
    silent = verdict.model_copy(update={"outcome": specimen.Outcome.ERROR, "control": f"{HOSTILE}2", "findings": ()})
    capture = specimen.Capture(
        host=HOSTILE, command=HOSTILE, stdout=HOSTILE, stderr=HOSTILE, exit_code=0, when=specimen.START
    )
    observation = specimen.Observation(host=HOSTILE, kind=HOSTILE, facts=None, captures=(capture,))
    label = {"fr": "<script>alert('ville')</script>", "en": "<script>alert('town')</script>"}
    town = made.city.town.model_copy(update={"label": Text(**label)})
    return made.model_copy(
        update={
            "city": made.city.model_copy(update={"town": town}),
            "verdicts": (*made.verdicts, verdict, silent),
            "observations": (*made.observations, observation),
            "plan_digest": HOSTILE,
        }
    )
