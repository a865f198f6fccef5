from collections.abc import Callable

import pytest

from beffroi.city import City
from beffroi.desired import Check, DesiredState
from beffroi.plan import Plan, Step, digest, make_plan

STEP = Step(operation="create", type="beffroi:lab:Machine", name="db", changes=("links",))
CHECK = Check(
    host="db", control="ssh/root", kind="sshd_option", settings=({"option": "PermitRootLogin", "value": "no"},)
)


def _plan(city: City, *, check: Check = CHECK, step: Step = STEP, stack: str = "bourg") -> Plan:
    return make_plan(city, DesiredState(checks=(check,)), stack, [step])


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})


def test_a_digest_depends_on_the_order_of_a_list() -> None:
    assert digest(["first", "second"]) != digest(["second", "first"])


def test_a_digest_tells_a_number_from_its_text() -> None:
    assert digest(1) != digest("1")


def test_a_digest_is_that_of_the_canonical_json() -> None:
    # SHA-256 of the 13 bytes {"a":1,"b":2}
    assert digest({"b": 2, "a": 1}) == "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"


def test_the_same_declaration_gives_the_same_plan(small_town: Callable[..., City]) -> None:
    assert _plan(small_town()).digest == _plan(small_town()).digest


def test_a_plan_that_was_stored_keeps_its_digest(small_town: Callable[..., City]) -> None:
    plan = _plan(small_town())
    assert Plan.model_validate_json(plan.model_dump_json()).digest == plan.digest


@pytest.mark.parametrize(
    "changed",
    [
        lambda city, _: _plan(city, stack="other"),
        lambda city, _: _plan(city, step=STEP.model_copy(update={"operation": "delete"})),
        lambda city, _: _plan(city, step=STEP.model_copy(update={"name": "web"})),
        lambda city, _: _plan(city, step=STEP.model_copy(update={"changes": ()})),
        lambda city, _: _plan(city, check=CHECK.model_copy(update={"host": "app"})),
        lambda city, _: _plan(city, check=CHECK.model_copy(update={"settings": ({"option": "A", "value": "no"},)})),
        lambda _, flow: _plan(flow),
    ],
    ids=["stack", "operation", "resource", "inputs", "host", "setting", "flow"],
)
def test_any_change_gives_another_digest(
    small_town: Callable[..., City],
    flow_of: Callable[..., object],
    changed: Callable[[City, City], Plan],
) -> None:
    with_a_flow = small_town(flows=[flow_of("web", "users", "app", "web")])
    assert changed(small_town(), with_a_flow).digest != _plan(small_town()).digest


def test_the_title_of_a_control_is_no_change(small_town: Callable[..., City]) -> None:
    renamed = CHECK.model_copy(update={"control": "ssh/root-login-refused"})
    assert _plan(small_town(), check=renamed).digest == _plan(small_town()).digest


def test_the_digest_is_the_same_in_every_language(
    small_town: Callable[..., City], monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = set()
    for language in ("fr", "en"):
        monkeypatch.setenv("BEFFROI_LANG", language)
        digests.add(_plan(small_town()).digest)
    assert len(digests) == 1
