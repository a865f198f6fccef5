"""Which of the engine's events are steps of a plan; the rest of a stack is driven in tests/pulumi and tests/lab."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from beffroi.stack import _Steps


def _event(operation: str, kind: str, *, custom: bool | None) -> Any:  # noqa: ANN401 - the SDK's union of event shapes
    metadata = SimpleNamespace(
        op=operation,
        type=kind,
        urn=f"urn:pulumi:dev::city::{kind}::db",
        diffs=None,
        new=SimpleNamespace(custom=custom),
    )
    return SimpleNamespace(resource_pre_event=SimpleNamespace(metadata=metadata))


@pytest.mark.parametrize("custom", [False, None])  # the engine leaves out what is false
def test_a_component_whose_declaration_changed_is_no_step(custom: bool | None) -> None:  # noqa: FBT001 - pytest's
    steps = _Steps()
    steps.take(_event("update", "beffroi:city:Server", custom=custom))
    assert steps.changes() == []


@pytest.mark.parametrize(
    ("operation", "kind", "custom"),
    [("update", "beffroi:lab:Machine", True), ("create", "beffroi:city:Server", False)],
)
def test_what_is_made_or_altered_is_a_step(operation: str, kind: str, custom: bool) -> None:  # noqa: FBT001 - pytest's
    steps = _Steps()
    steps.take(_event(operation, kind, custom=custom))
    assert [(it.operation, it.type, it.name) for it in steps.changes()] == [(operation, kind, "db")]
