from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from beffroi import rules
from beffroi.city.lifecycle import LAST_DAY_OF_SUPPORT, OperatingSystem
from beffroi.errors import InvalidCity
from beffroi.framework import load_frameworks
from beffroi.gate import Violation, violations
from beffroi.messages import LANGUAGES
from beffroi.policy import EXAMPLE_TOWN, Example, Policy, example_town, load_policies
from beffroi.rules import Proposal, Source

ROOT = Path(__file__).parents[2]
POLICIES = load_policies(ROOT)
TOWN = example_town(ROOT)


def _examples(side: str) -> list[Any]:
    return [
        pytest.param(policy, example, id=f"{policy.id}: {example.why}")
        for policy in POLICIES.values()
        for example in getattr(policy, side)
    ]


def _found(policy: Policy, example: Example) -> set[str]:
    return {it.subject for it in violations(policy, example.proposal(TOWN))}


@pytest.mark.parametrize(("policy", "example"), _examples("good"))
def test_a_good_example_passes(policy: Policy, example: Example) -> None:
    assert _found(policy, example) == set()


@pytest.mark.parametrize(("policy", "example"), _examples("bad"))
def test_a_bad_example_is_found_where_it_is_bad(policy: Policy, example: Example) -> None:
    assert _found(policy, example) == set(example.finds) != set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("policy", "example"), _examples("bad"))
def test_a_violation_says_what_and_what_next(policy: Policy, example: Example, language: str) -> None:
    for violation in violations(policy, example.proposal(TOWN)):
        assert violation.told(language)
        assert violation.hint(language)


@pytest.mark.parametrize(("policy", "example"), _examples("bad"))
def test_a_violation_points_at_something_that_is_written(policy: Policy, example: Example) -> None:
    proposal = example.proposal(TOWN)
    for violation in violations(policy, proposal):
        value: Any = _written(proposal, violation)
        for step in violation.path:
            value = value[step]


def _written(proposal: Proposal, violation: Violation) -> dict[str, Any]:
    """Return the part of the repository in which a violation's path is written; what is gone stood before."""
    before, after = proposal.before, proposal.after
    assert before is not None
    if violation.source == Source.WAIVERS:
        return {"waivers": [waiver.model_dump() for waiver in after.waivers]}
    if violation.source in (Source.CONTROLS, Source.POLICIES):
        name = violation.source.value
        both = {**getattr(before, name), **getattr(after, name)}
        return {key: value.model_dump(by_alias=True) for key, value in both.items()}
    city = before.city if violation.source == Source.BEFORE else after.city
    return city.model_dump(by_alias=True)


def test_every_rule_serves_some_policy() -> None:
    assert {policy.rule for policy in POLICIES.values() if policy.rule} == set(rules.names())


@pytest.mark.parametrize("rule", ["offered_ports", "stands_in"])
def test_a_rule_about_no_machine_is_refused(rule: str) -> None:
    valid: dict[str, Any] = {"zones": ["servers"]} if rule == "stands_in" else {"allowed": ["tcp/22"]}
    with pytest.raises(ValidationError):
        rules.load(rule).Params.model_validate(valid)


def test_every_system_that_may_be_declared_has_a_last_day() -> None:
    assert set(LAST_DAY_OF_SUPPORT) == set(get_args(OperatingSystem))


def test_policies_map_to_requirements_that_exist() -> None:
    frameworks = load_frameworks(ROOT)
    mapped = {(name, str(it)) for policy in POLICIES.values() for name, ids in policy.maps.items() for it in ids}
    assert {(name, it) for name, it in mapped if it not in frameworks[name].requirements} == set()


def _write(root: Path, **changes: str) -> Path:
    lines = {"rule": "zone_barrier", "params": "{sources: [users], destinations: [internet]}", "level": "mandatory"}
    example = "[{why: x, finds: [x]}]"
    fixed = {"title": "{fr: x, en: x}", "rationale": "{fr: x, en: x}", "good": example, "bad": example}
    (root / "policies" / "family").mkdir(parents=True)
    text = "\n".join(f"{key}: {value}" for key, value in {**fixed, **lines, **changes}.items())
    (root / "policies" / "family" / "one.yml").write_text(text, encoding="utf-8")
    return root


def test_a_policy_is_known_by_its_path(tmp_path: Path) -> None:
    assert list(load_policies(_write(tmp_path))) == ["family/one"]


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("rule", "no_such_rule", "rule"),
        ("params", "{sources: [users], destinations: []}", "params.destinations"),
        ("params", "{sources: [users], destinations: [internet, moon]}", "params.destinations.1"),
        ("level", "loud", "level"),
        ("bad", "[]", "bad"),
        ("colour", "blue", "colour"),
    ],
)
def test_a_mistake_in_a_policy_is_located(tmp_path: Path, field: str, value: str, place: str) -> None:
    with pytest.raises(InvalidCity) as caught:
        load_policies(_write(tmp_path, **{field: value}))
    assert [(it.file, it.field) for it in caught.value.problems] == [("policies/family/one.yml", place)]


def test_the_example_town_is_no_policy() -> None:
    assert (ROOT / "policies" / EXAMPLE_TOWN).is_file()
    assert not any("example" in policy_id for policy_id in POLICIES)


def test_an_example_changes_one_entry_and_keeps_the_others() -> None:
    city = Example(why="x", town={"hosts": {"web": {"roles": []}}}).proposal(TOWN).city
    assert city.hosts["web"].roles == ()
    assert city.hosts["web"].services == ("ssh", "https", "http")


def test_a_lists_change_takes_the_place_of_the_list() -> None:
    assert Example(why="x", town={"hosts": {"web": {"services": ["ssh"]}}}).proposal(TOWN).city.hosts[
        "web"
    ].services == ("ssh",)


def test_looking_ahead_finds_the_flow_that_ends_today() -> None:
    example = Example(
        why="x",
        today=date(2026, 7, 1),
        town={"flows": [{"name": "last", "from": "desks", "to": "web", "service": "https", "until": "2026-07-01"}]},
    )
    assert _found(POLICIES["flows/end-is-near"], example) == {"last"}
    assert _found(POLICIES["flows/none-outlives-its-end"], example) == set()
