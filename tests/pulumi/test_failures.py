"""What fails says so in a sentence, keeps what succeeded, and is mended by the next up."""

from __future__ import annotations

import pytest
from bench import Bench
from pulumi import automation as auto

pytestmark = pytest.mark.pulumi


def test_a_failed_create_keeps_the_others_and_the_next_up_makes_only_what_is_missing(bench: Bench) -> None:
    bench.program = lambda: [bench.box(name) for name in ("oak", "elm", "ash")]
    bench.flag("refuse-elm").touch()
    told = bench.up(continue_on_error=True)
    assert "elm: no wood left\n  -> plant a tree" in told.complaints()
    assert bench.names() == {"oak", "ash"}
    bench.flag("refuse-elm").unlink()
    assert bench.up().steps() == {"elm": "create"}


def test_an_object_that_failed_after_its_birth_is_kept_and_repaired(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak")
    bench.flag("jam-oak").touch()
    told = bench.up()
    half = bench.resource("oak")
    assert "the lid does not close" in told.complaints()
    assert half["initErrors"] == ["the lid does not close"]
    bench.flag("jam-oak").unlink()
    assert bench.up().steps() == {"oak": "update"}
    assert bench.resource("oak")["id"] == half["id"]
    assert "initErrors" not in bench.resource("oak")
    assert bench.boxes()["oak"]["state"] == "open"


def test_refused_inputs_are_named_one_by_one_before_anything_is_made(bench: Bench) -> None:
    bench.program = lambda: (bench.box("oak", size_cm=900, labels=[{"txt": "a"}]), bench.box("elm"))
    told = bench.preview()
    words = told.complaints()
    assert "Input should be less than or equal to 500" in words
    assert "labels[0].text" in words
    assert "labels[0].txt" in words
    assert "Traceback" not in words
    assert bench.boxes() == {}


def test_what_depends_on_an_unknown_is_judged_when_it_is_known(bench: Bench) -> None:
    def program() -> None:
        volume = bench.box("oak").output("volume")
        bench.box("elm", size_cm=volume)

    bench.program = program
    assert bench.preview().error is None
    told = bench.up()
    assert "Input should be less than or equal to 500" in told.complaints()
    assert set(bench.boxes()) == {"oak"}


def test_a_bug_of_ours_is_a_sentence_and_its_traceback_is_kept_for_debug(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak")
    bench.flag("crash-oak").touch()
    told = bench.up(debug=True)
    severities = {
        event.diagnostic_event.severity
        for event in told.events
        if event.diagnostic_event and "Traceback" in event.diagnostic_event.message
    }
    assert "ZeroDivisionError: a bug of ours" in told.complaints()
    assert severities == {"debug"}


def test_the_providers_configuration_reaches_the_verbs_typed(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak", wood="plastic")
    assert "plastic is not allowed here" in bench.up().complaints()


def test_a_configuration_that_does_not_hold_stops_the_run_and_says_why(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak")
    bench.stack.set_config("cupboard:colour", auto.ConfigValue("red"))
    assert "the resource has no property colour" in bench.preview().complaints()
