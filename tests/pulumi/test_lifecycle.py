"""Create, update, replace, import and destroy, by the real engine."""

from __future__ import annotations

import json

import pulumi
import pytest
from bench import Bench

pytestmark = pytest.mark.pulumi

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def test_the_preview_of_a_create_promises_no_output_and_makes_nothing(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak", on=bench.shelf("top").id)
    told = bench.preview()
    promised = told.foreseen("oak")
    assert told.error is None
    assert {promised[name] for name in ("place", "volume", "state")} == {UNKNOWN}
    assert promised["sizeCm"] == 30
    assert bench.boxes() == {}


def test_up_makes_what_is_declared_and_a_second_up_changes_nothing(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak", on=bench.shelf("top").id, tags={"room": "attic"}, labels=[{"text": "a"}])
    assert bench.up().steps() == {"top": "create", "oak": "create"}
    assert bench.boxes()["oak"]["on"].startswith("shelf-")
    assert bench.resource("oak")["outputs"]["volume"] == 27000
    assert bench.up().steps() == {}


def test_an_update_is_done_in_place_and_its_preview_hides_only_what_may_change(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak", tags={"room": "attic"})
    bench.up()
    before = bench.resource("oak")
    bench.program = lambda: bench.box("oak", size_cm=40, tags={"room": "cellar"})
    told = bench.preview()
    promised = told.foreseen("oak")
    assert told.differing("oak") == {"sizeCm": "update", "tags.room": "update"}
    assert (promised["volume"], promised["state"]) == (UNKNOWN, UNKNOWN)
    assert promised["place"] == before["outputs"]["place"]
    assert bench.up().steps() == {"oak": "update"}
    assert bench.resource("oak")["id"] == before["id"]
    assert bench.resource("oak")["outputs"]["volume"] == 64000


def test_an_input_that_cannot_change_replaces_the_object_after_deleting_it(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak")
    bench.up()
    before = bench.resource("oak")["id"]
    bench.program = lambda: bench.box("oak", wood="elm")
    told = bench.up()
    order = [operation for operation, name in told.order() if name == "oak"]
    assert order.index("delete-replaced") < order.index("create-replacement")
    assert bench.resource("oak")["id"] != before
    assert bench.boxes()["oak"]["wood"] == "elm"


def test_a_replacement_is_made_first_where_the_resource_allows_it(bench: Bench) -> None:
    bench.program = lambda: bench.shelf("top")
    bench.up()
    bench.program = lambda: bench.shelf("top", wood="elm")
    order = [operation for operation, _ in bench.up().order()]
    assert order.index("create-replacement") < order.index("delete-replaced")


def test_ignored_changes_are_left_alone(bench: Bench) -> None:
    bench.program = lambda: bench.box("oak", tags={"room": "attic", "owner": "ana"})
    bench.up()
    ignoring = pulumi.ResourceOptions(ignore_changes=["sizeCm", "tags.room"])
    bench.program = lambda: bench.box("oak", size_cm=99, tags={"room": "cellar", "owner": "bob"}, opts=ignoring)
    assert bench.up().steps() == {"oak": "update"}
    box = bench.boxes()["oak"]
    assert (box["sizeCm"], box["tags"]) == (30, {"room": "attic", "owner": "bob"})


def test_an_object_made_elsewhere_is_imported_as_it_is(bench: Bench) -> None:
    found = {"name": "old", "wood": "oak", "sizeCm": 12, "on": "", "labels": [], "tags": {}, "state": "open", "urn": ""}
    bench.flag("box-found.json").write_text(json.dumps(found))
    bench.program = lambda: bench.box("old", size_cm=12, opts=pulumi.ResourceOptions(import_="found"))
    told = bench.up()
    assert told.error is None, told.complaints()
    assert told.steps() == {"old": "import"}
    assert bench.resource("old")["outputs"]["volume"] == 12**3
    assert bench.boxes() == {"old": found}


def test_destroy_takes_away_all_and_minds_not_what_is_gone_already(bench: Bench) -> None:
    bench.program = lambda: (bench.box("oak"), bench.box("elm"))
    bench.up()
    bench.steal("elm")
    told = bench.destroy()
    assert told.error is None, told.complaints()
    assert bench.boxes() == {}
    assert bench.names() == set()
