"""What changes behind Pulumi's back is seen by a refresh, and healed by the next up."""

from __future__ import annotations

import pytest
from bench import Bench

pytestmark = pytest.mark.pulumi


def test_a_property_changed_by_hand_is_put_back(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak")
    bench.up()
    bench.tamper("oak", sizeCm=7)
    assert bench.preview(refresh=True).steps() == {"oak": "update"}
    assert bench.boxes()["oak"]["sizeCm"] == 7, "a preview changes nothing"
    assert bench.up(refresh=True).error is None
    assert bench.boxes()["oak"]["sizeCm"] == 30


def test_a_property_lost_by_hand_is_put_back_even_when_it_has_a_default(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak")
    bench.up()
    bench.tamper("oak", tags=None)
    bench.up(refresh=True)
    assert bench.boxes()["oak"]["tags"] == {}


def test_an_object_deleted_by_hand_is_made_again(bench: Bench) -> None:
    bench.program = lambda: (bench.box("oak"), bench.box("elm"))
    bench.up()
    bench.steal("oak")
    assert bench.up(refresh=True).steps() == {"oak": "create"}
    assert set(bench.boxes()) == {"oak", "elm"}


def test_a_refresh_keeps_what_the_world_never_gives_back(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak", key="S3CRET")
    bench.up()
    bench.refresh()
    assert "key" in bench.resource("oak")["inputs"]
    assert bench.up().steps() == {}


def test_an_update_of_an_object_that_is_gone_says_to_refresh(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak")
    bench.up()
    bench.steal("oak")
    bench.program = lambda: bench.box("oak", size_cm=40)
    assert "pulumi up --refresh" in bench.up().complaints()
