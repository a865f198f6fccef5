"""What a plan says beyond its steps: rulesets, the register, what changes since the last apply, what no longer fits."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from beffroi import declaration
from beffroi.declaration import Declaration
from beffroi.network.ruleset import ruleset
from beffroi.plan import PARTS, Change, Plan, Standing, Step, make_plan, misfits
from beffroi.replaced import Replaced

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="town", scope="module")
def _town() -> Declaration:
    return declaration.load(ROOT / "tests/cases/hamlet")


@pytest.fixture(name="plan", scope="module")
def _plan(town: Declaration) -> Plan:
    return make_plan(town.city, town.desired, "hamlet", [Step(operation="create", type="t", name="log")])


def test_a_ruleset_is_the_digest_of_the_text_that_a_machine_will_hold(town: Declaration, plan: Plan) -> None:
    assert plan.rulesets == {
        machine: sha256(ruleset(town.city, machine).encode()).hexdigest() for machine in town.city.machines()
    }


def test_each_processing_activity_has_its_digest(town: Declaration, plan: Plan) -> None:
    assert plan.processing.keys() == town.city.processing.keys()


def test_a_town_without_a_firewalls_control_has_no_ruleset(town: Declaration) -> None:
    others = [check for check in town.desired.checks if check.kind != "nftables_ruleset"]
    bare = town.desired.model_copy(update={"checks": tuple(others)})
    assert make_plan(town.city, bare, "hamlet", ()).rulesets == {}


def test_before_the_first_apply_everything_is_new(town: Declaration, plan: Plan) -> None:
    assert plan.changes()["settings"] == Change(added=tuple(sorted(town.city.machines())))


def test_after_an_apply_nothing_changes(plan: Plan) -> None:
    assert not any(plan.model_copy(update={"applied": plan.standing}).changes().values())


def test_names_that_appear_go_and_change_are_told_apart_and_sorted(plan: Plan) -> None:
    before = Standing(settings={"gone": "1", "b": "1", "a": "1", "same": "1"}, rulesets={}, processing={})
    after = {"b": "2", "a": "2", "same": "1", "new": "1"}
    changed = plan.model_copy(update={"applied": before, "settings": after}).changes()["settings"]
    assert changed == Change(added=("new",), removed=("gone",), changed=("a", "b"))


def test_a_change_of_one_activity_is_a_change_of_the_register_alone(town: Declaration, plan: Plan) -> None:
    [name, *_] = town.city.processing
    activity = town.city.processing[name].model_copy(update={"retention": None})
    city = town.city.model_copy(update={"processing": {**town.city.processing, name: activity}})
    after = make_plan(city, town.desired, "hamlet", plan.steps, applied=plan.standing)
    assert {part for part, change in after.changes().items() if change} == {"processing"}


def test_the_digest_of_a_plan_does_not_depend_on_the_order_of_files(town: Declaration, plan: Plan) -> None:
    turned = dict(reversed(town.city.processing.items()))
    city = town.city.model_copy(update={"processing": turned})
    assert make_plan(city, town.desired, "hamlet", plan.steps).digest == plan.digest


def test_a_plan_fits_itself(plan: Plan) -> None:
    assert misfits(plan, plan) == ()


OTHER: dict[str, object] = {
    "town": "other",
    "stack": "other",
    "folder": "inventory/other",
    "profile": "other",
    "city": "0",
    "steps": (),
    "settings": {},
    "rulesets": {},
    "processing": {},
    "applied": Standing(settings={}, rulesets={}, processing={}),
    "remedies": (Replaced(policy="a/b", subject="db", path=("hosts",), was="0777", becomes="0750"),),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_differs_is_named_and_changes_the_digest(plan: Plan, part: str) -> None:
    other = plan.model_copy(update={part: OTHER[part]})
    assert misfits(plan, other) == (part,)
    assert other.digest != plan.digest


def test_every_part_of_a_plan_is_compared() -> None:
    assert set(PARTS) == Plan.model_fields.keys() - {"form"}
