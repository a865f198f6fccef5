"""No secret lies in clear: not in the state, not on the screen, not when the program forgot to mark it."""

from __future__ import annotations

import pulumi
import pytest
from bench import Bench

pytestmark = pytest.mark.pulumi


def unmarked_box(**inputs: object) -> pulumi.CustomResource:
    """Declare a box as a program does that knows nothing of what is secret."""
    absent = dict.fromkeys(("place", "volume", "state", "seal"))
    opts = pulumi.ResourceOptions(version="0.1.0")
    return pulumi.CustomResource("cupboard:index:Box", "oak", {"name": "oak", **absent, **inputs}, opts)


def test_secrets_that_the_program_forgot_to_mark_are_encrypted_in_the_state(bench: Bench) -> None:
    bench.program = lambda: unmarked_box(key="S3CRET", labels=[{"text": "note", "code": "C0DE"}])
    assert bench.up().error is None
    assert bench.boxes()["oak"]["key"] == "S3CRET"
    written = bench.state_text()
    assert "note" in written
    assert [word for word in ("S3CRET", "C0DE", "wax on") if word in written] == []


def test_a_refresh_and_an_update_keep_secrets_encrypted(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak", key="S3CRET", tags=pulumi.Output.secret({"pin": "0451"}))
    bench.up()
    bench.refresh()
    assert [word for word in ("S3CRET", "0451") if word in bench.state_text()] == []
    bench.program = lambda: bench.box("oak", key="N3W", size_cm=40)
    told = bench.up()
    assert told.steps() == {"oak": "update"}
    assert "N3W" not in bench.state_text() + told.text


def test_secrets_of_an_object_that_failed_half_way_are_encrypted(bench: Bench) -> None:
    bench.program = lambda: unmarked_box(key="S3CRET")
    bench.flag("jam-oak").touch()
    bench.up()
    assert bench.resource("oak")["initErrors"]
    assert [word for word in ("S3CRET", "wax on") if word in bench.state_text()] == []


def test_a_refused_secret_is_named_and_not_shown(bench: Bench) -> None:
    bench.program = lambda: unmarked_box(key=["S3CRET"])
    told = bench.preview()
    assert "key: Input should be a valid string" in told.complaints()
    assert "S3CRET" not in told.complaints() + told.text
